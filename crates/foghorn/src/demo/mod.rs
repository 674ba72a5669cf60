//! `foghorn demo`: a small shop, its people and an outage, in one process on loopback. Foghorn itself is the whole product,
//! as `foghorn serve` runs it; everything else here is what it would watch and whom it would wake.

mod browser;
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
use browser::{Board, Visitor};
use clap::Args;
use clap::builder::PossibleValuesParser;
use foghorn::Foghorn;
use place::Place;
use play::{Hands, Play};
use screen::Screen;
use shop::Shop;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::thread::JoinHandle;
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
    /// Read no key: it escalates, repairs itself and ends. Without a terminal it reads none either, but stays while its page
    /// is open in a browser
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

/// Shows it.
///
/// # Errors
/// Something did not go as told, or it was ended early.
pub fn run(options: &Options) -> Result<(), Failure> {
    let find = || STORIES.iter().find(|s| s.name == options.story);
    let story: &Story =
        find().ok_or_else(|| Failure::Wrong(format!("there is no story {}", options.story)))?;
    let place = Place::new(options.keep.as_deref()).map_err(Failure::Wrong)?;
    let cannot = |e: std::io::Error| Failure::Bad(format!("the demo cannot begin: {e}"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(cannot)?;
    // Foghorn goes on until this says so.
    let (end, until) = watch::channel(false);
    let (server, told) = runtime.block_on(async {
        let (mut play, places, _listeners) = set(story, options, &place).map_err(cannot)?;
        let (server, mut ended) = serve(place.path("foghorn.yaml"), until).map_err(cannot)?;
        let wrong = |why| Failure::Bad(format!("The demo did not go as told: {why}.{}", place.log_hint()));
        let (told, stays) = tokio::select! {
            told = show(&mut play, &place, &places) => (told, true),
            why = &mut ended => (Err(why.unwrap_or_else(|_| "Foghorn has ended".to_owned())), false),
            () = signalled() => return Ok((server, Err(Failure::Bad("The demo was ended early.".to_owned())))),
        };
        // Whoever looks at it in a browser keeps it, however it went.
        if stays && !play.screen.is_gone() {
            if let Err(why) = &told {
                play.screen.row("");
                play.screen.text(&format!("It did not go as told: {why}."));
            }
            tokio::select! {
                () = finale::next(&mut play, &place) => {}
                () = signalled() => {}
            }
        }
        Ok::<_, Failure>((server, told.map_err(wrong)))
    })?;
    end.send_replace(true);
    // A panic in it was told by its hook.
    let _ = server.join();
    runtime.shutdown_timeout(Duration::from_secs(1));
    told
}

/// Builds the stage: shop, phones, configuration. Foghorn does not run yet.
fn set(
    story: &'static Story,
    options: &Options,
    place: &Place,
) -> std::io::Result<(Play, Places, JoinSet<()>)> {
    let shop = Shop::open(&place.path("shop"))?;
    let mut tasks = JoinSet::new();
    let (phone_listener, phone) = shop::loopback()?;
    let secret = place.secret("phone.secret")?;
    let pages = phone::ring(phone_listener, &secret, &mut tasks);
    // Foghorn opens its listeners itself; nobody else is likely to be given the ports before that.
    let ((first, foghorn), (second, status)) = (shop::loopback()?, shop::loopback()?);
    drop((first, second));
    let (listener, browser) = shop::loopback()?;
    let places = Places {
        foghorn,
        status,
        browser,
        phone,
        web: shop.web_address,
        api: shop.api_address,
        db: shop.db_address,
    };
    std::fs::write(place.path("foghorn.yaml"), story.config(&places, options.speed))?;
    place.log_here()?;
    let data = place.path("data");
    server::private_dir(&data)?;
    let visitor = Visitor::new(data.join(server::ACCOUNTS)).map_err(std::io::Error::other)?;
    let board = Board::new();
    let (presses, looked) =
        browser::show(listener, &board, visitor, story.title, (foghorn, status), &mut tasks);
    let attended = !options.unattended && std::io::stdin().is_terminal();
    let keys = if attended { Some(keys()?) } else { None };
    let looked = (!options.unattended && keys.is_none()).then_some(looked);
    let hands = Hands { keys, presses, looked };
    let play = Play::new(story, Screen::new(board), shop, Foghorn::new(foghorn), pages, hands, options.speed);
    Ok((play, places, tasks))
}

/// Runs the product, on threads of its own. The second is its error, or nothing when it has ended well.
fn serve(
    config: PathBuf,
    until: watch::Receiver<bool>,
) -> std::io::Result<(JoinHandle<()>, oneshot::Receiver<String>)> {
    let (ended, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("foghorn".into()).spawn(move || {
        if let Err(e) = server::serve(&server::Options { config, data_dir: None, end: Some(until) }) {
            // Nobody listens any more when the demo is over.
            let _ = ended.send(format!("Foghorn does not start: {e}"));
        }
    })?;
    Ok((thread, told))
}

/// The whole of it.
async fn show(play: &mut Play, place: &Place, places: &Places) -> Result<(), String> {
    let story = play.story;
    let screen = &mut play.screen;
    screen.heading(&format!("Foghorn demo: {}", story.title));
    screen.text(&format!("After {}.", story.after));
    screen.row("");
    screen.text(story.opening);
    screen.text(match (&play.hands.keys, &play.hands.looked) {
        (Some(_), _) => "It takes a minute. Press Enter where it asks for that, or wait and see. Ctrl-C ends it.",
        (None, Some(_)) => {
            "It takes a minute, and nobody presses a key here. Open its page in a browser, and it stays while you look. Ctrl-C ends it."
        }
        (None, None) => "It takes a minute, and nobody presses a key.",
    });
    screen.row("");
    screen.row(&format!("{:<16}http://{}/", "in a browser", places.browser));
    screen.row(&format!("{:<16}{}", "configuration", place.path("foghorn.yaml").display()));
    screen.row(&format!("{:<16}http://{}", "Foghorn", places.foghorn));
    screen.row(&format!("{:<16}http://{}", "the shop", places.web));
    screen.row("");
    let begun = Instant::now();
    while !play.foghorn.is_ready().await {
        if begun.elapsed() > START {
            return Err(format!("Foghorn was not able to page within {} s", START.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    play.run().await?;
    finale::tell(play).await
}

/// Until somebody wants it to end.
async fn signalled() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

/// Enter, pressed. The terminal stays as it is: it gives whole lines.
fn keys() -> std::io::Result<mpsc::Receiver<()>> {
    let (pressed, keys) = mpsc::channel(8);
    std::thread::Builder::new().name("keys".into()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            // Keys that nobody waits for are dropped.
            if line.is_err() || pressed.is_closed() || pressed.try_send(()).is_err() && pressed.is_closed() {
                return;
            }
        }
    })?;
    Ok(keys)
}
