//! News for pages that are open: not what is new, only that something is. The page is then asked for again, so that there
//! is one way in which anything is shown.

use super::Web;
use super::form::{Asked, Path};
use super::guard::Visitor;
use crate::api::MOST_LIVE;
use crate::problem::{Kind, Problem};
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use foghorn_core::event::Event as Told;
use foghorn_core::incident::IncidentId;
use foghorn_engine::{Follow, Missed, Written};
use futures_util::stream::{self, Stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// With nothing new, that the server is there is told this often: the page counts on it. What was measured or pinged
/// meanwhile a page that shows it looks for as often.
const HERE: Duration = Duration::from_secs(10);
/// Whether the journal is degraded, which no record tells, is looked at this often at least.
const DEGRADED: Duration = Duration::from_secs(2);
/// However much happens, a page is told this often at most.
const GATHER: Duration = Duration::from_secs(1);
/// What concerns other pages is gathered for so long.
const OTHERS: Duration = Duration::from_millis(100);
/// Of two pages one is told of the same thing so long after the other. All at once, a thousand kept the threads that take
/// alerts in for 20 ms, every second of a storm.
const APART: Duration = Duration::from_millis(1);
/// Whether its session goes on is looked at this often, when there is something to tell: whoever logs out, or is removed,
/// hears no more.
const SESSION: Duration = Duration::from_secs(60);
/// So long is waited for the timeline to have what the news is about.
const TIMELINE: Duration = Duration::from_secs(1);
/// And looked for it that often.
const LOOK: Duration = Duration::from_millis(20);

/// `GET /incidents/{id}/live`
pub(super) async fn incident(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(id): Path<IncidentId>,
) -> Response {
    news(&web, visitor, Of::Incident(id))
}

/// Where a page hears of any incident.
pub(super) const ALL: &str = "/live";
/// Where a page hears of any incident, and of what is measured.
pub(super) const CHECKS: &str = "/live?of=checks";

/// Where a page hears of whose turn it is.
pub(super) const TURNS: &str = "/live?of=turns";

/// `GET /live`
pub(super) async fn all(State(web): State<Arc<Web>>, visitor: Visitor, asked: Asked) -> Response {
    let of = match asked.get("of") {
        "checks" => Of::Checks,
        "turns" => Of::Turns,
        _ => Of::Incidents,
    };
    news(&web, visitor, of)
}

/// What a page shows.
#[derive(Clone, Copy)]
enum Of {
    Incident(IncidentId),
    Incidents,
    /// Incidents, and what is measured and pinged, and what time alone changes.
    Checks,
    /// Schedules: what is configured, who stands in, what time it is.
    Turns,
}

impl Of {
    /// What is told where there is no news. What happens while nothing can be written is in no record, nor is what is measured,
    /// nor that a turn begins, and pings are many: the page looks by itself.
    fn quiet(self, degraded: bool) -> &'static str {
        if degraded || matches!(self, Of::Checks | Of::Turns) { "changed" } else { "here" }
    }

    fn concerns(self, event: &Told) -> bool {
        match (event.incident(), self) {
            (Some(id), Of::Incident(of)) => id == of,
            (Some(_), Of::Turns) => false,
            (Some(_), _) => true,
            // By what is configured, silenced and changed, and by who stands in, any page may become another.
            (None, _) => matches!(
                event,
                Told::Started { .. }
                    | Told::ClockStepped { .. }
                    | Told::ConfigAdopted { .. }
                    | Told::SilenceAdded { .. }
                    | Told::SilenceBegan { .. }
                    | Told::SilenceEnded { .. }
                    | Told::OverrideAdded { .. }
                    | Told::OverrideRemoved { .. }
                    | Told::ChangeRecorded { .. }
            ),
        }
    }
}

fn news(web: &Arc<Web>, visitor: Visitor, of: Of) -> Response {
    let Ok(permit) = web.api.live.clone().try_acquire_owned() else {
        return Problem::new(Kind::Unavailable, "as many pages are live as there may be").into_response();
    };
    let from = Follower {
        records: web.api.parts.engine.follow(),
        web: web.clone(),
        session: visitor.session,
        looked: Instant::now(),
        of,
        began: false,
        degraded: web.api.parts.engine.view().degraded.is_some(),
        pause: false,
        turn: turn(web.api.opened.fetch_add(1, Ordering::Relaxed)),
        _permit: permit,
    };
    Sse::new(follow(from)).into_response()
}

/// Where a page stands among all, from 0 to 1. Those that follow each other are far apart, and however many there are, they
/// are spread evenly (Weyl's sequence, by the golden ratio).
fn turn(opened: u32) -> f64 {
    f64::from(opened.wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX)
}

struct Follower {
    web: Arc<Web>,
    records: Follow,
    session: String,
    /// When it was last seen to go on.
    looked: Instant,
    of: Of,
    began: bool,
    /// Whether the journal was degraded when the page last heard of it.
    degraded: bool,
    /// Something was told just now.
    pause: bool,
    turn: f64,
    _permit: OwnedSemaphorePermit,
}

