//! Who may log in to the console: accounts and sessions, in a small database of their own.
//!
//! Passwords are kept as argon2id hashes, session ids as SHA-256: whoever reads the file can neither log in nor go on
//! with a session. The command line works on the same file while a server runs. Every call may block on the disk, for some
//! seconds at most where that hangs, and those that take a password take tens of milliseconds of a processor.

mod file;
mod first;
mod password;
mod sessions;
mod writer;

pub use password::new_password;

use crate::gate::{Gate, Hangs};
use first::forget_first;
use foghorn_config::model::Role;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sessions::Remembered;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use writer::Writer;

/// Accounts that there may be.
const MOST_ACCOUNTS: i64 = 1000;
/// Characters of a name.
const LONGEST_NAME: usize = 64;

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What they log in with: lower-case letters, digits, `.`, `-`, `_`, `@`; at most 64.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The person of the configuration that they are: acts in the timeline bear that name.
    pub person: Option<String>,
}

/// Somebody whose password was right. A session begins with this alone, and only while that password is the account's.
#[derive(Clone, PartialEq, Eq)]
pub struct Proved {
    /// Who it is.
    pub account: Account,
    /// Of the password that was given.
    hash: String,
}

impl std::fmt::Debug for Proved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Proved").field(&self.account).finish()
    }
}

/// Why something about accounts cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Their file cannot be used.
    #[error(
        "the accounts in {path} cannot be used: {why}; look at the disk, or restore the file from a backup"
    )]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// Nobody has this name.
    #[error("there is no account {0}; `foghorn user list` names all")]
    Unknown(String),
    /// Somebody has this name.
    #[error("there is an account {0} already: choose another name, or set its password")]
    Taken(String),
    /// Not a name.
    #[error(
        "{0:?} is no name for an account: use 1 to 64 of a-z, 0-9, `.`, `-`, `_` and `@`; `.` and `..` alone are none"
    )]
    Name(String),
    /// Not a password.
    #[error("{0}")]
    Password(&'static str),
    /// Nobody could manage accounts any more.
    #[error("{0} is the last admin: make another one first")]
    LastAdmin(String),
    /// The disk does not answer, and nothing was done.
    #[error(
        "the accounts in {0} cannot be used now, and nothing is changed: the disk does not answer; try again when it does"
    )]
    Hangs(String),
    /// The disk does not answer, and it has begun.
    #[error(
        "the disk has not answered, so it is not known whether that will be done: look at the accounts in {0} when it does"
    )]
    Late(String),
    /// Too many.
    #[error("there are {MOST_ACCOUNTS} accounts, as many as there may be: remove one first")]
    Full,
    /// The system gives no random numbers, or a hash cannot be made.
    #[error("a password cannot be hashed: {0}")]
    Hash(String),
}

/// Accounts and sessions.
pub struct Accounts {
    path: PathBuf,
    /// For questions: none of them waits for what is written.
    reader: Gate<Option<Connection>>,
    writer: Writer,
    remembered: Arc<Mutex<Remembered>>,
    key: OnceLock<[u8; 32]>,
}

/// Uses an open file, or opens it first, and again after it failed.
fn used<T>(
    path: &Path,
    db: &mut Option<Connection>,
    open: impl FnOnce() -> Result<Connection, String>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, AccountError> {
    let failed = |why: String| AccountError::File { path: path.display().to_string(), why };
    let open = match &*db {
        Some(open) => open,
        None => db.insert(open().map_err(failed)?),
    };
    work(open).map_err(|e| {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, SystemIoFailure};
        // A file that was put back from a backup is found by opening it anew.
        if matches!(
            e.sqlite_error_code(),
            Some(CannotOpen | DatabaseCorrupt | NotADatabase | SystemIoFailure)
        ) {
            *db = None;
        }
        failed(e.to_string())
    })
}

impl Accounts {
    /// Of the file at `path`, which is made when it is first needed.
    #[must_use]
    pub fn new(path: PathBuf) -> Accounts {
        Accounts {
            writer: Writer::new(path.clone()),
            path,
            reader: Gate::new(None),
            remembered: Arc::default(),
            key: OnceLock::new(),
        }
    }

    /// Writes that wait for the disk, and those that were lost because too many did.
    #[must_use]
    pub fn writes(&self) -> (usize, u64) {
        self.writer.counts()
    }

