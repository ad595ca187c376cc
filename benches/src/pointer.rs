//! Looking at rows as a C program would.

use tcp6::{Buffer, Class};
use tcp6_sys::{MIB_TCP_STATE_ESTAB, MIB_TCP6ROW, MIB_TCP6TABLE};

/// Counts the rows that are established on port 443.
pub fn established_on_443(buffer: &Buffer) -> usize {
    assert_eq!(buffer.class(), Some(Class::Basic));
    let table = buffer.as_bytes().as_ptr().cast::<MIB_TCP6TABLE>();
    // SAFETY: a table of this class, as a buffer holds it: 8-aligned, a count, and so many rows.
    let rows = unsafe { (*table).dwNumEntries } as usize;
    // SAFETY: as above; the pointer is made from the table's, and not from a reference to its one declared row.
    let first = unsafe { &raw const (*table).table }.cast::<MIB_TCP6ROW>();
    let mut count = 0;
    for i in 0..rows {
        // SAFETY: one of the rows that the table counts.
        let row = unsafe { first.add(i) };
        // SAFETY: as above.
        let state = unsafe { (*row).State };
        // SAFETY: as above.
        let port = unsafe { (*row).dwLocalPort };
        count += usize::from(state == MIB_TCP_STATE_ESTAB && u16::from_be(port as u16) == 443);
    }
    count
}
