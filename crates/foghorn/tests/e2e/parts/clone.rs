//! The repository as somebody else gets it.

use super::process::Process;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of what git knows of, as it is in the work tree: a file that was never added is not there. It is kept from run
/// to run in `target/newcomer`, with what was built in it, or every run would take minutes.
pub struct Clone {
    dir: PathBuf,
    bin: PathBuf,
}

impl Clone {
    pub fn fresh() -> Clone {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("newcomer");
        let (dir, bin) = (home.join("foghorn"), home.join("bin"));
        let out = Command::new("git").current_dir(&own).args(["ls-files", "-z"]).output();
        let out = out.expect("git is there: `cargo xtask test packages` brings it");
        assert!(out.status.success(), "{} is no clone of a repository: {out:?}", own.display());
        let listed = String::from_utf8(out.stdout).unwrap();
        let files: BTreeSet<&str> =
            listed.split('\0').filter(|f| !f.is_empty() && own.join(f).exists()).collect();
        assert!(files.contains("README.md"), "git knows of {} files only", files.len());
        // What is as it was keeps its time, so that cargo builds only what is new.
        for file in &files {
            let (from, to) = (fs::read(own.join(file)).unwrap(), dir.join(file));
            if fs::read(&to).ok().as_ref() != Some(&from) {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::write(&to, from).unwrap();
            }
        }
        remove_others(&dir, &dir, &files);
        // What earlier runs have installed is not what this one finds.
        let _ = fs::remove_dir_all(&bin);
        fs::create_dir_all(&bin).unwrap();
        Clone { dir, bin }
    }

    /// Where its commands are installed to.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.join(name), text).unwrap();
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.current_dir(&self.dir).args(["-c", line]);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.bin.display()));
        // Whoever runs this test is cargo too, and has told its own directories.
        for (name, _) in
            std::env::vars().filter(|(n, _)| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_BIN_"))
        {
            command.env_remove(name);
        }
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO",
            "FOGHORN_CONFIG",
            "FOGHORN_TOKEN",
            "RUST_LOG",
        ] {
            command.env_remove(name);
        }
        for (name, value) in [
            ("OPT_LEVEL", "0"),
            ("LTO", "off"),
            ("CODEGEN_UNITS", "256"),
            ("INCREMENTAL", "true"),
            ("STRIP", "none"),
        ] {
            command.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
        }
        command
    }

    /// Runs a line as a shell does, which must end with this code; what it said.
    #[track_caller]
    pub fn run(&self, line: &str, server: &str, code: i32) -> String {
        let out = self.shell(line).env("FOGHORN_SERVER", server).output().unwrap();
        let said = String::from_utf8_lossy(&[&*out.stdout, &*out.stderr].concat()).into_owned();
        assert_eq!(out.status.code(), Some(code), "{line}\n{said}");
        said
    }

    /// Starts what does not end by itself.
    #[track_caller]
    pub fn start(&self, line: &str) -> Process {
        Process::start(line, &mut self.shell(&format!("exec {line}")), &self.dir.with_file_name("serve.log"))
    }
}

/// Removes what git does not know of, but not what was built.
fn remove_others(root: &Path, dir: &Path, files: &BTreeSet<&str>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            if files.iter().any(|f| f.starts_with(&format!("{name}/"))) {
                remove_others(root, &path, files);
            } else {
                fs::remove_dir_all(path).unwrap();
            }
        } else if !files.contains(name.as_str()) {
            fs::remove_file(path).unwrap();
        }
    }
}
