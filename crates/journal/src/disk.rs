//! Files: written whole or not at all, and a look at whether the disk takes writes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::StoreError;

/// Enough that a disk with a few blocks left counts as full.
const PROBE_BYTES: usize = 64 << 10;

/// Writes a file so that a crash leaves the old one or the new one. The directory is synced too.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), StoreError> {
    let temp = path.with_extension("tmp");
    let written = (|| {
        let mut out = io::BufWriter::with_capacity(1 << 16, File::create(&temp)?);
        fill(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temp, path)
    })();
    if let Err(source) = written {
        // Half a file helps nobody, and on a full disk its space is wanted.
        let _ = fs::remove_file(&temp);
        return Err(StoreError::Io { doing: "writing", path: path.to_owned(), source });
    }
    sync_parent(path)
}

/// Makes renames, creations and removals beside `path` durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    File::open(dir).and_then(|d| d.sync_all()).map_err(StoreError::io("syncing", dir))
}

/// Does the directory take writes? Nothing is synced: a disk that hangs in `fsync` must not stop a start.
pub(crate) fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe.tmp");
    let tried = File::create(&path).and_then(|mut f| f.write_all(&[0; PROBE_BYTES]));
    match fs::remove_file(&path) {
        Err(e) if tried.is_ok() => Err(e),
        _ => tried,
    }
}

/// Which file a name leads to.
pub(crate) fn inode(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// Renames, if it is there. Says whether it was.
pub(crate) fn rename_if_there(from: &Path, to: &Path) -> Result<bool, StoreError> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(StoreError::io("renaming", from)(e)),
    }
}

/// Removes what a crash left half written. Failing to is no harm.
pub(crate) fn sweep_temporary(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let leftover = path
            .extension()
            .is_some_and(|e| e == "tmp" || e == "tmp-wal" || e == "tmp-shm" || e == "tmp-journal");
        if leftover && let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a leftover file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_whole(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_whole(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk went away"))
        });
        assert!(failed.unwrap_err().to_string().ends_with("a.json: the disk went away"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_probe_leaves_nothing_and_tells_a_missing_directory() {
        let dir = tempfile::tempdir().unwrap();
        probe(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(probe(&dir.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
