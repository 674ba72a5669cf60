//! `foghorn page test`: a page that says that it is a test, through the channels of the configuration. It proves a
//! contact before anything depends on it, and needs no server.

use super::{Done, Failure, colour, say, there_are};
use crate::server;
use clap::Subcommand;
use foghorn_config::Config;
use foghorn_core::page::Outcome;
use foghorn_core::setup::Person;
use foghorn_core::text::clean;
use foghorn_core::words::Urgency;
use foghorn_wake::{Limits, Message, Report, Sender, channels};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

#[derive(Subcommand)]
pub enum PageCommand {
    /// Sends a person a page that says that it is a test; 1 if a contact does not take it
    #[command(
        after_help = "Example:\n  foghorn page test ana -c foghorn.yaml\n  foghorn page test ana --contact 2     the second of the contacts alone"
    )]
    Test {
        /// The person, by the name in the file
        person: String,
        /// Only this contact, counted from 1; else all of them
        #[arg(long, value_name = "N")]
        contact: Option<usize>,
        /// The configuration file
        #[arg(short, long, default_value = "foghorn.yaml", env = "FOGHORN_CONFIG")]
        config: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(command: PageCommand) -> Done {
    let PageCommand::Test { person: id, contact, config: path, json } = command;
    let config =
        server::configuration::load(&path).map_err(|errors| Failure::Wrong(errors.render(colour())))?;
    let (person, contacts) = choose(&config, &path, &id, contact)?;
    if !json {
        say(&format!("A page that says that it is a test goes to {}:", clean(&person.name)));
    }
    let reports = send(&config, &id, &person, &contacts)?;
    let all = reports.iter().all(|r| matches!(r.outcome, Outcome::Accepted { .. }));
    if json {
        let rows = reports.iter().map(|r| {
            let (accepted, said) = words(&r.outcome);
            json!({
                "contact": r.key, "via": r.channel, "to": address(&config, &id, r.key),
                "accepted": accepted, "said": said, "took_ms": r.took.as_secs_f64() * 1e3,
            })
        });
        let rows: Vec<_> = rows.collect();
        say(&json!({ "person": id, "accepted": all, "contacts": rows }).to_string());
    } else {
        for r in &reports {
            say(&row(&config, &id, &person, r));
        }
        let end = if all {
            "Every one is accepted. Whether it rang, only that person can say: ask."
        } else {
            "Mend what was not accepted before anything depends on it."
        };
        say(end);
    }
    if all { Ok(()) } else { Err(Failure::Bad(String::new())) }
}

/// The person, and which of the contacts, from 1.
fn choose(
    config: &Config,
    path: &Path,
    id: &str,
    contact: Option<usize>,
) -> Result<(Person, Vec<usize>), Failure> {
    let Some(person) = config.setup.people.get(id) else {
        return Err(Failure::Wrong(format!(
            "there is no person {id} in {}; {}",
            path.display(),
            there_are(config.setup.people.keys().map(|p| p.as_str()))
        )));
    };
    let has = person.contacts.len();
    let contacts = match contact {
        None if has == 0 => {
            let text = format!("{id} has no contacts: add `contacts: [ {{ via: CHANNEL, to: ADDRESS }} ]`");
            return Err(Failure::Wrong(text));
        }
        None => (1..=has).collect(),
        Some(n) if (1..=has).contains(&n) => vec![n],
        Some(n) => {
            return Err(Failure::Wrong(format!("{id} has no contact {n}: they count from 1 to {has}")));
        }
    };
    Ok((person.clone(), contacts))
}

/// Sends to all of them at once, as the server would, and waits for what became of each.
fn send(
    config: &Config,
    id: &str,
    person: &Person,
    contacts: &[usize],
) -> Result<Vec<Report<usize>>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Wrong(format!("no runtime: {e}")))?;
    // A channel that cannot be built says why as its outcome.
    let (built, _) = channels::build_all(&config.channels);
    let (tx, mut rx) = mpsc::unbounded_channel();
    let report = move |r| {
        // Nobody waits any more only where this command has ended.
        let _ = tx.send(r);
    };
    let sender = Sender::new(runtime.handle().clone(), Limits::default(), built, report);
    let who = foghorn_wake::Person {
        id: id.to_owned(),
        name: person.name.clone(),
        time_zone: person.time_zone.to_string(),
    };
    let now = jiff::Timestamp::now().into();
    for n in contacts {
        let Some(contact) = person.contacts.get(n - 1) else { continue };
        let to = address(config, id, *n);
        let mut message = Message::test(who.clone(), to, now, &config.server.public_url);
        // Two contacts may be two addresses on one channel: each is a page of its own.
        message.id = format!("{}-{n}", message.id);
        sender.send(*n, contact.channel.as_str(), message);
    }
    let mut reports = runtime.block_on(async {
        let mut reports = Vec::new();
        while reports.len() < contacts.len() {
            let Some(report) = rx.recv().await else { break };
            reports.push(report);
        }
        reports
    });
    reports.sort_by_key(|r| r.key);
    Ok(reports)
}

fn address<'a>(config: &'a Config, id: &str, n: usize) -> &'a str {
    config.addresses.get(id).and_then(|all| all.get(n.wrapping_sub(1))).map_or("", String::as_str)
}

fn words(outcome: &Outcome) -> (bool, &str) {
    match outcome {
        Outcome::Accepted { detail } => (true, detail),
        Outcome::Retry { error, .. } | Outcome::Failed { error } => (false, error),
    }
}

fn row(config: &Config, id: &str, person: &Person, r: &Report<usize>) -> String {
    let (accepted, said) = words(&r.outcome);
    let only = match person.contacts.get(r.key.wrapping_sub(1)).and_then(|c| c.only) {
        Some(Urgency::High) => ", only for pages that wake",
        Some(_) => ", only for pages that do not wake",
        None => "",
    };
    let sign = if accepted { "accepted" } else { "NOT ACCEPTED" };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let to = address(config, id, r.key);
    let took = r.took.as_secs_f64();
    clean(&format!("  {}. {} {to}{only}: {sign} after {took:.1} s{said}", r.key, r.channel))
}
