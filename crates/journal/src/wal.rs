//! Is SQLite's write-ahead log torn at its end, as a crash may leave it, or damaged in its middle?
//!
//! SQLite reads the log up to the first frame that does not check, and silently forgets the rest. After a
//! crash that is right: the rest is one transaction that was never acknowledged. But every commit is synced
//! before the next begins, so if two or more commits lie behind the bad frame, something acknowledged was lost.
//! Format: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// Says how the log is damaged, if it is.
pub(crate) fn damage(log: &Path) -> Option<String> {
    match File::open(log).and_then(|f| lost_commits(BufReader::with_capacity(1 << 16, f))) {
        Ok(0 | 1) => None,
        Ok(n) => Some(format!(
            "the write-ahead log is damaged in its middle: about {n} appends after that place are lost"
        )),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => Some(format!("the write-ahead log cannot be read: {e}")),
    }
}

/// How many commits lie behind the first frame that does not check.
fn lost_commits(mut log: impl Read) -> io::Result<u32> {
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(0);
    }
    // The lowest bit says whether the sums were made of big-endian words.
    let big_endian = word(&header, 0) == MAGIC | 1;
    let sums = checksum(big_endian, (0, 0), &header[..24]);
    let header_good = stored(sums, &header, 6) && word(&header, 0) | 1 == MAGIC | 1;
    let page_size = word(&header, 2) as usize;
    if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() {
        // Even the size of a frame is lost. A log that was ever written is longer than its header.
        let mut rest = [0; FRAME_HEADER];
        return Ok(if fill(&mut log, &mut rest)? { 2 } else { 0 });
    }
    let mut salts = header_good.then(|| (word(&header, 4), word(&header, 5)));
    let mut running = header_good.then_some(sums);
    let mut lost = 0;
    let mut frame = vec![0; FRAME_HEADER + page_size];
    while fill(&mut log, &mut frame)? {
        let here = (word(&frame, 2), word(&frame, 3));
        // With a bad header, what the first frame says has to do.
        let ours = *salts.get_or_insert(here) == here;
        running = running.filter(|_| ours).and_then(|before| {
            let after =
                checksum(big_endian, checksum(big_endian, before, &frame[..8]), &frame[FRAME_HEADER..]);
            stored(after, &frame, 4).then_some(after)
        });
        let commits = word(&frame, 1) != 0;
        if running.is_none() && ours && commits {
            lost += 1;
        }
    }
    Ok(lost)
}

/// Are these the sums that lie at the given word?
fn stored(sums: (u32, u32), bytes: &[u8], at: usize) -> bool {
    word(bytes, at) == sums.0 && word(bytes, at + 1) == sums.1
}

fn word(bytes: &[u8], n: usize) -> u32 {
    bytes.get(4 * n..4 * n + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn checksum(big_endian: bool, from: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let (mut a, mut b) = from;
    let (pairs, _) = bytes.as_chunks::<8>();
    for [x0, x1, x2, x3, y0, y1, y2, y3] in pairs {
        let (x, y) = ([*x0, *x1, *x2, *x3], [*y0, *y1, *y2, *y3]);
        let (x, y) = if big_endian {
            (u32::from_be_bytes(x), u32::from_be_bytes(y))
        } else {
            (u32::from_le_bytes(x), u32::from_le_bytes(y))
        };
        a = a.wrapping_add(x).wrapping_add(b);
        b = b.wrapping_add(y).wrapping_add(a);
    }
    (a, b)
}

/// Fills the buffer, or says that the file ended before.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}
