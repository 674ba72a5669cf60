//! A file, read whole: not a pipe that nobody writes into, not a device without an end, nothing too large.

use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;

/// The file's bytes, at most `most`.
///
/// # Errors
/// It is no file, too large, or cannot be read; in words for people.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    // Looked at before it is opened: that alone waits for ever where nobody writes into a pipe.
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(Error::other("it is a directory, not a file"));
    }
    if !kind.is_file() {
        return Err(Error::other("it is a pipe or a device, not a file"));
    }
    read_from(File::open(path)?, most)
}

/// The same of what is open already.
pub(crate) fn read_from(from: impl Read, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::other(format!("it is larger than {}, which is the most", size(most))));
    }
    Ok(bytes)
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
