//! Commands that need no server.

use super::{Done, Failure, colour, say, there_are};
use crate::server::{self, StartFailure};
use clap::Subcommand;
use foghorn_config::model::Config;
use foghorn_console::ReadModel;
use foghorn_core::text::clean;
use foghorn_journal::StoreError;
use std::path::{Path, PathBuf};

pub fn serve(config: PathBuf, data_dir: Option<PathBuf>) -> Done {
    logging();
    server::serve(&server::Options { config, data_dir, end: None }).map_err(|e| match e {
        StartFailure::Configuration(errors) => Failure::Wrong(errors.render(colour())),
        e => Failure::Wrong(e.to_string()),
    })
}

/// To standard error, where systemd keeps it. `RUST_LOG` changes what is said.
pub fn logging() {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    // A second call, as in a test, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .try_init();
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Says everything that is wrong with a file, and where
    #[command(after_help = "Example:\n  foghorn config check foghorn.yaml")]
    Check {
        /// The file; `-` for standard input
        #[arg(default_value = "foghorn.yaml")]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The JSON Schema of the file, for editors
    #[command(after_help = "Example:\n  foghorn config schema > foghorn.schema.json")]
    Schema {
        /// Print JSON, as it does without
        #[arg(long)]
        json: bool,
    },
}

pub fn config(command: ConfigCommand) -> Done {
    match command {
        ConfigCommand::Check { file, json } => {
            let (name, checked) = if file.as_os_str() == "-" {
                let name = "standard input";
                let here = Path::new("");
                let env = server::configuration::env;
                (name.to_owned(), foghorn_config::load_from(std::io::stdin().lock(), name, here, &env))
            } else {
                (file.display().to_string(), server::configuration::load(&file))
            };
            let warnings = |c: &Config| server::configuration::warnings(c, jiff::Timestamp::now().into());
            if json {
                let report = match &checked {
                    Ok(c) => {
                        serde_json::json!({ "good": true, "warnings": warnings(c), "missing_secrets": c.missing_secrets })
                    }
                    Err(errors) => serde_json::json!({ "good": false, "errors": errors.to_json() }),
                };
                say(&report.to_string());
                return checked.map(|_| ()).map_err(|_| Failure::Wrong(String::new()));
            }
            let config = checked.map_err(|errors| Failure::Wrong(errors.render(colour())))?;
            for warning in warnings(&config) {
                say(&format!("warning: {warning}"));
            }
            for secret in &config.missing_secrets {
                say(&format!("warning: a secret is missing here: {secret}"));
            }
            say(&format!("{name} is good: {}", summary(&config)));
            Ok(())
        }
        ConfigCommand::Schema { json: _ } => {
            let text = serde_json::to_string_pretty(&foghorn_config::schema())
                .map_err(|e| Failure::Bad(e.to_string()))?;
            say(&text);
            Ok(())
        }
    }
}

fn summary(c: &Config) -> String {
    let n = |n: usize, one: &str, more: &str| format!("{n} {}", if n == 1 { one } else { more });
    [
        n(c.setup.checks.len(), "check", "checks"),
        n(c.integrations.len(), "integration", "integrations"),
        n(c.setup.people.len(), "person", "people"),
        n(c.channels.len(), "channel", "channels"),
        n(c.setup.topology.len(), "entity", "entities"),
    ]
    .join(", ")
}

#[derive(Subcommand)]
pub enum CheckCommand {
    /// Runs one now and prints its phases; 1 if it fails
    #[command(after_help = "Example:\n  foghorn check run shop -c foghorn.yaml")]
    Run {
        /// Its name in the file
        name: String,
        /// The configuration file
        #[arg(short, long, default_value = "foghorn.yaml", env = "FOGHORN_CONFIG")]
        config: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn check(command: CheckCommand) -> Done {
    let CheckCommand::Run { name, config, json } = command;
    let config =
        server::configuration::load(&config).map_err(|errors| Failure::Wrong(errors.render(colour())))?;
    let Some(check) = config.checks.get(&name) else {
        let what = if config.setup.checks.contains_key(name.as_str()) {
            "waits to be pinged: there is nothing to run"
        } else {
            "is not in the configuration"
        };
        return Err(Failure::Wrong(format!(
            "check {name} {what}; {}",
            there_are(config.checks.keys().map(String::as_str))
        )));
    };
    let outcome = foghorn_watch::run_once(check).map_err(|e| Failure::Bad(e.to_string()))?;
    if json {
        let p = &outcome.phases;
        let ms = |d: Option<std::time::Duration>| d.map(|d| d.as_secs_f64() * 1e3);
        say(&serde_json::json!({
            "check": name, "good": outcome.verdict == foghorn_watch::check::Verdict::Good, "summary": outcome.summary,
            "phases_ms": { "resolve": ms(p.resolve), "connect": ms(p.connect), "tls": ms(p.tls), "first_byte": ms(p.first_byte), "total": ms(Some(p.total)) },
        }).to_string());
    } else {
        // A plugin's words may hold anything.
        foghorn_watch::check::table(&name, &outcome).trim_end().lines().for_each(|line| say(&clean(line)));
    }
    if outcome.verdict == foghorn_watch::check::Verdict::Good {
        Ok(())
    } else {
        Err(Failure::Bad(String::new()))
    }
}

#[derive(Subcommand)]
pub enum JournalCommand {
    /// Reads every event and checks the chain; 0 = whole, 1 = damaged (says where)
    #[command(
        after_help = "Example:\n  foghorn journal verify /var/lib/foghorn\n  foghorn journal verify backups/foghorn-20261121T020000Z.db"
    )]
    Verify {
        /// A data directory, or a backup
        dir: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Events as JSON lines
    #[command(
        after_help = "Example:\n  foghorn journal dump /var/lib/foghorn | jq 'select(.event.type == \"page_attempted\")'"
    )]
    Dump {
        /// A data directory, or a backup
        dir: PathBuf,
        /// Only events after this number
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Print JSON, as it does without
        #[arg(long)]
        json: bool,
    },
}

