//! The answers, and the file that they make.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What `foghorn init` knows. Every value is put into the file as a quoted text, whatever it holds.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) smtp: String,
    /// An address and a port, or a URL.
    pub(super) listen: String,
    /// Of the journal, accounts and history.
    pub(super) data_dir: String,
    /// Goes into the file where Foghorn listens off loopback.
    token: String,
    /// This host's name.
    host: String,
}

impl Answers {
    /// What counts where nothing is answered.
    pub(super) fn default_for(user: &str, token: String, host: &str) -> Answers {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let user = if !user.is_empty() && user.chars().all(plain) { user } else { "root" };
        Answers {
            url: "https://example.com/".to_owned(),
            name: user.to_owned(),
            email: format!("{user}@localhost"),
            smtp: "smtp://localhost:25".to_owned(),
            listen: "127.0.0.1:7070".to_owned(),
            data_dir: "data".to_owned(),
            token,
            host: if !host.is_empty() && host.chars().all(plain) { host } else { "localhost" }.to_owned(),
        }
    }

    /// A whole URL. Of one without its beginning nobody knows whether there is TLS.
    pub(super) fn take_url(&mut self, text: &str) -> Result<(), String> {
        if !text.is_empty() && !text.contains("://") && !text.contains(char::is_whitespace) {
            let behind = text.strip_prefix("https:").or(text.strip_prefix("http:")).unwrap_or(text);
            let rest = behind.trim_start_matches('/');
            if rest.is_empty() {
                return Err(format!(
                    "{text} names no host: write a whole URL such as https://shop.example.com/"
                ));
            }
            let rest = if rest.contains('/') { rest.to_owned() } else { format!("{rest}/") };
            return Err(format!(
                "{text} is no whole URL: write https://{rest}, or http://{rest} without TLS"
            ));
        }
        text.clone_into(&mut self.url);
        Ok(())
    }

    pub(super) fn person(&self) -> String {
        format!("{} <{}>", self.name, self.email)
    }

    /// `Name <address>`, or an address alone, whose beginning is the name then; without an address it stays what it was.
    pub(super) fn take_person(&mut self, text: &str) -> Result<(), String> {
        let (name, email) = match text.rsplit_once('<') {
            Some((name, email)) => {
                let email = email.trim_end().strip_suffix('>');
                let email = email.ok_or_else(|| {
                    format!("{text:?} has a `<` and no end of it: an address in brackets ends with `>`")
                })?;
                (name.trim(), email.trim())
            }
            None if text.contains('@') => ("", text),
            None => return Err(format!("{text:?} has no e-mail address: write Name <name@example.com>")),
        };
        if !email.is_empty() {
            email.clone_into(&mut self.email);
            // What is before the `@`, without what is for sorting mail.
            let local = email.split(['@', '+']).next().unwrap_or_default();
            local.clone_into(&mut self.name);
        }
        if !name.is_empty() {
            name.clone_into(&mut self.name);
        }
        Ok(())
    }

