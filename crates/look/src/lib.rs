//! How Foghorn looks: one style sheet and pictures, for every room that shows something. It knows no room and no
//! incident, only tones, moments and words.
//!
//! # The style sheet
//! [`STYLE`] is served from memory under the name [`style_file`], which changes when the style does, so it may be kept
//! for ever. Without a class, headings, paragraphs, links, tables, forms and `details` already look right. Classes:
//!
//! | what | classes |
//! |---|---|
//! | frame | `header.top` with `a.brand` and `nav` (`aria-current="page"` marks where one is), `main` (`narrow` for reading, `wide` for a wall), `footer.foot`, `a.skip` to jump to the content |
//! | boxes | `card`; `grid` of cards; `split` (main and side column); `row` (things side by side); `empty` with a `strong` line; `banner` + tone, holding an icon and a `div` (`large` for the one at the top); `big` figures |
//! | tones | `good info planned unknown warn bad`, see [`Tone`]: on `badge`, `banner`, `timeline > li`, and `toned` text |
//! | pressing | `button` or `a.button`, with `primary`, `danger`, `quiet`, `huge` (the one big button), `p.pressed` where it was when nothing is to be pressed there any more; `actions` around several |
//! | forms | `label`, `hint`, `wrong` (and `aria-invalid="true"` on the field), `fieldset`, `inline` for a short form in one line |
//! | comparing | `table.cards` becomes cards on a phone (`td data-label="…"` names the column there), `num` cells, `dl.facts`, `list`, `timeline`, `tabs`, `pager` |
//! | text | `dim`, `small`, `mono`, `hide` (for screen readers only), `end` (pushed to the end of a `row`) |
//! | pictures | made by the functions here; `scroll` around what is wider than a phone, `legend` (with a `key` + tone before each), `roomy` (words that a telephone has no room for), `ends` (the two ends of an axis) |
//!
//! # Pictures
//! Pure functions of data to a `String` of HTML: everything from outside is escaped, nothing needs an inline style or a
//! script. Each is `role="img"` with a title and a description in words; one with links in it is a group. What a box has no
//! room for is in words below it: nothing is told by hovering alone.

mod bars;
mod latency;
mod spark;
mod strip;
mod svg;
mod tone;
mod topology;
mod week;

pub use bars::{Day, bars};
pub use latency::{Latency, Point, Stretch, latency};
pub use spark::{Sparked, sparkline};
pub use strip::{Mark, MarkKind, Phase, Strip, strip};
pub use svg::escape;
pub use tone::{Tone, badge, icon};
pub use topology::{Node, topology};
pub use week::{ClockSet, Turn, WeekDay, week};

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The style sheet. `text/css; charset=utf-8`.
pub const STYLE: &str = include_str!("style.css");

/// A file name for [`STYLE`] that is another one for another style: `style.0123456789abcdef.css`.
#[must_use]
pub fn style_file() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let hash: String = Sha256::digest(STYLE).iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("style.{hash}.css")
    });
    &NAME
}

#[cfg(test)]
mod tests;
