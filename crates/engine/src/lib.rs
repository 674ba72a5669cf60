//! The loop around core, itself without I/O.

mod batch;
pub mod chain;
pub mod engine;
pub mod follow;
pub mod handle;
mod queue;
mod sending;
pub mod view;
pub mod written;

pub use batch::Decide;
pub use chain::BatchId;
pub use engine::{Action, Command, Engine};
pub use follow::{Follow, Missed};
pub use handle::{Class, Handle, Reply};
pub use view::View;
pub use written::{Page, Written};
