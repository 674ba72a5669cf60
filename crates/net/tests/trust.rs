//! Whose certificates are taken.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::routing::get;
use foghorn_net::http::{Client, HeaderMap, Method, Options, Request, Url};
use foghorn_net::serve::{Limits, Server, listen};
use foghorn_net::tls::{ServerCert, client_config};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `openssl req -x509` makes: signed by itself, and of a kind that may issue others.
fn like_openssl(dir: &Path, name: &str, last_year: i32) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let paths = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    std::fs::write(&paths.0, made.pem()).unwrap();
    std::fs::write(&paths.1, key.serialize_pem()).unwrap();
    paths
}

/// What a client that trusts `ca` says of a server with this certificate.
async fn asked(server: &(PathBuf, PathBuf), host: &str, ca: &Path) -> String {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let cert = Arc::new(ServerCert::load(&server.0, &server.1).unwrap());
    let router = Router::new().route("/", get(|| async { "it is me" }));
    let server = Server::new(router, Limits::default()).tls(cert);
    let running = tokio::spawn(server.run(listener, std::future::pending()));
    let request = Request {
        method: Method::GET,
        url: Url::parse(&format!("https://{host}:{port}/")).unwrap(),
        headers: HeaderMap::new(),
        body: "".into(),
    };
    let config = client_config(false, Some(ca), &[b"http/1.1"]).unwrap();
    let options = Options { client_config: Some(config), ..Options::default() };
    let said = match Client::new().request(request, &options).await {
        Ok(answer) => String::from_utf8(answer.body.to_vec()).unwrap(),
        Err(e) => e.to_string(),
    };
    running.abort();
    said
}

#[tokio::test]
async fn a_certificate_signed_by_itself_is_trusted_if_it_is_the_very_one() {
    let dir = tempfile::tempdir().unwrap();
    let mine = like_openssl(dir.path(), "mine", 4000);
    let other = like_openssl(dir.path(), "other", 4000);
    let expired = like_openssl(dir.path(), "expired", 2021);
    assert_eq!(asked(&mine, "localhost", &mine.0).await, "it is me");
    for (server, host, ca, why) in [
        (&mine, "127.0.0.1", &mine.0, "certificate is not for 127.0.0.1 but for localhost"),
        (&expired, "localhost", &expired.0, "certificate of localhost expired "),
        (&other, "localhost", &mine.0, "it has signed itself"),
    ] {
        let said = asked(server, host, ca).await;
        assert!(said.starts_with("certificate ") && said.contains(why), "{why}: {said}");
    }
}

#[tokio::test]
async fn what_a_trusted_certificate_has_issued_is_trusted_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (ca_key, server_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "the shop's own");
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, ca.clone().self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let issued = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let issued = issued.signed_by(&server_key, &issuer).unwrap();
    let server = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&server.0, issued.pem()).unwrap();
    std::fs::write(&server.1, server_key.serialize_pem()).unwrap();
    assert_eq!(asked(&server, "localhost", &ca_file).await, "it is me");
    let other = like_openssl(dir.path(), "other", 4000);
    let said = asked(&server, "localhost", &other.0).await;
    assert!(said.starts_with("certificate of localhost is not trusted: its issuer is unknown"), "{said}");
}
