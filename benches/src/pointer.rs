//! A loop over a raw pointer to rows, as a C program would write it.

use tcp6::{Buffer, Class};
use tcp6_sys::{MIB_TCP_STATE_ESTAB, MIB_TCP6ROW, MIB_TCP6TABLE};

/// Counts the established connections on local port 443.
pub fn established_on_443(buffer: &Buffer) -> usize {
    assert_eq!(buffer.class(), Some(Class::Basic));
    let table = buffer.as_bytes().as_ptr().cast::<MIB_TCP6TABLE>();
    // SAFETY: the buffer holds a table of this class: 8-aligned, with a count, followed by as many rows.
    let rows = unsafe { (*table).dwNumEntries } as usize;
    // SAFETY: as above. The pointer derives from that of the table, not from a reference to its one declared row.
    let first = unsafe { &raw const (*table).table }.cast::<MIB_TCP6ROW>();
    let mut count = 0;
    for i in 0..rows {
        // SAFETY: `i` is below the row count of the table.
        let row = unsafe { first.add(i) };
        // SAFETY: as above.
        let state = unsafe { (*row).State };
        // SAFETY: as above.
        let port = unsafe { (*row).dwLocalPort };
        count += usize::from(state == MIB_TCP_STATE_ESTAB && u16::from_be(port as u16) == 443);
    }
    count
}
