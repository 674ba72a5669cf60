//! What the journal is given: records as JSON, one a line.

use foghorn_core::Record;
use std::sync::Arc;

/// About as long as a line is.
const LINE: usize = 640;

/// A batch that is on disk, or on its way there.
#[derive(Debug)]
pub struct Written {
    /// In order.
    pub records: Arc<[Arc<Record>]>,
    /// The same as they lie in the journal: JSON, one a line. Followers need not write it out once more.
    pub lines: Arc<Vec<u8>>,
}

/// A stretch of the journal that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In order: the number of each event, and its bytes, the JSON of one [`Record`].
    pub events: Vec<(u64, Vec<u8>)>,
    /// Whether the journal has more after them. How many they are says nothing of that: a page is cut by its bytes too.
    pub more: bool,
}

impl Written {
    /// Writes records out.
    ///
    /// # Errors
    /// One of them cannot be written as JSON.
    pub fn new(records: Arc<[Arc<Record>]>) -> serde_json::Result<Written> {
        let mut lines = Lines::default();
        lines.add(&records)?;
        Ok(Written { records, lines: Arc::new(lines.0) })
    }

    /// Each record and its line.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Record>, &[u8])> {
        // No line has a newline in it: JSON escapes them.
        let mut from = 0;
        let lines = memchr::memchr_iter(b'\n', &self.lines).map(move |end| {
            let line = self.lines.get(from..end).unwrap_or_default();
            from = end + 1;
            line
        });
        self.records.iter().zip(lines)
    }
}

/// The lines of a batch that is still growing, written as it is decided: so it is known how large it is, and when its turn
/// comes they are there.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what comes after so many bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Writes records out. The error is that one of them cannot be written as JSON: its line is to be cut off again.
    pub(crate) fn add(&mut self, records: &[Arc<Record>]) -> serde_json::Result<()> {
        self.0.reserve(records.len() * LINE);
        for record in records {
            serde_json::to_writer(Quick(&mut self.0), &**record)?;
            self.0.push(b'\n');
        }
        Ok(())
    }

    /// The batch is complete.
    pub(crate) fn finish(self, records: Arc<[Arc<Record>]>) -> Written {
        Written { records, lines: Arc::new(self.0) }
    }
}

/// Bytes that JSON is written to. Half of what it is given is one byte, a quote or a comma: pushing those, it is twice as
/// fast.
#[derive(Debug)]
pub struct Quick<'a>(pub &'a mut Vec<u8>);

impl std::io::Write for Quick<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let [one] = bytes {
            self.0.push(*one);
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.write(bytes).map(|_| ())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::Event;
    use foghorn_core::time::Now;

    fn records(first: u64, n: u64) -> Vec<Arc<Record>> {
        let event = |seq| Event::ClockStepped { by: i64::try_from(seq).unwrap() };
        let record = |seq| Arc::new(Record { seq, at: Now::default(), late: false, event: event(seq) });
        (first..first + n).map(record).collect()
    }

    #[test]
    fn a_batch_that_grows_is_written_as_it_is_at_the_end() {
        let all = records(1, 9);
        let whole = Written::new(all.clone().into()).unwrap();
        for cut in 0..=all.len() {
            let mut lines = Lines::default();
            lines.add(&all[..cut]).unwrap();
            let len = lines.len();
            lines.add(&records(1, 5)).unwrap();
            lines.truncate(len);
            lines.add(&all[cut..]).unwrap();
            assert_eq!(lines.finish(all.clone().into()).lines, whole.lines);
        }
        let back: Vec<u64> =
            whole.iter().map(|(_, line)| serde_json::from_slice::<Record>(line).unwrap().seq).collect();
        assert_eq!(back, (1..=9).collect::<Vec<u64>>());
    }
}
