//! Names of modules and processes, for every return code that Windows is known to give.

use std::path::Path;

use tcp6::{Buffer, OwnerModuleRow, Processes, Query, System};

use crate::machine::Machine;
use crate::rows::ROWS;

const SERVICE: &str = "module self 1 Dnscache Dnscache";
const FUNCTION: &std::ffi::CStr = c"GetOwnerModuleFromTcp6Entry";

/// Reads the table and returns the listener on the port.
fn listener(port: u16) -> OwnerModuleRow {
    let mut buffer = Buffer::new();
    let mut system = System::new().unwrap();
    let table = system.table::<OwnerModuleRow>(&Query::listeners(), &mut buffer).unwrap();
    *table.iter().find(|row| row.local().port() == port).unwrap()
}

/// Returns name and path of the module of the listener on port 8080, and the number of calls.
fn module_of_8080(machine: &Machine, orders: &str) -> (String, Option<String>, i32) {
    machine.play(&format!("{orders}\n{ROWS}"));
    let row = listener(8080);
    let mut processes = Processes::new();
    let module = processes.module(&row).expect("the owner is this process, which has a name");
    let path = module.path().map(|path| path.to_str().unwrap().to_owned());
    (module.name().to_str().unwrap().to_owned(), path, machine.calls(FUNCTION))
}

#[test]
fn module_has_the_name_and_path_that_windows_returns() {
    let Some(machine) = Machine::new("") else { return };
    let own = std::env::current_exe().unwrap();
    let own_name = own.file_name().unwrap().to_str().unwrap();
    let long = format!(r"C:\{}\long.dll", "x".repeat(2000));
    let garbage = format!("garbage 1\n{SERVICE}");
    let long_order = format!("module self 1 long.dll {long}");
    for (orders, name, path, calls) in [
        (SERVICE, "Dnscache", None, 1),
        (&*garbage, "Dnscache", None, 1),
        (
            r"module self 1 dnsrslvr.dll C:\Program%20Files\dnsrslvr.dll",
            "dnsrslvr.dll",
            Some(r"C:\Program Files\dnsrslvr.dll"),
            1,
        ),
        ("module self 1 - -", own_name, None, 1),
        (r"module self 1 - C:\a\b.exe", "b.exe", Some(r"C:\a\b.exe"), 1),
        ("module self 1 Spooler -", "Spooler", None, 1),
        (&*long_order, "long.dll", Some(&*long), 2),
        // Without a `module` line, the library returns the executable of the process.
        ("", own_name, None, 1),
    ] {
        let (seen, seen_path, seen_calls) = module_of_8080(&machine, orders);
        assert_eq!((&*seen, seen_calls), (name, calls), "{orders}");
        match path {
            Some(path) => assert_eq!(seen_path.as_deref(), Some(path), "{orders}"),
            None => assert_eq!(Path::new(&seen_path.unwrap()).file_name(), own.file_name(), "{orders}"),
        }
    }
}

#[test]
fn error_falls_back_to_the_process() {
    let Some(machine) = Machine::new("") else { return };
    let own = std::env::current_exe().unwrap();
    for code in [5, 8, 50, 87, 120, 299, 1168, 0xC000_0001_u32] {
        let (name, path, calls) = module_of_8080(&machine, &format!("module self 1 code {code}"));
        assert_eq!(Some(Path::new(&name).as_os_str()), own.file_name(), "{code}");
        assert_eq!(Path::new(&path.unwrap()).file_name(), own.file_name(), "{code}");
        assert_eq!(calls, 1, "{code} is not retried");
    }
}

#[test]
fn module_not_found_is_retried_without_its_info() {
    let Some(machine) = Machine::new("") else { return };
    let own = std::env::current_exe().unwrap();
    let own_name = own.file_name().unwrap().to_str().unwrap();
    for (orders, name) in [
        ("module self 1 code 126\nmodule self 0 svchost.exe C:\\Windows\\svchost.exe", "svchost.exe"),
        ("module self 1 code 126\nmodule self 0 code 126", own_name),
        ("module self 1 code 126\nmodule self 0 code 5", own_name),
        ("module self 1 code 126", own_name),
    ] {
        let (seen, _, calls) = module_of_8080(&machine, orders);
        assert_eq!((&*seen, calls), (name, 2), "{orders}");
    }
    machine.play("row 2 [::]:9 - pid=self\nmodule self 0 code 126");
    assert_eq!(Processes::new().module(&listener(9)).unwrap().name(), own_name);
    assert_eq!(machine.calls(FUNCTION), 1, "a row without info is not retried");
}

#[test]
fn growing_names_are_retried_a_limited_number_of_times() {
    let Some(machine) = Machine::new("") else { return };
    let own = std::env::current_exe().unwrap();
    let own_name = own.file_name().unwrap().to_str().unwrap();
    for (answers, name, calls) in [
        (" 122:+2", "Dnscache", 2),
        (" 122:0 122:0", "Dnscache", 3),
        (&*" 122:0".repeat(10), own_name, 4),
        (&*" 122:0xFFFFFFFF".repeat(10), own_name, 2),
    ] {
        let orders = format!("{SERVICE}\ncode GetOwnerModuleFromTcp6Entry{answers}");
        let (seen, _, seen_calls) = module_of_8080(&machine, &orders);
        assert_eq!((&*seen, seen_calls), (name, calls), "{answers}");
    }
}

#[test]
fn kernel_has_a_name_and_unowned_rows_have_none() {
    let Some(machine) = Machine::new("") else { return };
    let rows = "row 2 [::]:445 - pid=4\nrow 2 [::]:9 - pid=123456\nrow 2 [::]:10 -\nrow 2 [::]:11 - pid=65535";
    machine.play(&format!("module 4 0 System System\n{rows}"));
    let mut processes = Processes::new();
    let name = |processes: &mut Processes, port| {
        processes.module(&listener(port)).map(|module| module.name().to_str().unwrap().to_owned())
    };
    for port in [9, 10, 11] {
        assert_eq!(name(&mut processes, port), None, "{port}");
    }
    // Process 4 exists on Windows, not on Wine.
    let kernel = name(&mut processes, 445);
    assert!(kernel.is_none() || kernel.as_deref() == Some("System"), "{kernel:?}");
}

#[test]
fn services_of_one_process_are_distinct_modules() {
    let Some(machine) = Machine::new("") else { return };
    machine.play(&format!("{SERVICE}\nmodule self 2 Dhcp Dhcp\n{ROWS}\nrow 2 [::1]:8081 - pid=self info=2"));
    let (dns, dhcp) = (listener(8080), listener(8081));
    let mut processes = Processes::new();
    let mut batch = processes.batch();
    for _ in 0..2 {
        assert_eq!(batch.module(&dns).unwrap().name(), "Dnscache");
        assert_eq!(batch.module(&dhcp).unwrap().name(), "Dhcp");
    }
    assert_eq!(machine.calls(FUNCTION), 2, "one call for each module in a batch");
}
