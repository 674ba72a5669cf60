//! Sessions: a random id in a cookie, its hash in the file.
//!
//! A session that cannot be written, because the disk is full or hangs, counts in memory: that is when people must get in.
//! It is written when that can be done.

use super::{Account, AccountError, Accounts, Proved, account, find, forget_first};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foghorn_core::time::{Span, Wall};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A session that was not used for so long is over.
pub(crate) const IDLE: Span = Span::hours(3 * 24);
/// A session is over after so long.
pub(crate) const LONGEST: Span = Span::hours(30 * 24);
/// When a session was last used is written down to within this.
const SEEN: Span = Span::mins(5);
/// What could not be written is tried again after this long, if it is used.
const AGAIN: Span = Span::mins(1);
/// Sessions that one account may have; the least used make room.
const OF_ONE: i64 = 32;
/// Sessions that are remembered.
const MOST_REMEMBERED: usize = 4096;

const OVER: &str = "DELETE FROM session WHERE began <= ?1 OR seen <= ?2";
const ROOM: &str = "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE name = ?1 ORDER BY seen DESC LIMIT -1 OFFSET ?2)";
/// Unless the account has another password by now, or is gone.
const BEGIN: &str = "INSERT OR IGNORE INTO session SELECT ?1, ?2, ?3, ?4 WHERE ?5 IS NULL OR EXISTS (SELECT 1 FROM account WHERE name = ?2 AND hash = ?5)";
const SAW: &str = "UPDATE session SET seen = ?2 WHERE hash = ?1 AND seen < ?2";

type Hash = [u8; 32];

/// Sessions as they were last read, for when the file cannot be, and those that are on their way into it.
#[derive(Default)]
pub(super) struct Remembered {
    all: HashMap<Hash, Entry>,
    /// Over, though their rows may still be there.
    ended: HashMap<Hash, Wall>,
}

#[derive(Clone)]
struct Entry {
    account: Account,
    began: Wall,
    seen: Wall,
    /// What the file knows of that, or is to.
    written: Wall,
    /// Not in the file yet: the account's hash when it began, until that is set by this very session. It is over with
    /// another password.
    only_here: Option<Option<String>>,
}

impl Entry {
    fn is_over(&self, now: Wall) -> bool {
        now.since(self.seen) >= IDLE || now.since(self.began) >= LONGEST
    }
}

impl Remembered {
    fn put(&mut self, hash: Hash, entry: Entry) {
        if self.all.len() >= MOST_REMEMBERED && !self.all.contains_key(&hash) {
            let oldest = self.all.iter().min_by_key(|(_, e)| e.seen).map(|(h, _)| *h);
            oldest.map(|h| self.all.remove(&h));
        }
        self.all.insert(hash, entry);
    }

    fn end(&mut self, hash: Hash, now: Wall) {
        self.all.remove(&hash);
        if self.ended.len() >= MOST_REMEMBERED {
            let oldest = self.ended.iter().min_by_key(|(_, at)| **at).map(|(h, _)| *h);
            oldest.map(|h| self.ended.remove(&h));
        }
        self.ended.insert(hash, now);
    }
}

