use super::*;

fn name() -> Name {
    Name::from("shop")
}

fn open(dir: &Path) -> (History, Arc<Stats>) {
    let stats = Arc::new(Stats::default());
    (History::open(dir, Arc::clone(&stats)).unwrap(), stats)
}

/// A result every ten seconds up to now; every tenth is bad.
fn fill(history: &History, hours: i64) -> (Wall, Wall, i64) {
    let to = wall_now().0;
    let from = to - hours * 3_600_000;
    let n = hours * 360;
    for i in 0..n {
        let mark = if i % 10 == 0 { Mark::Down } else { Mark::Up };
        history.record(
            &name(),
            Wall(from + i * 10_000),
            mark,
            Duration::from_millis(20 + i.unsigned_abs() % 10),
        );
    }
    history.flush();
    (Wall(from), Wall(to), n)
}

#[test]
fn questions_are_answered_from_the_tier_that_fits() {
    let dir = tempfile::tempdir().unwrap();
    let (history, stats) = open(dir.path());
    // Four days: too much for single results.
    let (from, to, n) = fill(&history, 96);
    assert_eq!(stats.history_written.load(Ordering::Relaxed), n.unsigned_abs());
    for (label, from, most) in [
        ("single results", Wall(to.0 - 3_600_000), 60),
        ("minutes", from, 500),
        ("five minutes", Wall(from.0 - 30 * 86_400_000), 300),
        ("hours", Wall(0), 100),
    ] {
        let points = history.latency("shop", from, to, most).unwrap();
        assert!(!points.is_empty() && points.len() <= most, "{label}: {}", points.len());
        assert!(points.windows(2).all(|w| w[0].at < w[1].at), "{label}");
        let (count, up) = points.iter().fold((0, 0), |(c, u), p| (c + p.count, u + p.up));
        assert_eq!(up * 10, count * 9, "{label}: nine of ten are good");
        for l in points.iter().filter_map(|p| p.latency) {
            assert!(l.min <= l.avg && l.avg <= l.max && l.p95 <= l.max, "{label}: {l:?}");
            assert!(
                l.min >= Duration::from_millis(19) && l.max <= Duration::from_millis(30),
                "{label}: {l:?}"
            );
        }
    }
    let uptime = history.uptime("shop", Wall(from.0 - 60_000), to).unwrap();
    assert_eq!((uptime.count, uptime.up), (n.unsigned_abs(), n.unsigned_abs() * 9 / 10));
    assert_eq!(uptime.ratio(), Some(0.9));
    assert_eq!(history.uptime("nobody", from, to).unwrap().ratio(), None);
    let recent = history.recent("shop", 3).unwrap();
    assert_eq!(
        recent.iter().map(|s| s.at.0).collect::<Vec<_>>(),
        [1, 2, 3].map(|i| from.0 + (n - i) * 10_000)
    );
}

#[test]
fn a_young_check_is_shown_as_finely_as_an_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (history, _) = open(dir.path());
    // All within ten minutes: nothing is packed yet.
    let begin = wall_now().0 / 600_000 * 600_000;
    for i in 0..12 {
        history.record(&name(), Wall(begin + i * 10_000), Mark::Up, Duration::from_millis(20));
    }
    history.flush();
    let points = history.latency("shop", Wall(begin - 60_000), Wall(begin + 120_000), 18).unwrap();
    let seen: Vec<_> = points.iter().map(|p| (p.at.0 - begin, p.count)).collect();
    assert_eq!(seen, [0, 20, 40, 60, 80, 100].map(|s| (s * 1000, 2)));
}

#[test]
fn points_begin_before_what_they_hold_and_are_not_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let (history, _) = open(dir.path());
    let (from, ..) = fill(&history, 96);
    // In the last moment of a minute, and just as long as so many minutes.
    let from = Wall((from.0 / 60_000 + 1) * 60_000 + 59_999);
    let to = Wall(from.0 + 2000 * 60_000 - 1);
    let points = history.latency("shop", from, to, 2000).unwrap();
    assert!(points.len() > 900 && points.len() <= 2000, "{}", points.len());
    assert_eq!(points[0].at.0, from.0 - 59_999, "where its minute begins");
    assert!(points.iter().all(|p| p.at < to));
}

#[test]
fn a_damaged_file_is_moved_aside_and_a_new_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("history.db"),
        "this is no database, and long enough to see that".repeat(200),
    )
    .unwrap();
    let (history, stats) = open(dir.path());
    fill(&history, 1);
    assert_eq!(history.recent("shop", 10).unwrap().len(), 10);
    assert_eq!(stats.history_restarted.load(Ordering::Relaxed), 1);
    let aside = std::fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .any(|f| f.file_name().to_string_lossy().contains(".damaged-"));
    assert!(aside, "the old one is kept");
}

#[test]
fn damage_in_the_middle_is_found_when_it_is_met() {
    let dir = tempfile::tempdir().unwrap();
    let (history, _) = open(dir.path());
    fill(&history, 24);
    drop(history);
    // The header stays, the pages after it are lost.
    let path = dir.path().join("history.db");
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 20_000, "{}", bytes.len());
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let (history, stats) = open(dir.path());
    fill(&history, 1);
    // The batch that met the damage may be lost; what follows is not.
    fill(&history, 1);
    assert_eq!(stats.history_restarted.load(Ordering::Relaxed), 1);
    assert!(history.recent("shop", 10).unwrap().len() == 10);
}

#[test]
fn a_file_that_cannot_be_opened_loses_results_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("not there yet");
    let (history, stats) = open(&missing);
    fill(&history, 1);
    assert_eq!(stats.history_dropped.load(Ordering::Relaxed), 360);
    assert!(history.recent("shop", 1).unwrap_err().to_string().contains("history.db cannot be used"));
    std::fs::create_dir(&missing).unwrap();
    fill(&history, 1);
    assert_eq!(history.recent("shop", 1000).unwrap().len(), 360);
}

#[test]
fn the_queue_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let (history, stats) = open(dir.path());
    // The writer cannot take anything while somebody reads.
    let reading = history.0.inner.store();
    let mut n = 0;
    while stats.history_dropped.load(Ordering::Relaxed) == 0 {
        history.record(&name(), Wall(n * 10), Mark::Up, Duration::ZERO);
        n += 1;
        assert!(n <= 2 * QUEUE as i64 + 1, "it never fills");
    }
    drop(reading);
}
