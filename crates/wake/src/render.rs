//! How a message looks on each channel. Pure functions; all foreign text is made harmless on the way.

mod chat;
mod email;
mod json;
mod sms;
mod view;
mod voice;

pub use chat::{ntfy, slack};
pub use email::{Email, email};
pub use json::json;
pub(crate) use json::wire_id;
pub use sms::sms;
pub use view::{Line, Section, View, view};
pub use voice::voice;

#[cfg(test)]
mod tests;
