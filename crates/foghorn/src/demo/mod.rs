//! `foghorn demo`.

use crate::cli::Failure;
use clap::Args;

/// How to show it.
#[derive(Args, Debug)]
pub struct Options {
    /// Nobody presses a key
    #[arg(long)]
    pub unattended: bool,
}

/// Shows it.
pub fn run(_options: &Options) -> Result<(), Failure> {
    Err(Failure::Wrong("the demo is being built".to_owned()))
}
