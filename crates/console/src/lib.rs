//! From the state to the team: the HTTP API, health and metrics, and the page behind the link in a page.
//!
//! - [`api()`] is for the console's listener: everything under `/api/v1`, `/healthz`, `/readyz`, `/metrics`,
//!   `/openapi.json`, `/problems/…`.
//! - [`links()`] may have a listener of its own: `/ack/TOKEN` and nothing else.
//! - [`ReadModel`] keeps what is closed, for lists, search and timelines; it may lag behind the journal, and says so.
//!
//! What is open is shown from a view of the engine; this crate decides nothing. It reaches the journal, the checks'
//! figures and the server's own chores through the traits in [`ports`].

mod accounts;
mod api;
mod auth;
mod extract;
mod gate;
mod links;
pub mod next;
mod openapi;
pub mod ports;
mod problem;
mod query;
mod readmodel;
mod reply;
mod routes;
pub mod runbooks;
mod show;
mod time;
mod tries;
mod wanted;
mod web;
mod words;

pub use accounts::{Account, AccountError, Accounts, Proved, new_password};
pub use api::{Api, Parts, api};
pub use auth::peer_is_local;
pub use links::{Link, Links, links, links_alone};
pub use openapi::openapi;
pub use problem::{Kind, Problem};
pub use readmodel::{Lag, ReadModel, ReadModelError};
pub use web::console;
