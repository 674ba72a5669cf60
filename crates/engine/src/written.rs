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

impl Written {
    /// Writes records out.
    ///
    /// # Errors
    /// One of them cannot be written as JSON.
    pub fn new(records: Arc<[Arc<Record>]>) -> serde_json::Result<Written> {
        Ahead::default().finish(records)
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

/// The lines of a batch that is still growing, written out while the disk has the one before: when its turn comes, they
/// are there.
#[derive(Debug, Default)]
pub struct Ahead {
    lines: Vec<u8>,
    count: usize,
    /// Of those that are written out. Held, so that no other can be taken for it.
    last: Option<Arc<Record>>,
}

impl Ahead {
    /// Writes out what a batch has more than before; all of it if it is another batch.
    ///
    /// # Errors
    /// One of the records cannot be written as JSON.
    pub fn follow(&mut self, records: &[Arc<Record>]) -> serde_json::Result<()> {
        let there = self.count.checked_sub(1).and_then(|last| records.get(last));
        let same = self.last.as_ref().zip(there).is_some_and(|(ours, theirs)| Arc::ptr_eq(ours, theirs));
        if !same {
            *self = Ahead::default();
        }
        let more = records.get(self.count..).unwrap_or_default();
        self.lines.reserve(more.len() * LINE);
        for record in more {
            let written = self.lines.len();
            if let Err(e) = serde_json::to_writer(Quick(&mut self.lines), &**record) {
                self.lines.truncate(written);
                return Err(e);
            }
            self.lines.push(b'\n');
            (self.count, self.last) = (self.count + 1, Some(Arc::clone(record)));
        }
        Ok(())
    }

    /// The batch is complete.
    ///
    /// # Errors
    /// One of the records cannot be written as JSON.
    pub fn finish(&mut self, records: Arc<[Arc<Record>]>) -> serde_json::Result<Written> {
        self.follow(&records)?;
        Ok(Written { records, lines: Arc::new(std::mem::take(self).lines) })
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
    fn ahead_gives_what_writing_out_at_the_end_gives() {
        let all = records(1, 9);
        let whole = Written::new(all.clone().into()).unwrap();
        for cut in 0..=all.len() {
            let mut ahead = Ahead::default();
            ahead.follow(&all[..cut / 2]).unwrap();
            ahead.follow(&all[..cut]).unwrap();
            assert_eq!(ahead.finish(all.clone().into()).unwrap().lines, whole.lines);
            assert_eq!(ahead.count, 0);
        }
        let back: Vec<u64> =
            whole.iter().map(|(_, line)| serde_json::from_slice::<Record>(line).unwrap().seq).collect();
        assert_eq!(back, (1..=9).collect::<Vec<u64>>());
    }

    #[test]
    fn a_batch_that_was_decided_anew_is_written_out_anew() {
        let mut ahead = Ahead::default();
        ahead.follow(&records(1, 5)).unwrap();
        for again in [records(1, 7), records(1, 2), records(6, 5), records(1, 5)] {
            ahead.follow(&again).unwrap();
            let whole = Written::new(again.into()).unwrap();
            assert_eq!(ahead.lines, *whole.lines);
        }
        ahead.follow(&[]).unwrap();
        assert_eq!((ahead.lines.len(), ahead.count), (0, 0));
    }
}
