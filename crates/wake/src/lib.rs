//! Page to person: renders what is to be said and sends it over channels. It decides nothing: who, when and how
//! often is core's, and every outcome is reported back.

pub mod channels;
pub mod link;
mod message;
mod refusals;
pub mod render;
mod sender;
mod sign;
mod stats;
mod text;
pub mod twilio;

pub use foghorn_core::page::Outcome;
pub use message::{Alert, Incident, Kind, Message, Names, Person};
pub use sender::{Limits, Report, Sender};
pub use stats::{BUCKETS, ChannelStats};
