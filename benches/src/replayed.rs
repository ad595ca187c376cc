//! Tables as a system would fill them in, at the cost of copying them.

use tcp6::{Buffer, Class, Query, Result, Row, Source};

/// A source that fills in these tables in turn, for ever.
#[derive(Debug)]
pub struct Replayed {
    tables: Vec<Buffer>,
    next: usize,
}

impl Replayed {
    /// Tables of these rows, in the order in which they stand.
    pub fn new<R: Row>(tables: &[&[R]]) -> Replayed {
        let table = |rows: &&[R]| {
            let mut buffer = Buffer::new();
            buffer.write_rows(R::CLASS, *rows).expect("memory");
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

/// The bytes of these rows.
pub fn bytes<R: Row>(rows: &[R]) -> Vec<u8> {
    let mut buffer = Buffer::new();
    buffer.write_rows(R::CLASS, rows).expect("memory");
    buffer.as_bytes().to_vec()
}
