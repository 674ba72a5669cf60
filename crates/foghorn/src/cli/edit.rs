//! `foghorn silence`, `override`, `change`, `backup`, `reload`: small edits of a running server.

use super::client::{call, call_within, list, number, saved, segment, text};
use super::{Done, Failure, Remote, filled, say};
use clap::Subcommand;
use foghorn_core::text::clean;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Subcommand)]
pub enum SilenceCommand {
    /// Mutes alerts for a time; they stay on screen
    #[command(
        after_help = "Example:\n  foghorn silence add --for 2h --comment \"kernel upgrade\" --entity web1\n  foghorn silence add --for 30m --comment noise alertname=DiskFull 'host=~web.*'"
    )]
    Add {
        /// name=value, name!=value, name=~regex or name!~regex; all must match
        matchers: Vec<String>,
        /// Alerts of this entity (may be repeated); nothing that depends on it
        #[arg(long)]
        entity: Vec<String>,
        /// How long: 30m, 2h, 1d
        #[arg(long = "for", value_name = "DURATION")]
        duration: String,
        /// Why
        #[arg(long, value_parser = filled)]
        comment: String,
        /// It is a maintenance window
        #[arg(long)]
        maintenance: bool,
        #[command(flatten)]
        to: Remote,
    },
    /// Lists those that count or will
    #[command(after_help = "Example:\n  foghorn silence list")]
    List {
        #[command(flatten)]
        to: Remote,
    },
    /// Ends one now
    #[command(after_help = "Example:\n  foghorn silence end 3f0c…")]
    End {
        /// Its id, as listed
        id: String,
        #[command(flatten)]
        to: Remote,
    },
}

pub fn silence(command: SilenceCommand) -> Done {
    match command {
        SilenceCommand::Add { matchers, entity, duration, comment, maintenance, to } => {
            check_duration(&duration)?;
            let body = json!({ "matchers": matchers, "entities": entity, "for": duration, "comment": comment, "maintenance": maintenance });
            let done = call(&to, Method::POST, "/api/v1/silences", Some(&body))?;
            report(&to, &done, &format!("silence {} counts for {duration}", text(&done, "/id")));
        }
        SilenceCommand::List { to } => {
            let found = call(&to, Method::GET, "/api/v1/silences", None)?;
            rows(&to, &found, "/silences", "There is no silence.", |s| {
                let matchers: Vec<String> = list(s, "/matchers").iter().map(shown).collect();
                let entities: Vec<&str> = list(s, "/entities").iter().filter_map(Value::as_str).collect();
                let active = s.get("active").and_then(Value::as_bool).unwrap_or(true);
                let from = if active { String::new() } else { format!("from {} ", text(s, "/starts")) };
                format!(
                    "{}  {from}until {}  {} {}  {}",
                    text(s, "/id"),
                    text(s, "/ends"),
                    matchers.join(","),
                    entities.join(","),
                    text(s, "/comment")
                )
            });
        }
        SilenceCommand::End { id, to } => {
            let done = call(&to, Method::DELETE, &format!("/api/v1/silences/{}", segment(&id)), None)?;
            report(&to, &done, &format!("silence {id} is over"));
        }
    }
    Ok(())
}

fn shown(matcher: &Value) -> String {
    matcher.as_str().map_or_else(
        || format!("{}{}{}", text(matcher, "/name"), text(matcher, "/op"), text(matcher, "/value")),
        str::to_owned,
    )
}

#[derive(Subcommand)]
pub enum OverrideCommand {
    /// Somebody stands in on a schedule, from now or later
    #[command(
        after_help = "Example:\n  foghorn override add --schedule primary --person night-ops --for 8h\n  foghorn override add --schedule primary --person ana --from 2026-12-24T18:00:00Z --until 2026-12-25T18:00:00Z"
    )]
    Add {
        /// The schedule
        #[arg(long)]
        schedule: String,
        /// Who stands in
        #[arg(long)]
        person: String,
        /// From (RFC 3339); now by default
        #[arg(long)]
        from: Option<String>,
        /// Until (RFC 3339)
        #[arg(long, conflicts_with = "duration", required_unless_present = "duration")]
        until: Option<String>,
        /// How long: 8h, 2d
        #[arg(long = "for", value_name = "DURATION")]
        duration: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
    /// Lists those that count or will
    #[command(after_help = "Example:\n  foghorn override list")]
    List {
        #[command(flatten)]
        to: Remote,
    },
    /// Removes one
    #[command(after_help = "Example:\n  foghorn override remove 3f0c…")]
    Remove {
        /// Its id, as listed
        id: String,
        #[command(flatten)]
        to: Remote,
    },
}

