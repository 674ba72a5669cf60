//! Ids of batches.

use sha2::{Digest, Sha256};

/// A batch's id. Zero stands for the beginning of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub [u8; 16]);

impl BatchId {
    /// Of the `n`th batch of a run with a random nonce.
    #[must_use]
    pub fn derive(nonce: &[u8; 16], n: u64) -> BatchId {
        let digest = Sha256::new().chain_update(nonce).chain_update(n.to_le_bytes()).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        BatchId(id)
    }
}
