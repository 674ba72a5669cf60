//! The file: one row a second of what has just come in, and packed chunks by check.
//!
//! What comes in is appended as one row a second, and kept in memory too, by check, until ten minutes are full; then
//! it becomes a chunk of results and is added to the roll-ups. After a crash the rows are read again.

use super::codec::{Packed, put, take, unpack, unzigzag, zigzag};
use super::point::{self, Rolls};
use super::{Mark, Sample};
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Rows of what has just come in are kept for this long at least; all of it is in chunks by then.
const KEEP_ROWS: i64 = 30 * MINUTE;

/// How finely results are kept, and for how long. For a check every 10 s:
///
/// | tier | bytes each | kept | makes |
/// |---|---|---|---|
/// | every result | 3 | 2 days (17,280) | 52 KB |
/// | 1 minute | 18 | 7 days (10,080) | 181 KB |
/// | 5 minutes | 24 | 60 days (17,280) | 415 KB |
/// | 1 hour | 35 | 2 years (17,520) | 613 KB |
///
/// so a thousand checks come to 1.3 GB after two years and 1.0 GB after one, below 2 GiB. A test measures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    pub(super) id: i64,
    /// Milliseconds that one point covers; of single results, what is usual.
    pub(super) span: i64,
    /// Milliseconds in one row.
    pub(super) chunk: i64,
    /// Rows kept for each check. By number and not by age, so that a clock that wakes up in 2038 deletes nothing.
    pub(super) keep: i64,
}

pub(super) const RAW: Tier = Tier { id: 0, span: 10 * SECOND, chunk: 10 * MINUTE, keep: 288 };
pub(super) const ROLLUPS: [Tier; 3] = [
    Tier { id: 1, span: MINUTE, chunk: 6 * HOUR, keep: 28 },
    Tier { id: 2, span: 5 * MINUTE, chunk: 24 * HOUR, keep: 60 },
    Tier { id: 3, span: HOUR, chunk: 30 * 24 * HOUR, keep: 25 },
];

/// One result on its way into the file.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) check: Name,
    pub(super) sample: Sample,
}

/// Results of one check that are not in a chunk yet.
struct Open {
    id: i64,
    chunk: i64,
    packed: Packed,
}

/// The open file.
pub(super) struct Store {
    db: Connection,
    open: BTreeMap<Name, Open>,
}

type Sql<T> = rusqlite::Result<T>;

impl Store {
    pub(super) fn open(path: &Path) -> Sql<Store> {
        let db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // Losing the last seconds at a power cut is allowed; a damaged file is not.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS checks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
             CREATE TABLE IF NOT EXISTS recent (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, data BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS chunks (key INTEGER PRIMARY KEY, data BLOB NOT NULL);",
        )?;
        db.set_prepared_statement_cache_capacity(32);
        let mut store = Store { db, open: BTreeMap::new() };
        store.replay()?;
        Ok(store)
    }

    /// Puts the rows of what had just come in back into memory, but for what is in a chunk already.
    fn replay(&mut self) -> Sql<()> {
        let names: BTreeMap<i64, Name> = {
            let mut all = self.db.prepare("SELECT id, name FROM checks")?;
            let rows = all.query_map([], |r| Ok((r.get(0)?, Name::from(r.get::<_, String>(1)?))))?;
            rows.collect::<Sql<_>>()?
        };
        let rows: Vec<(i64, Vec<u8>)> = {
            let mut all = self.db.prepare("SELECT at, data FROM recent ORDER BY seq")?;
            let rows = all.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect::<Sql<_>>()?
        };
        let mut stored: BTreeMap<i64, bool> = BTreeMap::new();
        for (at, data) in rows {
            for (id, sample) in read_row(&data, at) {
                let Some(name) = names.get(&id) else { continue };
                let key = key(RAW, id, sample.at.0.div_euclid(RAW.chunk));
                let known = match stored.get(&key) {
                    Some(known) => *known,
                    None => *stored.entry(key).or_insert(self.get(key)?.is_some()),
                };
                if !known {
                    self.add(name.clone(), id, &sample)?;
                }
            }
        }
        Ok(())
    }

