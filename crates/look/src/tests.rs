use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// Variables of the style sheet, in light and in dark.
fn schemes() -> [HashMap<&'static str, [f64; 3]>; 2] {
    let (light, rest) = STYLE.split_once("@media (prefers-color-scheme:dark)").unwrap();
    let (dark, _) = rest.split_once("}}").unwrap();
    let colours = |text: &'static str| {
        text.split([';', '{', '\n'])
            .filter_map(|d| d.trim().strip_prefix("--")?.split_once(":#"))
            .map(|(name, hex)| {
                let n = u32::from_str_radix(hex, 16).unwrap();
                assert_eq!(hex.len(), 6, "{name}");
                (name, [n >> 16, (n >> 8) & 255, n & 255].map(|c| f64::from(c) / 255.0))
            })
            .collect::<HashMap<_, _>>()
    };
    [colours(light), colours(dark)]
}

/// WCAG 2.2, relative luminance and contrast.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |c: [f64; 3]| {
        let [r, g, b] = c.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_can_be_read_in_both_schemes() {
    for (scheme, colours) in ["light", "dark"].into_iter().zip(schemes()) {
        let mut pairs: Vec<(String, String, f64)> = Vec::new();
        for ground in ["bg", "card"] {
            for ink in ["ink", "dim", "link", "good", "info", "planned", "unknown", "warn", "bad"] {
                pairs.push((ink.to_owned(), ground.to_owned(), 4.5));
            }
            pairs.push(("edge".to_owned(), ground.to_owned(), 3.0));
            pairs.push(("good-fill".to_owned(), ground.to_owned(), 3.0));
            pairs.push(("focus".to_owned(), ground.to_owned(), 3.0));
        }
        for tone in Tone::ALL {
            let tint = format!("{}-tint", tone.class());
            for ink in [tone.class(), "ink", "dim"] {
                pairs.push((ink.to_owned(), tint.clone(), 4.5));
            }
        }
        pairs.push(("link".to_owned(), "unknown-tint".to_owned(), 4.5));
        pairs.push(("press-ink".to_owned(), "press".to_owned(), 4.5));
        pairs.push(("danger-ink".to_owned(), "danger".to_owned(), 4.5));
        for (ink, ground, least) in pairs {
            let is = contrast(colours[ink.as_str()], colours[ground.as_str()]);
            assert!(is >= least, "{scheme}: {ink} on {ground} is {is:.2}, less than {least}");
        }
    }
}

