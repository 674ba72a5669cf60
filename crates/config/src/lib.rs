//! foghorn.yaml: read with spans, checked, with errors that say what, where and what to do.

pub mod expect;
pub mod model;
pub mod secret;

pub use model::Config;
