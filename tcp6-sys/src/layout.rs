//! Asserts, whenever this crate is compiled, that every structure is laid out as its C header has it.

// Rust 1.85 does not count what nameless constants use.
#![allow(dead_code)]

use crate::*;

/// Of the one or two columns of the table, the one for this target's pointers.
const fn here(columns: &[usize]) -> usize {
    if size_of::<usize>() == 8 { columns[0] } else { columns[columns.len() - 1] }
}

/// The size of the field that a function picks.
const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Whether this target lays out a structure of this C alignment as Windows does.
///
/// Windows aligns a `u64` to 8 bytes on every processor, 32-bit Linux on x86 to 4. There the structures that hold one
/// are not compared, unless they ask for the alignment themselves.
const fn comparable<T>(c_align: usize) -> bool {
    align_of::<u64>() == 8 || align_of::<T>() == c_align
}

macro_rules! layouts {
    ($($name:ident:
        size $size:literal $(/ $size32:literal)?, align $align:literal $(/ $align32:literal)?
        { $($field:ident: $offset:literal + $len:literal $(/ $offset32:literal + $len32:literal)?,)* }
    )*) => { $(
        const _: () = {
            // Fails to compile if the table lacks a field.
            let _: fn(&$name) = |$name { $($field: _),* }| ();
            let align = here(&[$align $(, $align32)?]);
            if comparable::<$name>(align) {
                assert!(size_of::<$name>() == here(&[$size $(, $size32)?]), concat!("size of ", stringify!($name)));
                assert!(align_of::<$name>() == align, concat!("alignment of ", stringify!($name)));
                $(
                    let what = concat!(stringify!($name), ".", stringify!($field));
                    assert!(core::mem::offset_of!($name, $field) == here(&[$offset $(, $offset32)?]), "{}", what);
                    assert!(size_of_field(|it: &$name| &it.$field) == here(&[$len $(, $len32)?]), "{}", what);
                )*
            }
        };
    )* };
}

macro_rules! constants {
    ($($name:ident = $value:literal,)*) => { $(
        const _: () = assert!($name == $value, stringify!($name));
    )* };
}

include!("layout/table.rs");

// The header's union has no name that the table could use.
const _: () = {
    assert!(size_of::<IN6_ADDR_0>() == 16, "size of IN6_ADDR.u");
    assert!(align_of::<IN6_ADDR_0>() == 2, "alignment of IN6_ADDR.u");
    assert!(core::mem::offset_of!(IN6_ADDR, u.Byte) == 0, "IN6_ADDR.u.Byte");
    assert!(core::mem::offset_of!(IN6_ADDR, u.Word) == 0, "IN6_ADDR.u.Word");
};
