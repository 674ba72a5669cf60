//! Accounts of the console, in the data directory. A server may run meanwhile: what is changed counts at once.

use super::{Done, Failure, colour, say, there_are};
use crate::server::{self, ACCOUNTS};
use clap::{Args, Subcommand, ValueEnum};
use foghorn_config::Config;
use foghorn_config::model::Role;
use foghorn_console::{Account, AccountError, Accounts, new_password};
use std::fs::OpenOptions;
use std::io::{BufRead, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Where accounts are.
#[derive(Args, Clone)]
pub struct Place {
    /// The configuration file, which names the data directory
    #[arg(short, long, default_value = "foghorn.yaml", env = "FOGHORN_CONFIG", global = true)]
    config: PathBuf,
}

/// What somebody may do.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleWord {
    /// Sees
    Viewer,
    /// Sees and acts
    Responder,
    /// Also manages accounts
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Role {
        match word {
            RoleWord::Viewer => Role::Viewer,
            RoleWord::Responder => Role::Responder,
            RoleWord::Admin => Role::Admin,
        }
    }
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Adds an account, and prints its password unless one is given
    #[command(
        after_help = "Example:\n  foghorn user add ana --role responder --person ana\n  echo \"$PASSWORD\" | foghorn user add root --role admin --password-stdin"
    )]
    Add {
        /// What they log in with: a-z, 0-9, `.`, `-`, `_`, `@`
        name: String,
        /// What they may do
        #[arg(long)]
        role: RoleWord,
        /// The person of the configuration that they are: timelines bear that name
        #[arg(long)]
        person: Option<String>,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Every account
    #[command(after_help = "Example:\n  foghorn user list -c /etc/foghorn/foghorn.yaml")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Sets a password, and prints it unless one is given; ends every session of the account
    #[command(after_help = "Example:\n  foghorn user password ana")]
    Password {
        /// Whose
        name: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Removes an account and its sessions
    #[command(after_help = "Example:\n  foghorn user remove ana")]
    Remove {
        /// Whose
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

pub fn run(command: UserCommand) -> Done {
    match command {
        UserCommand::Add { name, role, person, password_stdin, place } => {
            let (config, accounts) = open(&place)?;
            if let Some(unknown) = person.as_ref().filter(|p| !config.setup.people.contains_key(p.as_str())) {
                return Err(Failure::Wrong(format!(
                    "there is no person {unknown} in {}; {}",
                    place.config.display(),
                    there_are(config.setup.people.keys().map(|p| p.as_str()))
                )));
            }
            let (password, told) = password(password_stdin)?;
            accounts
                .add(&Account { name: name.clone(), role: role.into(), person }, &password)
                .map_err(wrong)?;
            say(&format!("{name} may log in at {}{told}", server::first::address(&config.server)));
        }
        UserCommand::List { json, place } => {
            let (_, accounts) = open(&place)?;
            let all = accounts.list().map_err(wrong)?;
            let word = |role| match role {
                Role::Viewer => "viewer",
                Role::Responder => "responder",
                Role::Admin => "admin",
            };
            if json {
                let all = all
                    .iter()
                    .map(|a| serde_json::json!({ "name": a.name, "role": word(a.role), "person": a.person }));
                say(&serde_json::Value::Array(all.collect()).to_string());
            } else {
                for a in &all {
                    let person = a.person.as_ref().map_or_else(String::new, |p| format!("  as {p}"));
                    say(&format!("{:<24} {}{person}", a.name, word(a.role)));
                }
                if all.is_empty() {
                    say("nobody yet: foghorn user add NAME --role admin");
                }
            }
        }
        UserCommand::Password { name, password_stdin, place } => {
            let (_, accounts) = open(&place)?;
            let (password, told) = password(password_stdin)?;
            accounts.set_password(&name, &password, None).map_err(wrong)?;
            say(&format!("{name} has another password{told}"));
        }
        UserCommand::Remove { name, place } => {
            let (_, accounts) = open(&place)?;
            accounts.remove(&name).map_err(wrong)?;
            say(&format!("{name} may not log in any more"));
        }
    }
    Ok(())
}

fn open(place: &Place) -> Result<(Config, Accounts), Failure> {
    let config = server::configuration::load(&place.config)
        .map_err(|errors| Failure::Wrong(errors.render(colour())))?;
    server::private::only_mine();
    let dir = &config.server.data_dir;
    let root = rustix::process::geteuid().is_root();
    if root && !dir.exists() {
        not_for_another(&place.config, dir)?;
    }
    server::private_dir(dir).map_err(|e| Failure::Wrong(format!("{} cannot be made: {e}", dir.display())))?;
    let file = dir.join(ACCOUNTS);
    if root {
        as_its_directory(dir, &file)
            .map_err(|e| Failure::Wrong(format!("{} cannot be made: {e}", file.display())))?;
    }
    Ok((config, Accounts::new(file)))
}

/// Whoever owns the file of the configuration is who runs Foghorn: a directory that root makes would be closed to them.
fn not_for_another(config: &Path, dir: &Path) -> Result<(), Failure> {
    let Ok(meta) = std::fs::metadata(config) else { return Ok(()) };
    if meta.uid() == 0 && meta.gid() == 0 {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{} does not exist yet, and made by root it would be closed to the user who runs Foghorn ({} belongs to user {}, group {}): start Foghorn first, or run this as that user",
        dir.display(),
        config.display(),
        meta.uid(),
        meta.gid()
    )))
}

/// A new file of accounts belongs to whoever the data directory belongs to: Foghorn has to open it.
fn as_its_directory(dir: &Path, file: &Path) -> std::io::Result<()> {
    let owner = std::fs::metadata(dir)?;
    // Only what is made here, and no link that somebody has put there.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(new) => fchown(&new, Some(owner.uid()), Some(owner.gid())),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

fn wrong(e: AccountError) -> Failure {
    Failure::Wrong(e.to_string())
}

/// The password, and what to say of it.
fn password(from_stdin: bool) -> Result<(String, String), Failure> {
    if !from_stdin {
        let made = new_password().map_err(wrong)?;
        let told = format!(" with the password {made}; it is not shown again");
        return Ok((made, told));
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|e| Failure::Wrong(format!("standard input cannot be read: {e}")))?;
    Ok((text.trim_end_matches(['\r', '\n']).to_owned(), String::new()))
}
