//! The console's first account.

use foghorn_console::Accounts;
use std::io::{IsTerminal as _, Write as _};

/// Without any account nobody could log in to make one. Its password is shown on a terminal, once; a log is kept for long
/// and read by many, so there it is the name of a file that is told.
pub fn account(accounts: &Accounts, url: &str) {
    let made = match accounts.first() {
        Ok(made) => made,
        Err(e) => return tracing::error!("nobody can log in to the console: {e}"),
    };
    let first = "the console has its first account";
    let mut out = std::io::stderr();
    let kept = match made {
        Some(password) if out.is_terminal() => {
            let shown = writeln!(
                out,
                "\n{first}: log in at {url} as admin with the password {password} and change it; it is not shown again\n"
            );
            match shown {
                Ok(()) => return,
                Err(_) => accounts.keep_first(&password),
            }
        }
        Some(password) => accounts.keep_first(&password),
        None => match accounts.first_password() {
            Some(path) => Ok(path),
            None => return,
        },
    };
    match kept {
        Ok(path) => tracing::warn!(
            "{first}: log in at {url} as admin with the password in {}; the file goes with the first log-in",
            std::path::absolute(&path).unwrap_or(path).display()
        ),
        Err(e) => tracing::error!(
            "{first}, admin, and its password cannot be kept for you: {e}; give it one with `foghorn user password admin`"
        ),
    }
}
