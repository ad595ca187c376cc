//! Polls the table from async code: a thread reads the table, and a task awaits the changes.
//!
//! A poll blocks in system calls for milliseconds, so it belongs on a thread. The mailbox and the executor below
//! replace those of an async runtime: with tokio, use `tokio::sync::mpsc` and `tokio::main`.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tcp6::{BasicRow, Change, Result, System, Watcher};

/// The changes of one poll, with owned rows, so that they outlive it.
type Batch = Result<Vec<Change<BasicRow>>>;

/// A queue for one batch. The thread does not poll while it is full, so the queue is bounded.
#[derive(Default)]
struct Mailbox {
    batch: Option<Batch>,
    waker: Option<Waker>,
}

/// Waits for the next batch.
async fn next(mailbox: &Mutex<Mailbox>) -> Batch {
    poll_fn(|context| {
        let mut mailbox = mailbox.lock().expect("neither side panics");
        mailbox.waker = Some(context.waker().clone());
        mailbox.batch.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

fn main() -> Result<()> {
    let mailbox = Arc::new(Mutex::new(Mailbox::default()));
    let sender = Arc::downgrade(&mailbox);
    let mut watcher = Watcher::<BasicRow, _>::new(System::new()?).report_initial();
    // The thread exits after the task has dropped the mailbox.
    thread::spawn(move || {
        while let Some(mailbox) = sender.upgrade() {
            let mut mailbox = mailbox.lock().expect("neither side panics");
            if mailbox.batch.is_none() {
                mailbox.batch = Some(watcher.poll().map(|changes| changes.map(Change::cloned).collect()));
                mailbox.waker.take().into_iter().for_each(Waker::wake);
            }
            drop(mailbox);
            thread::sleep(Duration::from_millis(200));
        }
    });
    block_on(async {
        for batch in 1..=3 {
            let changes = next(&mailbox).await?;
            println!("batch {batch}: {} changes", changes.len());
            changes.iter().for_each(|change| println!("{} {}", change.row().state(), change.row().local()));
        }
        Ok(())
    })
}

/// A minimal executor: parks the thread until the task is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut context, mut future) = (Context::from_waker(&waker), pin!(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
