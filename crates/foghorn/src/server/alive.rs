//! When Foghorn was last alive. The journal says only when something happened last, which in a quiet week is long ago: a
//! restart must not pass for a week away.

use foghorn_core::time::Wall;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

const FILE: &str = "alive";
/// How often it is written down.
const EVERY: Duration = Duration::from_secs(60);
/// At the end a disk that hangs is not waited for.
const LAST: Duration = Duration::from_millis(500);

/// When a server last wrote down that it was alive, in this directory.
pub fn last(dir: &Path) -> Option<Wall> {
    std::fs::read_to_string(dir.join(FILE)).ok()?.trim().parse().ok().map(Wall)
}

/// Writes it down, on a thread of its own: the disk may hang. Until it is dropped, which is the last time.
pub struct Alive {
    end: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Alive {
    /// Begins.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(dir: &Path, now: Arc<dyn Fn() -> Wall + Send + Sync>) -> std::io::Result<Alive> {
        let path = dir.join(FILE);
        let ((end, ending), (done, ended)) = (mpsc::channel::<()>(), mpsc::channel());
        std::thread::Builder::new().name("alive".into()).spawn(move || {
            loop {
                let over = ending.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected);
                // Where it cannot be written, the journal's last moment has to do.
                let _ = write(&path, now());
                if over {
                    // Whoever waited may have gone.
                    let _ = done.send(());
                    return;
                }
            }
        })?;
        Ok(Alive { end: Some(end), ended })
    }
}

/// As a whole or not at all.
fn write(path: &PathBuf, now: Wall) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, now.0.to_string())?;
    std::fs::rename(new, path)
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.end = None;
        // Too late is as good as never.
        let _ = self.ended.recv_timeout(LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last(dir.path()), None);
        drop(Alive::begin(dir.path(), Arc::new(|| Wall(1_790_000_000_123))).unwrap());
        assert_eq!(last(dir.path()), Some(Wall(1_790_000_000_123)));
        std::fs::write(dir.path().join(FILE), "yesterday").unwrap();
        assert_eq!(last(dir.path()), None);
    }
}
