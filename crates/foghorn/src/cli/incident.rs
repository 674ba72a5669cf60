//! `foghorn incident`.

use super::client::{call, list, number, saved, segment, text};
use super::edit::report;
use super::{Done, Failure, Remote, filled, incident, say};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use foghorn_core::text::clean;
use foghorn_core::update::Stage;
use foghorn_core::words::Severity;
use http::Method;
use serde_json::{Value, json};

/// The worst first.
const SEVERITIES: [&str; 3] =
    [Severity::Critical.as_str(), Severity::Warning.as_str(), Severity::Info.as_str()];

#[derive(Subcommand)]
pub enum IncidentCommand {
    /// Lists incidents, the youngest first
    #[command(
        after_help = "Example:\n  foghorn incident list\n  foghorn incident list --state all --limit 20 --json\n  foghorn incident list --state resolved --search \"shop db7\" --from 2026-11-01T00:00:00Z"
    )]
    List {
        /// Those that are in this state
        #[arg(long, default_value = "open", value_parser = ["open", "unacknowledged", "acknowledged", "resolved", "all"])]
        state: String,
        /// Only with these words: each begins one of the title, of an entity, or of the value of an alert's label
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        /// Only this bad
        #[arg(long, value_parser = PossibleValuesParser::new(SEVERITIES))]
        severity: Option<String>,
        /// Not those that were over before a moment (RFC 3339)
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Not those that began at a moment or later (RFC 3339)
        #[arg(long = "to", value_name = "TIME")]
        until: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        #[command(flatten)]
        to: Remote,
    },
    /// Shows one: what is broken, who was paged, what became of it
    #[command(after_help = "Example:\n  foghorn incident show 12")]
    Show {
        /// Its number
        #[arg(value_parser = incident)]
        id: u64,
        #[command(flatten)]
        to: Remote,
    },
    /// Says that you are on it: paging stops
    #[command(after_help = "Example:\n  foghorn incident ack 12")]
    Ack {
        /// Its number
        #[arg(value_parser = incident)]
        id: u64,
        #[command(flatten)]
        to: Remote,
    },
    /// Says that it is over
    #[command(after_help = "Example:\n  foghorn incident resolve 12")]
    Resolve {
        /// Its number
        #[arg(value_parser = incident)]
        id: u64,
        #[command(flatten)]
        to: Remote,
    },
    /// Writes something into its timeline
    #[command(after_help = "Example:\n  foghorn incident note 12 \"restarted the database\"")]
    Note {
        /// Its number
        #[arg(value_parser = incident)]
        id: u64,
        /// What
        #[arg(value_parser = filled)]
        text: String,
        #[command(flatten)]
        to: Remote,
    },
    /// Tells the public, on the status page
    #[command(
        after_help = "Example:\n  foghorn incident update 12 --stage identified \"A disk is broken; orders are slow until it is replaced.\"\n\nWhoever opens the status page reads the text, word for word. `resolved` also resolves the incident."
    )]
    Update(UpdateArgs),
    /// Corrects what the public was told
    #[command(
        after_help = "Example:\n  foghorn incident correct 12 1 \"A disk is broken; some orders are slow until it is replaced.\"\n\nThe status page shows the new text and when it was corrected; the timeline keeps what it said before. `foghorn incident show` has the updates' numbers."
    )]
    Correct(CorrectArgs),
    /// Withdraws what the public was told
    #[command(
        after_help = "Example:\n  foghorn incident withdraw 12 1\n\nThe status page says when it was withdrawn, and the text no more; the timeline keeps it. It cannot be brought back, only written anew."
    )]
    Withdraw(WithdrawArgs),
    /// Pages the next step now
    #[command(after_help = "Example:\n  foghorn incident escalate 12")]
    Escalate {
        /// Its number
        #[arg(value_parser = incident)]
        id: u64,
        #[command(flatten)]
        to: Remote,
    },
    /// Opens one by hand
    #[command(
        after_help = "Example:\n  foghorn incident open \"checkout is broken\" --severity critical --entity shop-api"
    )]
    Open {
        /// One line
        #[arg(value_parser = filled)]
        title: String,
        /// How bad it is
        #[arg(long, default_value = "critical", value_parser = PossibleValuesParser::new(SEVERITIES))]
        severity: String,
        /// What is unwell
        #[arg(long)]
        entity: Option<String>,
        /// The escalation policy, instead of the entity's own
        #[arg(long)]
        escalation: Option<String>,
        /// More words
        #[arg(long)]
        note: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
}

/// What the public is told of an incident.
#[derive(Args)]
pub struct UpdateArgs {
    /// The incident's number
    #[arg(value_parser = incident)]
    id: u64,
    /// How far it is
    #[arg(long, default_value = "investigating", value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::as_str)))]
    stage: String,
    /// The words
    #[arg(value_parser = filled)]
    text: String,
    #[command(flatten)]
    to: Remote,
}

