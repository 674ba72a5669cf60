//! The description of the API, made from the code.

use crate::query::Known;
use crate::routes;
use std::collections::BTreeMap;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(title = "Foghorn", description = "A self-hosted incident platform: incidents, on-call, silences, the journal.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        routes::incidents::list, routes::incidents::open, routes::incidents::show, routes::incidents::alerts,
        routes::timeline::list, routes::incidents::ack, routes::incidents::resolve, routes::incidents::note,
        routes::incidents::update,
        routes::incidents::escalate, routes::events::list, routes::stream::stream, routes::oncall::list,
        routes::people::list, routes::checks::list, routes::checks::show, routes::status::components, routes::status::status,
        routes::silences::list, routes::silences::add, routes::silences::end, routes::overrides::list,
        routes::overrides::add, routes::overrides::remove, routes::changes::list, routes::changes::add,
        routes::admin::reload, routes::admin::backup, routes::health::alive, routes::health::ready,
        routes::metrics::metrics, routes::root::openapi, routes::root::problem, routes::root::index,
    ),
    security(("token" = [])),
    modifiers(&Token),
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

/// OpenAPI 3.1 as JSON.
#[must_use]
pub fn openapi() -> String {
    Description::openapi().to_pretty_json().unwrap_or_default()
}

/// The parameters of each route's query, by method and path.
pub(crate) fn query_parameters() -> BTreeMap<(&'static str, String), Known> {
    let mut all = BTreeMap::new();
    for (path, item) in Description::openapi().paths.paths {
        for (method, operation) in [("get", item.get), ("post", item.post), ("delete", item.delete)] {
            let parameters = operation.and_then(|o| o.parameters).unwrap_or_default();
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
