//! The shop's API: `GET /`, `POST /orders`, `GET /orders/ID`.

use super::db::ask;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

struct Api {
    db: SocketAddr,
    /// Orders are numbered.
    next: AtomicU64,
}

/// In front of a database.
pub fn router(db: SocketAddr) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/orders", post(order))
        .route("/orders/{id}", get(show))
        .layer(DefaultBodyLimit::max(4096))
        .with_state(Arc::new(Api { db, next: AtomicU64::new(1) }))
}

async fn page(State(api): State<Arc<Api>>) -> Response {
    match ask(api.db, "GET catalogue").await {
        Ok(answer) => format!("We sell {}.\n", answer.trim_start_matches("VALUE ")).into_response(),
        Err(e) => unwell(&e),
    }
}

/// The body is what is ordered: a line of text.
async fn order(State(api): State<Arc<Api>>, what: String) -> Response {
    let id = format!("order-{}", api.next.fetch_add(1, Ordering::Relaxed));
    let what: String = what.chars().filter(|c| !c.is_control()).collect();
    match ask(api.db, &format!("PUT {id} {what}")).await {
        Ok(_) => {
            (StatusCode::CREATED, axum::Json(serde_json::json!({ "id": id, "what": what }))).into_response()
        }
        Err(e) => unwell(&e),
    }
}

async fn show(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    // What is no key is no line of its own either.
    let id: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    match ask(api.db, &format!("GET {id}")).await {
        Ok(answer) => match answer.strip_prefix("VALUE ") {
            Some(what) => axum::Json(serde_json::json!({ "id": id, "what": what })).into_response(),
            None => (StatusCode::NOT_FOUND, "there is no such order\n").into_response(),
        },
        Err(e) => unwell(&e),
    }
}

fn unwell(e: &io::Error) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{e}\n")).into_response()
}
