//! What people wrote, on the pages.

use super::*;
use foghorn_core::update::{LONGEST_UPDATE, MOST_UPDATES, Stage as Said};

const EVIL: &str = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>{{7*7}}&lt;\u{202e}<!--age-->";

impl House {
    fn say(&mut self, at: i64, incident: u64, stage: Said, text: &str) {
        let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
        self.input(at, &Input::StatusUpdate { incident, by, stage, text: text.to_owned() });
    }

    fn correct(&mut self, at: i64, number: u32, text: Option<&str>) {
        let by = Actor { name: "ben".into(), via: foghorn_core::words::Via::Console };
        let text = text.map(str::to_owned);
        self.input(at, &Input::CorrectUpdate { incident: 1, number, by, revision: None, text });
    }

    fn open(&mut self, at: i64) {
        self.input(
            at,
            &Input::Open {
                title: "secret title".to_owned(),
                severity: Severity::Critical,
                entity: None,
                escalation: None,
                note: Some("secret note".to_owned()),
                by: Actor::system(),
            },
        );
    }
}

fn at(minutes: i64) -> i64 {
    NOON + minutes * MINUTE
}

/// What a page shows of its incidents: badges and lines, without the markup.
fn told(pages: &Pages, path: &str) -> Vec<String> {
    let html = text(pages, path);
    let part = |s: &str, from: &str, to: &str| {
        s.split_once(from)
            .and_then(|(_, rest)| rest.split_once(to))
            .map(|(s, _)| plain(s))
            .unwrap_or_default()
    };
    let mut out = Vec::new();
    for article in html.split("<article").skip(1) {
        out.push(format!(
            "[{}] {}",
            part(article, "<span class=\"badge", "</span>"),
            part(article, "<h3", "</h3>")
        ));
        out.extend(article.split("<li class=").skip(1).map(|li| part(li, ">", "</li>")));
    }
    out
}

fn plain(html: &str) -> String {
    let texts = html.split('<').map(|t| t.split_once('>').map_or(t, |(_, text)| text));
    texts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn people_and_measurements_tell_one_story() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.observe(&mut ledger, NOON);
    house.fails(at(10), "secret-check");
    house.observe(&mut ledger, at(10));
    house.say(at(12), 1, Said::Investigating, "Orders fail.\r\nWe look into it.");
    assert!(house.observe(&mut ledger, at(12)), "the public reads something else");
    assert!(!house.observe(&mut ledger, at(13)), "nothing new");
    let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Link };
    house.input(at(15), &Input::Acknowledge { incident: 1, by, revision: None });
    house.observe(&mut ledger, at(15));
    house.say(at(20), 1, Said::Identified, "The database is full.");
    house.observe(&mut ledger, at(20));
    let pages = render(&config(), &ledger, Wall(at(21)), Doubt::None).unwrap();
    let story = [
        "12:20 Identified The database is full.",
        "12:12 Investigating Orders fail. We look into it.",
        "12:10 Noticed. Affected: Shop &#60;&#38;&#62; (major outage).",
    ];
    let shown = |badge: &str, more: &[&str]| {
        let mut all = vec![format!("[{badge}] Shop &#60;&#38;&#62;: major outage")];
        all.extend(more.iter().chain(&story).map(ToString::to_string));
        all
    };
    assert_eq!(told(&pages, "/"), shown("identified", &[]));
    let json: serde_json::Value = serde_json::from_str(&text(&pages, "/status.json")).unwrap();
    assert_eq!(
        json["open_incidents"][0]["updates"],
        serde_json::json!([
            { "at": "2026-11-21T12:20:00Z", "stage": "identified", "text": "The database is full." },
            { "at": "2026-11-21T12:12:00Z", "stage": "investigating", "text": "Orders fail.\r\nWe look into it." },
        ])
    );
    // That somebody works on it, and a person's own end, need no word of the machine's; a postmortem comes late.
    house.say(at(30), 1, Said::Resolved, "Orders work again.");
    house.check(at(30), "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, at(30));
    house.input(at(40), &Input::Tick);
    assert!(house.state.incident(1).is_none(), "it is put away");
    house.say(at(50), 1, Said::Postmortem, "A log had grown.");
    assert!(house.observe(&mut ledger, at(50)));
    let pages = render(&config(), &ledger, Wall(at(60)), Doubt::None).unwrap();
    let end = ["12:50 Postmortem A log had grown.", "12:30 Resolved Orders work again."];
    assert_eq!(told(&pages, "/"), shown("resolved", &end));
    assert_eq!(told(&pages, "/history/2026-11"), shown("resolved", &end));
    // The journal gives the same.
    let again = rebuild(&house, &|| false).unwrap().unwrap();
    assert_eq!(again.incidents, ledger.incidents);
    let kept: Ledger = serde_json::from_slice(&serde_json::to_vec(&ledger).unwrap()).unwrap();
    assert_eq!(kept.incidents, ledger.incidents);
}

