//! The command line. Exit codes: 0 done, 1 what it reports is bad, 2 the call or the configuration is wrong, 3 the server
//! could not be reached.

mod checks;
mod client;
mod edit;
mod incident;
mod init;
mod local;
mod oncall;
mod page;
mod shell;
mod sim;
mod user;

use clap::{Args, Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// What a command came to.
pub enum Failure {
    /// What it reports is bad.
    Bad(String),
    /// The call or the configuration is wrong.
    Wrong(String),
    /// The server could not be reached.
    Unreachable(String),
}

type Done = Result<(), Failure>;

/// Watches what you run, wakes the right person until somebody answers, keeps the record.
#[derive(Parser)]
#[command(name = "foghorn", version, about, arg_required_else_help = true, propagate_version = true)]
#[command(
    after_help = "First steps:\n  foghorn demo                      an outage on your own machine, nothing to set up\n  foghorn init                      a first foghorn.yaml, from four questions\n  foghorn config check foghorn.yaml\n  foghorn serve -c foghorn.yaml"
)]
struct Cli {
    #[command(flatten)]
    _early: Early,
    #[command(subcommand)]
    command: Command,
}

/// The same as in [`Remote`], before the command: clap hands it on to the commands that have it.
#[derive(Args)]
struct Early {
    /// The server's address, for commands that talk to one
    #[arg(long = "server", id = "server", value_name = "URL")]
    _server: Option<String>,
    /// An API token, for the same
    #[arg(long = "token", id = "token")]
    _token: Option<String>,
    /// Certificates to trust besides the host's own, for the same
    #[arg(long = "ca", id = "ca", value_name = "FILE")]
    _ca: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// A small shop, its people and an outage, in one process on loopback
    #[command(
        after_help = "Example:\n  foghorn demo\n  foghorn demo --unattended     nobody presses a key: it escalates, then repairs itself"
    )]
    Demo(crate::demo::Options),
    /// Asks four questions and writes a first foghorn.yaml, with comments
    #[command(
        after_help = "Example:\n  foghorn init\n  foghorn init --url https://shop.example.com/ --name Ana --email ana@example.com \\\n    --smtp smtp://localhost:25 --listen 127.0.0.1:7070"
    )]
    Init(init::InitArgs),
    /// The product: checks, intake, paging, API
    #[command(after_help = "Example:\n  foghorn serve -c /etc/foghorn/foghorn.yaml")]
    Serve {
        /// The configuration file
        #[arg(short, long, default_value = "foghorn.yaml", env = "FOGHORN_CONFIG")]
        config: PathBuf,
        /// Where to look for the last good configuration if the file is gone or cannot be read; else the file's
        /// `server.data_dir`, or `data` beside it
        #[arg(long, env = "FOGHORN_DATA_DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Looks at a configuration file without a server
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn config check foghorn.yaml\n  foghorn config schema > foghorn.schema.json"
    )]
    Config(local::ConfigCommand),
    /// Checks: list, show how one fared, run one of the configuration now
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn check list\n  foghorn check show shop --last 7d\n  foghorn check run shop -c foghorn.yaml"
    )]
    Check(checks::CheckCommand),
    /// Pages: try whether they reach a person
    #[command(subcommand, after_help = "Example:\n  foghorn page test ana -c foghorn.yaml")]
    Page(page::PageCommand),
    /// Incidents: list, show, acknowledge, resolve, note, update, correct, withdraw, escalate, open
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn incident list\n  foghorn incident show 12\n  foghorn incident ack 12\n  foghorn incident note 12 \"restarted the database\""
    )]
    Incident(incident::IncidentCommand),
    /// The status page: tell the public, correct what it was told, withdraw it
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn status post 12 --stage monitoring \"The disk is replaced; we watch it.\""
    )]
    Status(incident::StatusCommand),
    /// Who is on call, for every schedule
    #[command(after_help = "Example:\n  foghorn oncall\n  foghorn oncall --at 2026-12-24T20:00:00Z")]
    Oncall {
        /// A moment (RFC 3339) instead of now
        #[arg(long)]
        at: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
    /// Silences: alerts that are expected
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn silence add --for 2h --comment \"kernel upgrade\" --entity web1\n  foghorn silence list"
    )]
    Silence(edit::SilenceCommand),
    /// Overrides: somebody stands in on a schedule
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn override add --schedule primary --person night-ops --for 8h\n  foghorn override list"
    )]
    Override(edit::OverrideCommand),
    /// Changes to production: told to whoever is paged
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn change add \"shop-api 4.2 deployed\" --entity shop-api\n  foghorn change list"
    )]
    Change(edit::ChangeCommand),
    /// Reads a data directory without a server: verify, dump
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn journal verify /var/lib/foghorn\n  foghorn journal dump /var/lib/foghorn --after 1000"
    )]
    Journal(local::JournalCommand),
    /// Copies the journal of a running server to a file
    #[command(after_help = "Example:\n  foghorn backup\n  foghorn backup --name before-upgrade.db")]
    Backup {
        /// The file's name in `backups/` of the data directory; made of the time by default
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        to: Remote,
    },
    /// Makes a data directory from a backup
    #[command(
        after_help = "Example:\n  foghorn restore backups/foghorn-20261121T020000Z.db /var/lib/foghorn"
    )]
    Restore {
        /// The backup
        backup: PathBuf,
        /// An empty directory, or one that does not exist
        dir: PathBuf,
    },
    /// Has a running server read its configuration file again
    #[command(after_help = "Example:\n  foghorn config check foghorn.yaml && foghorn reload")]
    Reload {
        #[command(flatten)]
        to: Remote,
    },
    /// Accounts of the console: add, list, set a password, remove
    #[command(
        subcommand,
        after_help = "Example:\n  foghorn user add ana --role responder --person ana\n  foghorn user list\n  foghorn user password ana"
    )]
    User(user::UserCommand),
    /// Random outages against the rules, in a simulator
    #[command(
        after_help = "Example:\n  foghorn sim --seed 7 --hours 48\n  foghorn sim --seed 1 --seeds 1000 --hours 24\n  foghorn sim --mutation list"
    )]
    Sim(sim::SimArgs),
    /// Completions for a shell, to standard output
    #[command(
        after_help = "Example:\n  foghorn completions bash > /usr/share/bash-completion/completions/foghorn\n  foghorn completions zsh > /usr/share/zsh/vendor-completions/_foghorn\n  foghorn completions fish > ~/.config/fish/completions/foghorn.fish"
    )]
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// Writes a manual page for every command
    #[command(after_help = "Example:\n  foghorn man /usr/local/share/man/man1")]
    Man {
        /// The directory to write them to
        dir: PathBuf,
    },
}

