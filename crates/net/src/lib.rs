//! The network as the rooms use it: TLS with one explicit provider, outbound HTTP whose errors people can read, names,
//! and listeners with limits. A leaf: it knows no room.

pub mod http;
pub mod resolve;
pub mod serve;
mod tcp;
pub mod throttle;
pub mod tls;