/// What nothing measures is there by a person's word, with nothing of the inside.
#[test]
fn an_incident_of_no_component_is_told_by_people_alone() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.open(at(1));
    house.observe(&mut ledger, at(1));
    let heading = |ledger: &Ledger, minute| {
        let pages = render(&config(), ledger, Wall(at(minute)), Doubt::None).unwrap();
        let html = text(&pages, "/");
        assert!(!html.to_lowercase().contains("secret"), "{html}");
        (plain(html.split_once("<h1").unwrap().1.split_once("</h1>").unwrap().0), told(&pages, "/"))
    };
    assert_eq!(heading(&ledger, 2), ("All systems operational".to_owned(), vec![]), "nobody was told");
    house.say(at(3), 1, Said::Identified, "Mails are late.");
    house.observe(&mut ledger, at(3));
    let open = vec!["[identified] Mails are late.".to_owned(), "12:03 Identified Mails are late.".to_owned()];
    assert_eq!(heading(&ledger, 4), ("Something is being worked on".to_owned(), open));
    house.say(at(5), 1, Said::Monitoring, "Mails go out again.");
    house.observe(&mut ledger, at(5));
    assert_eq!(heading(&ledger, 6).0, "All systems operational");
    house.say(at(7), 1, Said::Resolved, "It is over.");
    assert!(house.observe(&mut ledger, at(7)));
    assert_eq!(ledger.incidents[&1].resolved, Some(Wall(at(7))));
    assert_eq!(
        heading(&ledger, 8).1,
        [
            "[resolved] Mails are late.",
            "12:07 Resolved It is over.",
            "12:05 Monitoring Mails go out again.",
            "12:03 Identified Mails are late."
        ]
    );
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
}

#[test]
fn a_title_is_the_first_words_of_the_first_update() {
    for (said, title) in [
        (
            "\r\n Mails <b>are</b> late.\r\nWe look into it.".to_owned(),
            "Mails &#60;b&#62;are&#60;/b&#62; late.".to_owned(),
        ),
        ("late mails ".repeat(20), format!("{}…", "late mails ".repeat(6).trim_end())),
        ("x".repeat(100), format!("{}…", "x".repeat(69))),
        ("\u{202e}\nMails are late.".to_owned(), "Mails are late.".to_owned()),
    ] {
        let mut house = House::new(NOON);
        let mut ledger = Ledger::default();
        house.open(at(1));
        house.say(at(3), 1, Said::Identified, &said);
        house.observe(&mut ledger, at(3));
        let html = text(&render(&config(), &ledger, Wall(at(4)), Doubt::None).unwrap(), "/");
        assert!(html.contains(&format!("<h3>{title}</h3>")), "{title}: {html}");
    }
}

#[test]
fn what_people_write_is_text() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(at(1), "secret-check");
    house.say(at(1), 1, Said::Investigating, EVIL);
    house.observe(&mut ledger, at(1));
    let pages = render(&config(), &ledger, Wall(at(2)), Doubt::None).unwrap();
    for (path, body) in pages.all.iter().filter(|(p, b)| !p.ends_with(".css") && !b.fixed) {
        let page = String::from_utf8(body.plain.to_vec()).unwrap();
        let there = page.contains("onerror=alert(1)");
        assert_eq!(
            there,
            ["/", "/history", "/history/2026-11", "/status.json"].contains(&path.as_str()),
            "{path}"
        );
        if path != "/status.json" {
            assert!(
                !page.contains("<img") && !page.contains("<script") && !page.contains('\u{202e}'),
                "{path}"
            );
            assert!(page.matches(MARK).count() <= 1, "{path}: {page}");
        }
    }
    let json = &pages.all["/status.json"];
    assert!(serde_json::from_slice::<serde_json::Value>(&json.plain).is_ok());
}

