//! Child processes that own sockets of scripts.

use std::ffi::c_void;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The environment variable that makes a child refuse to be opened.
const REFUSES: &str = "TCP6_CHILD_REFUSES";

const READY: &str = "the child is ready";

/// A copy of this program that waits until this is dropped.
#[derive(Debug)]
pub struct Waiting {
    child: Child,
    _output: BufReader<ChildStdout>,
    program: PathBuf,
    /// The folder to remove when the child has exited.
    folder: PathBuf,
}

impl Waiting {
    /// Starts a child that other processes may open.
    pub fn new() -> Waiting {
        Waiting::start("waits", false)
    }

    /// Starts a child that no process may open.
    pub fn that_refuses() -> Waiting {
        Waiting::start("refuses", true)
    }

    fn start(name: &str, refuses: bool) -> Waiting {
        let own = std::env::current_exe().unwrap();
        let folder = std::env::temp_dir().join(format!("tcp6-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // The program loads the scripted library from its own folder.
        fs::copy(own.with_file_name("iphlpapi.dll"), folder.join("iphlpapi.dll")).unwrap();
        let program = folder.join(format!("{name}.exe"));
        fs::copy(&own, &program).unwrap();

        let mut command = Command::new(&program);
        command.args(["--ignored", "--exact", "children::a_child_that_waits", "--nocapture"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if refuses {
            command.env(REFUSES, "1");
        }
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.by_ref().lines().map_while(Result::ok).any(|line| line.contains(READY)), "{name}");
        Waiting { child, _output: output, program, folder }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn program(&self) -> &Path {
        &self.program
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
#[ignore = "not a test: the main function of a child"]
fn a_child_that_waits() {
    if std::env::var_os(REFUSES).is_some() {
        refuse();
    }
    println!("\n{READY}");
    let _ = std::io::stdin().read(&mut [0]);
}

windows_targets::link!("kernel32.dll" "system" fn GetCurrentProcess() -> *mut c_void);
windows_targets::link!("advapi32.dll" "system" fn InitializeAcl(acl: *mut c_void, size: u32, revision: u32) -> i32);
windows_targets::link!("advapi32.dll" "system" fn InitializeSecurityDescriptor(
    descriptor: *mut c_void,
    revision: u32,
) -> i32);
windows_targets::link!("advapi32.dll" "system" fn SetSecurityDescriptorDacl(
    descriptor: *mut c_void,
    present: i32,
    acl: *mut c_void,
    defaulted: i32,
) -> i32);
windows_targets::link!("advapi32.dll" "system" fn SetKernelObjectSecurity(
    object: *mut c_void,
    information: u32,
    descriptor: *mut c_void,
) -> i32);

/// Denies every access to this process, with an access list that grants nothing.
fn refuse() {
    const ACL_REVISION: u32 = 2;
    const SECURITY_DESCRIPTOR_REVISION: u32 = 1;
    const DACL_SECURITY_INFORMATION: u32 = 4;
    // An ACL header has 8 bytes. A descriptor has at most 40.
    let (mut acl, mut descriptor) = ([0_u64; 1], [0_u64; 8]);
    let (acl, descriptor) = (acl.as_mut_ptr().cast(), descriptor.as_mut_ptr().cast());
    // SAFETY: `acl` is valid for writes of 8 bytes and aligned.
    assert_ne!(unsafe { InitializeAcl(acl, 8, ACL_REVISION) }, 0);
    // SAFETY: `descriptor` is valid for writes of 64 bytes and aligned.
    assert_ne!(unsafe { InitializeSecurityDescriptor(descriptor, SECURITY_DESCRIPTOR_REVISION) }, 0);
    // SAFETY: both are initialized, and the list lives as long as the descriptor.
    assert_ne!(unsafe { SetSecurityDescriptorDacl(descriptor, 1, acl, 0) }, 0);
    // SAFETY: the pseudohandle is valid, and the descriptor is complete.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: as above.
    assert_ne!(unsafe { SetKernelObjectSecurity(process, DACL_SECURITY_INFORMATION, descriptor) }, 0);
}
