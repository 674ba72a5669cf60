//! `foghorn serve`: opens the journal, starts the pager, and then everything else. Paging runs before any listener is
//! there and whichever of them fails.

pub mod adapters;
mod adopting;
mod alive;
mod callback;
mod carry;
mod certificate;
pub mod clock;
pub mod compose;
pub mod configuration;
mod files;
pub mod first;
mod listen;
pub mod open;
pub mod own;
pub mod pager;
pub mod private;
mod public;
mod run;
mod shared;
mod watch_over;

pub use run::{ACCOUNTS, Options, StartFailure, private_dir, serve};
pub use shared::Shared;