    /// Writes a batch in one transaction. On an error none of it is in the file, and the store is to be opened anew.
    pub(super) fn write(&mut self, batch: &[Record]) -> Sql<()> {
        let Some(first) = batch.first() else { return Ok(()) };
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let base = first.sample.at.0;
        let mut row = Vec::with_capacity(batch.len() * 8);
        for record in batch {
            let id = self.id(&record.check)?;
            write_row(&mut row, id, base, &record.sample);
            self.add(record.check.clone(), id, &record.sample)?;
        }
        self.db
            .prepare_cached("INSERT INTO recent (at, data) VALUES (?1, ?2)")?
            .execute(params![base, row])?;
        self.db.execute_batch("COMMIT")
    }

    /// Once a minute: closes chunks that are full, and drops rows that are no longer needed.
    pub(super) fn sweep(&mut self, now: Wall) -> Sql<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let current = (now.0 - MINUTE).div_euclid(RAW.chunk);
        let full: Vec<Name> = self
            .open
            .iter()
            .filter(|(_, o)| o.chunk != current && o.chunk != current + 1)
            .map(|(n, _)| n.clone())
            .collect();
        for name in full {
            if let Some(open) = self.open.remove(&name) {
                self.close(&open)?;
            }
        }
        // A clock that has stepped back leaves rows in the future; they go when they are too many.
        self.db
            .prepare_cached("DELETE FROM recent WHERE at < ?1 OR at > ?2")?
            .execute(params![now.0 - KEEP_ROWS, now.0 + KEEP_ROWS])?;
        self.db.execute_batch("COMMIT")
    }

    /// Once an hour: drops what is older than its tier keeps, and checks that are gone for as long as anything is kept.
    pub(super) fn retain(&mut self) -> Sql<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let oldest = self.oldest_kept()?;
        let ids: Vec<(i64, Name)> = {
            let mut all = self.db.prepare_cached("SELECT id, name FROM checks")?;
            let rows = all.query_map([], |r| Ok((r.get(0)?, Name::from(r.get::<_, String>(1)?))))?;
            rows.collect::<Sql<_>>()?
        };
        for (id, name) in ids {
            for tier in [RAW].into_iter().chain(ROLLUPS) {
                self.db
                    .prepare_cached(
                        "DELETE FROM chunks WHERE key >= ?1 AND key <= (SELECT key FROM chunks WHERE key >= ?1 AND \
                         key < ?2 ORDER BY key DESC LIMIT 1 OFFSET ?3)",
                    )?
                    .execute(params![key(tier, id, 0), key(tier, id + 1, 0), tier.keep])?;
            }
            let [.., coarse] = ROLLUPS;
            let newest: Option<i64> = self
                .db
                .prepare_cached("SELECT max(key) FROM chunks WHERE key >= ?1 AND key < ?2")?
                .query_row(params![key(coarse, id, 0), key(coarse, id + 1, 0)], |r| r.get(0))?;
            let gone = newest.is_none_or(|newest| oldest.is_some_and(|oldest| newest & CHUNK < oldest));
            if gone && !self.open.contains_key(&name) {
                for tier in [RAW].into_iter().chain(ROLLUPS) {
                    self.db
                        .prepare_cached("DELETE FROM chunks WHERE key >= ?1 AND key < ?2")?
                        .execute(params![key(tier, id, 0), key(tier, id + 1, 0)])?;
                }
                self.db.prepare_cached("DELETE FROM checks WHERE id = ?1")?.execute([id])?;
            }
        }
        self.db.execute_batch("COMMIT")
    }

    /// The oldest chunk of the coarsest tier that a check which is measured may have: by number over all checks, for the
    /// reason that [`Tier::keep`] is one.
    fn oldest_kept(&self) -> Sql<Option<i64>> {
        let [.., coarse] = ROLLUPS;
        self.db
            .prepare_cached(
                "SELECT DISTINCT key & ?1 AS chunk FROM chunks WHERE key >= ?2 AND key <= ?3 ORDER BY chunk DESC \
                 LIMIT 1 OFFSET ?4",
            )?
            .query_row(
                params![CHUNK, key(coarse, 0, 0), key(coarse, i64::MAX, i64::MAX), coarse.keep - 1],
                |r| r.get(0),
            )
            .optional()
    }

    fn add(&mut self, name: Name, id: i64, sample: &Sample) -> Sql<()> {
        let chunk = sample.at.0.div_euclid(RAW.chunk);
        if self.open.get(&name).is_some_and(|o| o.chunk != chunk)
            && let Some(full) = self.open.remove(&name)
        {
            self.close(&full)?;
        }
        let base = chunk * RAW.chunk;
        let open = self.open.entry(name).or_insert_with(|| Open { id, chunk, packed: Packed::new(base) });
        open.packed.push(sample);
        Ok(())
    }

    /// Makes a chunk of it, and adds it to the roll-ups.
    fn close(&self, open: &Open) -> Sql<()> {
        let base = open.chunk * RAW.chunk;
        let samples = open.packed.samples(base);
        let raw = key(RAW, open.id, open.chunk);
        // There is one already if the clock has stepped back.
        let bytes = match self.get(raw)? {
            None => open.packed.bytes.clone(),
            Some(before) => {
                let mut all = unpack(&before, base);
                all.extend(samples.iter().cloned());
                all.sort_by_key(|s| s.at);
                let mut packed = Packed::new(base);
                all.iter().for_each(|s| packed.push(s));
                packed.bytes
            }
        };
        self.set(raw, &bytes)?;
        for tier in ROLLUPS {
            let chunk = base.div_euclid(tier.chunk);
            let key = key(tier, open.id, chunk);
            let mut rolls = self.get(key)?.map(|b| point::read(&b)).unwrap_or_default();
            roll(&samples, tier, chunk, &mut rolls);
            self.set(key, &point::write(&rolls))?;
        }
        Ok(())
    }

    fn get(&self, key: i64) -> Sql<Option<Vec<u8>>> {
        self.db
            .prepare_cached("SELECT data FROM chunks WHERE key = ?1")?
            .query_row([key], |r| r.get(0))
            .optional()
    }

    fn set(&self, key: i64, data: &[u8]) -> Sql<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO chunks (key, data) VALUES (?1, ?2)")?
            .execute(params![key, data])?;
        Ok(())
    }

    fn id(&self, name: &Name) -> Sql<i64> {
        if let Some(open) = self.open.get(name) {
            return Ok(open.id);
        }
        if let Some(id) = self.find(name)? {
            return Ok(id);
        }
        self.db.prepare_cached("INSERT INTO checks (name) VALUES (?1)")?.execute([name.as_str()])?;
        Ok(self.db.last_insert_rowid())
    }

    fn find(&self, name: &str) -> Sql<Option<i64>> {
        self.db
            .prepare_cached("SELECT id FROM checks WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()
    }

    /// The oldest moment of which a tier knows something.
    pub(super) fn oldest(&self, check: &str, tier: Tier) -> Sql<Option<i64>> {
        let Some(id) = self.find(check)? else { return Ok(None) };
        let first: Option<i64> = self
            .db
            .prepare_cached("SELECT min(key) FROM chunks WHERE key >= ?1 AND key < ?2")?
            .query_row(params![key(tier, id, 0), key(tier, id + 1, 0)], |r| r.get(0))?;
        Ok(first.map(|k| (k & CHUNK) * tier.chunk))
    }

    /// Single results in `from..to`, oldest first, as far as they are kept.
    pub(super) fn samples(&self, check: &str, from: i64, to: i64) -> Sql<Vec<Sample>> {
        let mut out: Vec<Sample> = Vec::new();
        for (chunk, data) in self.chunks(check, RAW, from, to)? {
            out.extend(unpack(&data, chunk * RAW.chunk));
        }
        out.extend(self.pending(check));
        out.retain(|s| (from..to).contains(&s.at.0));
        out.sort_by_key(|s| s.at);
        Ok(out)
    }

    /// Rolls by the beginning of their stretch, for those that begin in `from..to`.
    pub(super) fn rolls(
        &self,
        check: &str,
        tier: Tier,
        from: i64,
        to: i64,
    ) -> Sql<BTreeMap<i64, point::Roll>> {
        let mut out: BTreeMap<i64, point::Roll> = BTreeMap::new();
        let mut take = |chunk: i64, rolls: Rolls| {
            for (slot, roll) in rolls {
                let at = chunk * tier.chunk + slot.cast_signed() * tier.span;
                if (from..to).contains(&at) {
                    out.entry(at).or_default().merge(&roll);
                }
            }
        };
        for (chunk, data) in self.chunks(check, tier, from, to)? {
            take(chunk, point::read(&data));
        }
        let pending = self.pending(check);
        if let Some(first) = pending.first() {
            // A chunk of results lies within one chunk of each roll-up.
            let chunk = first.at.0.div_euclid(tier.chunk);
            let mut rolls = Rolls::new();
            roll(&pending, tier, chunk, &mut rolls);
            take(chunk, rolls);
        }
        Ok(out)
    }

    fn pending(&self, check: &str) -> Vec<Sample> {
        self.open.get(check).map(|o| o.packed.samples(o.chunk * RAW.chunk)).unwrap_or_default()
    }

    fn chunks(&self, check: &str, tier: Tier, from: i64, to: i64) -> Sql<Vec<(i64, Vec<u8>)>> {
        let Some(id) = self.find(check)? else { return Ok(Vec::new()) };
        let (first, last) = (from.div_euclid(tier.chunk), to.div_euclid(tier.chunk));
        let mut all = self
            .db
            .prepare_cached("SELECT key, data FROM chunks WHERE key >= ?1 AND key <= ?2 ORDER BY key")?;
        let rows = all.query_map(params![key(tier, id, first), key(tier, id, last)], |r| {
            Ok((r.get::<_, i64>(0)? & CHUNK, r.get(1)?))
        })?;
        rows.collect()
    }

    #[cfg(test)]
    pub(super) fn db(&self) -> &Connection {
        &self.db
    }
}

