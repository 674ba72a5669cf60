//! The console from outside: requests in, answers out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is a test")]

mod incidents;
mod kit;
mod links;
mod problems;
mod read_model;
mod rights;
mod stream;
mod web;
