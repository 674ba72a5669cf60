//! What is wrong in a house is nobody else's business: files that Foghorn makes are its user's alone.

use rustix::fs::Mode;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// From now on, whatever this process makes can be read by its user alone. So can what checks' plugins make.
pub fn only_mine() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Takes everybody else's rights from what an earlier release made in a data directory.
pub fn take_back(dir: &Path) {
    for dir in [dir.to_owned(), dir.join("archive"), dir.join("backups")] {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            let mode = meta.permissions().mode() & 0o777;
            if meta.is_file() && is_ours(&entry.file_name().to_string_lossy()) && mode & 0o077 != 0 {
                let tightened = fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o700));
                if let Err(e) = tightened {
                    tracing::warn!(
                        "{} can be read by others, and that cannot be changed: {e}",
                        path.display()
                    );
                }
            }
        }
    }
}

/// Whether a file of a data directory is one of Foghorn's, by its name: others may keep theirs beside it.
fn is_ours(name: &str) -> bool {
    const NAMES: [&str; 4] = ["status.json", "link.key", "last-good.yaml", "lock"];
    NAMES.contains(&name) || name.starts_with("snapshot-") || name.ends_with(".jsonl") || name.contains(".db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_foghorns_is_foghorns_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("archive")).unwrap();
        let names = [
            "journal.db",
            "journal.db-wal",
            "history.db",
            "status.json",
            "archive/1-2.jsonl",
            "foghorn.yaml",
        ];
        for name in names {
            let path = dir.path().join(name);
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        take_back(dir.path());
        let modes = names.map(|n| fs::metadata(dir.path().join(n)).unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o600, 0o600, 0o600, 0o600, 0o600, 0o644]);
    }
}
