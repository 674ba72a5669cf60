//! What the parts of a running server share: its configuration, read again when somebody wants that, and what it tells of
//! its channels.

use super::adapters::Measured;
use super::adopting::{Adopting, Staged};
use super::clock::Clock;
use super::configuration;
use super::listen::Listening;
use super::own::{Own, Part, Trouble};
use foghorn_config::model::StatusPage;
use foghorn_config::reach::{Level, Reach};
use foghorn_config::{Config, Errors, Problem};
use foghorn_console::ports::Reloaded;
use foghorn_core::input::Input;
use foghorn_core::page::PageKey;
use foghorn_core::setup::Contact;
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use foghorn_engine::{Class, Handle, Reply};
use foghorn_host::aside::Aside;
use foghorn_journal::WriterHandle;
use foghorn_wake::Sender;
use foghorn_wake::channels::{self, BuildError};
use foghorn_watch::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// A disk that is well has taken a small file by then.
const SOON: Duration = Duration::from_secs(1);

/// What the parts of a running server share.
pub struct Shared {
    pub(super) path: PathBuf,
    pub(super) data_dir: PathBuf,
    /// For what has to be on disk sometime.
    pub(super) aside: Aside,
    pub(super) adopting: Arc<Adopting>,
    /// One reload at a time: the rules of one file and the addresses of another would be the worst of both.
    pub(super) reloading: Mutex<()>,
    /// What the listeners and the data directory were made of; a reload does not change those.
    pub(super) begun: foghorn_config::model::Server,
    pub(super) begun_page: Option<StatusPage>,
    pub(super) handle: Handle,
    pub(super) own: Arc<Own>,
    pub(super) sender: Sender<PageKey>,
    pub(super) measured: Measured,
    pub(super) journal: WriterHandle,
    pub(super) clock: Arc<Clock>,
    pub(super) listening: Listening,
    /// Channels that refuse everything, as far as it was told.
    pub(super) refusing: Mutex<BTreeMap<String, String>>,
}

impl Shared {
    /// Reads the file again and adopts it. A bad one changes nothing.
    ///
    /// # Errors
    /// Every error, as `file:line:column: text; advice`.
    pub fn reload(&self) -> Result<Reloaded, Vec<String>> {
        let lines = |e: Errors| e.0.iter().map(Problem::line).collect::<Vec<_>>();
        let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let (new, text) = configuration::load_with_text(&self.path).map_err(lines)?;
        let new = Arc::new(new);
        let hash = new.setup_hash();
        let (channels, bad) = channels::build_all(&new.channels);
        self.adopting.stage(Staged { hash: hash.clone(), config: new.clone(), channels });
        match self.handle.submit_blocking(
            Class::Paging,
            Input::AdoptConfig { hash: hash.clone(), setup: new.setup.clone() },
        ) {
            Reply::Saved(_) | Reply::NotSaved(..) => {}
            other => {
                self.adopting.drop_staged();
                return Err(vec![format!("the configuration was not adopted: {other:?}")]);
            }
        }
        self.handle.tell(Class::Paging, Input::TryAgain);
        let mut warnings = configuration::warnings(&new, self.clock.now().wall);
        let on = |page: &Option<StatusPage>| page.as_ref().map(|p| (p.listen, p.tls.clone()));
        for (key, changed) in [
            ("server.listen", self.begun.listen != new.server.listen),
            ("server.links_listen", self.begun.links_listen != new.server.links_listen),
            ("server.data_dir", self.begun.data_dir != new.server.data_dir),
            ("server.journal_deadline", self.begun.journal_deadline != new.server.journal_deadline),
            ("server.address_share", self.begun.address_share != new.server.address_share),
            ("server.tls", self.begun.tls != new.server.tls),
            ("status_page.listen", on(&self.begun_page) != on(&new.status_page)),
        ] {
            if changed {
                warnings.push(format!("{key} has changed: that takes a restart"));
            }
        }
        self.tell_of_new_channels(&new, &bad);
        if let Some(watch) = self.measured.watch.get() {
            watch.update(&Plan::from(&*new));
        }
        let checks: Vec<String> = new.checks.keys().cloned().collect();
        self.own.clear_others(Trouble::Check, &checks, self.clock.now().wall);
        warnings.extend(self.keep_configuration(text));
        self.own.clear(Trouble::Configuration, "file", self.clock.now().wall);
        Ok(Reloaded { hash, warnings })
    }

    /// Keeps the file for the next start. Returns what whoever reloads has to know of that: a disk that hangs is not waited
    /// for, and what it says later is in the log.
    fn keep_configuration(&self, text: String) -> Option<String> {
        let (tx, rx) = mpsc::channel();
        configuration::keep(text, &self.aside, move |kept| {
            if let Err(mpsc::SendError(Err(e))) = tx.send(kept) {
                tracing::warn!("{}", configuration::not_kept(e));
            }
        });
        match rx.recv_timeout(SOON) {
            Ok(kept) => kept.err().map(configuration::not_kept),
            Err(_) => Some(
                "the last good configuration is not kept yet, for the disk does not answer: until it does, a restart that \
                 cannot use the file goes back to the one before"
                    .to_owned(),
            ),
        }
    }

    /// Builds the channels of the start, and tells which cannot be used.
    pub(super) fn use_channels(&self, config: &Config) {
        let (channels, bad) = channels::build_all(&config.channels);
        self.sender.update(channels);
        self.tell_of_new_channels(config, &bad);
    }

