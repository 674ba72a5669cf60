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