/// The server to talk to.
#[derive(Args, Clone)]
pub struct Remote {
    /// The server's address; http:// where it does not say
    #[arg(
        long,
        env = "FOGHORN_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070",
        global = true
    )]
    server: String,
    /// An API token; not needed on the server's own loopback where no token is configured
    #[arg(long, env = "FOGHORN_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// A file (PEM) with certificates to trust besides the host's own: that of the server's issuer, or its own
    #[arg(long, env = "FOGHORN_CA", value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

/// A text of which something is there.
fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty: say something".to_owned()) } else { Ok(text.to_owned()) }
}

/// An incident's number.
fn incident(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix('#').unwrap_or(text).parse();
    number.map_err(|_| "an incident has a number, such as 12: `foghorn incident list` shows it".to_owned())
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(options) => crate::demo::run(&options),
        Command::Serve { config, data_dir } => local::serve(config, data_dir),
        Command::Config(command) => local::config(command),
        Command::Check(command) => checks::run(command),
        Command::Journal(command) => local::journal(command),
        Command::Restore { backup, dir } => local::restore(&backup, &dir),
        Command::Sim(args) => sim::run(&args),
        Command::Incident(command) => incident::run(command),
        Command::Status(command) => incident::status(command),
        Command::Oncall { at, to } => oncall::run(at.as_deref(), &to),
        Command::Silence(command) => edit::silence(command),
        Command::Override(command) => edit::stand_in(command),
        Command::Change(command) => edit::change(command),
        Command::Backup { name, to } => edit::backup(name, &to),
        Command::Reload { to } => edit::reload(&to),
        Command::User(command) => user::run(command),
        Command::Init(args) => init::run(args),
        Command::Page(command) => page::run(command),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { dir } => shell::man(&dir),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (code, text) = match failure {
                Failure::Bad(text) => (1, text),
                Failure::Wrong(text) => (2, text),
                Failure::Unreachable(text) => (3, text),
            };
            if !text.is_empty() {
                complain(&text);
            }
            ExitCode::from(code)
        }
    }
}

