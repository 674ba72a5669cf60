//! Ids of batches.

/// A batch's id. Zero stands for the beginning of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub [u8; 16]);

impl BatchId {
    /// Of the `n`th batch of a run with a random nonce, from which its batches are counted: that two runs come near one
    /// another is as unlikely as that they draw the same.
    #[must_use]
    pub fn derive(nonce: &[u8; 16], n: u64) -> BatchId {
        BatchId(u128::from_le_bytes(*nonce).wrapping_add(u128::from(n)).to_le_bytes())
    }
}
