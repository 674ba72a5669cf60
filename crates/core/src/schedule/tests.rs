use super::*;
use alloc::format;
use alloc::string::ToString;
use proptest::prelude::*;

fn rotation(people: &[&str], every: Turn, starts: &str) -> Rotation {
    Rotation {
        people: people.iter().map(|p| Name::from(*p)).collect(),
        every,
        starts: LocalTime(starts.parse().unwrap()),
    }
}

fn wall(text: &str) -> Wall {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

#[test]
fn a_weekly_hand_over_stays_at_nine_when_the_clocks_change() {
    let r = rotation(&["ana", "ben"], Turn::Weeks(1), "2026-10-19T09:00");
    // Lisbon leaves summer time on 25 October 2026: 09:00 is 08:00Z before and 09:00Z after.
    assert_eq!(r.at("Europe/Lisbon", wall("2026-10-19T07:59:59Z")), None);
    assert_eq!(r.at("Europe/Lisbon", wall("2026-10-19T08:00:00Z")).unwrap().0.as_str(), "ana");
    assert_eq!(r.at("Europe/Lisbon", wall("2026-10-26T08:59:59Z")).unwrap().0.as_str(), "ana");
    assert_eq!(r.at("Europe/Lisbon", wall("2026-10-26T09:00:00Z")).unwrap().0.as_str(), "ben");
}

#[test]
fn shifts_of_twelve_hours_change_at_the_same_times_in_summer() {
    let r = rotation(&["ana", "ben"], Turn::Hours(12), "2026-01-05T08:00");
    let who = |t: &str| r.at("Europe/Berlin", wall(t)).unwrap().0.to_string();
    for (before, after) in [
        ("2026-02-03T06:59:59Z", "2026-02-03T07:00:00Z"),
        ("2026-07-06T05:59:59Z", "2026-07-06T06:00:00Z"),
        ("2026-07-06T17:59:59Z", "2026-07-06T18:00:00Z"),
    ] {
        assert_ne!(who(before), who(after), "{after}");
    }
    assert_eq!(
        [who("2026-07-06T06:30:00Z"), who("2026-02-03T07:30:00Z")],
        ["ana", "ana"],
        "mornings are hers"
    );
    // The night in which the clocks change is an hour shorter, or longer.
    let (_, ends) = r.at("Europe/Berlin", wall("2026-03-28T20:00:00Z")).unwrap();
    assert_eq!(ends, wall("2026-03-29T06:00:00Z"));
    let (_, ends) = r.at("Europe/Berlin", wall("2026-10-24T20:00:00Z")).unwrap();
    assert_eq!(ends, wall("2026-10-25T07:00:00Z"));
    // Seven hours begin at another time every day: they stay seven.
    let odd = rotation(&["ana", "ben"], Turn::Hours(7), "2026-03-28T20:00");
    assert_eq!(
        odd.at("Europe/Berlin", wall("2026-03-28T19:00:00Z")).unwrap().1,
        wall("2026-03-29T02:00:00Z")
    );
}

#[test]
fn the_hour_that_happens_twice_and_the_one_that_does_not() {
    // Berlin, 25 October 2026: 02:30 happens at 00:30Z and at 01:30Z. The first counts.
    let twice = rotation(&["ana", "ben"], Turn::Days(1), "2026-10-24T02:30");
    assert_eq!(twice.at("Europe/Berlin", wall("2026-10-25T00:29:59Z")).unwrap().0.as_str(), "ana");
    assert_eq!(twice.at("Europe/Berlin", wall("2026-10-25T00:30:00Z")).unwrap().0.as_str(), "ben");
    assert_eq!(twice.at("Europe/Berlin", wall("2026-10-25T01:30:00Z")).unwrap().0.as_str(), "ben");
    // 29 March 2026: 02:30 does not happen; 03:30 (01:30Z) counts.
    let never = rotation(&["ana", "ben"], Turn::Days(1), "2026-03-28T02:30");
    assert_eq!(never.at("Europe/Berlin", wall("2026-03-29T01:29:59Z")).unwrap().0.as_str(), "ana");
    assert_eq!(never.at("Europe/Berlin", wall("2026-03-29T01:30:00Z")).unwrap().0.as_str(), "ben");
}

#[test]
fn whoever_stands_in_takes_the_schedule() {
    let s = Schedule {
        time_zone: "UTC".into(),
        rotations: alloc::vec![rotation(&["ana"], Turn::Days(1), "2026-01-01T00:00")],
    };
    let o = Override {
        schedule: "s".into(),
        person: "cy".into(),
        starts: wall("2026-02-01T10:00:00Z"),
        ends: wall("2026-02-01T12:00:00Z"),
    };
    let on = |t: &str| s.on_call(wall(t), [&o]).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(on("2026-02-01T09:59:59Z"), ["ana"]);
    assert_eq!(on("2026-02-01T10:00:00Z"), ["cy"]);
    assert_eq!(on("2026-02-01T12:00:00Z"), ["ana"]);
    assert!(on("2025-12-31T23:59:59Z").is_empty(), "before the first turn there is a gap");
    assert_eq!(s.next_change(wall("2026-02-01T09:00:00Z"), [&o]), Some(o.starts));
}

#[test]
fn who_is_next_is_somebody_else() {
    let of = |people: &[&str]| Schedule {
        time_zone: "UTC".into(),
        rotations: alloc::vec![rotation(people, Turn::Days(1), "2026-02-01T09:00")],
    };
    let o = Override {
        schedule: "s".into(),
        person: "cy".into(),
        starts: wall("2026-02-02T02:30:00Z"),
        ends: wall("2026-02-02T10:30:00Z"),
    };
    let next = |s: &Schedule, t: &str| {
        let (at, who) = s.next_people(wall(t), &[&o])?;
        Some((at.to_string(), who.iter().map(ToString::to_string).collect::<Vec<_>>()))
    };
    let turns = of(&["ana", "cy", "ben"]);
    let expected = |at: &str, who: &str| Some((at.to_string(), alloc::vec![who.to_string()]));
    // Ana's turn ends while Cy stands in for her, and Cy's own begins then.
    assert_eq!(next(&turns, "2026-02-02T02:00:00Z"), expected("2026-02-02T02:30:00Z", "cy"));
    assert_eq!(next(&turns, "2026-02-02T03:00:00Z"), expected("2026-02-03T09:00:00Z", "ben"));
    let others = of(&["ana", "ben"]);
    assert_eq!(next(&others, "2026-02-02T03:00:00Z"), expected("2026-02-02T10:30:00Z", "ben"));
    let alone = of(&["ana", "ana"]);
    assert_eq!(next(&alone, "2026-01-01T00:00:00Z"), expected("2026-02-01T09:00:00Z", "ana"));
    assert_eq!(next(&alone, "2026-02-02T03:00:00Z"), expected("2026-02-02T10:30:00Z", "ana"));
    assert_eq!(next(&alone, "2026-02-02T11:00:00Z"), None);
}

#[test]
fn warnings_wait_for_working_hours() {
    let w = WorkingHours::default();
    let next = |t: &str| w.next("Europe/Lisbon", wall(t)).to_string();
    assert_eq!(next("2026-11-20T10:00:00Z"), "2026-11-20T10:00:00Z", "Friday at ten is at work");
    assert_eq!(next("2026-11-20T17:00:00Z"), "2026-11-23T09:00:00Z", "Friday evening waits for Monday");
    assert_eq!(next("2026-11-23T03:00:00Z"), "2026-11-23T09:00:00Z");
    let never = WorkingHours { days: Vec::new(), ..w };
    assert_eq!(never.next("UTC", wall("2026-11-20T10:00:00Z")), wall("2026-11-20T10:00:00Z"));
}

/// At every transition of every zone from 1970 to 2037, and around it: exactly one person, the one that counting
/// hand-overs one by one gives.
#[test]
fn every_transition_of_every_zone() {
    let db = TimeZoneDatabase::bundled();
    let names: Vec<_> = db.available().map(|n| n.to_string()).collect();
    assert!(names.len() > 400, "the bundled database is there");
    let from = jiff::Timestamp::from_second(0).unwrap();
    let to: jiff::Timestamp = "2038-01-01T00:00:00Z".parse().unwrap();
    let mut looked = 0;
    for name in &names {
        let tz = db.get(name).unwrap();
        let daily = rotation(&["a", "b", "c"], Turn::Days(1), "1969-12-28T02:30");
        let hourly = rotation(&["a", "b"], Turn::Hours(7), "1969-12-28T02:30");
        let shifts = rotation(&["a", "b"], Turn::Hours(12), "1969-12-28T02:30");
        for t in tz.following(from).take_while(|t| t.timestamp() < to) {
            for offset in [-3_600_000, -1, 0, 1, 1_800_000, 3_600_000, 7_200_000_i64] {
                let at = Wall(t.timestamp().as_millisecond() + offset);
                for r in [&daily, &hourly, &shifts] {
                    let n = r.turn(&tz, at).unwrap();
                    assert!(r.begin(&tz, n) <= at && at < r.begin(&tz, n + 1), "{name} at {at}");
                    looked += 1;
                }
            }
        }
    }
    assert!(looked > 100_000, "{looked}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn turns_follow_one_another(
        zone_no in 0_usize..400,
        every in prop_oneof![(1_u32..400).prop_map(Turn::Days), (1_u32..60).prop_map(Turn::Weeks), (1_u32..500).prop_map(Turn::Hours)],
        start in 0_i64..2_000_000_000, after in 0_i64..400_000_000,
    ) {
        let db = TimeZoneDatabase::bundled();
        let name = db.available().nth(zone_no).map_or_else(|| "UTC".to_string(), |n| n.to_string());
        let tz = zone(&name).unwrap();
        let local = tz.to_datetime(jiff::Timestamp::from_second(start).unwrap());
        let r = rotation(&["a", "b", "c"], every, &format!("{local}"));
        let at = Wall((start + after + 86_400) * 1000);
        let (person, ends) = r.at(&name, at).unwrap();
        prop_assert!(ends > at);
        let (next, _) = r.at(&name, ends).unwrap();
        prop_assert_ne!(&person, &next, "the next turn is somebody else's");
        let (same, _) = r.at(&name, Wall(ends.0 - 1)).unwrap();
        prop_assert_eq!(person, same);
    }
}
