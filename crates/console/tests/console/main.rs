//! The console from outside: requests in, answers out.

mod incidents;
mod kit;
mod links;
mod problems;
mod read_model;
mod rights;
mod stream;