    fn tell_of_new_channels(&self, config: &Config, bad: &[BuildError]) {
        let now = self.clock.now().wall;
        let names: Vec<String> = bad.iter().map(|e| e.channel.clone()).collect();
        self.own.clear_others(Trouble::Channel, &names, now);
        for e in bad {
            let summary = format!("{e}; mend it in the file and run `foghorn reload`");
            self.own.raise(Trouble::Channel, &e.channel, &summary, now);
        }
        self.own.clear_others(Trouble::Secret, &config.missing_secrets, now);
        for secret in &config.missing_secrets {
            let summary = format!(
                "a secret is missing: {secret}; put it there, and run `foghorn reload` (a variable of the environment takes a restart)"
            );
            self.own.raise(Trouble::Secret, secret, &summary, now);
        }
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        // With the new channels nothing was tried yet.
        *refusing = self.sender.refusing();
        self.tell_of_channels(config, &refusing, now);
    }

    /// Tells of channels that have begun to refuse everything, or have ended to. Pages about one go the way of all pages,
    /// past it where there is another, and raise nothing more: what stands is not raised again.
    pub(super) fn look_at_channels(&self, now: Wall) {
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.sender.refusing();
        if !found.keys().eq(refusing.keys()) {
            *refusing = found;
            self.tell_of_channels(&self.adopting.config(), &refusing, now);
        }
    }

    /// Tells which channels refuse everything, and what follows from that and from channels that cannot be used.
    fn tell_of_channels(&self, config: &Config, refusing: &BTreeMap<String, String>, now: Wall) {
        let why_not =
            |channel: &str| refusing.get(channel).cloned().or_else(|| self.sender.unusable(channel));
        let tell = |trouble, standing: Vec<(String, Part, String)>| {
            let still: Vec<String> = standing.iter().map(|(what, ..)| what.clone()).collect();
            self.own.clear_others(trouble, &still, now);
            for (what, part, summary) in standing {
                self.own.raise_once_in(part, trouble, &what, &summary, now);
            }
        };
        // What nobody is reached for belongs to what it comes from: who mends that has mended both.
        let part = |contacts: &mut dyn Iterator<Item = &Contact>| {
            let parts = contacts.filter(|c| why_not(&c.channel).is_some()).map(|c| {
                if refusing.contains_key(c.channel.as_str()) {
                    Part::Channels
                } else if self.own.stands(Trouble::Channel, &c.channel) {
                    Part::Configuration
                } else {
                    Part::Secrets
                }
            });
            parts.min_by_key(|part| *part != Part::Channels).unwrap_or(Part::Channels)
        };
        let accepts_nothing = |(name, why): (&String, &String)| {
            let summary = format!(
                "the channel {name} accepts nothing: {why}; see whether its token and address are right and its provider is up. \
                 It is tried again by itself, or at once after `foghorn reload`"
            );
            (name.clone(), Part::Channels, summary)
        };
        tell(Trouble::Refusing, refusing.iter().map(accepts_nothing).collect());
        let lost = unreachable(config, &why_not).into_iter().map(|(id, summary)| {
            let contacts = config.setup.people.get(&id).map_or(&[][..], |person| &person.contacts);
            let todo = "until that is mended, let somebody stand in: `foghorn override add`";
            (id.to_string(), part(&mut contacts.iter()), format!("{summary}; {todo}"))
        });
        tell(Trouble::Person, lost.collect());
        let arrive = |works: &dyn Fn(&str) -> bool| config.warnings_arrive(&|channel, _| works(channel));
        let unheard = arrive(&|_| true) && !arrive(&|channel| why_not(channel).is_none());
        let unheard = unheard.then(|| {
            let contacts = || config.setup.people.values().flat_map(|p| &p.contacts);
            let summary = format!(
                "nobody hears of warnings; {}; mend one of these channels",
                whys(contacts(), &why_not)
            );
            ("warnings".to_owned(), part(&mut contacts()), summary)
        });
        tell(Trouble::Unheard, unheard.into_iter().collect());
    }
}

/// Who is on call and cannot be woken, or not be reached at all, because channels do not work.
fn unreachable(config: &Config, why_not: &dyn Fn(&str) -> Option<String>) -> Vec<(Name, String)> {
    let reach = config.reach(&|channel, _| why_not(channel).is_none());
    let lost = reach.into_iter().filter(|(_, reach)| reach.left < reach.promised);
    let summary = |(id, reach): (Name, Reach)| {
        let person = config.setup.people.get(&id)?;
        let how = if reach.left == Level::Unreached { "reached" } else { "woken" };
        let whys = whys(&person.contacts, why_not);
        Some((id, format!("{} is on call and cannot be {how}; {whys}", person.name)))
    };
    lost.filter_map(summary).collect()
}

/// What is wrong with the channels of these contacts, each once.
fn whys<'c>(
    contacts: impl IntoIterator<Item = &'c Contact>,
    why_not: &dyn Fn(&str) -> Option<String>,
) -> String {
    let channels: BTreeSet<&Name> = contacts.into_iter().map(|c| &c.channel).collect();
    let whys = channels.into_iter().filter_map(|c| Some(format!("{c}: {}", why_not(c)?)));
    whys.collect::<Vec<_>>().join("; ")
}
