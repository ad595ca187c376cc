//! Compiles the C program whose output the tests compare with their own.

use std::path::Path;

use xshell::{Shell, cmd};

use super::target::Target;

/// The environment variable that passes the path of the program to the tests.
pub(super) const VARIABLE: &str = "TCP6_C_PROGRAM";

const SOURCE: &str = "tcp6/tests/suite/c_program.c";

/// Compiles the program into the directory and returns its path in Wine's drive `Z:`.
pub(super) fn compile(sh: &Shell, target: &Target, directory: &Path) -> anyhow::Result<String> {
    let compiler = target.c_compiler;
    let program = directory.join("c_program.exe");
    // The headers declare the functions of Windows Vista only if _WIN32_WINNT is 0x0600 or later.
    cmd!(sh, "{compiler} -O2 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0600 -o {program} {SOURCE} -liphlpapi -lws2_32")
        .run()?;
    Ok(format!("Z:{}", program.display()))
}
