//! From the state to the public: the status page.
//!
//! It is rendered when the state changes, compressed, and served from memory by [`Site`]; a request touches neither the
//! engine nor a disk. What the public reads is made of the configuration's own words (the page's name, the components'
//! names), of how the components are, and of what people wrote for the public: never an alert's label, a host's name or a
//! person's.
//!
//! The history is a small [`Ledger`]: how each component was, from when to when, and the incidents that touched any. It is
//! kept in a file of the data directory and made anew from the journal where that is gone, on a thread of low priority.

mod days;
mod keeper;
mod ledger;
mod own;
mod page;
mod pages;
mod rebuild;
mod shown;
mod site;
mod verdict;
mod words;

use foghorn_engine::Page;

pub use keeper::{FILE, Parts, start};
pub use ledger::{Affected, Ledger, PublicIncident, Stage, Stretch, Update};
pub use site::Site;
pub use words::{Corrected, Words};

/// The journal, to be read. Calls may block on the disk; they are made where that hurts nobody.
pub trait Events: Send + Sync {
    /// Events after a sequence number, at most `limit`, and fewer where they are large.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn page(&self, after: u64, limit: usize) -> Result<Page, String>;
}

#[cfg(test)]
mod tests;
