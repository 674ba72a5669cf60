//! One process a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The lock goes with the process, however that ends; the file stays.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Held, never read: closing it unlocks.
    _file: File,
}

pub(crate) enum Locked {
    Mine(Lock),
    /// Somebody else's: their process id, as far as they could write it down.
    Theirs(Option<u32>),
    /// This file system gives no locks, or cannot be written.
    Without(io::Error),
}

const FILE: &str = "lock";
/// A process that was just killed may take a moment to go.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// Takes the directory's lock and writes this process's id into it.
pub(crate) fn take(dir: &Path) -> Locked {
    let path = dir.join(FILE);
    let writable = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = match writable.or_else(|_| File::open(&path)) {
        Ok(file) => file,
        Err(e) => return Locked::Without(e),
    };
    for left in (0..TRIES).rev() {
        match file.try_lock() {
            Ok(()) => {
                // On a full or read-only disk this fails, and the lock holds all the same.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                return Locked::Mine(Lock { _file: file });
            }
            Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(BETWEEN),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(e)) => return Locked::Without(e),
        }
    }
    Locked::Theirs(std::fs::read_to_string(&path).ok().and_then(|s| s.trim().parse().ok()))
}

/// Does a process, this one included, hold the directory's lock now?
pub(crate) fn is_taken(dir: &Path) -> bool {
    File::open(dir.join(FILE))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Can files of this directory be opened for writing now? Not asked of SQLite's own files: to close one of those gives up
/// its locks.
pub(crate) fn takes_writes(dir: &Path) -> bool {
    OpenOptions::new().write(true).open(dir.join(FILE)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_taken(dir.path()));
        let Locked::Mine(first) = take(dir.path()) else { panic!("a free directory") };
        assert!(is_taken(dir.path()));
        let Locked::Theirs(pid) = take(dir.path()) else { panic!("a taken directory") };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(!is_taken(dir.path()));
        assert!(matches!(take(dir.path()), Locked::Mine(_)));
    }
}