    /// How mail is sent. A password may hold what ends a part of a URL: then it is said how that is written.
    pub(super) fn take_smtp(&mut self, text: &str) -> Result<(), String> {
        let user =
            text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(user, _)| user);
        let odd =
            user.chars().find(|c| matches!(c, '#' | '/' | '?' | '[' | ']' | '\\') || c.is_ascii_whitespace());
        if let Some(odd) = odd {
            let shown = if odd.is_ascii_whitespace() { "a space".to_owned() } else { format!("`{odd}`") };
            return Err(format!(
                "in the user and the password of a URL write {shown} as %{:02X}",
                u32::from(odd)
            ));
        }
        text.clone_into(&mut self.smtp);
        Ok(())
    }

    /// Where it listens, or where people open it.
    pub(super) fn take_listen(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.listen);
        Ok(())
    }

    /// The person's name in the file: what a command line takes without quotes.
    pub(super) fn id(&self) -> String {
        let mut id = String::new();
        let first = self.name.split_whitespace().next().unwrap_or_default();
        for c in first.chars().filter(char::is_ascii_alphanumeric) {
            id.push(c.to_ascii_lowercase());
        }
        // Words that YAML takes for something else, and remains of names in other scripts.
        let taken = ["null", "true", "false", "yes", "no", "on", "off", "everyone"];
        let letter = id.starts_with(|c: char| c.is_ascii_lowercase());
        let whole = first.chars().all(|c| c.is_ascii_alphanumeric() || "'.,-".contains(c));
        if id.len() < 2 || id.len() > 32 || !letter || !whole || taken.contains(&id.as_str()) {
            return "on-call".to_owned();
        }
        id
    }

    fn opened_at(&self) -> Option<&str> {
        self.listen.contains("://").then_some(&*self.listen)
    }

    /// Where Foghorn listens, if that is no URL.
    fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }

    /// On all addresses: then none of them is in what was answered, and a link takes the host's name.
    fn named(&self) -> Option<String> {
        let address = self.address().filter(|a| a.ip().is_unspecified())?;
        Some(format!("http://{}:{}", self.host, address.port()))
    }

    pub(super) fn public_url(&self) -> String {
        let opened = self.opened_at().map(str::to_owned);
        opened.or_else(|| self.named()).unwrap_or_else(|| format!("http://{}", self.listen))
    }

    fn server(&self) -> String {
        let mut out = String::from("server:\n");
        // Writing to a String cannot fail.
        let _ = match self.opened_at() {
            Some(url) => writeln!(
                out,
                "  listen: \"127.0.0.1:7070\"     # a proxy stands in front of it\n  public_url: {}     # for the links in pages",
                text(url)
            ),
            None => writeln!(
                out,
                "  listen: {}     # the console, the API and what other tools send\n  # public_url: https://foghorn.example.com     # for the links in pages, if a telephone reaches it elsewhere",
                text(&self.listen)
            ),
        };
        let beside = if self.data_dir.starts_with('/') { "" } else { "beside this file: " };
        let _ =
            writeln!(out, "  data_dir: {}     # {beside}incidents, accounts, history", text(&self.data_dir));
        if let Some(url) = self.named() {
            let _ = writeln!(out, "  public_url: {}     # for the links in pages", text(&url));
        }
        let away = self.address().is_some_and(|a| !a.ip().is_loopback());
        if away || self.opened_at().is_some() {
            let whom = if away { "Off loopback" } else { "Through the proxy" };
            let _ = writeln!(
                out,
                "  # {whom} nothing answers without a token or a log-in. This one is for the command line: FOGHORN_TOKEN.\n  tokens: {{ cli: {{ token: {}, role: admin }} }}",
                text(&self.token)
            );
        }
        if away {
            out.push_str("  # tls: { cert_file: cert.pem, key_file: key.pem }     # without it passwords cross the network in clear\n");
        }
        out
    }

    /// The sender.
    fn from(&self) -> String {
        self.account().or_else(|| self.guessed_sender()).unwrap_or_default()
    }

    /// The account at the mail server as a sender, where that is an address.
    fn account(&self) -> Option<String> {
        let rest = self.smtp.split_once("://").map_or("", |(_, rest)| rest);
        let user = rest.rsplit_once('@').map_or("", |(user, _)| user.split(':').next().unwrap_or_default());
        let user = user.replace("%40", "@");
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._-+".contains(c);
        let address = user.split('@').filter(|part| !part.is_empty()).count() == 2 && user.chars().all(plain);
        address.then(|| format!("Foghorn <{user}>"))
    }

    /// Else one at the same domain as who is paged, which nobody has chosen.
    pub(super) fn guessed_sender(&self) -> Option<String> {
        let domain = self.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        self.account().is_none().then(|| format!("Foghorn <foghorn@{domain}>"))
    }

    /// The whole of it.
    pub(super) fn file(&self) -> String {
        format!(
            r#"# foghorn.yaml: what is watched, who is woken, and how. Every key: docs/configuration.md, or `foghorn config schema`.
# After a change: foghorn config check, then foghorn reload.
# ${{NAME}} in a value is the environment's variable of that name; $${{ stands for ${{ itself.

{server}
people:
  {id}:
    name: {name}
    # time_zone: Europe/Lisbon     # for working hours, in which warnings are sent; UTC unless set
    contacts:
      - {{ via: email, to: {email} }}
      # E-mail wakes nobody. A telephone does, with ntfy's app: choose a topic that nobody guesses, subscribe to it there.
      # - {{ via: phone, to: a-topic-nobody-guesses }}

channels:
  email: {{ kind: smtp, url: {smtp}, from: {from} }}
  # phone: {{ kind: ntfy }}

# Who is paged, one step after another and round again, until a person acknowledges.
escalations:
  default:
    steps:
      - {{ page: person/{id}, wait: 5m }}
      # With a second person under `people`, everybody is paged if the first does not answer:
      # - {{ page: everyone, wait: 10m }}

# What there is, and what it stands on: what stands on one broken host becomes one incident.
topology:
  website: {{ kind: service }}
  # website: {{ kind: service, runs_on: web1 }}
  # web1: {{ kind: host }}

# What is measured, every 30 s unless `every` says otherwise. Also tcp, tls, dns, icmp, exec (Nagios plugins) and
# heartbeat (cron jobs): docs/checks.md.
checks:
  website:
    entity: website
    http: {url}
    # expect: [ "status == 200", "body contains Welcome", "total < 800ms" ]
  # backup: {{ entity: website, heartbeat: {{ every: 1d, grace: 2h }}, severity: warning }}

# Alerts of other tools: docs/connect.md.
# integrations:
#   prometheus: {{ kind: alertmanager }}

# What customers see, on a listener of its own.
# status_page: {{ listen: "127.0.0.1:7071", name: Example, components: {{ Web site: [ website ] }} }}
"#,
            server = self.server(),
            id = self.id(),
            name = text(&self.name),
            email = text(&self.email),
            // A password may stay in the environment.
            smtp = quoted(&self.smtp),
            from = text(&self.from()),
            url = text(&self.url),
        )
    }
}