#[test]
fn a_wall_of_words_is_bounded() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    let incidents = 12;
    for id in 1..=incidents {
        house.open(at(1));
        for n in 0..MOST_UPDATES {
            let text = format!("{n:02} {}", "x".repeat(LONGEST_UPDATE - 3));
            house.say(at(2), id, Said::Identified, &text);
        }
    }
    house.observe(&mut ledger, at(2));
    let pages = render(&config(), &ledger, Wall(at(3)), Doubt::None).unwrap();
    let front = text(&pages, "/");
    assert!(front.len() < 100_000, "{}", front.len());
    assert!(
        front.contains("39 xx") && !front.contains("00 xx") && front.contains("Earlier updates are in the")
    );
    assert!(pages.all["/history"].plain.len() < 600_000);
    assert!(text(&pages, "/status.json").len() < 60_000);
    // Those that are over make room, the oldest first; what was forgotten is not heard again.
    for id in 1..=incidents {
        let by = Actor::system();
        house.input(at(4), &Input::Resolve { incident: id, by });
    }
    house.observe(&mut ledger, at(4));
    ledger.prune(Wall(at(4)));
    let held = |ledger: &Ledger| -> Vec<usize> { ledger.incidents.values().map(|i| i.words.len()).collect() };
    let mut left = vec![0; 6];
    left.extend([MOST_UPDATES; 6]);
    assert_eq!(held(&ledger), left);
    assert!(!house.observe(&mut ledger, at(5)));
    assert_eq!(held(&ledger), left);
    // Long after, the ledger forgets the incident, though the state still knows of it.
    let long_after = at(401 * 1440);
    house.observe(&mut ledger, long_after);
    ledger.prune(Wall(long_after));
    assert!(!house.observe(&mut ledger, long_after), "{:?}", ledger.incidents.keys());
}

#[test]
fn what_is_corrected_says_so_and_what_is_withdrawn_is_gone() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.open(at(1));
    house.say(at(2), 1, Said::Identified, "Server db7 burns.");
    house.say(at(3), 1, Said::Identified, "All mails are late.");
    house.observe(&mut ledger, at(3));
    house.correct(at(5), 2, Some("Some mails are late."));
    assert!(house.observe(&mut ledger, at(5)), "the public reads something else");
    let pages = |ledger: &Ledger, now| render(&config(), ledger, Wall(now), Doubt::None).unwrap();
    let lines =
        ["12:03 Identified corrected 12:05 Some mails are late.", "12:02 Identified Server db7 burns."];
    assert_eq!(told(&pages(&ledger, at(6)), "/")[1..], lines);
    house.correct(at(7), 1, None);
    house.observe(&mut ledger, at(7));
    assert!(!house.observe(&mut ledger, at(8)), "nothing new");
    let shown = [
        "[identified] Some mails are late.",
        "12:03 Identified corrected 12:05 Some mails are late.",
        "12:02 Identified withdrawn 12:07",
    ];
    for path in ["/", "/history/2026-11"] {
        assert_eq!(told(&pages(&ledger, at(8)), path), shown, "{path}");
    }
    let all = pages(&ledger, at(8)).all;
    for (path, body) in &all {
        let page = String::from_utf8_lossy(&body.plain).into_owned();
        assert!(!page.contains("db7") && !page.contains("All mails"), "{path}: {page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&text(&pages(&ledger, at(8)), "/status.json")).unwrap();
    assert_eq!(
        json["open_incidents"][0]["updates"],
        serde_json::json!([
            {
                "at": "2026-11-21T12:03:00Z", "stage": "identified", "text": "Some mails are late.",
                "corrected_at": "2026-11-21T12:05:00Z", "withdrawn": false,
            },
            {
                "at": "2026-11-21T12:02:00Z", "stage": "identified", "text": "",
                "corrected_at": "2026-11-21T12:07:00Z", "withdrawn": true,
            },
        ])
    );
    // On another day with the day; and the journal and the file give the same.
    assert_eq!(
        told(&pages(&ledger, at(1500)), "/")[2],
        "21 November, 12:02 Identified withdrawn 21 November, 12:07"
    );
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
    let kept: Ledger = serde_json::from_slice(&serde_json::to_vec(&ledger).unwrap()).unwrap();
    assert_eq!(kept.incidents, ledger.incidents);
    // What is withdrawn says no more how far it is.
    house.correct(at(9), 2, None);
    house.observe(&mut ledger, at(9));
    assert_eq!(told(&pages(&ledger, at(10)), "/")[0], "[open] Incident");
    let html = text(&pages(&ledger, at(10)), "/");
    assert!(html.contains("All systems operational"), "nobody says any more that it is worked on: {html}");
}

/// Texts for which there was no room are the first: a correction of a later one finds its own.
#[test]
fn a_correction_finds_its_own_words_after_others_were_forgotten() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.open(at(1));
    house.say(at(2), 1, Said::Identified, "one");
    house.say(at(2), 1, Said::Resolved, "two");
    house.observe(&mut ledger, at(2));
    ledger.incidents.get_mut(&1).unwrap().words.clear();
    house.say(at(3), 1, Said::Postmortem, "three");
    house.observe(&mut ledger, at(3));
    house.correct(at(4), 1, Some("the first"));
    assert!(!house.observe(&mut ledger, at(4)), "it is not there");
    house.correct(at(5), 3, Some("the third"));
    assert!(house.observe(&mut ledger, at(5)));
    let words: Vec<&str> = ledger.incidents[&1].words.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(words, ["the third"]);
}

