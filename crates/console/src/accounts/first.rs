//! The first account, and its password: in a file of its own from the first start until somebody has logged in with it.

use super::{Account, AccountError, Accounts, new_password};
use foghorn_config::model::Role;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The first account's name.
const FIRST: &str = "admin";
/// The file of its password, beside the accounts.
const FILE: &str = "first-password";

impl Accounts {
    /// Makes `admin` with a random password if there is no admin, whoever else was added before the first start: nobody could
    /// manage accounts. The password is told once, here.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn first(&self) -> Result<Option<String>, AccountError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM account WHERE role = 'admin')";
        let any = self.read(|db| db.query_row(SQL, [], |row| row.get::<_, bool>(0)))?;
        if any {
            return Ok(None);
        }
        let password = new_password()?;
        let admin = Account { name: FIRST.to_owned(), role: Role::Admin, person: None };
        match self.add(&admin, &password) {
            Ok(()) => Ok(Some(password)),
            // The command line was faster.
            Err(AccountError::Taken(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Where the first account's password is, if it was put there and nobody has used it yet.
    #[must_use]
    pub fn first_password(&self) -> Option<PathBuf> {
        Some(self.path.with_file_name(FILE)).filter(|path| path.exists())
    }

    /// Puts the first account's password into a file that only Foghorn's user may read, and says where. It goes when that
    /// account logs in, gets another password or is removed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_first(&self, password: &str) -> std::io::Result<PathBuf> {
        let path = self.path.with_file_name(FILE);
        // One that is left from before was made by nobody knows whom, with whatever rights.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{password}")?;
        file.sync_all()?;
        Ok(path)
    }
}

/// Its password was used, or is none any more. `accounts` is their file.
pub(super) fn forget_first(accounts: &Path, name: &str) {
    if name != FIRST {
        return;
    }
    let path = accounts.with_file_name(FILE);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            tracing::warn!("{} holds a password and cannot be removed: {e}; remove it", path.display());
        }
        _ => {}
    }
}
