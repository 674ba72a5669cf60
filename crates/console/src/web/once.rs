//! A form that is sent twice does once what it is for: who taps twice, a browser that sends again what it got no answer to.
//!
//! A form that would do it twice carries an id that is made anew with each drawing of its page. What is sent with the same
//! id, by the same session, to the same place and with the same words is the same press, and is answered like the first.

use super::flash::Went;
use super::form::Fields;
use crate::problem::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Presses that are remembered, of all sessions.
const MOST: usize = 4096;
/// The field.
const FIELD: &str = "once";

/// A press.
pub(super) type Key = [u8; 32];

/// Where a press led; locked while it is under way.
type Cell = Arc<tokio::sync::Mutex<Option<Went>>>;

/// What was pressed lately.
#[derive(Default)]
pub(super) struct Once(Mutex<(HashMap<Key, Cell>, VecDeque<Key>)>);

/// An id for the forms of a page. Where the system gives no random numbers there is none: what is sent counts each time.
pub(super) fn id() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_or_else(|_| String::new(), |()| URL_SAFE_NO_PAD.encode(bytes))
}

/// Of a form that carries an id.
pub(super) fn key(session: &str, path: &str, fields: &Fields) -> Option<Key> {
    (!fields.get(FIELD).is_empty()).then(|| {
        let mut hash = Sha256::new();
        let pairs = fields.all().flat_map(|(name, value)| [name, value]);
        for part in [session, path].into_iter().chain(pairs) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    })
}

impl Once {
    fn cell(&self, key: Key) -> Cell {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = all.0.get(&key) {
            return cell.clone();
        }
        let cell = Cell::default();
        all.0.insert(key, cell.clone());
        all.1.push_back(key);
        if all.1.len() > MOST
            && let Some(oldest) = all.1.pop_front()
        {
            all.0.remove(&oldest);
        }
        cell
    }

    /// Does it, or tells where it led when it was done. What did not work may be tried again. It goes on when the browser
    /// does not wait for it: one that sends a second time drops the first.
    pub(super) async fn run(
        &self,
        key: Key,
        work: impl Future<Output = Result<Went, Problem>> + Send + 'static,
    ) -> Result<Went, Problem> {
        let cell = self.cell(key);
        let done = tokio::spawn(async move {
            let mut led = cell.lock().await;
            if let Some(went) = &*led {
                return Ok(went.clone());
            }
            let went = work.await?;
            *led = Some(went.clone());
            Ok(went)
        });
        done.await.unwrap_or_else(|_| Err(crate::gate::failed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let once = Once::default();
        for n in 0..2 * MOST {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            once.cell(key);
        }
        let all = once.0.lock().unwrap();
        assert_eq!((all.0.len(), all.1.len()), (MOST, MOST));
    }
}