pub fn stand_in(command: OverrideCommand) -> Done {
    match command {
        OverrideCommand::Add { schedule, person, from, until, duration, to } => {
            let mut body = json!({ "schedule": schedule, "person": person });
            if let Some(duration) = &duration {
                check_duration(duration)?;
            }
            for (key, value) in [("starts", from), ("ends", until), ("for", duration)] {
                if let Some(value) = value {
                    body[key] = Value::String(value);
                }
            }
            let done = call(&to, Method::POST, "/api/v1/overrides", Some(&body))?;
            report(
                &to,
                &done,
                &format!("{person} stands in on {schedule} (override {})", text(&done, "/id")),
            );
        }
        OverrideCommand::List { to } => {
            let found = call(&to, Method::GET, "/api/v1/overrides", None)?;
            rows(&to, &found, "/overrides", "Nobody stands in.", |o| {
                let person = o.get("person").and_then(Value::as_str).unwrap_or_else(|| text(o, "/person/id"));
                format!(
                    "{}  {person} on {} from {} until {}",
                    text(o, "/id"),
                    text(o, "/schedule"),
                    text(o, "/starts"),
                    text(o, "/ends")
                )
            });
        }
        OverrideCommand::Remove { id, to } => {
            let done = call(&to, Method::DELETE, &format!("/api/v1/overrides/{}", segment(&id)), None)?;
            report(&to, &done, &format!("override {id} is removed"));
        }
    }
    Ok(())
}

#[derive(Subcommand)]
pub enum ChangeCommand {
    /// Tells of a change: whoever is paged for what it touches sees it
    #[command(after_help = "Example:\n  foghorn change add \"shop-api 4.2 deployed\" --entity shop-api")]
    Add {
        /// One line
        #[arg(value_parser = filled)]
        summary: String,
        /// What was changed
        #[arg(long)]
        entity: Option<String>,
        /// Where to read more
        #[arg(long)]
        link: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
    /// Lists the last ones
    #[command(after_help = "Example:\n  foghorn change list")]
    List {
        #[command(flatten)]
        to: Remote,
    },
}

pub fn change(command: ChangeCommand) -> Done {
    match command {
        ChangeCommand::Add { summary, entity, link, to } => {
            let mut body = json!({ "summary": summary });
            for (key, value) in [("entity", entity), ("link", link)] {
                if let Some(value) = value {
                    body[key] = Value::String(value);
                }
            }
            let done = call(&to, Method::POST, "/api/v1/changes", Some(&body))?;
            report(&to, &done, "written down");
        }
        ChangeCommand::List { to } => {
            let found = call(&to, Method::GET, "/api/v1/changes", None)?;
            rows(&to, &found, "/changes", "No change is known.", |c| {
                format!(
                    "{}  {}  {} ({})",
                    text(c, "/at"),
                    text(c, "/entity"),
                    text(c, "/summary"),
                    text(c, "/source")
                )
            });
        }
    }
    Ok(())
}

/// The server gives a backup ten minutes.
const BACKUP: Duration = Duration::from_secs(660);

pub fn backup(name: Option<String>, to: &Remote) -> Done {
    let body = name.map_or_else(|| json!({}), |n| json!({ "name": n }));
    let done = call_within(BACKUP, to, Method::POST, "/api/v1/backup", Some(&body))?;
    report(
        to,
        &done,
        &format!(
            "{} on the server: {} bytes, up to event {}",
            text(&done, "/path"),
            number(&done, "/bytes"),
            number(&done, "/seq")
        ),
    );
    let left_out: Vec<&str> = list(&done, "/left_out").iter().filter_map(Value::as_str).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    Err(Failure::Bad(clean(&format!("the journal is in it, and this is not: {}", left_out.join("; ")))))
}

pub fn reload(to: &Remote) -> Done {
    let done = call(to, Method::POST, "/api/v1/reload", Some(&json!({})))?;
    report(to, &done, "the new configuration counts");
    Ok(())
}

fn check_duration(text: &str) -> Done {
    foghorn_config::parse_duration(text).map(|_| ()).map_err(|e| Failure::Wrong(format!("--for {text}: {e}")))
}

/// What was done, and what about it may not be what was meant.
pub(super) fn report(to: &Remote, done: &Value, words: &str) {
    if to.json {
        say(&done.to_string());
    } else {
        say(&format!("{words}{}", saved(done)));
        list(done, "/warnings")
            .iter()
            .filter_map(Value::as_str)
            .for_each(|w| say(&format!("warning: {}", clean(w))));
    }
}

fn rows(to: &Remote, found: &Value, path: &str, none: &str, row: impl Fn(&Value) -> String) {
    if to.json {
        return say(&found.to_string());
    }
    let all = list(found, path);
    if all.is_empty() {
        say(none);
    }
    all.iter().for_each(|one| say(&clean(&row(one))));
}
