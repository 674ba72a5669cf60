//! The end of a story: the incident's timeline as the API gives it, what it took, and whether all went as told.

use super::play::{Found, Play, moment, number, text};
use super::screen::clock;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The read model may be so far behind the journal.
const BEHIND: Duration = Duration::from_secs(10);

/// Prints all of it.
///
/// # Errors
/// What did not go as told.
pub async fn tell(play: &mut Play) -> Result<(), String> {
    let id = play.found().incident.ok_or("no incident was opened")?;
    let timeline = timeline(play, id).await?;
    let begun = moment_of(play.screen.begun());
    play.screen.heading(&format!("The timeline of incident {id}: its slice of the journal"));
    play.screen.row("");
    for event in &timeline {
        // Whole seconds of the demo's clock.
        let at = clock((moment(event) - begun).max(0.0) as u64);
        for (n, line) in super::screen::wrap(text(event, "/text"), 66).iter().enumerate() {
            play.screen.row(&if n == 0 { format!("{at}  {line}") } else { format!("{:9}{line}", "") });
        }
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
        let told = over.map_or(0, |n| timeline[n..].iter().filter(|e| text(e, "/type") == "page_attempted").count());
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
    play.screen.heading(&format!("After it broke: here, and in the outage it is taken from ({})", play.story.after));
    play.screen.row("");
    let what = ["detected", "first page", "answered", "customers told", "over"];
    for (what, (at, really)) in what.iter().zip([detected, paged, answered, None, resolved].into_iter().zip(really)) {
        play.screen.row(&format!("{what:<16}{:<12}{really}", here(at)));
    }
    let (taken, failed, lost) = (play.shop.orders.taken(), play.shop.orders.failed(), play.shop.lost_orders());
    play.screen.row("");
    play.screen.text(&format!("Customers placed {taken} orders and gave up {failed} times. Orders confirmed and not on disk: {lost}."));
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
    for kind in ["incident_opened", "alert_opened", "step_entered", "page_attempted", "acknowledged", "alert_ended", "incident_resolved"] {
        must(timeline.iter().any(|e| text(e, "/type") == kind), format!("the timeline has no {kind}"));
    }
    let incidents = play.foghorn.get("/api/v1/incidents?state=all").await?;
    let incidents = incidents.get("incidents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    must(incidents.len() == 1, format!("one outage became {} incidents", incidents.len()));
    must(
        incidents.iter().all(|i| text(i, "/state") == "resolved" && number(i, "/alerts/open") == 0),
        "the incident is not resolved".to_owned(),
    );
    let lost = play.shop.lost_orders();
    must(lost == 0, format!("{lost} orders were confirmed and are not on disk"));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// A moment of the running clock on the wall, in seconds since 1970.
fn moment_of(at: Instant) -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64() - at.elapsed().as_secs_f64()
}
