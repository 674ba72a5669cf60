//! The machine below: memory to take back, shorter turns, and files on a disk that may hang.
//!
//! The one crate that may be unsafe, where only C can be asked: each call says why it must be, and why it may be.

pub mod aside;
pub mod heap;
pub mod turns;
