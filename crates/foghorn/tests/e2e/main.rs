//! The binary from outside, with real parts: nginx, PostgreSQL, an SMTP server, Prometheus, Alertmanager's `amtool`, all
//! on loopback, on free ports, in directories of their own. `cargo xtask test packages` brings them.
#![allow(unreachable_pub, reason = "a program of tests has no outside")]

mod main_job;
mod parts;
mod prometheus;
