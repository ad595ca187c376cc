//! The C program that the tests compare themselves with.

use std::path::Path;

use xshell::{Shell, cmd};

use super::target::Target;

/// Where the tests look for the program's path.
pub(super) const VARIABLE: &str = "TCP6_C_PROGRAM";

const SOURCE: &str = "tcp6/tests/suite/c_program.c";

/// Compiles it into this folder, and gives its path as Windows programs under Wine know it.
pub(super) fn compile(sh: &Shell, target: &Target, folder: &Path) -> anyhow::Result<String> {
    let compiler = target.c_compiler;
    let program = folder.join("c_program.exe");
    // -D: the functions of this family are of Vista, and these headers show them only to who asks for that.
    cmd!(sh, "{compiler} -O2 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0600 -o {program} {SOURCE} -liphlpapi -lws2_32")
        .run()?;
    Ok(format!("Z:{}", program.display()))
}
