//! Changes to production: the first thing to look at when something breaks.

use crate::time::Wall;
use crate::words::Name;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// Something that was changed, as told by a deploy tool or a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When, by the teller's word.
    pub at: Wall,
    /// By which integration, or by whom.
    pub source: Name,
    /// What, in a line.
    pub summary: String,
    /// To what, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Name>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// As many are kept at hand for pages; the journal has all.
pub const KEPT: usize = 200;
