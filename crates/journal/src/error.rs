//! What goes wrong below every operation, and how damage is told.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A failure of the disk, of SQLite, or of what lies there.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "writing".
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{doing}: {source}")]
    Sql {
        /// What was being done, as in "reading batches".
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// What was read is not what was written.
    #[error("damaged at event {seq}: {why}")]
    Damaged {
        /// The first event that cannot be trusted.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// What lies beside the journal in a backup is not what was put there.
    #[error(
        "what lies beside the journal in the backup (accounts, keys, results of checks) was changed, or is missing"
    )]
    Beside,
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
        move |source| StoreError::Sql { doing, source }
    }

    /// Is it the content that is bad, rather than the disk, a lock, or memory?
    pub(crate) fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            StoreError::Io { .. } => false,
            StoreError::Damaged { .. } | StoreError::Beside => true,
            StoreError::Sql { source, .. } => match source.sqlite_error_code() {
                Some(code) => matches!(code, DatabaseCorrupt | NotADatabase),
                // No result code: a column of the wrong type or length, a row that has to be there and is not.
                None => true,
            },
        }
    }

    /// Could another try, once somebody else is done, go through?
    pub(crate) fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, FileLockingProtocolFailed};
        matches!(self, StoreError::Sql { source, .. }
            if matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed)))
    }
}

/// Something that was lost, or found wrong, when the journal was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The first event that is not there any more; events before it are whole.
    pub from_seq: u64,
    /// What was wrong.
    pub why: String,
    /// Where the damaged file was kept, if it could be.
    pub kept: Option<PathBuf>,
}