/// A value that is taken as it is, variables of the environment included.
fn text(value: &str) -> String {
    quoted(&value.replace("${", "$${"))
}

/// In double quotes, where YAML has an escape for everything.
fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn answers() -> Answers {
        Answers::default_for("ana", "0123456789abcdef".to_owned(), "web1")
    }

    #[test]
    fn names_are_ids_where_they_can_be() {
        for (name, id) in [
            ("Ana Sousa", "ana"),
            ("O'Brien", "obrien"),
            ("Zoë", "on-call"),
            ("李雷", "on-call"),
            ("No", "on-call"),
            ("7of9", "on-call"),
            ("everyone", "on-call"),
            ("", "on-call"),
        ] {
            assert_eq!(Answers { name: name.to_owned(), ..answers() }.id(), id, "{name}");
        }
    }

    #[test]
    fn a_person_may_be_an_address_alone() {
        for (said, name, id) in [
            ("ana@example.com", "ana", "ana"),
            ("<bob+pages@example.com>", "bob", "bob"),
            ("no@example.com", "no", "on-call"),
            ("Zed Zett <z@example.com>", "Zed Zett", "zed"),
        ] {
            let mut with = Answers { name: "root".to_owned(), ..answers() };
            with.take_person(said).unwrap();
            assert_eq!((&*with.name, &*with.id()), (name, id), "{said}");
        }
        let mut half = Answers { name: "root".to_owned(), ..answers() };
        half.take_person("Bob <>").unwrap();
        assert_eq!(half.person(), "Bob <ana@localhost>");
    }

    #[test]
    fn the_sender_is_one_that_the_mail_server_takes() {
        for (smtp, from) in [
            ("smtp://localhost:25", "Foghorn <foghorn@localhost>"),
            ("smtps://alerts%40shop.example:p%40ss@mail.example:465", "Foghorn <alerts@shop.example>"),
            ("smtps://alerts:secret@mail.example:465", "Foghorn <foghorn@localhost>"),
            ("smtps://${SMTP_USER}:x@mail.example", "Foghorn <foghorn@localhost>"),
        ] {
            assert_eq!(Answers { smtp: smtp.to_owned(), ..answers() }.from(), from, "{smtp}");
        }
    }

    #[test]
    fn what_is_answered_is_what_the_file_says() {
        let odd = [
            "Ana \"the night\" Sousa: on-call # 1",
            "${HOME} $${x} \\n 'it'",
            "Zoë 李雷 🚨 \u{2028}\u{feff}",
            "- [ { & * ! | > % @ `",
            "\u{85}\t\u{7f}",
        ];
        for name in odd {
            let with = Answers {
                name: name.to_owned(),
                url: "http://[::1]:8080/a?b=\"c\"&d=${E}#f: g".to_owned(),
                ..answers()
            };
            let config = foghorn_config::parse(&with.file(), "f", Path::new(""), &|_| None)
                .unwrap_or_else(|e| panic!("{}", e.render(false)));
            let person = &config.setup.people[with.id().as_str()];
            assert_eq!(person.name, name);
            let foghorn_config::model::CheckKind::Http(http) = &config.checks["website"].kind else {
                panic!("another kind of check")
            };
            let url = http.steps[0].url.expose().unwrap();
            assert_eq!(url, with.url);
        }
    }

    #[test]
    fn every_way_to_listen_makes_a_good_file() {
        for (listen, public_url, tokens) in [
            ("127.0.0.1:7070", "http://127.0.0.1:7070", 0),
            ("[::1]:7070", "http://[::1]:7070", 0),
            ("192.0.2.1:7070", "http://192.0.2.1:7070", 1),
            ("0.0.0.0:7070", "http://web1:7070", 1),
            ("[::]:7070", "http://web1:7070", 1),
            ("https://foghorn.example.com", "https://foghorn.example.com", 1),
        ] {
            let with = Answers { listen: listen.to_owned(), ..answers() };
            let config = foghorn_config::parse(&with.file(), "f", Path::new(""), &|_| None)
                .unwrap_or_else(|e| panic!("{}", e.render(false)));
            assert_eq!(config.server.public_url, public_url);
            assert_eq!(with.public_url(), public_url);
            assert_eq!(config.server.tokens.len(), tokens, "{listen}");
        }
    }

    #[test]
    fn what_is_commented_out_is_good_too() {
        let mut file = answers().file();
        let commented: Vec<String> = file
            .lines()
            .map(|line| {
                let bare = line.trim_start();
                // A comment that holds a key, rather than words for people.
                let key = bare.strip_prefix("# ").and_then(|rest| {
                    let word = rest.trim_start().trim_start_matches("- ").split(':').next()?;
                    let value = rest.contains(": ") || rest.ends_with(':');
                    let is_key = word.starts_with('{') || value && !word.contains([' ', '`', '$', '.']);
                    (is_key && !word.is_empty()).then_some(rest)
                });
                let spaces = " ".repeat(line.len() - bare.len());
                key.map_or_else(|| line.to_owned(), |rest| format!("{spaces}{rest}"))
            })
            .collect();
        let shown: usize = file.lines().zip(&commented).filter(|(a, b)| a != b).count();
        assert!(shown >= 10, "{shown} keys are shown as comments");
        // The topology shows the same entity twice, once as it could be.
        file = commented.join("\n").replacen("  website: { kind: service }\n", "", 1) + "\n";
        let config = foghorn_config::parse(&file, "f", Path::new(""), &|_| None)
            .unwrap_or_else(|e| panic!("{}\n{file}", e.render(false)));
        assert!(config.status_page.is_some() && config.channels.contains_key("phone"));
        assert_eq!(config.setup.people["ana"].contacts.len(), 2);
        assert!(config.integrations.contains_key("prometheus"));
        assert_eq!(config.setup.checks.len(), 2);
    }
}
