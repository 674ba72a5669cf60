//! From the world to verdicts: active checks, their schedule, their history.
//!
//! A check is measured ([`check`]), what a row of measurements means is decided by `foghorn-detect`, and only
//! transitions are told ([`transition::Sink`]); single results go to the [`history`].

mod blind;
pub mod check;
mod connect;
pub mod history;
mod shard;
mod slots;
pub mod stats;
pub mod transition;
mod watch;

pub use stats::Stats;
pub use transition::{Sink, Transition, Verdict};
pub use watch::{Latest, Open, Options, Plan, StartError, Watch, run_once};