#[test]
fn every_tone_has_its_own_shape_and_class() {
    for a in Tone::ALL {
        assert!(STYLE.contains(&format!("\n.{}{{", a.class())), "{a:?}");
        for b in Tone::ALL {
            assert_eq!(a == b, a.path() == b.path());
        }
    }
    insta::assert_snapshot!(badge(Tone::Planned, "in <maintenance>"), @r#"<span class="badge planned"><svg class="icon planned" viewBox="0 0 24 24" aria-hidden="true"><path fill-rule="evenodd" d="M2 2h20v20H2zM6 10.5h12v3H6z"/></svg>in &lt;maintenance&gt;</span>"#);
}

#[test]
fn the_style_is_small_and_asks_nobody() {
    assert!(STYLE.len() < 24 * 1024, "{}", STYLE.len());
    for word in ["url(", "@import", "http"] {
        assert!(!STYLE.contains(word), "{word}");
    }
    assert!(style_file().starts_with("style.") && style_file().len() == "style..css".len() + 16);
}

fn sparked(at: f64, value: Option<f64>, tone: Tone) -> Sparked {
    Sparked { at, value, tone }
}

#[test]
fn a_sparkline_marks_what_failed() {
    // Half of a stretch's results were 500s: those that were good have a latency, and it has failed all the same.
    let points = [
        sparked(0.1, Some(1.0), Tone::Good),
        sparked(0.3, Some(2.0), Tone::Warn),
        sparked(0.5, None, Tone::Bad),
        sparked(0.7, Some(4.0), Tone::Good),
        sparked(0.9, Some(f64::NAN), Tone::Unknown),
    ];
    insta::assert_snapshot!(sparkline("Latency of shop", 0.2, &points), @r#"<svg class="pic spark" viewBox="0 0 120 28" preserveAspectRatio="none" role="img"><title>Latency of shop</title><desc>5 measured stretches of time, 2 with failures, 1 not known</desc><path class="axis" d="M0 23.5H120"/><path class="trace" d="M12 17.75h.01L36 12.5M84 2h.01"/><path class="solid bad" d="M48 28v-8h24v8z"/><path class="solid warn" d="M24 28v-5h24v5z"/><path class="solid unknown" d="M96 28v-3h24v3z"/></svg>"#);
    insta::assert_snapshot!(sparkline("Latency of shop", 0.2, &[]), @r#"<svg class="pic spark" viewBox="0 0 120 28" preserveAspectRatio="none" role="img"><title>Latency of shop</title><desc>nothing measured yet</desc><path class="axis" d="M0 23.5H120"/><path class="trace" d=""/></svg>"#);
}

/// Two results of the last hour are at the end of the day, not all over it.
#[test]
fn a_sparkline_has_its_points_at_their_time() {
    let points = [sparked(0.95, Some(1.0), Tone::Good), sparked(0.99, Some(2.0), Tone::Good)];
    let drawn = sparkline("t", 0.04, &points);
    assert!(drawn.contains("d=\"M114 12.5h.01L118.8 2\""), "{drawn}");
    // What lies further apart than that was not measured.
    let apart = [sparked(0.1, Some(1.0), Tone::Good), sparked(0.9, Some(1.0), Tone::Good)];
    assert!(!sparkline("t", 0.04, &apart).contains('L'));
}

#[test]
fn a_latency_chart_shows_its_failing_stretches() {
    let chart = Latency {
        title: "Latency of shop",
        from: 0,
        to: 1000,
        points: &[
            Point { at: 0, value: Some(0.2), most: Some(0.4) },
            Point { at: 500, value: Some(0.3), most: None },
            Point { at: 600, value: None, most: None },
            Point { at: 1000, value: Some(0.25), most: None },
        ],
        stretches: &[Stretch { from: 550, to: 700, tone: Tone::Bad, note: "failing 03:12–03:40: <502>" }],
        ticks: &[(0, "03:00".to_owned()), (1000, "04:00".to_owned())],
        limit: Some(0.45),
    };
    insta::assert_snapshot!(latency(&chart).replace("><", ">\n<"), @r#"
    <svg class="pic" height="180" role="img">
    <title>Latency of shop</title>
    <desc>Median 250 ms, highest 300 ms. Limit 450 ms. failing 03:12–03:40: &lt;502&gt;.</desc>
    <rect class="band bad" x="55%" y="16" width="15%" height="140">
    <title>failing 03:12–03:40: &lt;502&gt;</title>
    </rect>
    <rect class="solid bad" x="55%" y="16" width="15%" height="3">
    </rect>
    <svg y="16" width="100%" height="140" viewBox="0 0 1000 100" preserveAspectRatio="none">
    <path class="axis" d="M0 0H1000M0 50H1000M0 100H1000"/>
    <path class="hollow info" opacity=".45" d="M0 60V20"/>
    <path class="trace" d="M0 60h.01L500 40M1000 50h.01"/>
    </svg>
    <line class="now" x1="0" x2="100%" y1="30" y2="30">
    <title>limit 450 ms</title>
    </line>
    <text x="100%" y="12" text-anchor="end">┄ limit 450 ms</text>
    <text x="0%" y="12" text-anchor="start">500 ms</text>
    <text x="0%" y="82" text-anchor="start">250 ms</text>
    <line class="axis" x1="0%" x2="0%" y1="156" y2="160"/>
    <text x="0%" y="173" text-anchor="start">03:00</text>
    <line class="axis" x1="100%" x2="100%" y1="156" y2="160"/>
    <text x="100%" y="173" text-anchor="end">04:00</text>
    </svg>
    "#);
}

#[test]
fn where_nothing_was_measured_there_is_no_scale() {
    let stretch = Stretch { from: 0, to: 1000, tone: Tone::Bad, note: "9 failed" };
    let mut chart = Latency {
        title: "t",
        from: 0,
        to: 1000,
        points: &[Point { at: 500, value: None, most: None }],
        stretches: &[stretch],
        ticks: &[],
        limit: None,
    };
    assert!(!latency(&chart).contains("<text"), "{}", latency(&chart));
    chart.limit = Some(0.2);
    assert!(latency(&chart).contains(">200 ms</text>"));
}

#[test]
fn bars_are_taller_the_worse_a_day_was() {
    let days = [Tone::Good, Tone::Unknown, Tone::Warn, Tone::Bad]
        .map(|tone| Day { tone, note: format!("{tone:?}") });
    insta::assert_snapshot!(bars("Shop", "99.9 % over 4 days", &days).replace("><", ">\n<"), @r#"
    <svg class="pic" height="36" role="img">
    <title>Shop</title>
    <desc>99.9 % over 4 days</desc>
    <svg width="100%" height="36" viewBox="0 0 4 36" preserveAspectRatio="none">
    <path class="days good" stroke-width="18" d="M0 27h1"/>
    <path class="days unknown" stroke-width="5.4" d="M1 33.3h1"/>
    <path class="solid warn" d="M2 9h.72v27h-.72z">
    <title>Warn</title>
    </path>
    <path class="solid bad" d="M3 0h.72v36h-.72z">
    <title>Bad</title>
    </path>
    </svg>
    </svg>
    "#);
}

#[test]
fn a_strip_of_an_incident() {
    let drawn = strip(&Strip {
        title: "Incident 12",
        from: 0,
        to: 100,
        phases: &[
            Phase { from: 0, tone: Tone::Bad, word: "nobody has answered" },
            Phase { from: 25, tone: Tone::Info, word: "acknowledged by Ana" },
            Phase { from: 75, tone: Tone::Good, word: "resolved" },
        ],
        marks: &[
            Mark { at: 1, kind: MarkKind::Page, note: "Ana was paged" },
            Mark { at: 1, kind: MarkKind::Page, note: "Ben was paged" },
            Mark { at: 2, kind: MarkKind::Alert(Tone::Info), note: "it is warm" },
            Mark { at: 2, kind: MarkKind::Alert(Tone::Bad), note: "it burns" },
            Mark { at: 9, kind: MarkKind::Failed, note: "Caro was not reached" },
            Mark { at: 25, kind: MarkKind::Acknowledged, note: "Ana acknowledged" },
        ],
        ticks: &[(0, "03:12".to_owned()), (100, "03:40".to_owned())],
    });
    insta::assert_snapshot!(drawn.replace("><", ">\n<"), @r#"
    <svg class="pic" height="64" role="img">
    <title>Incident 12</title>
    <desc>nobody has answered, then acknowledged by Ana, then resolved</desc>
    <rect class="solid bad" x="0%" y="20" width="25%" height="24">
    <title>nobody has answered</title>
    </rect>
    <rect class="solid info" x="25%" y="36" width="50%" height="8">
    <title>acknowledged by Ana</title>
    </rect>
    <rect class="solid good" x="75%" y="36" width="25%" height="8">
    <title>resolved</title>
    </rect>
    <svg class="warn" x="1%" y="3" width="1" height="1" overflow="visible">
    <path class="mark" transform="translate(-6 0)" d="M.5 1.5h11L6 11z">
    <title>Ana was paged</title>
    </path>
    </svg>
    <svg class="bad" x="2%" y="3" width="1" height="1" overflow="visible">
    <path class="mark" transform="translate(-6 0)" d="M2 2h8v8H2z">
    <title>it burns</title>
    </path>
    </svg>
    <svg class="bad" x="9%" y="3" width="1" height="1" overflow="visible">
    <path class="mark" transform="translate(-6 0)" d="M2.5.5L6 4l3.5-3.5 2 2L8 6l3.5 3.5-2 2L6 8l-3.5 3.5-2-2L4 6 .5 2.5z">
    <title>Caro was not reached</title>
    </path>
    </svg>
    <svg class="info" x="25%" y="3" width="1" height="1" overflow="visible">
    <path class="mark" transform="translate(-6 0)" d="M4.5 10.5L0 6l2-2 2.5 2.5L10 1l2 2z">
    <title>Ana acknowledged</title>
    </path>
    </svg>
    <text x="0%" y="60" text-anchor="start">03:12</text>
    <text x="100%" y="60" text-anchor="end">03:40</text>
    </svg>
    <ul class="legend">
    <li>
    <span class="key bad">
    </span> <bdi>nobody has answered</bdi>
    </li>
    <li>
    <span class="key info">
    </span> <bdi>acknowledged by Ana</bdi>
    </li>
    <li>
    <span class="key good">
    </span> <bdi>resolved</bdi>
    </li>
    <li>
    <span class="toned bad">
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
    <path d="M2 2h8v8H2z"/>
    </svg>
    </span> an alert began</li>
    <li>
    <span class="toned warn">
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
    <path d="M.5 1.5h11L6 11z"/>
    </svg>
    </span> a page was accepted</li>
    <li>
    <span class="toned bad">
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
    <path d="M2.5.5L6 4l3.5-3.5 2 2L8 6l3.5 3.5-2 2L6 8l-3.5 3.5-2-2L4 6 .5 2.5z"/>
    </svg>
    </span> a page was not accepted</li>
    <li>
    <span class="toned info">
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
    <path d="M4.5 10.5L0 6l2-2 2.5 2.5L10 1l2 2z"/>
    </svg>
    </span> somebody acknowledged</li>
    </ul>
    "#);
}

#[test]
fn a_week_shows_who_and_that_nobody() {
    let days = [
        WeekDay { label: "Mon 23".to_owned(), from: 0, to: 24, set: None },
        WeekDay { label: "Tue 24".to_owned(), from: 24, to: 48, set: None },
    ];
    let turn = |from, to: i64, who: &str, stand_in| Turn {
        from,
        to,
        until: format!("hour {to}"),
        who: who.to_owned(),
        stand_in,
    };
    let turns = [turn(-5, 12, "Ana", false), turn(12, 36, "Ben", true), turn(36, 48, "", false)];
    let said = |turns: &[Turn], now| {
        let drawn = week("primary", &days, turns, now);
        drawn.split("<desc>").nth(1).unwrap().split("</desc>").next().unwrap().to_owned()
    };
    assert_eq!(
        said(&turns, None),
        "On call: Ana until hour 12; Ben (stands in) until hour 36; then nobody on call."
    );
    assert_eq!(said(&[turn(0, 48, "Ana", false)], Some(1)), "On call: Ana, all the time.");
    assert_eq!(said(&[turn(0, 48, "", false)], Some(1)), "Nobody is on call.");
    // What there is no room for is in the legend and in the list, and whoever has a minute is a line.
    let day = 24 * 60;
    let hours = [WeekDay { label: "Mon 23".to_owned(), from: 0, to: day, set: None }];
    let short = [
        turn(0, 60, "Ana", false),
        turn(60, 360, "Catherine Montgomery", false),
        turn(360, 361, "דנה", true),
        turn(361, day, "", false),
    ];
    let drawn = week("primary", &hours, &short, None);
    for words in [
        ">Ana until hour 60</title>",
        "<text class=\"strong roomy\" x=\"5\" y=\"17\">1</text><title>Ana until",
        "<text class=\"strong\" x=\"5\" y=\"17\">2</text><title>Catherine",
        "<line class=\"thin planned\" x1=\"34.75%\" x2=\"34.75%\" y1=\"1\" y2=\"27\"><title>דנה (stands in) until hour 361</title></line>",
        "<li><span class=\"key good\">2</span> <bdi>Catherine Montgomery</bdi></li>",
        "<li><bdi>דנה</bdi> (stands in) until hour 361</li>",
        "<text class=\"strong\" x=\"5\" y=\"17\">–<tspan> nobody on call</tspan></text>",
    ] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    let many: Vec<Turn> =
        (0..48).map(|n| turn(n, n + 1, if n % 2 == 0 { "Ana" } else { "Ben" }, false)).collect();
    assert!(
        said(&many, Some(4)).ends_with("; the other 30 turns are in the list below."),
        "{}",
        said(&many, Some(4))
    );
    insta::assert_snapshot!(week("primary", &days, &turns, Some(30)).replace("><", ">\n<"), @r#"
    <svg class="pic" height="78" role="img">
    <title>primary</title>
    <desc>On call: Ben (stands in) until hour 36; then nobody on call.</desc>
    <text class="strong" x="0%" y="12" text-anchor="start">Mon</text>
    <text x="0%" y="25" text-anchor="start">23</text>
    <svg class="info" x="13%" y="1" width="43.5%" height="26">
    <rect class="turn" x="0" y="0" width="100%" height="100%"/>
    <text class="strong" x="5" y="17">1<tspan> Ana</tspan>
    </text>
    <title>Ana until hour 12</title>
    </svg>
    <svg class="good" x="56.5%" y="1" width="43.5%" height="26">
    <rect class="turn" x="0" y="0" width="100%" height="100%"/>
    <text class="strong" x="5" y="17">2<tspan class="roomy"> Ben (stands in)</tspan>
    </text>
    <title>Ben (stands in) until hour 36</title>
    </svg>
    <text class="strong" x="0%" y="42" text-anchor="start">Tue</text>
    <text x="0%" y="55" text-anchor="start">24</text>
    <svg class="good" x="13%" y="31" width="43.5%" height="26">
    <rect class="turn" x="0" y="0" width="100%" height="100%"/>
    <text class="strong" x="5" y="17">2<tspan class="roomy"> Ben (stands in)</tspan>
    </text>
    <title>Ben (stands in) until hour 36</title>
    </svg>
    <svg class="bad" x="56.5%" y="31" width="43.5%" height="26">
    <rect class="turn" x="0" y="0" width="100%" height="100%"/>
    <text class="strong" x="5" y="17">–<tspan class="roomy"> nobody on call</tspan>
    </text>
    <title>nobody on call</title>
    </svg>
    <line class="now" x1="34.75%" x2="34.75%" y1="30" y2="58">
    <title>now</title>
    </line>
    <text x="13%" y="72" text-anchor="middle">0 h</text>
    <text x="34.75%" y="72" text-anchor="middle">6</text>
    <text x="56.5%" y="72" text-anchor="middle">12</text>
    <text x="78.25%" y="72" text-anchor="middle">18</text>
    <text x="100%" y="72" text-anchor="end">24</text>
    </svg>
    <ul class="legend">
    <li>
    <span class="key info">1</span> <bdi>Ana</bdi>
    </li>
    <li>
    <span class="key good">2</span> <bdi>Ben</bdi> (stands in)</li>
    <li>
    <span class="key bad">–</span> <bdi>nobody on call</bdi>
    </li>
    </ul>
    <details>
    <summary>Every turn in words</summary>
    <ul class="list dense">
    <li>
    <bdi>Ben</bdi> (stands in) until hour 36</li>
    <li>
    <strong>nobody on call</strong> to the end of the week shown</li>
    </ul>
    </details>
    "#);
}

fn node(name: &str, tone: Tone, on: &[&str]) -> Node {
    Node {
        name: name.to_owned(),
        tone,
        word: "so".to_owned(),
        endangered: false,
        stands_on: on.iter().map(ToString::to_string).collect(),
        href: None,
    }
}

/// The rectangles and the ends of lines of a picture: `x y` of each.
fn corners(picture: &str, element: &str, names: [&str; 2]) -> Vec<(f64, f64)> {
    let number = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\"")).unwrap().1;
        value.split_once('"').unwrap().0.parse().unwrap()
    };
    let element = format!("<{element} ");
    let tags = picture.split(&element).skip(1).map(|t| format!(" {}", t.split_once('>').unwrap().0));
    tags.map(|t| (number(&t, names[0]), number(&t, names[1]))).collect()
}

#[test]
fn one_thing_is_one() {
    let said = |nodes: &[Node]| topology("t", nodes).split("<desc>").nth(1).unwrap().starts_with("1 thing.");
    assert!(said(&[node("web1", Tone::Good, &[])]));
    assert!(!said(&[node("web1", Tone::Good, &[]), node("db", Tone::Good, &[])]));
}

/// web1 carries db and shop-api, which uses db: the line from web1 to shop-api must not look as if db stood between.
#[test]
fn no_line_goes_through_a_box() {
    let nodes = [
        node("web1", Tone::Good, &[]),
        node("db", Tone::Bad, &["web1"]),
        node("shop-api", Tone::Warn, &["web1", "db"]),
    ];
    let picture = topology("t", &nodes);
    let boxes = corners(&picture, "rect", ["x", "y"]);
    assert_eq!(boxes.len(), 3);
    let (mut across, mut along) = (0, 0);
    for path in picture.split("class=\"edge").skip(1) {
        let path = path.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut at = (0.0, 0.0);
        let mut rest = path;
        while let Some(command) = rest.chars().next() {
            let end = rest[1..].find(['M', 'H', 'V']).map_or(rest.len(), |i| i + 1);
            let numbers: Vec<f64> = rest[1..end].split(' ').map(|n| n.parse().unwrap()).collect();
            let (x, y) = at;
            at = match command {
                'M' => (numbers[0], numbers[1]),
                'H' => (numbers[0], y),
                _ => (x, numbers[0]),
            };
            for (bx, by) in boxes.iter().filter(|_| command != 'M') {
                let beside = at.0.max(x) <= *bx || at.0.min(x) >= bx + 172.0;
                let above = at.1.max(y) <= *by || at.1.min(y) >= by + 44.0;
                assert!(beside || above, "{path} goes through the box at {bx} {by}");
            }
            match command {
                'H' => across += 1,
                'V' => along += 1,
                _ => {}
            }
            rest = &rest[end..];
        }
    }
    assert!(across >= 3 && along == 2, "{picture}");
}

#[test]
fn a_long_name_keeps_both_ends_and_a_box_leads_somewhere() {
    let mut one = node("tenant-of-customer-00017-shop", Tone::Good, &[]);
    one.href = Some("/topology?of=a&b".to_owned());
    let picture = topology("t", &[one]);
    assert!(picture.contains(">tenant-o…017-shop</text>"), "{picture}");
    assert!(
        picture.contains("<a href=\"/topology?of=a&amp;b\"><g") && picture.contains("role=\"group\""),
        "{picture}"
    );
}

/// On a telephone the top left corner is what one sees.
#[test]
fn what_is_sick_is_on_top() {
    let nodes: Vec<Node> =
        (0..20).map(|n| node(&format!("n{n}"), if n == 17 { Tone::Bad } else { Tone::Good }, &[])).collect();
    assert_eq!(corners(&topology("t", &nodes), "rect", ["x", "y"])[17], (4.0, 4.0));
}

#[test]
fn a_topology_goes_from_what_stands_on_nothing_to_what_stands_on_it() {
    let mut nodes = [
        node("dc1", Tone::Good, &[]),
        node("db", Tone::Bad, &["dc1"]),
        node("shop", Tone::Warn, &["db", "gone"]),
    ];
    nodes[2].endangered = true;
    insta::assert_snapshot!(topology("Topology", &nodes).replace("><", ">\n<"), @r##"
    <div class="scroll" role="region" aria-label="Topology" tabindex="0">
    <svg class="pic topology" width="612" height="52" role="img">
    <title>Topology</title>
    <desc>3 things. Sick: db (so). Endangered: shop (so).</desc>
    <defs>
    <path id="sign-good" d="M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22zM10.4 17.2l-5-5 2-2 3 3 6.2-6.2 2 2z"/>
    <path id="sign-warn" d="M12 1.5L23.5 22H.5zM10.7 8.5l.5 7.5h1.6l.5-7.5zM10.6 17.5v2.8h2.8v-2.8z"/>
    <path id="sign-bad" d="M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9zM10.6 5.5l.5 8.5h1.8l.5-8.5zM10.5 16v3h3v-3z"/>
    </defs>
    <path class="edge" d="M176 26H220"/>
    <path class="edge bad" d="M392 26H436"/>
    <g class="good">
    <title>dc1: so</title>
    <rect class="box" x="4" y="4" width="172" height="44" rx="6"/>
    <svg x="12" y="16" width="20" height="20" viewBox="0 0 24 24">
    <use class="sign" href="#sign-good"/>
    </svg>
    <text class="strong" x="38" y="22">dc1</text>
    <text x="38" y="39">so</text>
    </g>
    <g class="bad">
    <title>db: so</title>
    <rect class="box" x="220" y="4" width="172" height="44" rx="6"/>
    <svg x="228" y="16" width="20" height="20" viewBox="0 0 24 24">
    <use class="sign" href="#sign-bad"/>
    </svg>
    <text class="strong" x="254" y="22">db</text>
    <text x="254" y="39">so</text>
    </g>
    <g class="warn danger">
    <title>shop: so</title>
    <rect class="box" x="436" y="4" width="172" height="44" rx="6"/>
    <svg x="444" y="16" width="20" height="20" viewBox="0 0 24 24">
    <use class="sign" href="#sign-warn"/>
    </svg>
    <text class="strong" x="470" y="22">shop</text>
    <text x="470" y="39">so</text>
    </g>
    </svg>
    </div>
    "##);
    // A circle is drawn too.
    let circle = topology(
        "t",
        &[node("a", Tone::Good, &["b"]), node("b", Tone::Good, &["a"]), node("c", Tone::Good, &["c"])],
    );
    assert_eq!(circle.matches("<rect").count(), 3);
}

/// Whether tags are balanced and every attribute is closed: what a text from outside could break.
fn well_formed(html: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        let Some((tag, after)) = tag.split_once('>') else { return false };
        if tag.matches('"').count() % 2 != 0 {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
        rest = after;
    }
    open.is_empty()
}

proptest! {
    #[test]
    fn nothing_from_outside_breaks_a_picture(
        text in ".{0,40}|.*[<>&\"'].*",
        numbers in proptest::collection::vec(proptest::option::of(proptest::num::f64::ANY), 0..20),
        (from, to, at) in (any::<i64>(), any::<i64>(), any::<i64>()),
        tone in proptest::sample::select(Tone::ALL.to_vec()),
    ) {
        let points: Vec<Point> = numbers.iter().map(|value| Point { at, value: *value, most: *value }).collect();
        let drawn = [
            badge(tone, &text),
            sparkline(&text, 0.1, &numbers.iter().map(|v| Sparked { at: v.unwrap_or(0.5), value: *v, tone }).collect::<Vec<_>>()),
            latency(&Latency {
                title: &text, from, to, points: &points,
                stretches: &[Stretch { from: at, to, tone, note: &text }],
                ticks: &[(at, text.clone())], limit: numbers.first().copied().flatten(),
            }),
            bars(&text, &text, &[Day { tone, note: text.clone() }]),
            strip(&Strip {
                title: &text, from, to, phases: &[Phase { from: at, tone, word: &text }],
                marks: &[Mark { at, kind: MarkKind::Alert(tone), note: &text }], ticks: &[(at, text.clone())],
            }),
            week(&text, &[WeekDay { label: text.clone(), from, to, set: Some(ClockSet { at, by: from }) }], &[Turn { from: at, to, until: text.clone(), who: text.clone(), stand_in: true }], Some(at)),
            topology(&text, &[Node { name: text.clone(), tone, word: text.clone(), endangered: true, stands_on: vec![text.clone()], href: Some(text.clone()) }]),
        ];
        for picture in drawn {
            prop_assert!(well_formed(&picture), "{picture}");
            let numbers = picture.replace("info", "");
            prop_assert!(!numbers.contains("NaN") && !numbers.contains("inf"), "{picture}");
        }
    }
}
