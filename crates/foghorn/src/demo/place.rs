//! Where a run keeps its files: a directory that is removed at the end, or one that somebody asked to keep.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The directory of a run.
pub enum Place {
    /// Removed when it is dropped.
    Passing(TempDir),
    /// Kept.
    Kept(PathBuf),
}

impl Place {
    /// A directory that only this user reads; `keep` must be new or empty.
    ///
    /// # Errors
    /// In words: it cannot be made, or has something in it.
    pub fn new(keep: Option<&Path>) -> Result<Place, String> {
        let Some(dir) = keep else {
            let made = tempfile::Builder::new()
                .prefix("foghorn-demo-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir();
            return made
                .map(Place::Passing)
                .map_err(|e| format!("no directory for the demo's files: {e}; set TMPDIR to one"));
        };
        let wrong = |e: io::Error| format!("--keep {}: {e}", dir.display());
        std::fs::create_dir_all(dir).map_err(wrong)?;
        if std::fs::read_dir(dir).map_err(wrong)?.next().is_some() {
            return Err(format!(
                "--keep {}: there is something in it already; name a new directory",
                dir.display()
            ));
        }
        dir.canonicalize().map(Place::Kept).map_err(wrong)
    }

    /// A file or a directory in it.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Place::Passing(dir) => dir.path().join(name),
            Place::Kept(dir) => dir.join(name),
        }
    }

    /// The directory, if it stays.
    pub fn kept(&self) -> Option<&Path> {
        match self {
            Place::Passing(_) => None,
            Place::Kept(dir) => Some(dir),
        }
    }

    /// Makes a secret and writes it into a file.
    ///
    /// # Errors
    /// No random numbers, or no file.
    pub fn secret(&self, name: &str) -> io::Result<String> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let secret: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name))?;
        file.write_all(secret.as_bytes())?;
        Ok(secret)
    }

    /// What the server logs goes to a file from now on: the terminal is for the story. `RUST_LOG` changes what is said.
    ///
    /// # Errors
    /// No file.
    pub fn log_here(&self) -> io::Result<()> {
        use tracing_subscriber::EnvFilter;
        let file = OpenOptions::new().append(true).create(true).open(self.path("foghorn.log"))?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        // A second call, as in a test, keeps the first.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(Arc::new(file))
            .with_ansi(false)
            .try_init();
        Ok(())
    }

    /// Where to read more after something went wrong.
    pub fn log_hint(&self) -> String {
        match self.kept() {
            Some(dir) => format!("\nThe log is {}.", dir.join("foghorn.log").display()),
            None => "\n`foghorn demo --keep DIR` keeps the log of a run.".to_owned(),
        }
    }
}
