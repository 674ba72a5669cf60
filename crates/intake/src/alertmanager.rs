//! Alertmanager's API, version 2, as Prometheus, `amtool` and other clients use it.
//!
//! Errors have the forms of the original: a JSON string where its specification has one (400, 404), else
//! `{"code", "message"}`.

mod receive;
mod show;
mod silences;

use crate::Intake;
use crate::auth::Unknown;
use crate::reply::{Problem, json};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

/// The release of Alertmanager whose API this is; clients look at it.
const LIKE: &str = "0.27.0";

/// At its own place, and again under a prefix for each integration.
pub(crate) fn routes() -> Router<Arc<Intake>> {
    let api = || {
        Router::new()
            .route("/alerts", get(show::alerts).post(receive::alerts))
            .route("/alerts/groups", get(show::groups))
            .route("/silences", get(silences::all).post(silences::put))
            .route("/silence/{id}", get(silences::one).delete(silences::end))
            .route("/status", get(show::status))
            .route("/receivers", get(show::receivers))
    };
    Router::new().nest("/api/v2", api()).nest("/api/intake/alertmanager/{name}/api/v2", api())
}

/// An error in the form of its status.
fn wrong(status: StatusCode, message: &str) -> Response {
    #[derive(Serialize)]
    struct Coded<'a> {
        code: u16,
        message: &'a str,
    }
    match status {
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => json(status, &message),
        _ => json(status, &Coded { code: status.as_u16(), message }),
    }
}

fn problem(p: &Problem) -> Response {
    p.on(wrong(p.status(), &p.to_string()))
}

pub(crate) fn unknown(u: &Unknown) -> Response {
    u.on(wrong(u.status, &u.why))
}
