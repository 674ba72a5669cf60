//! The binary: command line, start-up, wiring.
#![allow(unreachable_pub, reason = "a binary has no public API")]

mod cli;
mod demo;
mod server;

use std::process::ExitCode;

/// Alerts are made on one thread and given up on another, which glibc's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
