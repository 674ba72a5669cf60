//! Every decision Foghorn takes.
#![no_std]

extern crate alloc;

pub mod labels;
pub mod schedule;
pub mod setup;
pub mod time;
pub mod words;
