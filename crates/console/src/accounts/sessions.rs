//! Sessions: a random id in a cookie, its hash in the file.
//!
//! A session that cannot be written, because the disk is full, counts in memory: that is when people must get in.

use super::{Account, AccountError, Accounts, account, find};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foghorn_core::time::{Span, Wall};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

/// A session that was not used for so long is over.
pub(crate) const IDLE: Span = Span::hours(3 * 24);
/// A session is over after so long.
pub(crate) const LONGEST: Span = Span::hours(30 * 24);
/// When a session was last used is written down to within this.
const SEEN: Span = Span::mins(5);
/// Sessions that one account may have; the least used make room.
const OF_ONE: i64 = 32;
/// Sessions that are remembered.
const MOST_REMEMBERED: usize = 4096;

type Hash = [u8; 32];

/// Sessions as they were last read, for when the file cannot be.
#[derive(Default)]
pub(super) struct Remembered(HashMap<Hash, Entry>);

#[derive(Clone)]
struct Entry {
    account: Account,
    began: Wall,
    seen: Wall,
    /// It could not be written.
    only_here: bool,
}

impl Entry {
    fn is_over(&self, now: Wall) -> bool {
        now.since(self.seen) >= IDLE || now.since(self.began) >= LONGEST
    }
}

impl Remembered {
    fn put(&mut self, hash: Hash, entry: Entry) {
        if self.0.len() >= MOST_REMEMBERED && !self.0.contains_key(&hash) {
            let oldest = self.0.iter().min_by_key(|(_, e)| e.seen).map(|(h, _)| *h);
            oldest.map(|h| self.0.remove(&h));
        }
        self.0.insert(hash, entry);
    }
}

impl Accounts {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session under a new id, which is in nobody's hands yet.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn begin(&self, account: &Account, now: Wall) -> Result<String, AccountError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| AccountError::Hash(e.to_string()))?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let hash = hash(&id);
        let written = self.with(|db| {
            let over = params![(now - LONGEST).0, (now - IDLE).0];
            db.execute("DELETE FROM session WHERE began <= ?1 OR seen <= ?2", over)?;
            const ROOM: &str = "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE name = ?1 ORDER BY seen DESC LIMIT -1 OFFSET ?2)";
            db.execute(ROOM, params![account.name, OF_ONE - 1])?;
            db.execute("INSERT INTO session VALUES (?1, ?2, ?3, ?3)", params![hash, account.name, now.0])
        });
        let only_here = written.is_err();
        if let Err(e) = written {
            tracing::warn!(error = %e, "a session is kept in memory only");
        }
        let entry = Entry { account: account.clone(), began: now, seen: now, only_here };
        self.remembered().put(hash, entry);
        self.forget_first(&account.name);
        Ok(id)
    }

    /// Whose session it is, if it goes on.
    pub fn session(&self, id: &str, now: Wall) -> Option<Account> {
        let hash = hash(id);
        let read = self.with(|db| {
            const SQL: &str = "SELECT a.name, a.role, a.person, s.began, s.seen FROM session s JOIN account a USING (name) WHERE s.hash = ?1";
            db.prepare_cached(SQL)?
                .query_row([hash], |row| {
                    let (began, seen) = (Wall(row.get(3)?), Wall(row.get(4)?));
                    Ok(Entry { account: account(row)?, began, seen, only_here: false })
                })
                .optional()
        });
        let mut remembered = self.remembered();
        let known = remembered.0.get(&hash).cloned();
        let entry = match read {
            Ok(Some(entry)) => entry,
            // What is only here has no row; its account has.
            Ok(None) => {
                match known.filter(|k| k.only_here).map(|k| (self.with(|db| find(db, &k.account.name)), k)) {
                    Some((Ok(Some(account)), known)) => Entry { account, ..known },
                    Some((Err(_), known)) => known,
                    _ => {
                        remembered.0.remove(&hash);
                        return None;
                    }
                }
            }
            Err(e) => {
                tracing::warn!(error = %e, "sessions are remembered, for they cannot be read");
                known?
            }
        };
        if entry.is_over(now) {
            remembered.0.remove(&hash);
            return None;
        }
        let account = entry.account.clone();
        let stale = now.since(entry.seen) >= SEEN;
        remembered.put(hash, Entry { seen: now.max(entry.seen), ..entry });
        drop(remembered);
        if stale {
            // Not written is not seen: then it ends a little earlier.
            let _ = self
                .with(|db| db.execute("UPDATE session SET seen = ?2 WHERE hash = ?1", params![hash, now.0]));
        }
        Some(account)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file cannot be used: then it is forgotten, but may be there again after a restart.
    pub fn end(&self, id: &str) -> Result<(), AccountError> {
        let hash = hash(id);
        self.remembered().0.remove(&hash);
        self.with(|db| db.execute("DELETE FROM session WHERE hash = ?1", [hash])).map(|_| ())
    }

    /// Ends every session of an account but for the one named.
    pub(super) fn end_all(&self, name: &str, keep: Option<&str>) -> Result<(), AccountError> {
        let keep = keep.map(hash);
        self.remembered().0.retain(|h, e| e.account.name != name || Some(*h) == keep);
        self.with(|db| {
            db.execute("DELETE FROM session WHERE name = ?1 AND hash IS NOT ?2", params![name, keep])
        })
        .map(|_| ())
    }
}

fn hash(id: &str) -> Hash {
    Sha256::digest(id.as_bytes()).into()
}
