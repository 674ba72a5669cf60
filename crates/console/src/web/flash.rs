//! What a button did, told once: on the page that it led to, and on no reload of it.

use super::cookie::{Secure, Which};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::request::Parts;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Acknowledged,
    /// Somebody else was faster: nothing was done.
    Theirs,
    Resolved,
    Noted,
    Told,
    Corrected,
    Withdrawn,
    Escalated,
    /// Another step had been entered since.
    Stepped,
    Silenced,
    SilenceEnded,
    Opened,
    Already,
    Password,
    UserAdded,
    UserChanged,
    UserRemoved,
    /// The session had ended, and it cannot be told that the button was pressed on a page of ours.
    Nothing,
    /// What was pressed before the log-in had waited for too long.
    TooLate,
}

impl Done {
    const ALL: [Done; 19] = [
        Done::Acknowledged,
        Done::Theirs,
        Done::Resolved,
        Done::Noted,
        Done::Told,
        Done::Corrected,
        Done::Withdrawn,
        Done::Escalated,
        Done::Stepped,
        Done::Silenced,
        Done::SilenceEnded,
        Done::Opened,
        Done::Already,
        Done::Password,
        Done::UserAdded,
        Done::UserChanged,
        Done::UserRemoved,
        Done::Nothing,
        Done::TooLate,
    ];

    /// Its name in a cookie, and in words. Only words of our own are shown: whatever a cookie says, it puts no others there.
    const fn said(self) -> (&'static str, &'static str) {
        match self {
            Done::Acknowledged => ("acknowledged", "Acknowledged: it is yours."),
            Done::Theirs => (
                "theirs",
                "Nothing was changed: somebody else took it before you pressed, as it says below. If it is to be yours, press “Take it over”.",
            ),
            Done::Resolved => ("resolved", "Resolved. If something still fails in a while, it opens again."),
            Done::Noted => ("noted", "Written down."),
            Done::Told => ("told", "Published: it is on the status page in a moment."),
            Done::Corrected => {
                ("corrected", "Corrected: the status page shows it in a moment, and that it was corrected.")
            }
            Done::Withdrawn => ("withdrawn", "Withdrawn: in a moment the public does not read it any more."),
            Done::Escalated => ("escalated", "The next step is being paged."),
            Done::Stepped => (
                "stepped",
                "Nothing was done: others have been paged since the page was shown, as it says below. If it is to be the step after that, press once more.",
            ),
            Done::Silenced => ("silenced", "Silenced: what it covers pages nobody until it ends."),
            Done::SilenceEnded => ("ended", "The silence has ended."),
            Done::Opened => ("opened", "Opened, and paged for."),
            Done::Already => ("already", "Nothing to do: it was so already."),
            Done::Password => {
                ("password", "The password is changed. Every other session of yours has ended.")
            }
            Done::UserAdded => ("added", "The account is there."),
            Done::UserChanged => ("changed", "The account is changed."),
            Done::UserRemoved => ("removed", "The account is removed, and its sessions have ended."),
            Done::TooLate => (
                "late",
                "What you pressed was not done: it was too long before you logged in, or in another browser. Press it again.",
            ),
            Done::Nothing => (
                "nothing",
                "What you pressed was not done: your session had ended. Log in, then press it again on the page that follows.",
            ),
        }
    }
}

/// What is told on the page at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flash {
    path: String,
    done: Done,
    /// It is in effect, and not on the disk.
    unsaved: bool,
}

/// Where something led that was done, and what is told there.
#[derive(Clone, Debug)]
pub(super) struct Went {
    pub(super) place: String,
    pub(super) done: Done,
    pub(super) unsaved: bool,
}

impl Went {
    pub(super) fn response(&self) -> Response {
        go(&self.place, self.done, self.unsaved)
    }
}

/// Sends a browser to a page, which tells what was done.
pub(super) fn go(path: &str, done: Done, unsaved: bool) -> Response {
    go_on(path, path, done, unsaved)
}

/// The same for an address that has more than a path.
pub(super) fn go_on(address: &str, path: &str, done: Done, unsaved: bool) -> Response {
    let mut response = Redirect::to(address).into_response();
    response.extensions_mut().insert(Flash { path: path.to_owned(), done, unsaved });
    response
}

impl Flash {
    /// What the page at `path` has to tell.
    pub(super) fn read(secure: Secure, headers: &HeaderMap, path: &str) -> Option<Flash> {
        let value = secure.read(Which::Flash, headers)?;
        let mut parts = value.splitn(3, '-');
        let (code, saved, at) = (parts.next()?, parts.next()?, parts.next()?);
        let done = Done::ALL.into_iter().find(|d| d.said().0 == code)?;
        let at = String::from_utf8(URL_SAFE_NO_PAD.decode(at).ok()?).ok()?;
        (at == path).then(|| Flash { path: at, done, unsaved: saved == "unsaved" })
    }

    /// As a cookie: letters, digits, `-` and `_`.
    pub(super) fn cookie(&self) -> String {
        let saved = if self.unsaved { "unsaved" } else { "saved" };
        format!("{}-{saved}-{}", self.done.said().0, URL_SAFE_NO_PAD.encode(&self.path))
    }

    /// For the page that tells it.
    pub(super) fn news(&self) -> News {
        let undone = matches!(self.done, Done::Theirs | Done::Nothing | Done::TooLate);
        News { tone: if undone { "info" } else { "good" }, words: self.words() }
    }

    pub(super) fn words(&self) -> String {
        let unsaved = if self.unsaved {
            " It is in effect, but not yet saved: that happens when the disk is back."
        } else {
            ""
        };
        format!("{}{unsaved}", self.done.said().1)
    }
}

/// What a page tells on top.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) tone: &'static str,
    pub(super) words: String,
}

/// What the page that is asked for has to tell.
#[derive(Clone)]
pub(super) struct Told(pub(super) Option<String>);

impl<S: Sync> FromRequestParts<S> for Told {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Told(parts.extensions.get::<Flash>().map(Flash::words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_is_for_one_page_and_in_our_own_words() {
        let secure = Secure(false);
        let read = |cookie: &str, path: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", format!("foghorn-done={cookie}").parse().unwrap());
            Flash::read(secure, &headers, path)
        };
        for done in Done::ALL {
            for unsaved in [false, true] {
                let flash = Flash { path: format!("/incidents/{}", u64::MAX), done, unsaved };
                assert_eq!(read(&flash.cookie(), &flash.path), Some(flash.clone()), "{done:?}");
                assert_eq!(read(&flash.cookie(), "/incidents/1"), None);
            }
        }
        for bad in ["", "-", "a-b-c", "acknowledged", "acknowledged-saved-", "hacked-saved-Lw", "--Lw"] {
            assert_eq!(read(bad, "/"), None, "{bad}");
        }
    }
}