pub fn journal(command: JournalCommand) -> Done {
    match command {
        JournalCommand::Verify { dir, json } => {
            // Before the journal, which may go on meanwhile.
            let known = ReadModel::known(&dir.join(ReadModel::FILE));
            let mut report = foghorn_journal::verify(&dir).map_err(|e| Failure::Wrong(e.to_string()))?;
            if let Some(what) = known.and_then(|known| server::open::missing(known, report.head.seq)) {
                report.findings.push(foghorn_journal::Finding {
                    seq: report.head.seq + 1,
                    batch: None,
                    what,
                });
            }
            if json {
                let findings: Vec<_> = report
                    .findings
                    .iter()
                    .map(|f| serde_json::json!({ "seq": f.seq, "batch": f.batch, "what": f.what }))
                    .collect();
                say(&serde_json::json!({
                    "whole": report.is_whole(), "first_seq": report.first_seq, "last_seq": report.head.seq, "batches": report.batches,
                    "events": report.events, "segments": report.segments, "snapshots": report.snapshots, "findings": findings,
                }).to_string());
            } else {
                say(&report.to_string());
            }
            if report.is_whole() { Ok(()) } else { Err(Failure::Bad(String::new())) }
        }
        JournalCommand::Dump { dir, after, json: _ } => {
            use std::io::Write;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let mut written = Ok(());
            foghorn_journal::dump(&dir, after, |_, _, bytes| {
                if written.is_ok() {
                    written = out.write_all(bytes).and_then(|()| out.write_all(b"\n"));
                }
            })
            .map_err(|e| match e {
                StoreError::Io { .. } => Failure::Wrong(e.to_string()),
                _ => Failure::Bad(e.to_string()),
            })?;
            match written.and_then(|()| out.flush()) {
                // A reader that went away is no error.
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    Err(Failure::Bad(format!("standard output cannot be written: {e}")))
                }
                _ => Ok(()),
            }
        }
    }
}

pub fn restore(backup: &Path, dir: &Path) -> Done {
    server::private::only_mine();
    let restored = foghorn_journal::restore(backup, dir).map_err(|e| Failure::Wrong(e.to_string()))?;
    say(&format!("{} holds the journal up to event {}", dir.display(), restored.head.seq));
    if restored.beside.is_empty() {
        say(
            "It is a backup of an earlier release: accounts, the history of checks and the key of links are not in it.",
        );
    } else {
        say(&format!("and {}", restored.beside.join(", ")));
    }
    say("Start the server with it as server.data_dir.");
    Ok(())
}
