//! The loop around core, itself without I/O.

pub mod handle;
pub mod view;

pub use handle::{Class, Handle, Reply};
pub use view::View;
