//! `foghorn demo`: a small shop, its people and an outage, in one process on loopback. Foghorn itself is the whole product,
//! as `foghorn serve` runs it; everything else here is what it would watch and whom it would wake.

mod finale;
mod foghorn;
mod phone;
mod place;
mod play;
mod screen;
mod shop;
mod stories;

use crate::cli::Failure;
use crate::server;
use clap::Args;
use clap::builder::PossibleValuesParser;
use foghorn::Foghorn;
use place::Place;
use play::Play;
use screen::Screen;
use shop::Shop;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stories::{Places, STORIES, Story};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Foghorn is able to page within this, or something is wrong.
const START: Duration = Duration::from_secs(30);

/// How to show it.
#[derive(Args, Debug)]
pub struct Options {
    /// Read no key: it escalates, repairs itself and ends. So it is without a terminal
    #[arg(long)]
    pub unattended: bool,
    /// Which outage
    #[arg(long, value_name = "NAME", default_value = STORIES[0].name, value_parser = PossibleValuesParser::new(STORIES.iter().map(|s| s.name)))]
    pub story: String,
    /// Shorten the waits: 2 is twice as fast
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Keep configuration, journal and log in this directory, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|n| (0.25..=4.0).contains(n));
    speed.ok_or_else(|| "a number from 0.25 to 4".to_owned())
}

/// How it ended.
enum End {
    /// As told.
    Told,
    /// A signal came.
    Stopped,
}

/// Shows it.
///
/// # Errors
/// Something did not go as told, or it was ended early.
pub fn run(options: &Options) -> Result<(), Failure> {
    let story = STORIES.iter().find(|s| s.name == options.story).ok_or_else(|| Failure::Wrong("there is no such story".to_owned()))?;
    let place = Place::new(options.keep.as_deref()).map_err(Failure::Wrong)?;
    let log = place.log();
    let bad = |e: std::io::Error| Failure::Bad(format!("the demo cannot begin: {e}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(bad)?;
    // Foghorn goes on until this says so, or is gone.
    let (end, until) = watch::channel(false);
    let stage = runtime.block_on(async { set(story, options, &place, until) }).map_err(bad)?;
    let server = stage.server;
    let ended = runtime.block_on(async {
        let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        let mut stopped = std::pin::pin!(async {
            let waits = signals.iter_mut().flatten().map(|s| Box::pin(s.recv()));
            futures_util::future::select_all(waits).await;
        });
        let mut play = stage.play;
        tokio::select! {
            ended = show(&mut play, &place, stage.stopped) => ended,
            () = &mut stopped => Ok(End::Stopped),
        }
    });
    end.send_replace(true);
    let _ = server.join();
    runtime.shutdown_timeout(Duration::from_secs(1));
    place.close();
    match ended {
        Ok(End::Told) => Ok(()),
        Ok(End::Stopped) => Err(Failure::Bad("The demo was ended early.".to_owned())),
        Err(why) => Err(Failure::Bad(format!("The demo did not go as told: {why}. {log}"))),
    }
}

/// Everything that runs.
struct Stage {
    play: Play,
    server: std::thread::JoinHandle<()>,
    stopped: oneshot::Receiver<String>,
}
