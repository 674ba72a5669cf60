//! Every decision Foghorn takes, and nothing else: no I/O, no clock, no randomness, no thread.
//!
//! `decide(state, now, input) -> events` and `apply(state, event)`. What comes in is a value, time included; what goes
//! out is a list of facts. Effects (pages to send) and deadlines are an index of the state, so after a crash the same
//! journal asks for the same effects again.
#![no_std]

extern crate alloc;

pub mod alert;
mod apply;
pub mod change;
pub mod component;
pub mod decide;
pub mod event;
pub mod held;
pub mod incident;
pub mod input;
pub mod labels;
pub mod map;
pub mod page;
pub mod schedule;
pub mod setup;
pub mod silence;
pub mod state;
pub mod steps;
pub mod text;
pub mod time;
pub mod timeline;
pub mod update;
pub mod words;

pub use decide::decide;
pub use event::{Event, Record};
pub use input::{Answer, Input, Refusal};
pub use state::State;
pub use time::Now;
