//! What a poll reports of events: statistics, inferred owners, queries, and failed polls.

use super::*;

pub fn all() {
    statistics_are_final();
    queries_select_short_connections();
    the_owner_of_the_listener_is_inferred();
    a_failed_poll_keeps_its_events();
    owned_changes_have_their_events();
    another_namespace_is_refused();
}

fn statistics_are_final() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (mut client, mut server) = connect(&listener);
    let of_server = ends(&server);
    client.write_all(&[1; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    server.write_all(&[2; 3000]).unwrap();
    client.read_exact(&mut [0; 3000]).unwrap();
    close(client, server);
    let seen = watched.until("transfers", 2);
    let [brief] = &seen.brief[..] else { panic!("{seen:#?}") };
    assert_eq!((brief.local(), brief.remote()), of_server);
    let stats = brief.stats().unwrap();
    assert_eq!((stats.bytes_sent, stats.bytes_received), (Some(3000), Some(1001)), "a FIN counts as one byte");
    assert!(stats.rtt.is_some_and(|rtt| rtt < Duration::from_secs(1)), "{stats:?}");
    assert!(stats.segments_sent.is_some_and(|segments| segments >= 3), "{stats:?}");
    assert_eq!((stats.unread_bytes, stats.send_queue_bytes, stats.unsent_bytes), (None, None, None));
    assert_eq!(brief.tcp_info().unwrap().bytes_sent(), Some(3000));
    let added = seen.changes[0].1.unwrap();
    assert_eq!(added.bytes_sent, Some(1000));
    // The FIN of the peer may come too late, as in `an_active_close_leaves_one_report_for_each_side`.
    assert!(matches!(added.bytes_received, Some(3000 | 3001)), "{added:?}");
}

fn queries_select_short_connections() {
    let listeners = [listener(), listener()];
    let port = |index: usize| listeners[index].local_addr().unwrap().port();
    let watcher = |query: Query| Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).with_query(query);
    let options = EventOptions::new();
    let connections = |seen: &Seen<OwnerModuleRow>| seen.brief.len() + seen.changes.len();
    for (query, expected) in [
        (Query::all(), 4),
        (Query::all().port(port(0)), 2),
        (Query::all().local_port(port(0)), 1),
        // TIME-WAIT is not read, so that both sides are brief.
        (Query::all().states(StateSet::all() - StateSet::TIME_WAIT), 4),
        // A connection that is not listed need not be short.
        (Query::listeners(), 0),
        (Query::all().states(StateSet::ESTABLISHED | StateSet::TIME_WAIT), 2),
    ] {
        let mut watched = Watched::of(watcher(query), &options);
        for listener in &listeners {
            let (client, server) = connect(listener);
            close(client, server);
        }
        let mut seen = Seen::new();
        settle();
        (0..3).for_each(|_| watched.poll(&mut seen));
        assert_eq!(connections(&seen), expected, "{query:?}: {seen:#?}");
    }
    // The whole table is read, and a part is reported.
    let all = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).report(Query::all().local_port(port(1)));
    let mut watched = Watched::of(all, &options);
    for listener in &listeners {
        let (client, server) = connect(listener);
        close(client, server);
    }
    let seen = watched.until("one port", 2);
    // The rows of the clients in TIME-WAIT have other local ports.
    assert_eq!((seen.brief.len(), seen.ignored), (1, 1), "{seen:#?}");
}

fn the_owner_of_the_listener_is_inferred() {
    let listener = listener();
    settle();
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap()).with_events().unwrap();
    watcher.poll().unwrap();
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    // Neither side stays in TIME-WAIT.
    (&client).write_all(b"unread").unwrap();
    eventually("the data arrives", || server.peek(&mut [0; 6]).unwrap() == 6);
    drop(server);
    assert!((&client).read(&mut [0]).is_err());
    drop(client);
    settle();
    let changes = watcher.poll().unwrap();
    assert_eq!(changes.brief().len(), 2);
    for brief in changes.brief() {
        let expected = (brief.local() == of_server.0).then_some(Owner::Process(std::process::id()));
        assert_eq!(changes.inferred_owner(brief), expected, "{brief:?} {of_client:?}");
    }
}

/// Fails before or after the table is read.
struct Failing {
    system: System,
    fails_before: bool,
    fails_after: bool,
}

impl Source for Failing {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<(), Error> {
        self.system.fill(class, query, buffer)
    }

    fn subscribe(&mut self, options: &EventOptions) -> Result<(), Error> {
        self.system.subscribe(options)
    }

    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<(), Error> {
        if self.fails_before {
            return Err(Error::NotSupported);
        }
        self.system.fill_with_events(class, query, buffer, events)?;
        if self.fails_after { Err(Error::NotSupported) } else { Ok(()) }
    }
}

fn a_failed_poll_keeps_its_events() {
    let listener = listener();
    settle();
    let source = Failing { system: System::new().unwrap(), fails_before: false, fails_after: false };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(source).with_events().unwrap();
    watcher.poll().unwrap();
    let short = || {
        let (client, server) = connect(&listener);
        let of_server = ends(&server);
        close(client, server);
        settle();
        of_server
    };
    let mut expected = vec![short()];
    watcher.source_mut().fails_after = true;
    for _ in 0..3 {
        assert!(watcher.poll().is_err());
        assert_eq!(watcher.events().unwrap().brief().len(), 0);
    }
    expected.push(short());
    (watcher.source_mut().fails_after, watcher.source_mut().fails_before) = (false, true);
    assert!(watcher.poll().is_err());
    expected.push(short());
    watcher.source_mut().fails_before = false;
    let changes = watcher.poll().unwrap();
    let brief: Vec<_> = changes.brief().map(|brief| (brief.local(), brief.remote())).collect();
    assert_eq!(brief, expected);
    assert_eq!(changes.filter(|change| matches!(change, Change::Added(_))).count(), 3, "in TIME-WAIT");
    assert_eq!(watcher.poll().unwrap().brief().len(), 0);
    // A table that somebody else reads from the source changes nothing.
    short();
    let mut buffer = Buffer::new();
    watcher.source_mut().system.table::<BasicRow>(&Query::listeners(), &mut buffer).unwrap();
    assert_eq!(watcher.poll().unwrap().brief().len(), 1);
}

fn owned_changes_have_their_events() {
    let listener = listener();
    settle();
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).report_initial().with_events().unwrap();
    assert!(!watcher.poll_owned().unwrap().is_empty());
    let (client, server) = connect(&listener);
    close(client, server);
    settle();
    let changes = watcher.poll_owned().unwrap();
    let [Change::Added(row)] = changes[..] else { panic!("{changes:?}") };
    let events = watcher.events().unwrap();
    assert!(events.final_stats(&row).is_some());
    assert_eq!(events.brief().len(), 1);
    assert!(watcher.poll_owned().unwrap().is_empty());
    assert_eq!(watcher.events().unwrap().brief().len(), 0);
}

fn another_namespace_is_refused() {
    let mut watcher = Watcher::<BasicRow, _>::new(System::new().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            #[allow(unsafe_code)]
            // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
            if unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.is_err() {
                return eprintln!("skipped: creating a network namespace needs root");
            }
            let error = watcher.subscribe(&EventOptions::new()).unwrap_err();
            assert!(error.to_string().contains("another network namespace"), "{error}");
        });
    });
}
