//! What else there is: a plain index, the description of the API, what the problems mean.

use crate::api::Api;
use crate::extract::Path;
use crate::problem::{Body, Kind, Problem};
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use std::sync::Arc;

/// What there is on this listener.
#[utoipa::path(get, path = "/", tag = "server", security((), ("token" = [])),
    responses((status = 200, description = "A plain page", content_type = "text/html", body = String),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn index(State(api): State<Arc<Api>>) -> Html<String> {
    const LINKS: [(&str, &str); 6] = [
        ("/api/v1/incidents?state=open", "open incidents"),
        ("/api/v1/oncall", "who is on call"),
        ("/api/v1/status", "status"),
        ("/readyz", "able to page"),
        ("/metrics", "metrics"),
        ("/openapi.json", "the API's description (OpenAPI 3.1)"),
    ];
    let links: String =
        LINKS.iter().map(|(at, what)| format!("<li><a href=\"{at}\">{what}</a></li>")).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Foghorn</title><h1>Foghorn {}</h1><ul>{links}</ul></html>",
        api.parts.version
    ))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "server", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object)))]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::openapi()).into_response()
}

/// What a problem's type means.
#[utoipa::path(get, path = "/problems/{kind}", tag = "server", security(()), params(("kind" = String, Path)),
    responses((status = 200, description = "A sentence", content_type = "text/plain", body = String),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn problem(Path(kind): Path<String>) -> Result<String, Problem> {
    let known = Kind::ALL.iter().map(|k| k.parts()).find(|(name, ..)| *name == kind);
    let (_, title, status) = known.ok_or_else(|| Problem::not_found(format!("problem {kind}")))?;
    Ok(format!(
        "{title} (status {}). The answer's `detail` says what is wrong and what to do.\n",
        status.as_u16()
    ))
}