fn lock(remembered: &Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Accounts {
    /// Begins a session under a new id, which is in nobody's hands yet. Where it cannot be written, or the disk hangs, it
    /// counts in memory, and is written later. It is over at once where the account was given another password since the
    /// one was looked at.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn begin(&self, proved: &Proved, now: Wall) -> Result<String, AccountError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| AccountError::Hash(e.to_string()))?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let hash = hash(&id);
        let Proved { account, hash: password } = proved.clone();
        let password = Some(password);
        let entry = Entry { account, began: now, seen: now, written: now, only_here: Some(password.clone()) };
        lock(&self.remembered).put(hash, entry.clone());
        let (work, then) = self.keeping(hash, entry, password);
        if let Err(e) = self.writer.soon(work, then) {
            tracing::warn!(error = %e, "a session is kept in memory only, until it can be written");
        }
        Ok(id)
    }

    /// What brings a session into the file, and what follows when it is there.
    fn keeping(
        &self,
        hash: Hash,
        entry: Entry,
        password: Option<String>,
    ) -> (
        impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
        impl FnOnce(&Result<(), AccountError>) + Send + 'static,
    ) {
        let Entry { account: Account { name, .. }, began, seen, .. } = entry;
        let (path, before, after) = (self.path.clone(), self.remembered.clone(), self.remembered.clone());
        let work = move |db: &Connection| {
            forget_first(&path, &name);
            if lock(&before).ended.contains_key(&hash) {
                return Ok(());
            }
            let tx = db.unchecked_transaction()?;
            tx.execute(OVER, params![(seen - LONGEST).0, (seen - IDLE).0])?;
            tx.execute(ROOM, params![name, OF_ONE - 1])?;
            tx.execute(BEGIN, params![hash, name, began.0, seen.0, password])?;
            tx.commit()
        };
        let then = move |done: &Result<(), AccountError>| {
            if done.is_ok()
                && let Some(entry) = lock(&after).all.get_mut(&hash)
            {
                entry.only_here = None;
            }
        };
        (work, then)
    }

    /// A session as it stands, unless it is over. Waits for nothing that is written.
    fn look(&self, hash: Hash, now: Wall) -> Option<Entry> {
        // Looked at before the file: what is only here then, and is written meanwhile, is found there.
        let known = {
            let remembered = lock(&self.remembered);
            if remembered.ended.contains_key(&hash) {
                return None;
            }
            remembered.all.get(&hash).cloned()
        };
        let entry = match self.read(|db| read(db, hash, known.as_ref())) {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                lock(&self.remembered).all.remove(&hash);
                return None;
            }
            Err(e) => {
                tracing::warn!(error = %e, "sessions are remembered, for they cannot be read");
                known?
            }
        };
        if entry.is_over(now) {
            lock(&self.remembered).all.remove(&hash);
            return None;
        }
        Some(entry)
    }

    /// Whether a session goes on. Asking does not prolong it.
    pub(crate) fn goes_on(&self, id: &str, now: Wall) -> bool {
        self.look(hash(id), now).is_some()
    }

    /// Whose session it is, if it goes on. It is used with this. Waits for nothing that is written.
    pub fn session(&self, id: &str, now: Wall) -> Option<Account> {
        let hash = hash(id);
        let entry = self.look(hash, now)?;
        let account = entry.account.clone();
        let stale = now.since(entry.written) >= if entry.only_here.is_some() { AGAIN } else { SEEN };
        let written = if stale { now } else { entry.written };
        let entry = Entry { seen: now.max(entry.seen), written, ..entry };
        lock(&self.remembered).put(hash, entry.clone());
        // Not written is not seen: then it ends a little earlier.
        match &entry.only_here {
            _ if !stale => {}
            Some(password) => {
                let (work, then) = self.keeping(hash, entry.clone(), password.clone());
                drop(self.writer.later(work, then));
            }
            None => {
                let seen = move |db: &Connection| db.execute(SAW, params![hash, now.0]);
                drop(self.writer.later(seen, |_| ()));
            }
        }
        Some(account)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file cannot be used, or the disk hangs: then it is over, but may be there again after a restart.
    pub fn end(&self, id: &str, now: Wall) -> Result<(), AccountError> {
        let hash = hash(id);
        lock(&self.remembered).end(hash, now);
        let remembered = self.remembered.clone();
        let end = move |db: &Connection| db.execute("DELETE FROM session WHERE hash = ?1", [hash]);
        let ended = self.writer.soon(end, move |done| {
            if done.is_ok() {
                lock(&remembered).ended.remove(&hash);
            }
        });
        ended.map(|_| ())
    }

    /// Ends every session of an account but for the one named, with what else a transaction does: it has another password,
    /// or is gone.
    pub(super) fn end_all(
        &self,
        name: &str,
        keep: Option<&str>,
    ) -> impl FnOnce(Transaction<'_>) -> rusqlite::Result<()> + Send + 'static {
        const SQL: &str = "DELETE FROM session WHERE name = ?1 AND hash IS NOT ?2";
        let (path, remembered) = (self.path.clone(), self.remembered.clone());
        let (name, keep) = (name.to_owned(), keep.map(hash));
        move |tx| {
            tx.execute(SQL, params![name, keep])?;
            tx.commit()?;
            let mut remembered = lock(&remembered);
            remembered.all.retain(|h, e| e.account.name != name || Some(*h) == keep);
            let kept = keep.and_then(|keep| remembered.all.get_mut(&keep));
            // It goes on, though the password is another one.
            if let Some(only_here) = kept.and_then(|entry| entry.only_here.as_mut()) {
                *only_here = None;
            }
            drop(remembered);
            forget_first(&path, &name);
            Ok(())
        }
    }
}

/// A session as the file has it; of one that is only here, its account.
fn read(db: &Connection, hash: Hash, known: Option<&Entry>) -> rusqlite::Result<Option<Entry>> {
    const SQL: &str = "SELECT a.name, a.role, a.person, s.began, s.seen FROM session s JOIN account a USING (name) WHERE s.hash = ?1";
    let row = |row: &Row<'_>| {
        let (began, seen) = (Wall(row.get(3)?), Wall(row.get(4)?));
        let later = |here: fn(&Entry) -> Wall| known.map_or(seen, |k| seen.max(here(k)));
        Ok(Entry {
            account: account(row)?,
            began,
            seen: later(|k| k.seen),
            written: later(|k| k.written),
            only_here: None,
        })
    };
    if let Some(entry) = db.prepare_cached(SQL)?.query_row([hash], row).optional()? {
        return Ok(Some(entry));
    }
    let Some((known, then)) = known.and_then(|k| Some((k, k.only_here.as_ref()?))) else { return Ok(None) };
    let name = &known.account.name;
    let as_it_was = then.is_none() || *then == password(db, name)?;
    let account = find(db, name)?.filter(|_| as_it_was);
    Ok(account.map(|account| Entry { account, ..known.clone() }))
}

/// The hash of an account's password.
fn password(db: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut query = db.prepare_cached("SELECT hash FROM account WHERE name = ?1")?;
    query.query_row([name], |row| row.get(0)).optional()
}

fn hash(id: &str) -> Hash {
    Sha256::digest(id.as_bytes()).into()
}
