//! One process a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The lock goes with the process, however that ends; the file stays. The directory is locked beside it: somebody may take
/// the file away, as they would a lock that was left behind.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Held, never read: closing it unlocks.
    _file: File,
    /// Not every file system locks directories.
    _directory: Option<File>,
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
    match try_for_a_while(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return theirs(&path),
        Err(TryLockError::Error(e)) => return Locked::Without(e),
    }
    let directory = File::open(dir).ok();
    let directory = match directory.as_ref().map(try_for_a_while) {
        Some(Ok(())) => directory,
        Some(Err(TryLockError::WouldBlock)) => return theirs(&path),
        Some(Err(TryLockError::Error(_))) | None => None,
    };
    // On a full or read-only disk this fails, and the lock holds all the same.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Locked::Mine(Lock { _file: file, _directory: directory })
}

fn try_for_a_while(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            done => return done,
        }
    }
    file.try_lock()
}

fn theirs(path: &Path) -> Locked {
    Locked::Theirs(std::fs::read_to_string(path).ok().and_then(|s| s.trim().parse().ok()))
}

/// Does a process, this one included, hold the directory's lock now?
pub(crate) fn is_taken(dir: &Path) -> bool {
    let taken = |path: &Path| {
        File::open(path).is_ok_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
    };
    taken(&dir.join(FILE)) || taken(dir)
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
        // As if somebody had taken it for a leftover.
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert!(is_taken(dir.path()));
        assert!(matches!(take(dir.path()), Locked::Theirs(None)));
        drop(first);
        assert!(!is_taken(dir.path()));
        assert!(matches!(take(dir.path()), Locked::Mine(_)));
    }
}
