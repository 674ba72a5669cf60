//! One's own account.

use super::Web;
use super::flash::{self, Done};
use super::form::Fields;
use super::guard::Visitor;
use super::log_in::hashed;
use super::page::{self, Frame, Here, respond};
use super::text::person;
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "console/account.html")]
struct Page {
    frame: Frame,
    /// Whom acts are written down as.
    acts_as: String,
    zone: String,
}

/// `GET /account`
pub(super) async fn show(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let page = Page {
            frame: Frame::new(web, &view, visitor, "Your account", Here::Account),
            acts_as: person(&view.state, &visitor.actor.name),
            zone: page::clock(&view, visitor).zone.iana_name().unwrap_or("UTC").to_owned(),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// `POST /account`: another password.
pub(super) async fn change(State(web): State<Arc<Web>>, visitor: Visitor, fields: Fields) -> Response {
    let (old, new) = (fields.raw("old").to_owned(), fields.raw("new").to_owned());
    // Whoever finds an open browser may not guess on.
    let guessing = web.by_session.too_many(visitor.session.clone(), web.api.now().mono);
    if guessing {
        let detail = "too many tries: wait ten minutes";
        return page::told(&web, visitor, Problem::new(Kind::TooMany, detail)).await;
    }
    if new != fields.raw("again") {
        let detail = "the new password was typed in two different ways: nothing is changed";
        return page::told(&web, visitor, Problem::new(Kind::Invalid, detail)).await;
    }
    let (name, session) = (visitor.account.name.clone(), visitor.session.clone());
    let done = hashed(&web, move |web| {
        if web.accounts.check(&name, &old)?.is_none() {
            return Ok(false);
        }
        web.accounts.set_password(&name, &new, Some(&session)).map(|()| true)
    });
    match done.await {
        Ok(true) => flash::go("/account", Done::Password, false),
        Ok(false) => {
            let detail = "the password that you have now was typed wrongly: nothing is changed";
            page::told(&web, visitor, Problem::new(Kind::Invalid, detail)).await
        }
        Err(problem) => page::told(&web, visitor, problem).await,
    }
}
