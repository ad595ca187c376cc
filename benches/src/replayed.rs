//! A source of prepared tables. A refresh costs one copy.

use tcp6::{Buffer, Class, Query, Result, Row, Source};

/// A source that returns its tables in turn, without end.
#[derive(Debug)]
pub struct Replayed {
    tables: Vec<Buffer>,
    next: usize,
}

impl Replayed {
    /// A source of tables with these rows, in the given order.
    pub fn new<R: Row>(tables: &[&[R]]) -> Replayed {
        let table = |rows: &&[R]| {
            let mut buffer = Buffer::new();
            buffer.write_rows(R::CLASS, *rows).expect("fill the buffer");
            buffer
        };
        Replayed { tables: tables.iter().map(table).collect(), next: 0 }
    }
}

impl Source for Replayed {
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        self.next = (self.next + 1) % self.tables.len();
        buffer.write_bytes(class, self.tables[self.next].as_bytes())
    }
}

/// The bytes of a table with these rows.
pub fn bytes<R: Row>(rows: &[R]) -> Vec<u8> {
    let mut buffer = Buffer::new();
    buffer.write_rows(R::CLASS, rows).expect("fill the buffer");
    buffer.as_bytes().to_vec()
}
