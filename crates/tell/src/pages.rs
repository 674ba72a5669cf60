//! Bodies, ready to be sent.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write as _;
use std::time::Instant;

/// Where the pages have a banner once they are old.
pub(crate) const MARK: &str = "<!--age-->";

/// One body.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) kind: HeaderValue,
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
    pub(crate) tag: HeaderValue,
    pub(crate) gzip_tag: HeaderValue,
    /// May be kept for ever: its name is made of what is in it.
    pub(crate) fixed: bool,
}

/// Everything that the site serves, by path.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) all: HashMap<String, Body>,
    pub(crate) missing: Body,
    pub(crate) made: Instant,
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";

impl Body {
    pub(crate) fn new(kind: &'static str, text: impl Into<Bytes>) -> Body {
        let plain: Bytes = text.into();
        let hash: String = Sha256::digest(&plain).iter().take(12).map(|b| format!("{b:02x}")).collect();
        let tag = |ending: &str| {
            HeaderValue::try_from(format!("\"{hash}{ending}\"")).unwrap_or(HeaderValue::from_static("\"\""))
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        // Writing to a vector does not fail; if it did, the plain body would be sent.
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Body {
            kind: HeaderValue::from_static(kind),
            gzip: gzip.into(),
            tag: tag(""),
            gzip_tag: tag("-gzip"),
            plain,
            fixed: false,
        }
    }
}

impl Pages {
    /// With what never changes.
    pub(crate) fn new(all: HashMap<String, Body>, missing: Body) -> Pages {
        Pages { all, missing, made: Instant::now() }
    }

    /// Before the first page.
    pub(crate) fn starting() -> Pages {
        let text = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Starting</title><p>This page is starting. Try again in a moment.</p></html>";
        Pages::new(HashMap::new(), Body::new(HTML, text))
    }
}
