//! The end of a story: the incident's timeline as the API gives it, what it took, and whether all went as told.

use super::browser::Looked;
use super::place::Place;
use super::play::{Found, Play, moment, number, text};
use super::screen::clock;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Without a terminal it stays for so long after its page was last looked at; a page that is open looks by itself.
const STAYS: Duration = Duration::from_mins(10);
/// The read model may be so far behind the journal.
const BEHIND: Duration = Duration::from_secs(10);

/// Prints all of it.
///
/// # Errors
/// What did not go as told.
pub async fn tell(play: &mut Play) -> Result<(), String> {
    let id = *play.found().incidents.first().ok_or("no incident was opened")?;
    let timeline = timeline(play, id).await?;
    let begun = moment_of(play.screen.begun());
    play.screen.heading(&format!("The timeline of incident {id}: its slice of the journal"));
    play.screen.row("");
    for event in &timeline {
        // Whole seconds of the demo's clock.
        let at = clock((moment(event) - begun).max(0.0) as u64);
        play.screen.hung(&format!("{at}  "), text(event, "/text"));
    }
    figures(play);
    judge(play, &timeline).await
}

/// Waits until what was told last is in it.
async fn timeline(play: &Play, id: u64) -> Result<Vec<Value>, String> {
    let since = Instant::now();
    loop {
        let timeline = play.foghorn.events(&format!("/api/v1/incidents/{id}/timeline"), 0).await?;
        let over = timeline.iter().rposition(|e| text(e, "/type") == "incident_resolved");
        let told =
            over.map_or(0, |n| timeline[n..].iter().filter(|e| text(e, "/type") == "page_attempted").count());
        if over.is_some() && told >= play.found().told.len() {
            return Ok(timeline);
        }
        if since.elapsed() > BEHIND {
            return Err(format!("after {} s the timeline still lacks the end", BEHIND.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn figures(play: &mut Play) {
    let here = |at: Option<f64>| at.map_or_else(|| "-".to_owned(), |s| format!("{s:.1} s"));
    let Found { detected, paged, answered, resolved, .. } = *play.found();
    let really = play.story.really;
    play.screen.heading("After it broke");
    play.screen.row("");
    play.screen.row(&format!("{:<12}{:<8}then", "", "here"));
    let what = ["detected", "first page", "answered", "over"];
    for (what, (at, really)) in what.iter().zip([detected, paged, answered, resolved].into_iter().zip(really))
    {
        play.screen.hung(&format!("{what:<12}{:<8}", here(at)), really);
    }
    let (taken, failed, lost) =
        (play.shop.orders.taken(), play.shop.orders.failed(), play.shop.lost_orders());
    let lost = if lost == 0 {
        "Every confirmed order is on disk.".to_owned()
    } else {
        format!("{lost} of them are not on disk!")
    };
    play.screen.row("");
    play.screen.text(&format!("{taken} orders were confirmed; {failed} times a customer gave up. {lost}"));
}

/// Compares what happened with what the story says.
async fn judge(play: &Play, timeline: &[Value]) -> Result<(), String> {
    let found = play.found();
    let mut wrong = Vec::new();
    let mut must = |is: bool, what: String| {
        if !is {
            wrong.push(what);
        }
    };
    must(found.detected.is_some(), "it was not detected".to_owned());
    must(found.paged.is_some(), "nobody was paged".to_owned());
    must(found.answered.is_some() || found.steps > 1, "it was neither answered nor escalated".to_owned());
    for kind in [
        "incident_opened",
        "alert_opened",
        "step_entered",
        "page_attempted",
        "acknowledged",
        "alert_ended",
        "incident_resolved",
    ] {
        must(timeline.iter().any(|e| text(e, "/type") == kind), format!("the timeline has no {kind}"));
    }
    must(found.incidents.len() == 1, format!("one outage became {} incidents", found.incidents.len()));
    for id in &found.incidents {
        let incident = play.foghorn.get(&format!("/api/v1/incidents/{id}")).await?;
        must(
            text(&incident, "/state") == "resolved" && number(&incident, "/alerts/open") == 0,
            format!("incident {id} is not resolved"),
        );
    }
    let lost = play.shop.lost_orders();
    must(lost == 0, format!("{lost} orders were confirmed and are not on disk"));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// A moment of the running clock on the wall, in seconds since 1970.
fn moment_of(at: Instant) -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64() - at.elapsed().as_secs_f64()
}

/// What to do next. Where somebody sits before the terminal, it lasts until Enter, and where somebody looks in a browser
/// alone, until they have gone: Foghorn goes on meanwhile.
pub async fn next(play: &mut Play, place: &Place) {
    let base = play.foghorn.base().to_owned();
    let id = play.found().incidents.first().copied();
    let screen = &mut play.screen;
    screen.heading("What to do next");
    screen.row("");
    match place.kept() {
        Some(dir) => {
            let dir = dir.display();
            screen.row(&format!("foghorn journal verify {dir}/data"));
            screen.row(&format!("foghorn journal dump {dir}/data"));
            screen.row(&format!("foghorn config check {dir}/foghorn.yaml"));
            screen.row(&format!("foghorn serve -c {dir}/foghorn.yaml"));
            screen.text("(Its checks fail then, and it pages about that: the shop is gone.)");
        }
        None => {
            screen.row("foghorn demo --keep DIR         keeps its foghorn.yaml, journal and log");
            screen.row("foghorn config check FILE       says what is wrong with a configuration");
            screen.row("foghorn serve -c FILE           watches what you run");
        }
    }
    screen.row("");
    screen.board.over();
    if let Some(keys) = &mut play.hands.keys {
        screen.text("Foghorn still runs. In another terminal:");
        screen.row(&match id {
            Some(id) => format!("foghorn incident show {id} --server {base}"),
            None => format!("foghorn incident list --server {base}"),
        });
        screen.row("");
        while keys.try_recv().is_ok() {}
        screen.prompt(Some("Press Enter to end the demo.".to_owned()));
        keys.recv().await;
        screen.answered();
    }
    // Whoever has never looked waits for nothing, and a script gets its terminal back.
    if let Some(looked) = &mut play.hands.looked
        && looked.borrow().is_some()
    {
        screen.text(
            "Somebody looks at the page, so all of it stays: this story, the console, the status page. \
             It ends ten minutes after the page was closed, or with Ctrl-C.",
        );
        until_nobody_looks(looked).await;
    }
}

async fn until_nobody_looks(looked: &mut Looked) {
    loop {
        let Some(last) = *looked.borrow_and_update() else { return };
        let is_long_ago = tokio::time::sleep_until((last + STAYS).into());
        tokio::select! {
            () = is_long_ago => return,
            again = looked.changed() => if again.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STAYS, until_nobody_looks};
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::{Duration, Instant};
    use tokio::sync::watch;

    #[tokio::test]
    async fn it_stays_until_ten_minutes_after_the_last_look() {
        let (looks, mut looked) = watch::channel(None);
        until_nobody_looks(&mut looked).await;
        looks.send_replace(Some(Instant::now()));
        let mut ends = pin!(until_nobody_looks(&mut looked));
        let mut is_there = || ends.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        assert!(is_there(), "somebody has just looked");
        looks.send_replace(Some(Instant::now().checked_sub(STAYS + Duration::from_secs(1)).unwrap()));
        assert!(!is_there(), "nobody has looked for ten minutes");
    }
}