    /// Asks the file. Waits for the disk as far as reading needs it, and not at all while somebody else hangs in that.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, AccountError> {
        let mut db =
            self.reader.enter().map_err(|Hangs| AccountError::Hangs(self.path.display().to_string()))?;
        if db.is_none() {
            let failed = |why| AccountError::File { path: self.path.display().to_string(), why };
            *db = file::existing(&self.path).map_err(failed)?;
        }
        if db.is_none() {
            self.writer.now(|_| Ok(()))?;
        }
        let there = || file::existing(&self.path)?.ok_or_else(|| "it is not there any more".to_owned());
        used(&self.path, &mut db, there, work)
    }

    /// Adds an account.
    ///
    /// # Errors
    /// The name is taken or no name, the password too short, or the file cannot be used.
    pub fn add(&self, account: &Account, password: &str) -> Result<(), AccountError> {
        let fit =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '@');
        let name = &account.name;
        // `.` and `..` are places in an address, not names: nothing would be found at `/users/..`.
        if matches!(&**name, "" | "." | "..") || name.len() > LONGEST_NAME || !name.chars().all(fit) {
            return Err(AccountError::Name(name.clone()));
        }
        let hash = password::hash(password)?;
        let (named, account) = (name.clone(), account.clone());
        let (there, all, made) = self.writer.now(move |db| {
            let there = find(db, &named)?.is_some();
            let all: i64 = db.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
            const SQL: &str = "INSERT OR IGNORE INTO account (name, hash, role, person) SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM account) < ?5";
            let made = db
                .execute(SQL, params![named, hash, word(account.role), account.person, MOST_ACCOUNTS])?;
            Ok((there, all, made))
        })?;
        match made {
            0 if there || all < MOST_ACCOUNTS => Err(AccountError::Taken(name.clone())),
            0 => Err(AccountError::Full),
            _ => Ok(()),
        }
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn list(&self) -> Result<Vec<Account>, AccountError> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT name, role, person FROM account ORDER BY name")?;
            query.query_map([], account)?.collect()
        })
    }

    /// Gives an account another password, and ends its sessions but for the one named.
    ///
    /// # Errors
    /// There is no such account, the password is too short, or the file cannot be used.
    pub fn set_password(&self, name: &str, password: &str, keep: Option<&str>) -> Result<(), AccountError> {
        let hash = password::hash(password)?;
        const SQL: &str = "UPDATE account SET hash = ?2 WHERE name = ?1";
        let named = name.to_owned();
        match self.and_end(name, keep, move |tx| tx.execute(SQL, params![named, hash]))? {
            0 => Err(AccountError::Unknown(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// What changes an account, and the end of its sessions but for the one to keep: both, or neither.
    fn and_end(
        &self,
        name: &str,
        keep: Option<&str>,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<usize, AccountError> {
        let end = self.end_all(name, keep);
        self.writer.now(move |db| {
            let tx = db.unchecked_transaction()?;
            let changed = change(&tx)?;
            if changed > 0 {
                end(tx)?;
            }
            Ok(changed)
        })
    }

    /// Changes what somebody may do. It counts from their next request on.
    ///
    /// # Errors
    /// There is no such account, it is the last admin, or the file cannot be used.
    pub fn set_role(&self, name: &str, role: Role) -> Result<(), AccountError> {
        const SQL: &str = "UPDATE account SET role = ?2 WHERE name = ?1 AND (?2 = 'admin' OR role <> 'admin' OR EXISTS (SELECT 1 FROM account WHERE role = 'admin' AND name <> ?1))";
        let named = name.to_owned();
        let changed = self.writer.now(move |db| db.execute(SQL, params![named, word(role)]))?;
        self.told(name, changed)
    }

    /// Removes an account and its sessions.
    ///
    /// # Errors
    /// There is no such account, it is the last admin, or the file cannot be used.
    pub fn remove(&self, name: &str) -> Result<(), AccountError> {
        const SQL: &str = "DELETE FROM account WHERE name = ?1 AND (role <> 'admin' OR EXISTS (SELECT 1 FROM account WHERE role = 'admin' AND name <> ?1))";
        let named = name.to_owned();
        let changed = self.and_end(name, None, move |tx| tx.execute(SQL, params![named]))?;
        self.told(name, changed)
    }

    fn told(&self, name: &str, changed: usize) -> Result<(), AccountError> {
        if changed > 0 {
            return Ok(());
        }
        Err(match self.read(|db| find(db, name))? {
            Some(_) => AccountError::LastAdmin(name.to_owned()),
            None => AccountError::Unknown(name.to_owned()),
        })
    }

    /// The account, if the password is right. Takes as long where there is no such account.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn check(&self, name: &str, password: &str) -> Result<Option<Proved>, AccountError> {
        let found = self.read(|db| {
            db.prepare_cached("SELECT name, role, person, hash FROM account WHERE name = ?1")?
                .query_row([name], |row| Ok(Proved { account: account(row)?, hash: row.get(3)? }))
                .optional()
        })?;
        let right = password::verify(password, found.as_ref().map(|found| found.hash.as_str()));
        Ok(found.filter(|_| right))
    }

    /// What forms and actions are signed with. Made once and kept beside the accounts; where the file cannot be used, or
    /// the disk hangs, for as long as this process lives.
    pub(crate) fn key(&self) -> [u8; 32] {
        const KEY: &str = "SELECT key FROM secret";
        *self.key.get_or_init(|| {
            let kept = self.read(|db| db.query_row(KEY, [], |row| row.get(0)).optional());
            if let Ok(Some(kept)) = kept {
                return kept;
            }
            let mut new = [0; 32];
            // Without random numbers no session begins either, so nothing is signed with a key that can be guessed.
            if getrandom::fill(&mut new).is_err() {
                tracing::error!("the system gives no random numbers: nobody can log in");
            }
            let keep = move |db: &Connection| {
                db.execute("INSERT OR IGNORE INTO secret (one, key) VALUES (1, ?1)", params![new])?;
                db.query_row(KEY, [], |row| row.get::<_, [u8; 32]>(0))
            };
            self.writer.soon(keep, |_| ()).unwrap_or(new)
        })
    }
}

fn find(db: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT name, role, person FROM account WHERE name = ?1")?
        .query_row([name], account)
        .optional()
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        name: row.get(0)?,
        // The table takes no other word.
        role: role(&row.get::<_, String>(1)?).unwrap_or(Role::Viewer),
        person: row.get(2)?,
    })
}

/// A role by its word.
pub(crate) fn role(word: &str) -> Option<Role> {
    [Role::Viewer, Role::Responder, Role::Admin].into_iter().find(|r| self::word(*r) == word)
}

/// A role's word.
pub(crate) fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests;
