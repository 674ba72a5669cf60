//! A process that ends with the test.

use super::until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Killed when it is dropped; what it said is shown if the test fails.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    over: bool,
}

impl Process {
    /// Starts it; what it writes goes to `LOG`, after what earlier ones wrote there.
    #[track_caller]
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Process {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        let child =
            child.unwrap_or_else(|e| panic!("{name} ({:?}) does not start: {e}", command.get_program()));
        Process { name: name.to_owned(), child, log: log.to_owned(), over: false }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().unwrap();
        self.over |= ended.is_some();
        ended
    }

    /// Fails the test at once, with what it said, if it has ended.
    #[track_caller]
    pub fn assert_runs(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} ended with {status}:\n{}", self.name, self.said());
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL, and gone.
    pub fn kill(&mut self) {
        if !self.over {
            // It may have ended by itself.
            let _ = self.child.kill();
            self.child.wait().unwrap();
            self.over = true;
        }
    }

    /// Asks it to end, and waits.
    #[track_caller]
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        until(&what, || self.ended())
    }

    /// All that it, and those before it with the same log, wrote.
    pub fn said(&self) -> String {
        std::fs::read(&self.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            let from = said.len().saturating_sub(6000);
            let tail = said.get(from..).unwrap_or(&said);
            eprintln!("---- the end of what {} said ----\n{tail}\n----", self.name);
        }
    }
}
