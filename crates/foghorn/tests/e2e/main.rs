//! The binary from outside, with real parts: nginx, PostgreSQL, an SMTP server, Prometheus, Alertmanager's `amtool`, all
//! on loopback, on free ports, in directories of their own. `cargo xtask test packages` brings them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]
#![allow(unreachable_pub, reason = "a program of tests has no outside")]

mod bind;
mod browser;
mod console;
mod crash;
mod crowd;
mod degraded;
mod fuzz;
mod hanging;
mod live;
mod main_job;
mod newcomer;
mod parts;
mod prometheus;
mod refusing;
mod reload;
mod starts;
mod states;
mod status_page;
