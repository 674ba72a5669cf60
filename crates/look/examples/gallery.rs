//! Everything that the style sheet and the pictures can do, on one page, for looking at:
//! `cargo run -p foghorn-look --example gallery >gallery.html`

use foghorn_look::*;

fn main() {
    let tones = || Tone::ALL.into_iter();
    let badges: String = tones().map(|t| badge(t, &format!("{t:?}").to_lowercase())).collect();
    let banners: String = tones()
        .map(|t| {
            format!("<div class=\"banner {}\">{}<div><p>This is {t:?}.</p></div></div>", t.class(), icon(t))
        })
        .collect();
    let wave = |i: i64| 0.2 + 0.05 * ((i as f64) / 7.0).sin() + if i % 37 == 0 { 0.2 } else { 0.0 };
    let values: Vec<Option<f64>> = (0..60).map(|i| (i % 25 != 20).then(|| wave(i))).collect();
    let tone = |v: &Option<f64>| if v.is_some() { Tone::Good } else { Tone::Bad };
    let spark =
        |(i, v): (usize, &Option<f64>)| Sparked { at: (i as f64 + 0.5) / 60.0, value: *v, tone: tone(v) };
    let sparked: Vec<Sparked> = values.iter().enumerate().map(spark).collect();
    let point = |i: i64| {
        let value = (!(60..75).contains(&i)).then(|| wave(i));
        Point { at: i, value, most: value.map(|v| v * 1.4) }
    };
    let points: Vec<Point> = (0..=200).map(point).collect();
    let hours = |n: i64| (0..=4).map(|i| (i * n / 4, format!("0{i}:00"))).collect::<Vec<_>>();
    let chart = Latency {
        title: "Latency of shop",
        from: 0,
        to: 200,
        points: &points,
        stretches: &[
            Stretch { from: 60, to: 75, tone: Tone::Bad, note: "failing 01:12–01:30: 502 Bad Gateway" },
            Stretch { from: 120, to: 130, tone: Tone::Warn, note: "slow 02:24–02:36" },
            Stretch { from: 160, to: 190, tone: Tone::Unknown, note: "unknown 03:12–03:48" },
        ],
        ticks: &hours(200),
        limit: Some(0.3),
    };
    let days: Vec<Day> = (0..90)
        .map(|i| Day {
            tone: [Tone::Good, Tone::Good, Tone::Warn, Tone::Good, Tone::Bad, Tone::Planned, Tone::Unknown]
                [if i % 11 == 0 { i % 7 } else { 0 }],
            note: format!("day {i}"),
        })
        .collect();
    let marks = [
        Mark { at: 2, kind: MarkKind::Alert(Tone::Bad), note: "an alert" },
        Mark { at: 4, kind: MarkKind::Page, note: "Ana was paged" },
        Mark { at: 20, kind: MarkKind::Page, note: "Ben was paged" },
        Mark { at: 28, kind: MarkKind::Acknowledged, note: "Ben acknowledged" },
        Mark { at: 45, kind: MarkKind::Note, note: "a note" },
        Mark { at: 60, kind: MarkKind::Change, note: "a change" },
        Mark { at: 90, kind: MarkKind::Resolved, note: "resolved" },
    ];
    let drawn = strip(&Strip {
        title: "Incident 12",
        from: 0,
        to: 100,
        phases: &[
            Phase { from: 2, tone: Tone::Bad, word: "nobody has answered" },
            Phase { from: 28, tone: Tone::Info, word: "acknowledged by Ben" },
            Phase { from: 90, tone: Tone::Good, word: "resolved" },
        ],
        marks: &marks,
        ticks: &[(0, "03:12".to_owned()), (100, "04:40".to_owned())],
    });
    let week_days: Vec<WeekDay> = ["Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28", "Sun 29"]
        .into_iter()
        .zip(0..)
        .map(|(label, i)| WeekDay { label: label.to_owned(), from: i * 24, to: (i + 1) * 24, set: None })
        .collect();
    let turn = |from, to: i64, who: &str, stand_in| Turn {
        from,
        to,
        until: format!("{} h", to % 24),
        who: who.to_owned(),
        stand_in,
    };
    let turns = [
        turn(0, 33, "Ana Silva", false),
        turn(33, 60, "Ben", false),
        turn(60, 64, "Chloé", true),
        turn(64, 105, "Ben", false),
        turn(105, 130, "", false),
        turn(130, 168, "Ana Silva", false),
    ];
    let node = |name: &str, tone, word: &str, endangered, on: &[&str]| Node {
        name: name.to_owned(),
        tone,
        word: word.to_owned(),
        endangered,
        stands_on: on.iter().map(ToString::to_string).collect(),
        href: None,
    };
    let nodes = [
        node("dc1", Tone::Good, "well", false, &[]),
        node("web1", Tone::Good, "well", false, &["dc1"]),
        node("db1", Tone::Bad, "down", false, &["dc1"]),
        node("cache", Tone::Planned, "in maintenance", false, &["web1"]),
        node("shop-api", Tone::Warn, "endangered", true, &["web1", "db1"]),
        node("a-tenant-with-a-rather-long-name", Tone::Warn, "endangered", true, &["shop-api"]),
        node("mail", Tone::Unknown, "not measured", false, &["web1"]),
    ];
    let title = "Everything that Foghorn looks like";
    println!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body>\
         <header class=\"top\"><a class=\"brand\" href=\"#\">Foghorn</a><nav><a href=\"#\" aria-current=\"page\">Incidents</a><a href=\"#\">Checks</a></nav></header><main><h1>{title}</h1>\
         <p class=\"row\">{badges}</p>{banners}\
         <div class=\"actions\"><button class=\"primary\">Acknowledge</button><button>Add a note</button><button class=\"danger\">Resolve</button><button class=\"quiet\">Cancel</button><button disabled>Not now</button></div><button class=\"huge danger\">I am on it</button>\
         <form><label for=\"n\">Name</label><input id=\"n\" value=\"Ana\"><p class=\"hint\">As others read it.</p><label for=\"w\">Password</label><input id=\"w\" aria-invalid=\"true\"><p class=\"wrong\">That is too short.</p></form>\
         <table class=\"cards\"><thead><tr><th>Check</th><th>State</th><th class=\"num\">Latency</th><th>Last hour</th></tr></thead><tbody><tr><th scope=\"row\">shop</th><td data-label=\"State\">{}</td><td class=\"num\" data-label=\"Latency\">212 ms</td><td data-label=\"Last hour\">{}</td></tr></tbody></table>\
         <div class=\"empty\"><strong>No check yet</strong>Add one to foghorn.yaml.</div>\
         <div class=\"card\">{}</div><div class=\"card\">{}</div><div class=\"card\">{drawn}</div><div class=\"card\">{}</div><div class=\"card\">{}</div></main></body></html>",
        badge(Tone::Good, "ok"),
        sparkline("Latency of shop over the last hour", 1.0 / 60.0, &sparked),
        latency(&chart),
        bars("Shop", "99.9 %", &days),
        week("primary", &week_days, &turns, Some(38)),
        topology("Topology", &nodes),
    );
}
