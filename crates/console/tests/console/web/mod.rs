//! The console in a browser.

mod browser;
mod log_in;
mod pages;
mod places;
mod rights;
mod text;
mod updates;
