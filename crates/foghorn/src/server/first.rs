//! The console's first account.

use super::own::Trouble;
use super::{ACCOUNTS, Shared};
use foghorn_config::model::Server;
use foghorn_console::{AccountError, Accounts};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// Accounts that could not be used are tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);

/// Where people log in: the address that they reach Foghorn at, unless links in pages have that for themselves.
pub fn address(server: &Server) -> String {
    if server.links_listen.is_none() {
        return server.public_url.clone();
    }
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    if !server.listen.ip().is_unspecified() {
        return format!("{scheme}://{}", server.listen);
    }
    // On all addresses, of which none is named: this host's name is one that people may know.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    format!("{scheme}://{host}:{}", server.listen.port())
}

/// Without any account nobody could log in to make one. Its password is shown on a terminal, once; a log is kept for long
/// and read by many, so there it is the name of a file that is told.
///
/// # Errors
/// The accounts cannot be used.
fn account(accounts: &Accounts, url: &str) -> Result<(), AccountError> {
    let made = accounts.first()?;
    let first = "the console has its first account";
    let mut out = std::io::stderr();
    let kept = match made {
        Some(password) if out.is_terminal() => {
            let shown = writeln!(
                out,
                "\n{first}: log in at {url} as admin with the password {password} and change it; it is not shown again\n"
            );
            match shown {
                Ok(()) => return Ok(()),
                Err(_) => accounts.keep_first(&password),
            }
        }
        Some(password) => accounts.keep_first(&password),
        None => match accounts.first_password() {
            Some(path) => Ok(path),
            None => return Ok(()),
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
    Ok(())
}

/// Sees to it that somebody can log in. Accounts that cannot be used are told, if it is not the disk that takes nothing now:
/// that is told as what it is. They are tried again, and a file that was put back is found.
pub async fn there(accounts: Arc<Accounts>, url: String, shared: Arc<Shared>) {
    let (own, degraded) = (&shared.own, || shared.handle.view().degraded.is_some());
    let mut failed = false;
    loop {
        let before = degraded();
        let (theirs, at) = (accounts.clone(), url.clone());
        let made = tokio::task::spawn_blocking(move || account(&theirs, &at)).await;
        match made {
            Ok(Err(e @ (AccountError::Hangs(_) | AccountError::Late(_)))) => tracing::warn!("{e}"),
            // The journal may not know of it yet.
            Ok(Err(e)) if !failed || before || degraded() => {
                tracing::warn!("{e}");
                failed = !before && !degraded();
            }
            Ok(Err(e)) => {
                let summary = format!(
                    "nobody can log in to the console: {e}. Without one, move it away, and a first account is made anew. \
                     Until then, acknowledge by the links in pages or with `foghorn incident ack`"
                );
                own.raise_once(Trouble::Accounts, ACCOUNTS, &summary, shared.clock.now().wall);
            }
            Ok(Ok(())) => return own.clear(Trouble::Accounts, ACCOUNTS, shared.clock.now().wall),
            // A panic, of which the hook has told.
            Err(_) => return,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_log_in_where_the_console_is() {
        let at = |server: &str| {
            let yaml = format!(
                "server: {{ {server}, tokens: {{ t: {{ token: 0123456789abcdef0123, role: admin }} }} }}\n\
                 people: {{ ana: {{ contacts: [ {{ via: hook, to: ana }} ] }} }}\n\
                 channels: {{ hook: {{ kind: webhook, url: \"http://127.0.0.1:9/\" }} }}\n"
            );
            let config = foghorn_config::parse(&yaml, "f", std::path::Path::new(""), &|_| None);
            address(&config.unwrap_or_else(|e| panic!("{}", e.render(false))).server)
        };
        let url = "public_url: \"https://x.example\"";
        assert_eq!(at(&format!("listen: \"127.0.0.1:7070\", {url}")), "https://x.example");
        let links = format!("links_listen: \"127.0.0.1:7072\", {url}");
        assert_eq!(at(&format!("listen: \"127.0.0.1:7070\", {links}")), "http://127.0.0.1:7070");
        let anywhere = at(&format!("listen: \"0.0.0.0:7070\", {links}"));
        assert!(anywhere.ends_with(":7070") && !anywhere.contains("0.0.0.0"), "{anywhere}");
    }
}
