//! What a row of measurements means. Pure: no I/O, no clock, no randomness; time comes in as a value.
#![no_std]

#[cfg(test)]
extern crate alloc;

pub mod flap;
pub mod streak;
