//! The style sheet and the script, under names made of what is in them.

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
    // A page of the release before asks for another name: it gets what there is, and does not keep it.
    let kept = if own.rsplit('/').next() == Some(asked) {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
    ];
    (StatusCode::OK, headers, text).into_response()
}

pub(super) async fn style(Path(file): Path<String>) -> Response {
    asset(style_path(), &file, foghorn_look::STYLE, "text/css; charset=utf-8")
}

pub(super) async fn script(Path(file): Path<String>) -> Response {
    asset(script_path(), &file, SCRIPT, "text/javascript; charset=utf-8")
}
