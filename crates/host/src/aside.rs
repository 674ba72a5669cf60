//! Files that have to reach the disk sometime. A thread of their own writes them, for the disk may hang: neither a start
//! nor a reload waits for it.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

type Done = Box<dyn FnOnce(Result<()>) + Send>;

/// Writes files of one directory, in the order in which they come. Its thread ends with it, when nothing waits.
pub struct Aside(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// One of a name at most, and names are few.
    waiting: Vec<(&'static str, Vec<u8>, Done)>,
    writing: bool,
    over: bool,
}

impl Aside {
    /// Begins.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(dir: &Path) -> Result<Aside> {
        let inner = Arc::new(Inner { dir: dir.to_owned(), state: Mutex::default(), changed: Condvar::new() });
        let theirs = inner.clone();
        std::thread::Builder::new().name("aside".into()).spawn(move || theirs.work())?;
        Ok(Aside(inner))
    }

    /// Has a file written as a whole, if it is not like that already. What waits under the same name is not written any
    /// more, and whoever wanted it hears nothing.
    pub fn write(&self, name: &'static str, bytes: Vec<u8>, done: impl FnOnce(Result<()>) + Send + 'static) {
        let mut state = self.0.state();
        state.waiting.retain(|(other, ..)| *other != name);
        state.waiting.push((name, bytes, Box::new(done)));
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, for so long at most.
    pub fn settle(&self, limit: Duration) {
        let busy = |s: &mut State| s.writing || !s.waiting.is_empty();
        // What is not there by then is left.
        drop(self.0.changed.wait_timeout_while(self.0.state(), limit, busy));
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.changed.notify_all();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if state.waiting.is_empty() {
                if state.over {
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (name, bytes, done) = state.waiting.remove(0);
            state.writing = true;
            drop(state);
            done(whole(&self.dir, name, &bytes));
            state = self.state();
            state.writing = false;
            self.changed.notify_all();
        }
    }
}

/// A new file that only its owner may read.
///
/// # Errors
/// It cannot be made.
pub fn private(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes a file, if it is not like that already. A crash leaves the old file or the new one.
///
/// # Errors
/// It cannot be written, or not be made to last.
pub fn whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let to = dir.join(name);
    if std::fs::read(&to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let temporary = dir.join(format!("{name}.new"));
    let mut file = private(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, &to)?;
    File::open(dir)?.sync_all()
}

/// What some work comes to, if it does within a limit. It goes on by itself.
///
/// # Errors
/// It takes longer, or the system gives no thread.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (tx, rx) = mpsc::channel();
    // Nobody may wait any more.
    std::thread::Builder::new().name("aside".into()).spawn(move || drop(tx.send(work())))?;
    rx.recv_timeout(limit).map_err(|_| Error::other("the disk does not answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_a_name_wins_and_nobody_waits_for_a_disk_that_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let aside = Aside::begin(dir.path()).unwrap();
        let (hangs, until) = (mpsc::channel::<()>(), mpsc::channel::<()>());
        let (began, hang) = (until.0, hangs.1);
        aside.write("a", b"first".to_vec(), move |_| {
            began.send(()).unwrap();
            let _ = hang.recv();
        });
        until.1.recv().unwrap();
        let (tx, rx) = mpsc::channel();
        for text in ["second", "third", "fourth"] {
            let tx = tx.clone();
            aside.write("a", text.into(), move |done| tx.send((text, done.is_ok())).unwrap());
        }
        let other = tx.clone();
        aside.write("b", b"other".to_vec(), move |done| other.send(("b", done.is_ok())).unwrap());
        drop(tx);
        aside.settle(Duration::from_millis(1));
        assert!(rx.try_recv().is_err(), "nothing is written while the disk hangs");
        drop(hangs.0);
        assert_eq!(rx.iter().collect::<Vec<_>>(), [("fourth", true), ("b", true)]);
        aside.settle(Duration::from_secs(60));
        let read = |name| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((read("a"), read("b")), ("fourth".to_owned(), "other".to_owned()));
    }

    #[test]
    fn what_cannot_be_written_is_told_and_what_waits_outlives_the_handle() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a.new")).unwrap();
        let (tx, rx) = mpsc::channel();
        let aside = Aside::begin(dir.path()).unwrap();
        for name in ["a", "b"] {
            let tx = tx.clone();
            aside.write(name, b"x".to_vec(), move |done| tx.send(done.is_ok()).unwrap());
        }
        drop((aside, tx));
        assert_eq!(rx.iter().collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_takes_too_long_is_left_to_itself() {
        assert_eq!(within(Duration::from_secs(60), || 7).unwrap(), 7);
        let (tx, rx) = mpsc::channel::<()>();
        assert!(within(Duration::from_millis(1), move || rx.recv()).is_err());
        drop(tx);
    }
}
