//! `cargo xtask layout`: compares the struct layouts of `tcp6-sys` with the C headers of MinGW-w64.
//!
//! It generates a C program of static assertions, from the table that `tcp6-sys` asserts when it is compiled, and lets
//! a C compiler check it. The program does not run, so neither Windows nor Wine is needed.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::debian::{self, Package};

/// The layout of a struct, in bytes. In each list the first number is for 64 bits, the last for 32.
struct Layout {
    name: &'static str,
    size: &'static [usize],
    align: &'static [usize],
    /// The name, offset and size of each field.
    fields: &'static [(&'static str, &'static [usize], &'static [usize])],
}

macro_rules! layouts {
    ($($name:ident:
        size $size:literal $(/ $size32:literal)?, align $align:literal $(/ $align32:literal)?
        { $($field:ident: $offset:literal + $len:literal $(/ $offset32:literal + $len32:literal)?,)* }
    )*) => {
        const LAYOUTS: &[Layout] = &[$(Layout {
            name: stringify!($name),
            size: &[$size $(, $size32)?],
            align: &[$align $(, $align32)?],
            fields: &[$((stringify!($field), &[$offset $(, $offset32)?], &[$len $(, $len32)?])),*],
        }),*];
    };
}

macro_rules! constants {
    ($($name:ident = $value:literal,)*) => {
        const CONSTANTS: &[(&str, &str)] = &[$((stringify!($name), stringify!($value))),*];
    };
}

include!("../../tcp6-sys/src/layout/table.rs");

/// The includes of the C program. Their order matters.
///
/// `winsock2.h` must precede `windows.h`. Without `ws2ipdef.h` before it, `iphlpapi.h` omits the IPv6 functions.
/// `WIN32_NO_STATUS` prevents two headers from defining the same status codes.
const HEADERS: &str = "\
#define _WIN32_WINNT 0x0A00
#define WIN32_NO_STATUS
#include <stddef.h>
#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <iphlpapi.h>
";

/// Declarations that the headers lack, and assertions that the table cannot express.
///
/// MIB_TCPSTATS2 is declared as in Microsoft's headers, under another name in case MinGW-w64 adds it.
const EXTRA: &str = "\
#define MIB_TCPSTATS2 TCP6_MIB_TCPSTATS2
typedef struct {
    int RtoAlgorithm;
    DWORD dwRtoMin, dwRtoMax, dwMaxConn, dwActiveOpens, dwPassiveOpens, dwAttemptFails, dwEstabResets, dwCurrEstab;
    DWORD64 dw64InSegs, dw64OutSegs;
    DWORD dwRetransSegs, dwInErrs, dwOutRsts, dwNumConns;
} MIB_TCPSTATS2;

_Static_assert(sizeof(((IN6_ADDR *)0)->u) == 16, \"size of IN6_ADDR.u\");
_Static_assert(_Alignof(__typeof__(((IN6_ADDR *)0)->u)) == 2, \"alignment of IN6_ADDR.u\");
_Static_assert(offsetof(IN6_ADDR, u.Byte) == 0, \"IN6_ADDR.u.Byte\");
_Static_assert(offsetof(IN6_ADDR, u.Word) == 0, \"IN6_ADDR.u.Word\");
_Static_assert((MIB_TCP_MAXCONN_DYNAMIC) == 0xFFFFFFFF, \"MIB_TCP_MAXCONN_DYNAMIC\");
";

/// A C compiler for Windows.
struct Compiler {
    program: &'static str,
    bits: u32,
}

const COMPILERS: [Compiler; 2] =
    [Compiler { program: "x86_64-w64-mingw32-gcc", bits: 64 }, Compiler { program: "i686-w64-mingw32-gcc", bits: 32 }];

const PACKAGES: &[Package] = &[
    Package("gcc-mingw-w64-x86-64", "/usr/bin/x86_64-w64-mingw32-gcc"),
    Package("gcc-mingw-w64-i686", "/usr/bin/i686-w64-mingw32-gcc"),
];

/// Compares the table with the layouts of Rust, then with those of each C compiler.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    // Rust asserts the same table: here for this machine, and in each build for Windows.
    cmd!(sh, "cargo check --quiet --package tcp6-sys").run()?;

    debian::require(&[PACKAGES])?;
    for Compiler { program, bits } in COMPILERS {
        let source = c_program(bits);
        let checks = source.matches("_Static_assert").count();
        let compile = cmd!(sh, "{program} -std=c11 -Wall -Werror -fsyntax-only -x c -").stdin(source);
        if compile.run().is_err() {
            bail!("{program} disagrees with tcp6-sys/src/layout/table.rs; each message above names one field or value");
        }
        println!("layout: {bits} bits, {checks} checks by {program}");
    }
    Ok(())
}

/// The C program for pointers of `bits` bits.
fn c_program(bits: u32) -> String {
    let pick = |columns: &[usize]| if bits == 64 { columns[0] } else { columns[columns.len() - 1] };
    let mut c = format!("{HEADERS}\n{EXTRA}");
    let mut check = |condition: String, what: String| {
        writeln!(c, "_Static_assert({condition}, \"{what}\");").expect("write to a String");
    };
    for Layout { name, size, align, fields } in LAYOUTS {
        check(format!("sizeof({name}) == {}", pick(size)), format!("size of {name}"));
        check(format!("_Alignof({name}) == {}", pick(align)), format!("alignment of {name}"));
        for (field, offset, len) in *fields {
            check(format!("offsetof({name}, {field}) == {}", pick(offset)), format!("offset of {name}.{field}"));
            check(format!("sizeof((({name} *)0)->{field}) == {}", pick(len)), format!("size of {name}.{field}"));
        }
    }
    for (name, value) in CONSTANTS {
        // Some constants are signed in C and unsigned in tcp6-sys.
        check(format!("(unsigned)({name}) == (unsigned)({value})"), name.to_string());
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asserts_every_size_offset_and_value_of_the_table() {
        for bits in [64, 32] {
            let c = c_program(bits);
            let asserted = |what: String| assert!(c.contains(&format!("_Static_assert({what} == ")), "{what}");
            for Layout { name, fields, .. } in LAYOUTS {
                asserted(format!("sizeof({name})"));
                asserted(format!("_Alignof({name})"));
                for (field, ..) in *fields {
                    asserted(format!("offsetof({name}, {field})"));
                    asserted(format!("sizeof((({name} *)0)->{field})"));
                }
            }
            CONSTANTS.iter().for_each(|(name, _)| asserted(format!("(unsigned)({name})")));
        }
        assert!(c_program(64).contains("offsetof(MIB_TCP6ROW2, dwOwningPid) == 52,"));
    }
}
