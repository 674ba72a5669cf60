//! Accounts, for admins.

use super::Web;
use super::flash::{self, Done};
use super::form::{Asked, Fields, Path, encoded};
use super::guard::Visitor;
use super::leaf::Leaf;
use super::log_in::{hashed, said};
use super::page::{self, Frame, Here, respond};
use super::text::{NAME, line, person};
use crate::accounts::{Account, role, word};
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use foghorn_config::model::Role;
use http::StatusCode;
use std::sync::Arc;

/// Where they all are.
const LIST: &str = "/users";
/// Accounts on one page.
const ON_A_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "console/users.html")]
struct Page {
    frame: Frame,
    users: Vec<User>,
    leaf: Leaf,
    /// Ids and names of those in the configuration.
    people: Vec<(String, String)>,
}

struct User {
    name: String,
    /// Where its buttons are sent.
    at: String,
    role: &'static str,
    person: Option<String>,
    you: bool,
}

/// `GET /users`
pub(super) async fn list(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let all = web.accounts.list().map_err(|e| said(&e))?;
        let leaf = Leaf::of(&asked, all.len(), ON_A_PAGE, "/users?");
        let users = leaf.cut(all).map(|a| User {
            at: at(&a.name),
            role: word(a.role),
            person: a.person.as_deref().map(|p| person(&view.state, p)),
            you: a.name == visitor.account.name,
            name: a.name,
        });
        let people = view.state.setup.people.iter();
        let page = Page {
            frame: Frame::new(web, &view, visitor, "Users", Here::Users),
            users: users.collect(),
            leaf,
            people: people.map(|(id, p)| (id.to_string(), line(&p.name, NAME))).collect(),
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

#[derive(Template)]
#[template(path = "console/removal.html")]
struct RemovalPage {
    frame: Frame,
    name: String,
    /// Where its button is sent.
    at: String,
    role: &'static str,
    person: Option<String>,
    you: bool,
}

/// `GET /users/{name}/remove`: asks before what cannot be undone.
pub(super) async fn removal(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Response {
    let make = move |web: &Web, visitor: &Visitor| {
        let view = web.api.view();
        let found = web.accounts.list().map_err(|e| said(&e))?.into_iter().find(|a| a.name == name);
        let account = found.ok_or_else(|| Problem::not_found(format!("account {}", line(&name, NAME))))?;
        let page = RemovalPage {
            frame: Frame::new(web, &view, visitor, "Remove an account", Here::Users),
            at: at(&account.name),
            role: word(account.role),
            person: account.person.as_deref().map(|p| person(&view.state, p)),
            you: account.name == visitor.account.name,
            name: account.name,
        };
        Ok(respond(StatusCode::OK, &page))
    };
    page::made(&web, visitor, make).await
}

/// Where the buttons of an account are sent.
fn at(name: &str) -> String {
    format!("/users/{}", encoded(name))
}

fn role_of(fields: &Fields) -> Result<Role, Problem> {
    role(fields.get("role"))
        .ok_or_else(|| Problem::new(Kind::Invalid, "choose a role: viewer, responder or admin"))
}

/// `POST /users`
pub(super) async fn add(State(web): State<Arc<Web>>, visitor: Visitor, fields: Fields) -> Response {
    let made = role_of(&fields).and_then(|role| {
        let person = Some(fields.get("person").to_owned()).filter(|p| !p.is_empty());
        let known =
            person.as_ref().is_none_or(|p| web.api.view().state.setup.people.contains_key(p.as_str()));
        let name = fields.get("name").to_ascii_lowercase();
        let unknown = || Problem::new(Kind::Invalid, "there is no such person in the configuration");
        known.then_some(Account { name, role, person }).ok_or_else(unknown)
    });
    let account = match made {
        Ok(account) => account,
        Err(problem) => return page::told(&web, visitor, problem).await,
    };
    let password = fields.raw("password").to_owned();
    let by = visitor.account.name.clone();
    let done = hashed(&web, move |web| {
        web.accounts.add(&account, &password)?;
        tracing::info!(account = account.name, role = word(account.role), %by, "an account was added");
        Ok(())
    });
    told(&web, visitor, done.await.map(|()| (Done::UserAdded, LIST))).await
}

/// `POST /users/{name}`: `do` says what.
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(name): Path<String>,
    fields: Fields,
) -> Response {
    let by = visitor.account.name.clone();
    let own = name == by;
    let (what, password, session) =
        (fields.get("do").to_owned(), fields.raw("password").to_owned(), visitor.session.clone());
    let done = match what.as_str() {
        "role" => match role_of(&fields) {
            Ok(role) => {
                // Whoever is no admin any more is not led to what is for admins.
                let place = if own && role < Role::Admin { "/" } else { LIST };
                hashed(&web, move |web| {
                    web.accounts.set_role(&name, role)?;
                    tracing::info!(account = name, role = word(role), %by, "an account has another role");
                    Ok((Done::UserChanged, place))
                })
                .await
            }
            Err(problem) => Err(problem),
        },
        "password" => {
            hashed(&web, move |web| {
                web.accounts.set_password(&name, &password, (name == by).then_some(session.as_str()))?;
                tracing::info!(account = name, %by, "an account has another password");
                Ok((Done::UserChanged, LIST))
            })
            .await
        }
        "remove" => {
            hashed(&web, move |web| {
                web.accounts.remove(&name)?;
                tracing::info!(account = name, %by, "an account was removed");
                Ok((Done::UserRemoved, if own { "/log-in" } else { LIST }))
            })
            .await
        }
        _ => Err(Problem::new(Kind::Invalid, "this form does not say what to do")),
    };
    told(&web, visitor, done).await
}

/// What was done, and where that is told.
async fn told(web: &Arc<Web>, visitor: Visitor, done: Result<(Done, &'static str), Problem>) -> Response {
    match done {
        Ok((done, place)) => flash::go(place, done, false),
        Err(problem) => page::told(web, visitor, problem).await,
    }
}
