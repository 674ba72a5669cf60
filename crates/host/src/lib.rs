//! What only the operating system can be asked for, and only in C: memory to take back, and shorter turns.
//!
//! The one crate that may be unsafe: each call says why it must be, and why it may be.

pub mod heap;
pub mod turns;
