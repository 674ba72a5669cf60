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

#[test]
fn the_first_start_makes_an_admin_once() {
    let (dir, accounts) = kit();
    let password = accounts.first().unwrap().unwrap();
    assert!(password.len() > 20, "{password}");
    assert_eq!(accounts.first().unwrap(), None);
    assert_eq!(accounts.check("admin", &password).unwrap(), Some(account("admin", Role::Admin)));
    assert_eq!(accounts.check("admin", "admin").unwrap(), None);
    assert_eq!(accounts.check("nobody", &password).unwrap(), None);
    let bytes = std::fs::read(dir.path().join("accounts.db")).unwrap();
    assert!(!bytes.windows(password.len()).any(|w| w == password.as_bytes()));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir.path().join("accounts.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The file with the first password goes with its first use, with another password, and with the account; not before.
#[test]
fn the_first_password_is_kept_until_it_is_used() {
    use std::os::unix::fs::PermissionsExt;
    type Use = fn(&Accounts);
    let ends: [Use; 3] = [
        |a| drop(a.begin(&account("admin", Role::Admin), NOW).unwrap()),
        |a| a.set_password("admin", "something else", None).unwrap(),
        |a| a.remove("admin").unwrap(),
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
        accounts.begin(&account("ana", Role::Admin), NOW).unwrap();
        accounts.set_password("ana", "long enough too", None).unwrap();
        assert_eq!(accounts.check("admin", &password).unwrap(), Some(account("admin", Role::Admin)));
        assert_eq!(accounts.first_password().as_ref(), Some(&path));
        end(&accounts);
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
    let (one, two) = (accounts.begin(&ana, NOW).unwrap(), accounts.begin(&ana, NOW).unwrap());
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
    let (one, two) = (again.begin(&ana, NOW).unwrap(), again.begin(&ana, NOW).unwrap());
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
    accounts.with(|db| db.pragma_update(None, "query_only", true)).unwrap();
    assert_eq!(accounts.check("ana", "long enough").unwrap(), Some(ana.clone()));
    let id = accounts.begin(&ana, NOW).unwrap();
    assert_eq!(accounts.session(&id, NOW), Some(ana));
    assert!(accounts.end(&id).is_err());
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
