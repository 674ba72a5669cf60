//! Mail by SMTP. A new connection for each mail: a kept one that went stale would cost a page.

use super::{Channel, Unfit, expose, failed, retry};
use crate::message::Message;
use crate::render;
use crate::text::line;
use foghorn_config::secret::Secret;
use foghorn_core::page::Outcome;
use foghorn_net::resolve::Resolver;
use foghorn_net::tls::{Why, WhyKind};
use futures_util::future::BoxFuture;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use percent_encoding::percent_decode_str;
use std::net::SocketAddr;
use std::time::Duration;

/// For the connection to one address at most. The whole of an attempt has [`super::post::TIMEOUT`].
const CONNECT: Duration = Duration::from_secs(10);
/// For the end of a connection whose mail was taken.
const GOODBYE: Duration = Duration::from_secs(5);

pub(super) struct Smtp {
    resolver: Resolver,
    host: String,
    port: u16,
    /// From the first byte on.
    tls: Option<TlsParameters>,
    /// Once the server has said who it is.
    starttls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    from: Mailbox,
}

impl Smtp {
    pub(super) fn new(resolver: Resolver, url: &Secret, from: &str) -> Result<Smtp, Unfit> {
        let from: Mailbox =
            from.parse().map_err(|e| Unfit::Wrong(format!("from: {e}; write `Name <name@example.com>`")))?;
        let url = url::Url::parse(expose(url)?).map_err(|e| Unfit::Wrong(format!("url: {e}")))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(Unfit::wrong("url: it names no server"));
        }
        let (port, tls, starttls) = match url.scheme() {
            "smtp" => (25, None, None),
            "smtp+starttls" => (587, None, Some(tls(&host)?)),
            "smtps" => (465, Some(tls(&host)?), None),
            other => {
                return Err(Unfit::Wrong(format!(
                    "url: {other}:// is not smtp://, smtp+starttls:// or smtps://"
                )));
            }
        };
        let port = url.port().unwrap_or(port);
        let decode = |s: &str| percent_decode_str(s).decode_utf8_lossy().into_owned();
        let credentials = (!url.username().is_empty())
            .then(|| Credentials::new(decode(url.username()), decode(url.password().unwrap_or_default())));
        Ok(Smtp { resolver, host, port, tls, starttls, credentials, from })
    }

    fn mail(&self, m: &Message) -> Result<lettre::Message, String> {
        let to: Mailbox =
            m.to.parse().map_err(|e| format!("the contact's address is not a mail address: {e}"))?;
        let mail = render::email(m, self.from.email.domain());
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .date(std::time::SystemTime::from(m.sent_at.timestamp()))
            .message_id(Some(mail.message_id))
            .in_reply_to(mail.thread.clone())
            .references(mail.thread);
        for (name, value) in mail.headers {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|e| e.to_string())?;
            builder = builder.raw_header(HeaderValue::new(name, value));
        }
        builder.multipart(MultiPart::alternative_plain_html(mail.text, mail.html)).map_err(|e| e.to_string())
    }

    async fn attempt(&self, m: &Message) -> Outcome {
        let mail = match self.mail(m) {
            Ok(mail) => mail,
            Err(e) => return failed(e),
        };
        let timeout = super::post::TIMEOUT;
        tokio::time::timeout(timeout, self.deliver(&mail))
            .await
            .unwrap_or_else(|_| retry(format!("no answer from {} within {timeout:?}", self.at())))
    }

    async fn deliver(&self, mail: &lettre::Message) -> Outcome {
        // Not left to lettre: all its look-ups share a few threads, and a name that hangs would take them from the others.
        let found = match self.resolver.resolve(&self.host).await {
            Ok(found) => found,
            Err(e) => return retry(e),
        };
        let addresses: Vec<SocketAddr> = found.iter().map(|ip| SocketAddr::new(*ip, self.port)).collect();
        match self.exchange(&addresses, mail).await {
            Ok(response) => {
                let words: Vec<&str> = response.message().collect();
                Outcome::Accepted { detail: format!("{} {}", response.code(), line(&words.join(" "), 200)) }
            }
            Err(e) => {
                let error = match Why::of(&e, &self.at(), &self.host) {
                    Some(Why { kind: WhyKind::NotTls, text }) => {
                        format!(
                            "{text} from the first byte on: try `smtp+starttls://`, or `smtp://` without TLS"
                        )
                    }
                    Some(why) => why.text,
                    None => format!("{}: {}", self.at(), line(&e.to_string(), 300)),
                };
                // A 5xx, or a server that cannot do what we must ask of it.
                if e.is_permanent() || e.is_client() { failed(error) } else { retry(error) }
            }
        }
    }

    /// With the first address that answers. What TLS checks is the name, not the address.
    async fn exchange(&self, addresses: &[SocketAddr], mail: &lettre::Message) -> Result<Response, Error> {
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        // Dead addresses leave time for the others, and for the mail.
        let parts = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_add(1);
        let (wait, tls) = (Some(CONNECT.min(super::post::TIMEOUT / parts)), self.tls.clone());
        let mut conn = AsyncSmtpConnection::connect_tokio1(addresses, wait, &hello, tls, None).await?;
        if let Some(tls) = &self.starttls {
            conn.starttls(tls.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            conn.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        let response = conn.send(mail.envelope(), &mail.formatted()).await?;
        // It is taken; how the connection ends changes nothing, and nobody waits for that.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, conn.abort()).await });
        Ok(response)
    }

    /// `host:port`, for errors.
    fn at(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Trusts what the host trusts; Mozilla's roots where it has none.
fn tls(host: &str) -> Result<TlsParameters, Unfit> {
    TlsParameters::new(host.to_owned())
        .or_else(|_| {
            TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots).build()
        })
        .map_err(|e| Unfit::Wrong(format!("TLS cannot be set up: {e}")))
}

impl Channel for Smtp {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.attempt(message))
    }
}
