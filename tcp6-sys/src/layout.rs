//! Compile-time assertions that every structure has the layout of its C header.

// Rust 1.85 reports functions that only `const _` items use as dead code.
#![allow(dead_code)]

use crate::*;

/// Returns the column of the table that applies to this target's pointer width.
const fn pick(columns: &[usize]) -> usize {
    if size_of::<usize>() == 8 { columns[0] } else { columns[columns.len() - 1] }
}

/// Returns the size of the field that the function returns a reference to.
const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Returns whether this target lays out a structure of this C alignment as Windows does.
///
/// Windows aligns a `u64` to 8 bytes on every processor, 32-bit Linux on x86 to 4. Such a target skips structures with
/// a `u64`, unless they specify the alignment themselves.
const fn comparable<T>(c_align: usize) -> bool {
    align_of::<u64>() == 8 || align_of::<T>() == c_align
}

macro_rules! layouts {
    ($($name:ident:
        size $size:literal $(/ $size32:literal)?, align $align:literal $(/ $align32:literal)?
        { $($field:ident: $offset:literal + $len:literal $(/ $offset32:literal + $len32:literal)?,)* }
    )*) => { $(
        const _: () = {
            // Does not compile if the table lacks a field.
            let _: fn(&$name) = |$name { $($field: _),* }| ();
            let align = pick(&[$align $(, $align32)?]);
            if comparable::<$name>(align) {
                assert!(size_of::<$name>() == pick(&[$size $(, $size32)?]), concat!("size of ", stringify!($name)));
                assert!(align_of::<$name>() == align, concat!("alignment of ", stringify!($name)));
                $(
                    let what = concat!(stringify!($name), ".", stringify!($field));
                    assert!(core::mem::offset_of!($name, $field) == pick(&[$offset $(, $offset32)?]), "{}", what);
                    assert!(size_of_field(|it: &$name| &it.$field) == pick(&[$len $(, $len32)?]), "{}", what);
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

// The union is anonymous in the header, so the table cannot name it.
const _: () = {
    assert!(size_of::<IN6_ADDR_0>() == 16, "size of IN6_ADDR.u");
    assert!(align_of::<IN6_ADDR_0>() == 2, "alignment of IN6_ADDR.u");
    assert!(core::mem::offset_of!(IN6_ADDR, u.Byte) == 0, "IN6_ADDR.u.Byte");
    assert!(core::mem::offset_of!(IN6_ADDR, u.Word) == 0, "IN6_ADDR.u.Word");
};