/// Which status update.
#[derive(Args)]
pub struct Which {
    /// The incident's number
    #[arg(value_parser = incident)]
    id: u64,
    /// The update's number, from 1: `foghorn incident show` has it
    number: u32,
    /// Refuse it where it was corrected more often than this since it was read
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
}

/// What the public is told instead.
#[derive(Args)]
pub struct CorrectArgs {
    #[command(flatten)]
    which: Which,
    /// The words
    #[arg(value_parser = filled)]
    text: String,
    #[command(flatten)]
    to: Remote,
}

/// What the public is told no more.
#[derive(Args)]
pub struct WithdrawArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    to: Remote,
}

#[derive(Subcommand)]
pub enum StatusCommand {
    /// Tells the public of an incident: the same as `incident update`
    #[command(
        after_help = "Example:\n  foghorn status post 12 --stage monitoring \"The disk is replaced; we watch it.\""
    )]
    Post(UpdateArgs),
    /// Corrects what it was told: the same as `incident correct`
    #[command(
        after_help = "Example:\n  foghorn status correct 12 2 \"Both disks are replaced; we watch them.\""
    )]
    Correct(CorrectArgs),
    /// Withdraws what it was told: the same as `incident withdraw`
    #[command(after_help = "Example:\n  foghorn status withdraw 12 2")]
    Withdraw(WithdrawArgs),
}

pub fn status(command: StatusCommand) -> Done {
    match command {
        StatusCommand::Post(args) => update(&args),
        StatusCommand::Correct(args) => correct(&args),
        StatusCommand::Withdraw(args) => withdraw(&args),
    }
}

fn correct(CorrectArgs { which, text, to }: &CorrectArgs) -> Done {
    let what = format!("updates/{}/correct", which.number);
    let body = json!({ "text": text, "revision": which.revision });
    act(to, which.id, &what, &body, "what the public is told is corrected")
}

fn withdraw(WithdrawArgs { which, to }: &WithdrawArgs) -> Done {
    let what = format!("updates/{}/withdraw", which.number);
    act(to, which.id, &what, &json!({ "revision": which.revision }), "what the public was told is withdrawn")
}

fn update(UpdateArgs { id, stage, text, to }: &UpdateArgs) -> Done {
    act(to, *id, "updates", &json!({ "stage": stage, "text": text }), "the public is told")
}

pub fn run(command: IncidentCommand) -> Done {
    match command {
        IncidentCommand::List { state, search, severity, from, until, limit, to } => {
            let asked = [("q", search), ("severity", severity), ("from", from), ("to", until)];
            let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let narrower: String =
                asked.map(|(name, value)| format!("&{name}={}", segment(&value))).collect();
            let found = call(
                &to,
                Method::GET,
                &format!("/api/v1/incidents?state={}&limit={limit}{narrower}", segment(&state)),
                None,
            )?;
            if to.json {
                say(&found.to_string());
                return Ok(());
            }
            let incidents = list(&found, "/incidents");
            if incidents.is_empty() {
                let all = state == "open" && narrower.is_empty();
                say(if all { "Nothing is open." } else { "There is none." });
            }
            incidents.iter().for_each(|i| say(&line(i)));
            let missing = text(&found, "/incomplete");
            if !missing.is_empty() {
                say(&clean(&format!("Some may be missing: {missing}")));
            }
            if found.get("next").is_some_and(|n| !n.is_null()) {
                let more = limit.saturating_mul(2).min(1000);
                say(&if more > limit {
                    format!("… and more: --limit {more}")
                } else {
                    "… and more".to_owned()
                });
            }
            Ok(())
        }
        IncidentCommand::Show { id, to } => {
            let found = call(&to, Method::GET, &format!("/api/v1/incidents/{id}"), None)?;
            if to.json {
                say(&found.to_string());
            } else {
                show(&found);
            }
            Ok(())
        }
        IncidentCommand::Ack { id, to } => act(&to, id, "ack", &json!({}), "acknowledged"),
        IncidentCommand::Resolve { id, to } => act(&to, id, "resolve", &json!({}), "resolved"),
        IncidentCommand::Note { id, text, to } => act(&to, id, "note", &json!({ "text": text }), "noted"),
        IncidentCommand::Update(args) => update(&args),
        IncidentCommand::Correct(args) => correct(&args),
        IncidentCommand::Withdraw(args) => withdraw(&args),
        IncidentCommand::Escalate { id, to } => act(&to, id, "escalate", &json!({}), "escalated"),
        IncidentCommand::Open { title, severity, entity, escalation, note, to } => {
            let mut body = json!({ "title": title, "severity": severity });
            for (key, value) in [("entity", entity), ("escalation", escalation), ("note", note)] {
                if let Some(value) = value {
                    body[key] = Value::String(value);
                }
            }
            let done = call(&to, Method::POST, "/api/v1/incidents", Some(&body))?;
            let id = done.get("id").and_then(Value::as_u64);
            match (to.json, id) {
                (_, Some(id)) => report(&to, &done, &format!("incident {id} is open")),
                (true, None) => say(&done.to_string()),
                (false, None) => {
                    return Err(Failure::Bad("the server did not say which incident it opened".to_owned()));
                }
            }
            Ok(())
        }
    }
}

