use super::*;
use foghorn_core::time::{Span, Wall};

const NOW: Wall = Wall(1_795_230_760_000);

fn kit() -> (tempfile::TempDir, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::new(dir.path().join("accounts.db"));
    (dir, accounts)
}

fn account(name: &str, role: Role) -> Account {
    Account { name: name.to_owned(), role, person: None }
}

/// Whose password it is.
fn whose(accounts: &Accounts, name: &str, password: &str) -> Option<Account> {
    accounts.check(name, password).unwrap().map(|proved| proved.account)
}

/// Logs in.
fn begin(accounts: &Accounts, name: &str, password: &str) -> String {
    accounts.begin(&accounts.check(name, password).unwrap().unwrap(), NOW).unwrap()
}

#[test]
fn the_first_start_makes_an_admin_once() {
    let (dir, accounts) = kit();
    let password = accounts.first().unwrap().unwrap();
    assert!(password.len() > 20, "{password}");
    assert_eq!(accounts.first().unwrap(), None);
    assert_eq!(whose(&accounts, "admin", &password), Some(account("admin", Role::Admin)));
    assert_eq!(whose(&accounts, "admin", "admin"), None);
    assert_eq!(whose(&accounts, "nobody", &password), None);
    let bytes = std::fs::read(dir.path().join("accounts.db")).unwrap();
    assert!(!bytes.windows(password.len()).any(|w| w == password.as_bytes()));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir.path().join("accounts.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Whoever else was added before the first start.
#[test]
fn the_first_start_makes_an_admin_where_there_is_none() {
    let (_dir, accounts) = kit();
    accounts.add(&account("ana", Role::Responder), "long enough").unwrap();
    assert!(accounts.first().unwrap().is_some());
    let (_dir, accounts) = kit();
    accounts.add(&account("ana", Role::Admin), "long enough").unwrap();
    assert_eq!(accounts.first().unwrap(), None);
}

/// The file with the first password goes with its first use, with another password, and with the account; not before.
#[test]
fn the_first_password_is_kept_until_it_is_used() {
    use std::os::unix::fs::PermissionsExt;
    type Use = fn(&Accounts, &str);
    let ends: [Use; 3] = [
        |a, password| drop(begin(a, "admin", password)),
        |a, _| a.set_password("admin", "something else", None).unwrap(),
        |a, _| a.remove("admin").unwrap(),
    ];
    for end in ends {
        let (dir, accounts) = kit();
        assert_eq!(accounts.first_password(), None);
        let password = accounts.first().unwrap().unwrap();
        // Whatever stands there is not written into.
        std::fs::write(dir.path().join("first-password"), "old").unwrap();
        let path = accounts.keep_first(&password).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{password}\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        accounts.add(&account("ana", Role::Admin), "long enough").unwrap();
        begin(&accounts, "ana", "long enough");
        accounts.set_password("ana", "long enough too", None).unwrap();
        assert_eq!(whose(&accounts, "admin", &password), Some(account("admin", Role::Admin)));
        assert_eq!(accounts.first_password().as_ref(), Some(&path));
        end(&accounts, &password);
        assert!(accounts.first_password().is_none() && !path.exists());
    }
}

#[test]
fn names_passwords_and_the_last_admin() {
    let (_dir, accounts) = kit();
    let add = |name: &str, password: &str, role| accounts.add(&account(name, role), password);
    for name in ["", "Ana", "a b", "a\nb", &"x".repeat(65), "<script>"] {
        assert!(matches!(add(name, "long enough", Role::Viewer), Err(AccountError::Name(_))), "{name:?}");
    }
    assert!(matches!(add("ana", "short", Role::Viewer), Err(AccountError::Password(_))));
    add("ana", "long enough", Role::Admin).unwrap();
    assert!(matches!(add("ana", "long enough", Role::Viewer), Err(AccountError::Taken(_))));
    assert!(matches!(accounts.remove("ana"), Err(AccountError::LastAdmin(_))));
    assert!(matches!(accounts.set_role("ana", Role::Viewer), Err(AccountError::LastAdmin(_))));
    assert!(matches!(accounts.set_role("bo", Role::Viewer), Err(AccountError::Unknown(_))));
    add("bo", "long enough too", Role::Admin).unwrap();
    accounts.set_role("ana", Role::Responder).unwrap();
    accounts.remove("ana").unwrap();
    assert_eq!(accounts.list().unwrap(), [account("bo", Role::Admin)]);
}

#[test]
fn sessions_survive_a_restart_and_end() {
    let (dir, accounts) = kit();
    let ana = account("ana", Role::Responder);
    accounts.add(&ana, "long enough").unwrap();
    let (one, two) = (begin(&accounts, "ana", "long enough"), begin(&accounts, "ana", "long enough"));
    assert_ne!(one, two);
    let again = Accounts::new(dir.path().join("accounts.db"));
    assert_eq!(again.session(&one, NOW), Some(ana.clone()));
    assert_eq!(again.session("made up", NOW), None);
    // Used once a day it goes on until it is too old; unused it ends.
    let day = Span::hours(24);
    let mut at = NOW;
    for _ in 0..29 {
        at = at + day;
        assert_eq!(again.session(&one, at), Some(ana.clone()));
    }
    assert_eq!(again.session(&two, at), None);
    assert_eq!(again.session(&one, at + day), None);
    // Another password ends the others, a removal all.
    let (one, two) = (begin(&again, "ana", "long enough"), begin(&again, "ana", "long enough"));
    again.set_password("ana", "another password", Some(&one)).unwrap();
    assert_eq!((again.session(&one, NOW).is_some(), again.session(&two, NOW)), (true, None));
    again.set_role("ana", Role::Viewer).unwrap();
    assert_eq!(again.session(&one, NOW).unwrap().role, Role::Viewer);
    again.add(&account("bo", Role::Admin), "long enough").unwrap();
    again.remove("ana").unwrap();
    assert_eq!(accounts.session(&one, NOW), None);
}

#[test]
fn an_account_has_so_many_sessions() {
    let (_dir, accounts) = kit();
    let ana = account("ana", Role::Responder);
    accounts.add(&ana, "long enough").unwrap();
    let ana = accounts.check("ana", "long enough").unwrap().unwrap();
    let ids: Vec<String> = (0..40).map(|n| accounts.begin(&ana, NOW + Span::secs(n)).unwrap()).collect();
    let alive = ids.iter().filter(|id| accounts.session(id, NOW + Span::secs(40)).is_some()).count();
    assert_eq!(alive, 32);
}

/// A full disk must not keep anybody out.
#[test]
fn a_session_that_cannot_be_written_counts_in_memory() {
    let (_dir, accounts) = kit();
    let ana = account("ana", Role::Responder);
    accounts.add(&ana, "long enough").unwrap();
    accounts.writer.now(|db| db.pragma_update(None, "query_only", true)).unwrap();
    assert_eq!(whose(&accounts, "ana", "long enough"), Some(ana.clone()));
    let id = begin(&accounts, "ana", "long enough");
    assert_eq!(accounts.session(&id, NOW), Some(ana));
    assert!(accounts.end(&id, NOW).is_err());
    assert_eq!(accounts.session(&id, NOW), None);
}

#[test]
fn the_file_of_another_program_is_left_alone() {
    let (dir, accounts) = kit();
    std::fs::write(dir.path().join("accounts.db"), "this is no database, but a letter").unwrap();
    let e = accounts.list().unwrap_err().to_string();
    assert!(e.contains("accounts.db") && e.contains("backup"), "{e}");
    assert!(std::fs::read(dir.path().join("accounts.db")).unwrap().starts_with(b"this is"));
}

/// Has the thread that writes hang until the sender is dropped.
fn hang(accounts: &Accounts) -> std::sync::mpsc::Sender<()> {
    let (hangs, until) = std::sync::mpsc::channel::<()>();
    let (begun, began) = std::sync::mpsc::channel();
    let wait = move |_: &Connection| {
        begun.send(()).unwrap();
        let _ = until.recv();
        Ok(())
    };
    drop(accounts.writer.later(wait, |_| ()).unwrap());
    began.recv().unwrap();
    hangs
}

/// At once, but for what waits a moment to see whether the disk hangs.
fn soon<T>(work: impl FnOnce() -> T) -> T {
    let began = std::time::Instant::now();
    let done = work();
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
    done
}

/// Waits until everything is written.
fn written(accounts: &Accounts) {
    accounts.writer.later(|_| Ok(()), |_| ()).unwrap().recv().unwrap().unwrap();
    // Who waits hears of it a moment before it is counted.
    let began = std::time::Instant::now();
    while accounts.writes().0 > 0 {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "something waits still");
        std::thread::yield_now();
    }
}

#[test]
fn a_disk_that_hangs_keeps_nobody_out() {
    let (dir, accounts) = kit();
    let ana = account("ana", Role::Admin);
    accounts.add(&ana, "long enough").unwrap();
    let before = begin(&accounts, "ana", "long enough");
    let hangs = hang(&accounts);
    assert_eq!(soon(|| whose(&accounts, "ana", "long enough")), Some(ana.clone()));
    let during = soon(|| begin(&accounts, "ana", "long enough"));
    let later = NOW + Span::mins(6);
    // Used again after five minutes, which is to be written down.
    for _ in 0..3 {
        assert_eq!(soon(|| accounts.session(&before, later)), Some(ana.clone()));
        assert_eq!(soon(|| accounts.session(&during, later)), Some(ana.clone()));
    }
    let out = soon(|| begin(&accounts, "ana", "long enough"));
    assert!(soon(|| accounts.end(&out, later)).is_err());
    assert_eq!(accounts.session(&out, later), None);
    let waiting = accounts.writes();
    assert!(waiting.0 <= 7 && waiting.1 == 0, "what is seen is written once: {waiting:?}");
    let again = Accounts::new(dir.path().join("accounts.db"));
    assert_eq!(again.session(&during, later), None, "it is not in the file yet");
    drop(hangs);
    written(&accounts);
    assert_eq!(accounts.writes().0, 0);
    let alive = [&before, &during, &out].map(|id| again.session(id, later).is_some());
    assert_eq!(alive, [true, true, false]);
}

#[test]
fn whoever_changes_accounts_while_the_disk_hangs_hears_of_it() {
    let (_dir, accounts) = kit();
    let ana = account("ana", Role::Admin);
    accounts.add(&ana, "long enough").unwrap();
    let hangs = hang(&accounts);
    let added = accounts.add(&account("bo", Role::Viewer), "long enough");
    assert!(matches!(added, Err(AccountError::Hangs(_))), "{added:?}");
    // Known to hang by now.
    let role = soon(|| accounts.set_role("ana", Role::Viewer));
    assert!(matches!(role, Err(AccountError::Hangs(_))), "{role:?}");
    assert_eq!(soon(|| accounts.list()).unwrap(), std::slice::from_ref(&ana));
    drop(hangs);
    written(&accounts);
    assert_eq!(accounts.list().unwrap(), [ana], "what was given up is not done");
}

#[test]
fn the_first_page_on_a_disk_that_hangs_has_a_key() {
    let (dir, accounts) = kit();
    let hangs = hang(&accounts);
    let key = accounts.key();
    assert_ne!(key, [0; 32]);
    assert_eq!(soon(|| accounts.session("made up", NOW)), None);
    drop(hangs);
    written(&accounts);
    assert_eq!(accounts.key(), key);
    assert_eq!(
        Accounts::new(dir.path().join("accounts.db")).key(),
        key,
        "it was kept when that could be done"
    );
}

/// A disk that cannot even be read keeps one in the queue, and nobody else.
#[test]
fn a_file_that_cannot_be_read_leaves_what_is_remembered() {
    let (_dir, accounts) = kit();
    let ana = account("ana", Role::Admin);
    accounts.add(&ana, "long enough").unwrap();
    let id = begin(&accounts, "ana", "long enough");
    assert_eq!(accounts.session(&id, NOW), Some(ana.clone()));
    let hangs = accounts.reader.enter();
    for _ in 0..3 {
        assert_eq!(soon(|| accounts.session(&id, NOW)), Some(ana.clone()));
    }
    assert!(matches!(soon(|| accounts.list()), Err(AccountError::Hangs(_))));
    drop(hangs);
    assert_eq!(accounts.list().unwrap(), [ana]);
}

/// Somebody has changed the password because a stranger knew it.
#[test]
fn a_session_that_is_not_written_yet_ends_with_its_password() {
    let (dir, accounts) = kit();
    let ana = account("ana", Role::Admin);
    accounts.add(&ana, "long enough").unwrap();
    accounts.writer.now(|db| db.pragma_update(None, "query_only", true)).unwrap();
    let id = begin(&accounts, "ana", "long enough");
    assert_eq!(accounts.session(&id, NOW), Some(ana));
    Accounts::new(dir.path().join("accounts.db")).set_password("ana", "another password", None).unwrap();
    assert_eq!(accounts.session(&id, NOW), None);
}

#[test]
fn a_session_that_could_not_be_written_is_written_when_it_can_be() {
    let (dir, accounts) = kit();
    let ana = account("ana", Role::Admin);
    accounts.add(&ana, "long enough").unwrap();
    accounts.writer.now(|db| db.pragma_update(None, "query_only", true)).unwrap();
    let id = begin(&accounts, "ana", "long enough");
    accounts.writer.now(|db| db.pragma_update(None, "query_only", false)).unwrap();
    let again = Accounts::new(dir.path().join("accounts.db"));
    assert_eq!(again.session(&id, NOW), None);
    assert_eq!(accounts.session(&id, NOW + Span::mins(2)), Some(ana.clone()));
    written(&accounts);
    assert_eq!(again.session(&id, NOW), Some(ana));
}

/// Argon2 takes its time, in which the password can be set, because a stranger knows it.
#[test]
fn a_log_in_that_is_under_way_ends_with_its_password() {
    let (_dir, accounts) = kit();
    accounts.add(&account("ana", Role::Admin), "long enough").unwrap();
    let proved = accounts.check("ana", "long enough").unwrap().unwrap();
    accounts.set_password("ana", "another password", None).unwrap();
    let id = accounts.begin(&proved, NOW).unwrap();
    assert_eq!(accounts.session(&id, NOW), None);
    written(&accounts);
    assert_eq!(accounts.session(&id, NOW), None);
    assert!(!format!("{proved:?}").contains("argon2"), "no hash is printed: {proved:?}");
}

/// Who only listens does not keep a session alive.
#[test]
fn looking_whether_a_session_goes_on_does_not_prolong_it() {
    let (_dir, accounts) = kit();
    accounts.add(&account("ana", Role::Admin), "long enough").unwrap();
    let id = begin(&accounts, "ana", "long enough");
    let nearly = NOW + Span::hours(3 * 24) - Span::mins(1);
    assert!(accounts.goes_on(&id, NOW) && accounts.goes_on(&id, nearly));
    assert!(!accounts.goes_on(&id, nearly + Span::mins(1)) && !accounts.goes_on("made up", NOW));
    accounts.set_password("ana", "another password", None).unwrap();
    assert!(!accounts.goes_on(&id, NOW));
}
