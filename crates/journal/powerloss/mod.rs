//! Running a real program on a disk that forgets what was not synced. For tests, in any crate:
//!
//! ```ignore
//! #[path = "../../journal/powerloss/mod.rs"]
//! mod powerloss;
//! let disk = powerloss::Disk::new(&data_dir, 0);
//! let child = disk.attach(Command::new(program)).spawn()?;
//! disk.fault("fsync=hang");
//! ```
//!
//! `child.kill()` is then the loss of power. What is volatile and which faults there are is said at the top of
//! `powerloss.c`. Linux only; needs `cc`.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses its own part"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A directory whose files are volatile for the programs that it is attached to.
pub struct Disk {
    dir: PathBuf,
    control: tempfile::NamedTempFile,
    leak: u8,
}

impl Disk {
    /// `leak` of a hundred written pages reach the disk at once all the same.
    pub fn new(dir: &Path, leak: u8) -> Disk {
        Disk { dir: dir.to_owned(), control: tempfile::NamedTempFile::new().unwrap(), leak }
    }

    /// Makes the program's files under the directory volatile.
    pub fn attach(&self, mut program: Command) -> Command {
        program
            .env("LD_PRELOAD", library())
            .env("POWERLOSS_DIR", &self.dir)
            .env("POWERLOSS_CONTROL", self.control.path())
            .env("POWERLOSS_LEAK", self.leak.to_string());
        program
    }

    /// Sets the faults of the moment; none with an empty text.
    pub fn fault(&self, faults: &str) {
        std::fs::write(self.control(), faults).unwrap();
    }

    /// The file that says which faults there are, for whoever else sets them.
    pub fn control(&self) -> &Path {
        self.control.path()
    }
}

/// Compiles the library, once a process, into cargo's directory for tests' files.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(dir).unwrap();
        // Several test programs may compile at once: each its own, put in place whole.
        let mine = dir.join(format!("powerloss-{}", std::process::id()));
        let (source, object, library) =
            (mine.with_extension("c"), mine.with_extension("so"), dir.join("powerloss.so"));
        std::fs::write(&source, include_str!("powerloss.c")).unwrap();
        let output = Command::new("cc")
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-pthread", "-o"])
            .args([&object, &source])
            .output()
            .expect("a C compiler, `cc`, is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(object, &library).unwrap();
        std::fs::remove_file(source).unwrap();
        library
    })
}
