use super::*;
use crate::row::class::OwnerModuleRow;
use crate::row::state::State;
use crate::system::windows::estats::script::Script;

const PORT: u16 = 80;

fn row(state: State) -> OwnerModuleRow {
    Row::new(state, format!("[::1]:{PORT}").parse().unwrap(), Some("[::1]:443".parse().unwrap()))
}

/// A machine with the connection, on which the caller is an administrator.
fn machine() -> Script {
    let script = Script::new(&[PORT]);
    script.0.borrow_mut().administrator = true;
    script
}

fn enable(script: &Script, kinds: StatsKinds) -> Result<Option<Collection<Script>>> {
    Collection::enable(script.clone(), &row(State::Established), kinds)
}

#[test]
fn enables_what_the_kinds_need_and_disables_it_on_drop() {
    let script = machine();
    let collection = enable(&script, StatsKinds::DATA | StatsKinds::WINDOW).unwrap().unwrap();
    assert_eq!(script.enabled(PORT), [Type::Data, Type::Path, Type::Rec, Type::ObsRec]);
    let calls = ["Data", "Path", "Rec", "ObsRec"].map(|name| [format!("switch 80 {name}"), format!("on 80 {name}")]);
    assert_eq!(script.log(), calls.concat());
    drop(collection);
    assert_eq!(script.enabled(PORT), []);
    assert_eq!(script.log(), ["off 80 Data", "off 80 Path", "off 80 Rec", "off 80 ObsRec"]);
}

#[test]
fn what_others_enabled_is_left_alone() {
    let script = machine();
    script.enable(PORT, &[Type::Path, Type::SndCong]);
    let collection = enable(&script, StatsKinds::DATA | StatsKinds::PATH).unwrap().unwrap();
    assert_eq!(script.enabled(PORT), [Type::Data, Type::SndCong, Type::Path, Type::FineRtt]);
    drop(collection);
    assert_eq!(script.enabled(PORT), [Type::SndCong, Type::Path]);
    assert!(!script.log().iter().any(|call| call.starts_with('o') && call.ends_with("Path")));
    // A second guard owns nothing while the first one exists.
    let first = enable(&script, StatsKinds::QUEUES).unwrap();
    drop(enable(&script, StatsKinds::QUEUES).unwrap());
    assert_eq!(script.enabled(PORT), [Type::SndCong, Type::Path, Type::SendBuff, Type::Rec]);
    drop(first);
    assert_eq!(script.enabled(PORT), [Type::SndCong, Type::Path]);
}

#[test]
fn leave_keeps_everything_enabled() {
    let script = machine();
    enable(&script, StatsKinds::DATA).unwrap().unwrap().leave();
    assert_eq!(script.enabled(PORT), [Type::Data, Type::Path]);
    assert_eq!(script.log().len(), 4);
}

#[test]
fn without_the_right_only_what_is_enabled_can_be_collected() {
    let script = Script::new(&[PORT]);
    script.enable(PORT, &[Type::SendBuff, Type::Rec]);
    assert!(enable(&script, StatsKinds::QUEUES).unwrap().is_some());
    script.log();
    let refused = enable(&script, StatsKinds::WINDOW).unwrap_err();
    assert!(
        matches!(&refused, Error::Os { call: "SetPerTcp6ConnectionEStats", source, .. } if source.raw_os_error() == Some(5)),
        "{refused}"
    );
    assert_eq!(script.log(), ["switch 80 Rec", "switch 80 ObsRec", "on 80 ObsRec"]);
    script.codes(&[5]);
    let refused = enable(&script, StatsKinds::QUEUES).unwrap_err();
    assert!(matches!(refused, Error::Os { call: "GetPerTcp6ConnectionEStats", .. }), "{refused}");
}

#[test]
fn a_failure_disables_what_was_enabled() {
    for (code, at) in [(5, 2), (5, 3), (50, 2), (120, 3), (1168, 2), (1168, 3), (8, 3)] {
        let script = machine();
        let mut codes = vec![0; at];
        codes.push(code);
        script.codes(&codes);
        let result = enable(&script, StatsKinds::DATA);
        match code {
            50 | 120 => assert!(matches!(result, Err(Error::NotSupported)), "{result:?}"),
            1168 => assert!(matches!(result, Ok(None)), "{result:?}"),
            code => assert_eq!(result.unwrap_err().raw_os_error(), Some(code as i32)),
        }
        assert_eq!(script.enabled(PORT), [], "{code}");
        assert_eq!(script.log().last().unwrap(), "off 80 Data");
    }
}

#[test]
fn a_row_without_statistics_is_not_asked_for() {
    let script = machine();
    for state in [State::Listen, State::TimeWait, State::Closed, State::DeleteTcb, State::Bound] {
        let collection = Collection::enable(script.clone(), &row(state), StatsKinds::all()).unwrap();
        assert!(collection.is_none(), "{state}");
    }
    assert!(script.log().is_empty());
    script.0.borrow_mut().connections.clear();
    assert!(enable(&script, StatsKinds::all()).unwrap().is_none(), "gone");
    assert_eq!(script.log().len(), 1);
}

#[test]
fn kinds_that_windows_lacks_enable_nothing() {
    let script = machine();
    assert!(enable(&script, StatsKinds::ALGORITHM | StatsKinds::MEMORY).unwrap().is_some());
    assert!(script.log().is_empty());
}

#[test]
fn a_failure_to_disable_is_ignored() {
    let script = machine();
    let collection = enable(&script, StatsKinds::DATA).unwrap();
    script.log();
    script.codes(&[1168, 5]);
    drop(collection);
    assert_eq!(script.log(), ["off 80 Data", "off 80 Path"]);
}