/// The number of the chunk in a key.
const CHUNK: i64 = 0xffff_ffff;

/// Tier, check, and number of the chunk since 1970, so that the rows of a check lie together in order of time.
fn key(tier: Tier, id: i64, chunk: i64) -> i64 {
    tier.id << 60 | (id & 0x0fff_ffff) << 32 | chunk.clamp(0, CHUNK)
}

fn roll(samples: &[Sample], tier: Tier, chunk: i64, into: &mut Rolls) {
    for sample in samples {
        let slot = (sample.at.0 - chunk * tier.chunk).div_euclid(tier.span);
        into.entry(u64::try_from(slot).unwrap_or_default()).or_default().add(sample);
    }
}

fn write_row(out: &mut Vec<u8>, id: i64, base: i64, sample: &Sample) {
    put(out, id.cast_unsigned());
    put(out, zigzag(sample.at.0 - base) << 2 | sample.mark as u64);
    put(out, super::codec::to_scale(super::codec::micros(sample.took)));
}

fn read_row(mut data: &[u8], base: i64) -> Vec<(i64, Sample)> {
    let mut out = Vec::new();
    while let (Some(id), Some(head), Some(place)) = (take(&mut data), take(&mut data), take(&mut data)) {
        let Some(mark) = Mark::from_bits(head & 3) else { break };
        let at = Wall(base.wrapping_add(unzigzag(head >> 2)));
        let took = Duration::from_micros(super::codec::from_scale(place));
        out.push((id.cast_signed(), Sample { at, mark, took }));
    }
    out
}

#[cfg(test)]
mod tests;