/// A person's word that it is over is about what was then: of what came back by itself it says nothing.
#[test]
fn what_came_back_after_a_persons_word_works_again_when_it_is_measured() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    let ack = |house: &mut House, minute| {
        let by = Actor { name: "ana".into(), via: foghorn_core::words::Via::Console };
        house.input(at(minute), &Input::Acknowledge { incident: 1, by, revision: None });
    };
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    house.say(at(2), 1, Said::Resolved, "Orders work again.");
    house.observe(&mut ledger, at(2));
    // Still failing after `still_failing_after`.
    house.input(at(8), &Input::Tick);
    assert!(!house.state.incident(1).unwrap().is_resolved(), "it is open again");
    house.observe(&mut ledger, at(8));
    ack(&mut house, 9);
    house.observe(&mut ledger, at(9));
    house.check(at(10), "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, at(10));
    assert!(house.state.incident(1).unwrap().is_resolved());
    let shown = told(&render(&config(), &ledger, Wall(at(11)), Doubt::None).unwrap(), "/");
    assert_eq!(
        shown[..4],
        [
            "[resolved] Shop &#60;&#38;&#62;: major outage",
            "12:10 Resolved. It works again.",
            "12:09 Somebody is working on it.",
            "12:08 Noticed. Affected: Shop &#60;&#38;&#62; (major outage)."
        ],
        "{shown:#?}"
    );
    // Whoever says so of what came back has said it.
    let mut again = ledger.clone();
    house.fails(at(11), "secret-check");
    house.observe(&mut again, at(11));
    house.check(at(12), "secret-check", CheckVerdict::Ok);
    house.say(at(12), 1, Said::Resolved, "Now it does.");
    house.observe(&mut again, at(12));
    let shown = told(&render(&config(), &again, Wall(at(13)), Doubt::None).unwrap(), "/");
    assert_eq!(shown[1], "12:12 Resolved Now it does.", "{shown:#?}");
}

/// A person says that it is over, and a check says that it is not.
#[test]
fn a_persons_word_makes_nothing_better_than_it_is_measured() {
    let mut house = House::new(NOON);
    let mut ledger = Ledger::default();
    house.fails(at(1), "secret-check");
    house.observe(&mut ledger, at(1));
    house.say(at(2), 1, Said::Resolved, "Orders work again.");
    house.observe(&mut ledger, at(2));
    let pages = |ledger: &Ledger, minute| render(&config(), ledger, Wall(at(minute)), Doubt::None).unwrap();
    let html = text(&pages(&ledger, 3), "/");
    assert!(!html.contains("All systems operational"), "{html}");
    assert!(html.contains("major outage</span>"), "the component is as it is measured: {html}");
    let story = [
        "12:02 Resolved Orders work again.",
        "12:02 Closed. It is not measured well yet: Shop &#60;&#38;&#62; (major outage).",
        "12:01 Noticed. Affected: Shop &#60;&#38;&#62; (major outage).",
    ];
    let shown = told(&pages(&ledger, 3), "/");
    assert_eq!(shown[0], "[closed] Shop &#60;&#38;&#62;: major outage");
    let mut lines = shown[1..].to_vec();
    lines.sort_by(|a, b| b.cmp(a));
    assert_eq!(lines, story);
    // Measured well, it is what they said.
    house.check(at(4), "secret-check", CheckVerdict::Ok);
    house.observe(&mut ledger, at(4));
    let shown = told(&pages(&ledger, 5), "/");
    assert_eq!(shown[0], "[resolved] Shop &#60;&#38;&#62;: major outage");
    assert_eq!(shown[1], "12:04 Resolved. It works again.");
    assert_eq!(rebuild(&house, &|| false).unwrap().unwrap().incidents, ledger.incidents);
}