/// Whether standard output takes colour.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Names to choose from: `there are: ana, bo`.
pub fn there_are<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "there is none at all".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    }
}

/// Prints a line. A reader that went away (`| head`) is no error.
pub fn say(text: &str) {
    use std::io::Write;
    if let Err(e) = writeln!(std::io::stdout(), "{text}") {
        std::process::exit(unwritten(&e));
    }
}

/// The exit code when standard output takes no more. A disk that is full must not look like success to whoever redirects
/// it into a file.
fn unwritten(e: &std::io::Error) -> i32 {
    if e.kind() == std::io::ErrorKind::BrokenPipe {
        return 0;
    }
    complain(&format!("standard output cannot be written: {e}"));
    1
}

/// Prints a line of trouble. Where nobody reads it, the exit code is all there is.
fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, Remote};
    use clap::{CommandFactory, Parser};

    #[test]
    fn every_command_has_an_example() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        fn look(command: &clap::Command, path: &str) {
            if command.get_name() == "help" {
                return;
            }
            let path = format!("{path}{} ", command.get_name());
            // Of itself, or of what is in it.
            let has = command.get_after_help().is_some_and(|h| h.to_string().contains(path.trim_end()));
            assert!(has, "{path}has no example");
            command.get_subcommands().for_each(|c| look(c, &path));
        }
        look(&cli, "");
    }

    #[test]
    fn every_command_that_prints_data_prints_json() {
        // These do something, talk to a person, or write what has a form of its own.
        const OTHERS: [&str; 11] = [
            "demo",
            "init",
            "serve",
            "page test",
            "restore",
            "completions",
            "man",
            "sim",
            "user add",
            "user password",
            "user remove",
        ];
        let mut cli = Cli::command();
        cli.build();
        fn look(command: &clap::Command, path: &str, without: &mut Vec<String>) {
            for c in command.get_subcommands().filter(|c| c.get_name() != "help") {
                let path = format!("{path} {}", c.get_name());
                if c.has_subcommands() {
                    look(c, &path, without);
                } else if !c.get_arguments().any(|a| a.get_long() == Some("json")) {
                    without.push(path.trim_start().to_owned());
                }
            }
        }
        let mut without = Vec::new();
        look(&cli, "", &mut without);
        without.retain(|path| !OTHERS.contains(&path.as_str()));
        assert_eq!(without, Vec::<String>::new());
    }

    #[test]
    fn the_server_is_named_before_or_after_the_command() {
        let remote = |args: &[&str]| -> Remote {
            match Cli::try_parse_from(args).map(|cli| cli.command) {
                Ok(Command::Reload { to } | Command::Oncall { to, .. }) => to,
                Ok(_) => panic!("{args:?} is another command"),
                Err(e) => panic!("{args:?}: {e}"),
            }
        };
        for args in [
            &["foghorn", "--server", "http://a", "--token", "t", "reload"][..],
            &["foghorn", "--server", "http://a", "oncall", "--token", "t"],
            &["foghorn", "oncall", "--server", "http://a", "--token", "t"],
        ] {
            let to = remote(args);
            assert_eq!((&*to.server, to.token.as_deref()), ("http://a", Some("t")), "{args:?}");
        }
        assert!(Cli::try_parse_from(["foghorn", "--server", "a", "incident", "ack", "1"]).is_ok());
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for args in [
            &["foghorn", "incident", "note", "1", " "][..],
            &["foghorn", "incident", "open", ""],
            &["foghorn", "silence", "add", "--for", "1h", "--comment", "", "a=b"],
            &["foghorn", "change", "add", ""],
            &["foghorn", "incident", "list", "--limit", "0"],
            &["foghorn", "incident", "list", "--limit", "1001"],
            &["foghorn", "incident", "update", "1", "--stage", "foo", "text"],
        ] {
            assert!(Cli::try_parse_from(args).is_err(), "{args:?}");
        }
    }
}
