//! The machine that the scripted library simulates, for one test at a time.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::transmute;
use std::sync::{Mutex, MutexGuard, PoisonError};

windows_targets::link!("kernel32.dll" "system" fn GetModuleHandleA(name: *const c_char) -> *mut c_void);
windows_targets::link!("kernel32.dll" "system" fn GetProcAddress(library: *mut c_void, name: *const c_char) -> Option<Export>);

/// The address of an exported function, to be cast to the type of the function.
pub type Export = unsafe extern "system" fn() -> isize;

static ONE: Mutex<()> = Mutex::new(());

/// The size that a call is given, and the one that it reports.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub given: u32,
    pub reported: u32,
}

/// The running script. Other tests wait until it is dropped.
#[derive(Debug)]
pub struct Machine {
    _one: MutexGuard<'static, ()>,
}

impl Machine {
    /// Runs a script. Returns `None` if the library is not the scripted one; the test is then skipped.
    ///
    /// # Panics
    ///
    /// If the library is not the scripted one and `CI` is set.
    pub fn new(script: &str) -> Option<Machine> {
        let machine = Machine { _one: ONE.lock().unwrap_or_else(PoisonError::into_inner) };
        if export(c"tcp6_script").is_none() {
            assert!(std::env::var_os("CI").is_none(), "iphlpapi.dll is not the scripted one, and CI is set");
            eprintln!("skipped: iphlpapi.dll is not the scripted one; use `cargo xtask wine --scripted test`");
            return None;
        }
        machine.play(script);
        Some(machine)
    }

    /// Replaces the script and resets the call counters.
    pub fn play(&self, script: &str) {
        let function = export(c"tcp6_script").unwrap();
        // SAFETY: this is the signature in script.c.
        let function = unsafe { transmute::<Export, unsafe extern "system" fn(*const c_char) -> c_int>(function) };
        let text = CString::new(script).unwrap();
        // SAFETY: the string ends with a NUL, and the library does not keep it.
        let line = unsafe { function(text.as_ptr()) };
        assert_eq!(line, 0, "invalid script, line {line}:\n{script}");
    }

    /// Returns the number of calls of the function since the script started.
    pub fn calls(&self, name: &CStr) -> i32 {
        self.call_sizes(name, &mut [])
    }

    /// Returns the sizes of each call of the function since the script started.
    pub fn sizes(&self, name: &CStr) -> Vec<Sizes> {
        let mut sizes = vec![Sizes::default(); self.calls(name) as usize];
        self.call_sizes(name, &mut sizes);
        sizes
    }

    /// Returns the number of calls of the function, and writes the sizes of the first ones.
    fn call_sizes(&self, name: &CStr, sizes: &mut [Sizes]) -> i32 {
        type Calls = unsafe extern "system" fn(*const c_char, *mut Sizes, c_int) -> c_int;
        let function = export(c"tcp6_calls").unwrap();
        // SAFETY: this is the signature in script.c, where sizes are pairs of DWORDs.
        let function = unsafe { transmute::<Export, Calls>(function) };
        // SAFETY: the string ends with a NUL, the sizes are valid for writes, and the library keeps no pointer.
        unsafe { function(name.as_ptr(), sizes.as_mut_ptr(), sizes.len() as c_int) }
    }

    /// Returns the creation time of a process as C reads it, in 100 ns since 1601.
    pub fn created(&self, pid: u32) -> Option<u64> {
        let function = export(c"tcp6_created").unwrap();
        // SAFETY: this is the signature in owners.c.
        let function = unsafe { transmute::<Export, unsafe extern "system" fn(u32) -> i64>(function) };
        // SAFETY: the argument is an integer.
        u64::try_from(unsafe { function(pid) }).ok()
    }
}

/// Returns the address of a function of the loaded iphlpapi.dll.
pub fn export(name: &CStr) -> Option<Export> {
    // SAFETY: the string ends with a NUL.
    let library = unsafe { GetModuleHandleA(c"iphlpapi.dll".as_ptr()) };
    assert!(!library.is_null(), "iphlpapi.dll is not loaded");
    // SAFETY: the library is loaded, and the string ends with a NUL.
    unsafe { GetProcAddress(library, name.as_ptr()) }
}

#[test]
fn invalid_script_returns_the_line_number() {
    let Some(_machine) = Machine::new("") else { return };
    let function = export(c"tcp6_script").unwrap();
    // SAFETY: this is the signature in script.c.
    let function = unsafe { transmute::<Export, unsafe extern "system" fn(*const c_char) -> c_int>(function) };
    for line in [
        c"row 2 [::1]:x -",
        c"row 2 [::1]:80",
        c"row 2 [::1]:80 - pid",
        c"row 2 [::1]:80 - colour=1",
        c"row4 2 [::1]:80 -",
        c"code GetTcp6Table",
        c"code GetTcp6Table five",
        c"module self 1 name",
        c"slack",
        c"what",
    ] {
        // SAFETY: the string ends with a NUL, and the library does not keep it.
        assert_eq!(unsafe { function(line.as_ptr()) }, 1, "{line:?}");
    }
    // SAFETY: as above.
    assert_eq!(unsafe { function(c"# a comment\n\nrow 2 [::1]:80 -\nwhat\n".as_ptr()) }, 4);
}
