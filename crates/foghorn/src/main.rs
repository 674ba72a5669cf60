//! The binary: command line, start-up, wiring.
#![allow(unreachable_pub, reason = "a binary has no public API")]

mod cli;
mod demo;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
