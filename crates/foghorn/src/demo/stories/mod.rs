//! What the demo can show: a file a story, and a line here.

mod writes_hang;

use super::shop::Shop;
use std::net::SocketAddr;
use std::time::Duration;

/// Every story; the first is shown unless another is asked for.
pub const STORIES: &[&Story] = &[&writes_hang::STORY];

/// An outage, told as data.
pub struct Story {
    /// For `--story`.
    pub name: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// What really happened, and to whom.
    pub after: &'static str,
    /// What is to be seen before anything breaks.
    pub opening: &'static str,
    /// foghorn.yaml. `@web@` and the like stand for addresses, `@12@` for a wait in seconds, which `--speed` shortens.
    pub config: &'static str,
    /// What changes just before it breaks: told to Foghorn, so that pages say it. The entity, and the change.
    pub change: (&'static str, &'static str),
    /// Breaks the shop.
    pub breaks: fn(&Shop),
    /// What is broken now.
    pub broken: &'static str,
    /// What it means that a check fails. Nobody knows which of them is the first to see it, so each stands by itself.
    pub meanings: &'static [(&'static str, &'static str)],
    /// What else is to be seen while it is broken, and how to tell that it is so.
    pub signs: &'static [(fn(&Shop) -> bool, &'static str)],
    /// The checks that stay green, and what that tells.
    pub stays_green: (&'static [&'static str], &'static str),
    /// Who answers at last if nobody presses the key.
    pub answers: &'static str,
    /// What whoever answered does; also what pressing the key does then.
    pub repair: &'static str,
    /// Mends the shop.
    pub repairs: fn(&Shop),
    /// What is mended.
    pub repaired: &'static str,
    /// When each thing came in the real outage, as its report says: detected, first page, answered, over.
    pub really: [&'static str; 4],
}

/// Where everything of a run listens.
pub struct Places {
    /// Foghorn.
    pub foghorn: SocketAddr,
    /// Its status page.
    pub status: SocketAddr,
    /// The story, for a browser.
    pub browser: SocketAddr,
    /// The people's phones.
    pub phone: SocketAddr,
    /// The shop's proxy.
    pub web: SocketAddr,
    /// The shop's API.
    pub api: SocketAddr,
    /// The shop's database.
    pub db: SocketAddr,
}

impl Story {
    /// The configuration, filled in.
    pub fn config(&self, places: &Places, speed: f64) -> String {
        // Every second piece stands between two `@`.
        let pieces = self.config.split('@').enumerate().map(|(n, piece)| match piece {
            text if n % 2 == 0 => text.to_owned(),
            "foghorn" => places.foghorn.to_string(),
            "status" => places.status.to_string(),
            "phone" => places.phone.to_string(),
            "web" => places.web.to_string(),
            "api" => places.api.to_string(),
            "db" => places.db.to_string(),
            seconds => {
                let ms = pace(seconds.parse().unwrap_or(0), speed).as_millis();
                if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
            }
        });
        pieces.collect()
    }
}

/// A wait of so many seconds, at this speed.
pub fn pace(seconds: u32, speed: f64) -> Duration {
    Duration::from_secs(u64::from(seconds)).div_f64(speed)
}

#[cfg(test)]
mod tests {
    use super::{Places, STORIES};
    use std::path::Path;

    #[test]
    fn every_story_has_a_good_configuration_that_knows_its_names() {
        let at = |port: u16| ([127, 0, 0, 1], port).into();
        let places = Places {
            foghorn: at(1),
            phone: at(2),
            web: at(3),
            api: at(4),
            db: at(5),
            status: at(6),
            browser: at(7),
        };
        for (story, speed) in STORIES.iter().flat_map(|s| [(s, 1.0), (s, 3.0)]) {
            let text = story.config(&places, speed);
            assert!(!text.contains('@'), "{text}");
            let config = foghorn_config::parse(&text, story.name, Path::new("/"), &|_| None).unwrap();
            assert_eq!(config.warnings, Vec::<String>::new(), "{}", story.name);
            let setup = &config.setup;
            let (green, _) = story.stays_green;
            for check in story.meanings.iter().map(|(check, _)| check).chain(green) {
                assert!(setup.checks.contains_key(*check), "{}: there is no check {check}", story.name);
            }
            assert_eq!(
                story.meanings.len() + green.len(),
                setup.checks.len(),
                "{}: a check is not told of",
                story.name
            );
            assert!(setup.topology.contains_key(story.change.0), "{}: {}", story.name, story.change.0);
            assert!(setup.people.contains_key(story.answers), "{}: {}", story.name, story.answers);
        }
    }
}
