//! The description of the API, made from the code.

use crate::query::Known;
use crate::routes;
use http::StatusCode;
use std::collections::BTreeMap;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(title = "Foghorn", description = "A self-hosted incident platform: incidents, on-call, silences, the journal.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        routes::incidents::list, routes::incidents::open, routes::incidents::show, routes::incidents::alerts,
        routes::timeline::list, routes::incidents::ack, routes::incidents::resolve, routes::incidents::note,
        routes::updates::publish, routes::updates::correct, routes::updates::withdraw,
        routes::incidents::escalate, routes::events::list, routes::stream::stream, routes::oncall::list,
        routes::people::list, routes::checks::list, routes::checks::show, routes::status::components, routes::status::status,
        routes::silences::list, routes::silences::add, routes::silences::end, routes::overrides::list,
        routes::overrides::add, routes::overrides::remove, routes::changes::list, routes::changes::add,
        routes::admin::reload, routes::admin::backup, routes::health::alive, routes::health::ready,
        routes::metrics::metrics, routes::root::openapi, routes::root::problem, routes::root::index,
    ),
    security(("token" = [])),
    modifiers(&Token, &Required),
)]
struct Description;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(
            "A token of server.tokens in the configuration. Without any, requests from the server's own host need none."
                .to_owned(),
        );
        api.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What OpenAPI wants of every operation and every response, and nobody should have to think of: a name of its own (the
/// method and the address, so no two are the same), and some description.
struct Required;

impl utoipa::Modify for Required {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut api.paths.paths {
            for (method, operation) in operations(item) {
                operation.operation_id = Some(operation_id(method, path));
                for (status, response) in &mut operation.responses.responses {
                    if let RefOr::T(response) = response
                        && response.description.is_empty()
                    {
                        let known = StatusCode::from_bytes(status.as_bytes()).ok();
                        let said = known.and_then(|s| s.canonical_reason()).unwrap_or("What is wrong");
                        response.description = said.to_owned();
                    }
                }
            }
        }
    }
}

/// `get_incidents_id_alerts`
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    [method].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

/// The operations of an address, by method.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [("get", &mut item.get), ("post", &mut item.post), ("delete", &mut item.delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// OpenAPI 3.1 as JSON.
#[must_use]
pub fn openapi() -> String {
    Description::openapi().to_pretty_json().unwrap_or_default()
}

/// The parameters of each route's query, by method and path.
pub(crate) fn query_parameters() -> BTreeMap<(&'static str, String), Known> {
    let mut all = BTreeMap::new();
    for (path, mut item) in Description::openapi().paths.paths {
        for (method, operation) in operations(&mut item) {
            let parameters = operation.parameters.take().unwrap_or_default();
            let query = parameters.into_iter().filter_map(|p| match p {
                RefOr::T(p) if p.parameter_in == ParameterIn::Query => Some(p.name),
                _ => None,
            });
            all.insert((method, path.clone()), query.collect());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described: BTreeSet<(String, String)> = serde_json::from_str::<serde_json::Value>(&openapi())
            .unwrap()["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |m| (m.clone(), path.clone())))
            .collect();
        let served =
            routes::all().into_iter().map(|r| (r.rule.method.to_owned(), r.rule.path.to_owned())).collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_response_a_description() {
        let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut names = BTreeSet::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name), "{method} {path}: {name} is another's name");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let said = response["description"].as_str().unwrap_or_default();
                    assert!(!said.is_empty(), "{method} {path}: {status} has no description");
                }
            }
        }
        let of = |method: &str, path: &str| paths[path][method]["operationId"].clone();
        assert_eq!(of("get", "/api/v1/incidents"), "get_incidents");
        assert_eq!(of("post", "/api/v1/incidents/{id}/ack"), "post_incidents_id_ack");
        assert_eq!(of("get", "/openapi.json"), "get_openapi_json");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        const TO: &str = "#/components/schemas/";
        let text = openapi();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let known = document["components"]["schemas"].as_object().unwrap();
        let named = text.split(TO).skip(1).filter_map(|rest| rest.split('"').next());
        let lost: BTreeSet<&str> = named.filter(|name| !known.contains_key(*name)).collect();
        assert!(lost.is_empty() && text.contains(TO), "{lost:?}");
    }

    /// `FOGHORN_BLESS=1 cargo test -p foghorn-console` writes the file after a change that is meant.
    #[test]
    fn the_description_is_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let now = openapi() + "\n";
        if std::env::var_os("FOGHORN_BLESS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap();
        assert!(golden == now, "the API has changed: look at it, then bless {path} with FOGHORN_BLESS=1");
    }
}
