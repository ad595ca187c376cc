//! A simulated machine with connections whose statistics can be collected.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tcp6_sys::{ERROR_ACCESS_DENIED, ERROR_NOT_FOUND, MIB_TCP6ROW, NO_ERROR};

use super::Calls;
use super::rod::Rod;
use super::types::Type;

/// The state of the machine.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// The enabled types of each connection, by its local port.
    pub(super) connections: BTreeMap<u16, Vec<Type>>,
    /// Whether the caller may enable and disable.
    pub(super) administrator: bool,
    /// The codes of the next calls. 0 is the correct answer, as is every call after these.
    pub(super) codes: VecDeque<u32>,
    /// The calls: the method, the local port and the type.
    pub(super) log: Vec<String>,
}

/// The functions of a machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Script(pub(super) Rc<RefCell<Machine>>);

impl Script {
    /// A machine with one connection for each of these ports, and nothing enabled.
    pub(super) fn new(ports: &[u16]) -> Script {
        let script = Script::default();
        script.0.borrow_mut().connections = ports.iter().map(|port| (*port, Vec::new())).collect();
        script
    }

    pub(super) fn enable(&self, port: u16, types: &[Type]) {
        self.0.borrow_mut().connections.get_mut(&port).expect("a connection").extend(types);
    }

    /// The enabled types of a connection, sorted by number.
    pub(super) fn enabled(&self, port: u16) -> Vec<Type> {
        let mut types = self.0.borrow().connections[&port].clone();
        types.sort_by_key(|estats_type| estats_type.as_raw());
        types
    }

    /// Sets the codes of the next calls.
    pub(super) fn codes(&self, codes: &[u32]) {
        self.0.borrow_mut().codes = codes.iter().copied().collect();
    }

    /// The calls since the last one of this method.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().log)
    }
}

impl Machine {
    /// Logs a call. Returns the enabled types of the connection, or the code if the call fails.
    fn call(&mut self, method: &str, row: &MIB_TCP6ROW, estats_type: Type) -> Result<&mut Vec<Type>, u32> {
        let port = u16::from_be(row.dwLocalPort as u16);
        self.log.push(format!("{method} {port} {estats_type:?}"));
        match self.codes.pop_front() {
            None | Some(NO_ERROR) => self.connections.get_mut(&port).ok_or(ERROR_NOT_FOUND),
            Some(code) => Err(code),
        }
    }
}

/// The values of a type, or garbage if it is disabled.
fn fill(rod: &mut Rod, is_enabled: bool) {
    let value = |value: u32| if is_enabled { value } else { 0xA5A5_A5A5 };
    match rod {
        Rod::Data(rod) => (rod.DataBytesOut, rod.ThruBytesAcked) = (value(1_000).into(), value(900).into()),
        Rod::SndCong(rod) => (rod.CurCwnd, rod.SndLimTimeRwin) = (value(14_600), value(70)),
        Rod::Path(rod) => (rod.SmoothedRtt, rod.PktsRetrans, rod.FastRetran) = (value(30), value(3), value(2)),
        Rod::SendBuff(rod) => (rod.CurRetxQueue, rod.CurAppWQueue) = (value(100) as usize, value(20) as usize),
        Rod::Rec(rod) => (rod.CurRwinSent, rod.CurAppRQueue) = (value(65_535), value(5) as usize),
        Rod::ObsRec(rod) => rod.CurRwinRcvd = value(64_000),
        Rod::FineRtt(rod) => (rod.SumRtt, rod.RttVar, rod.MinRtt) = (value(30_500), value(400), value(29_000)),
    }
}

impl Calls for Script {
    fn read_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: &mut u8) -> u32 {
        match self.0.borrow_mut().call("switch", row, estats_type) {
            Ok(enabled) => *rw = u8::from(enabled.contains(&estats_type)),
            Err(code) => return code,
        }
        NO_ERROR
    }

    fn read(&mut self, row: &MIB_TCP6ROW, rw: &mut u8, rod: &mut Rod) -> u32 {
        match self.0.borrow_mut().call("read", row, rod.estats_type()) {
            Ok(enabled) => {
                let is_enabled = enabled.contains(&rod.estats_type());
                *rw = u8::from(is_enabled);
                fill(rod, is_enabled);
            }
            Err(code) => return code,
        }
        NO_ERROR
    }

    fn write_switch(&mut self, row: &MIB_TCP6ROW, estats_type: Type, rw: u8) -> u32 {
        let mut machine = self.0.borrow_mut();
        let administrator = machine.administrator;
        match machine.call(if rw == 0 { "off" } else { "on" }, row, estats_type) {
            Ok(_) if !administrator => return ERROR_ACCESS_DENIED,
            Ok(enabled) => {
                enabled.retain(|other| *other != estats_type);
                if rw != 0 {
                    enabled.push(estats_type);
                }
            }
            Err(code) => return code,
        }
        NO_ERROR
    }
}