fn act(to: &Remote, id: u64, what: &str, body: &Value, done_word: &str) -> Done {
    let done = call(to, Method::POST, &format!("/api/v1/incidents/{id}/{what}"), Some(body))?;
    if !to.json && what == "ack" && done.get("changed") == Some(&Value::Bool(false)) {
        let now = call(to, Method::GET, &format!("/api/v1/incidents/{id}"), None)?;
        let (by, at) = (text(&now, "/acknowledged/by/name"), text(&now, "/acknowledged/at"));
        let who = if by.is_empty() { String::new() } else { format!(" by {by} at {at}") };
        say(&clean(&format!("incident {id}: already acknowledged{who}; nothing changed{}", saved(&done))));
    } else {
        report(to, &done, &format!("incident {id}: {done_word}"));
    }
    Ok(())
}

fn line(i: &Value) -> String {
    let by = text(i, "/acknowledged/by/name");
    let state = match text(i, "/state") {
        "acknowledged" if !by.is_empty() => format!("acknowledged by {by}"),
        state => state.to_owned(),
    };
    format!(
        "#{:<5} {:<8} {:<14} {} {}{}",
        number(i, "/id"),
        text(i, "/severity"),
        state,
        text(i, "/opened_at"),
        clean(text(i, "/title")),
        saved(i)
    )
}

fn show(i: &Value) {
    say(&line(i));
    if i.get("came_back_in").is_some() {
        say(&format!("Alerts of it have come back since, as of incident {}.", number(i, "/came_back_in")));
    }
    let section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            say(&format!("\n{title}"));
            rows.iter().for_each(|r| say(&format!("  {}", clean(r))));
        }
    };
    section(
        "What is wrong",
        list(i, "/worst_alerts")
            .iter()
            .map(|a| {
                let beside = match (text(a, "/entity"), text(a, "/muted_by")) {
                    ("", "") => String::new(),
                    (entity, "") => format!(" ({entity})"),
                    ("", muted) => format!(" (muted by {muted})"),
                    (entity, muted) => format!(" ({entity}, muted by {muted})"),
                };
                format!(
                    "{:<8} {:<8} {}{beside}",
                    text(a, "/severity"),
                    text(a, "/status"),
                    text(a, "/summary")
                )
            })
            .collect(),
    );
    section("Unwell", list(i, "/entities").iter().map(|e| text(e, "/name").to_owned()).collect());
    section(
        "Stands on that",
        list(i, "/downstream").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    );
    section(
        "What changed before",
        list(i, "/changes")
            .iter()
            .map(|c| format!("{} {} ({})", text(c, "/at"), text(c, "/summary"), text(c, "/source")))
            .collect(),
    );
    section("What to do", list(i, "/runbooks").iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let pages = list(i, "/pages").iter().map(|p| {
        let error = text(p, "/error");
        let error = if error.is_empty() { String::new() } else { format!(": {error}") };
        // A person may have several on one channel; a page's id ends with which of their contacts it is, from 0.
        let contact = text(p, "/id").rsplit('-').next().and_then(|n| n.parse::<u8>().ok()).unwrap_or(0);
        let contact =
            if contact > 0 { format!(", contact {}", u32::from(contact) + 1) } else { String::new() };
        format!(
            "{} by {}{contact} ({}), step {}, {} at {}{error}",
            text(p, "/person_name"),
            text(p, "/channel"),
            text(p, "/kind"),
            number(p, "/step"),
            text(p, "/state"),
            text(p, "/at")
        )
    });
    section("Pages", pages.collect());
    let next = text(i, "/escalation/next/text");
    if !next.is_empty() {
        let answered = text(i, "/state") != "open";
        section(if answered { "What happens next" } else { "If nobody answers" }, vec![next.to_owned()]);
    }
    section(
        "What the public is told",
        list(i, "/updates")
            .iter()
            .map(|u| {
                let since = match (text(u, "/corrected/at"), u.get("withdrawn")) {
                    ("", _) => String::new(),
                    (at, Some(Value::Bool(true))) => format!(" (withdrawn {at})"),
                    (at, _) => format!(" (corrected {at})"),
                };
                let (number, stage) = (number(u, "/number"), text(u, "/stage"));
                format!("{number}. {}  {stage}{since}: {}", text(u, "/at"), text(u, "/text"))
            })
            .collect(),
    );
    section(
        "Timeline",
        list(i, "/timeline").iter().map(|e| format!("{}  {}", text(e, "/at"), text(e, "/text"))).collect(),
    );
    for (path, words) in [
        ("/timeline_error", "There is no timeline now"),
        ("/timeline_incomplete", "The timeline may lack its end"),
    ] {
        let why = text(i, path);
        if !why.is_empty() {
            say(&clean(&format!("\n{words}: {why}")));
        }
    }
}
