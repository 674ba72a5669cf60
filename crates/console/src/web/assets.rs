//! The style sheet and the script, under names made of what is in them.

use crate::problem::Problem;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const SCRIPT: &str = include_str!("../../templates/console/live.js");

/// Where the style sheet is.
pub(super) const STYLE_PATH: &str = "/style/{file}";
/// Where the script is.
pub(super) const SCRIPT_PATH: &str = "/script/{file}";

/// The style sheet's address: another one for another style.
pub(super) fn style_path() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| format!("/style/{}", foghorn_look::style_file()));
    &NAME
}

/// The script's, in the same way.
pub(super) fn script_path() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let hash: String = Sha256::digest(SCRIPT).iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("/script/live.{hash}.js")
    });
    &NAME
}

fn asset(own: &str, asked: &str, text: &'static str, kind: &'static str) -> Response {
    let own = own.rsplit('/').next().unwrap_or(own);
    let kept = if own == asked {
        "public, max-age=31536000, immutable"
    } else if is_version(own, asked) {
        // A page of the release before asks for another name: it gets what there is, and does not keep it.
        "no-store"
    } else {
        return Problem::not_found(format_args!("file {asked}")).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
    ];
    (StatusCode::OK, headers, text).into_response()
}

/// Whether a name is that of the same file with other contents: all but the hash is the same.
fn is_version(own: &str, asked: &str) -> bool {
    let parts = |name: &str| -> Option<(String, String, String)> {
        let (rest, end) = name.rsplit_once('.')?;
        let (name, hash) = rest.rsplit_once('.')?;
        Some((name.to_owned(), hash.to_owned(), end.to_owned()))
    };
    let (Some((name, hash, end)), Some((n, h, e))) = (parts(own), parts(asked)) else { return false };
    name == n && end == e && h.len() == hash.len() && h.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(super) async fn style(Path(file): Path<String>) -> Response {
    asset(style_path(), &file, foghorn_look::STYLE, "text/css; charset=utf-8")
}

pub(super) async fn script(Path(file): Path<String>) -> Response {
    asset(script_path(), &file, SCRIPT, "text/javascript; charset=utf-8")
}