fn follow(from: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(from, |mut f| async move {
        // The first thing that is said tells the browser that there is somebody.
        if !f.began {
            f.began = true;
            return Some((Ok(f.told("here")), f));
        }
        if f.pause {
            tokio::time::sleep(GATHER).await;
            f.pause = false;
        }
        if !f.may_go_on().await {
            return None;
        }
        let quiet = Instant::now() + HERE;
        loop {
            let look = quiet.min(Instant::now() + DEGRADED);
            match tokio::time::timeout_at(look, f.records.next()).await {
                _ if f.degraded != f.web.api.parts.engine.view().degraded.is_some() => {
                    f.degraded = !f.degraded
                }
                Err(_) if look == quiet => {
                    return Some((Ok(f.told(f.of.quiet(f.degraded))), f));
                }
                Err(_) => continue,
                Ok(Err(Missed::End)) => return None,
                Ok(Err(Missed::Some)) => {}
                Ok(Ok(batch)) => {
                    if !f.is_news(&batch) && !f.more_is_news().await {
                        continue;
                    }
                }
            }
            tokio::time::sleep(APART.mul_f64(f.live() * f.turn)).await;
            f.timeline_has_it().await;
            f.pause = true;
            return Some((Ok(f.told("changed")), f));
        }
    })
}

impl Follower {
    /// With how many pages are live, so that a thousand do not all ask at once.
    fn told(&self, what: &'static str) -> Event {
        Event::default().event(what).data(self.live().to_string())
    }

    fn live(&self) -> f64 {
        let live = MOST_LIVE - self.web.api.live.available_permits().min(MOST_LIVE);
        u32::try_from(live).map_or(0.0, f64::from)
    }

    async fn may_go_on(&mut self) -> bool {
        if self.looked.elapsed() < SESSION {
            return true;
        }
        self.looked = Instant::now();
        let (id, now) = (self.session.clone(), self.web.api.now().wall);
        self.web.blocking(move |web| web.accounts.goes_on(&id, now)).await.unwrap_or(false)
    }

    fn is_news(&self, batch: &Written) -> bool {
        batch.records.iter().any(|r| self.of.concerns(&r.event))
    }

    /// In a storm of what concerns others a page looks up ten times a second, not with every batch.
    async fn more_is_news(&mut self) -> bool {
        tokio::time::sleep(OTHERS).await;
        loop {
            match self.records.try_next() {
                Ok(Some(batch)) if self.is_news(&batch) => return true,
                Ok(Some(_)) => {}
                Err(Missed::Some) => return true,
                Ok(None) | Err(Missed::End) => return false,
            }
        }
    }

    /// What has come with it is the same piece of news.
    async fn timeline_has_it(&mut self) {
        while !matches!(self.records.try_next(), Ok(None) | Err(Missed::End)) {}
        let seq = self.web.api.parts.engine.view().seq;
        self.web.api.parts.read_model.reaches(seq, LOOK, TIMELINE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::event::PingKind;
    use foghorn_core::time::{Mono, Span};

    #[test]
    fn a_page_hears_of_what_it_shows() {
        let ping = Told::HeartbeatPinged {
            check: "backup".into(),
            ping: PingKind::Success,
            run: None,
            body: String::new(),
            due: Mono(1),
            success_due: None,
            run_due: None,
        };
        let put_away = Told::IncidentArchived { id: 5 };
        let restarted = Told::Started { version: "0.1.0".to_owned(), down: Span::ZERO, life: 0 };
        for (of, own, told, quiet) in [
            (Of::Incident(5), true, true, "here"),
            (Of::Incident(6), false, true, "here"),
            (Of::Incidents, true, true, "here"),
            (Of::Checks, true, true, "changed"),
            (Of::Turns, false, true, "changed"),
        ] {
            assert_eq!((of.concerns(&put_away), of.concerns(&restarted)), (own, told));
            assert!(!of.concerns(&ping), "a page that shows pings looks for them by itself");
            assert_eq!((of.quiet(false), of.quiet(true)), (quiet, "changed"));
        }
    }

    #[test]
    fn pages_are_told_one_after_another_however_many_there_are() {
        for (first, n) in [(0, 10), (7, 100), (u32::MAX - 400, 1000)] {
            let mut turns: Vec<f64> = (0..n).map(|i| turn(first.wrapping_add(i))).collect();
            turns.sort_by(f64::total_cmp);
            let apart = 1.0 / f64::from(n);
            assert!(turns[0] >= 0.0 && turns[turns.len() - 1] <= 1.0);
            for two in turns.windows(2) {
                assert!((0.3 * apart..3.0 * apart).contains(&(two[1] - two[0])), "of {n}: {two:?}");
            }
        }
    }
}
