//! A program: the page as JSON on its standard input; exit code 0 means that it took it.

use super::{Channel, Unfit, failed, retry};
use crate::message::Message;
use crate::render::json;
use crate::text::line;
use foghorn_core::page::Outcome;
use futures_util::future::BoxFuture;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc;

/// Bytes of output that are kept. The rest is read, so that the program does not stand still, and dropped.
const OUTPUT: usize = 4096;
/// A program that has ended and left its output open to a child of its own is listened to for this much longer.
const GRACE: Duration = Duration::from_millis(200);
/// What the program sees of our environment. The rest may hold secrets of other channels.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

pub(super) struct Exec {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl Exec {
    pub(super) fn new(command: &[String], timeout: Duration) -> Result<Exec, Unfit> {
        match command {
            [program, arguments @ ..] if !program.is_empty() => {
                Ok(Exec { program: program.clone(), arguments: arguments.to_vec(), timeout })
            }
            _ => Err(Unfit::wrong("command: it names no program")),
        }
    }

    async fn attempt(&self, m: &Message) -> Outcome {
        let input = match json(m) {
            Ok(input) => input,
            Err(e) => return failed(e),
        };
        match tokio::time::timeout(self.timeout, self.run(input)).await {
            Err(_) => retry(format!("{} was stopped: not done within {:?}", self.program, self.timeout)),
            Ok(Err(e)) => match e.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    failed(format!("{}: {e}", self.program))
                }
                _ => retry(format!("{}: {e}", self.program)),
            },
            Ok(Ok((status, output))) if status.success() => {
                Outcome::Accepted { detail: if output.is_empty() { status.to_string() } else { output } }
            }
            Ok(Ok((status, output))) => {
                let separator = if output.is_empty() { "" } else { ": " };
                retry(format!("{} ended with {status}{separator}{output}", self.program))
            }
        }
    }

    async fn run(&self, input: String) -> io::Result<(ExitStatus, String)> {
        let environment = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = Group(child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program need not read it.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let (says, mut hears) = mpsc::unbounded_channel();
        // What a program leaves running may go on to speak for a while: it is listened to, so that it does not die of that.
        tokio::spawn(tokio::time::timeout(2 * self.timeout, listen(stdout, says.clone())));
        tokio::spawn(tokio::time::timeout(2 * self.timeout, listen(stderr, says)));
        let mut said = Vec::new();
        let status = {
            let hear = async {
                while let Some(part) = hears.recv().await {
                    said.extend(part);
                }
            };
            let mut talk = pin!(async { tokio::join!(write, hear) });
            tokio::select! {
                biased;
                _ = &mut talk => child.wait().await?,
                status = child.wait() => {
                    let _ = tokio::time::timeout(GRACE, talk).await;
                    status?
                }
            }
        };
        group.leave();
        Ok((status, line(&String::from_utf8_lossy(&said), 500)))
    }
}

/// Passes on the first bytes of a stream; reads to its end.
async fn listen(stream: Option<impl AsyncRead + Unpin>, says: mpsc::UnboundedSender<Vec<u8>>) {
    let Some(mut stream) = stream else { return };
    let mut buf = [0; 4096];
    let mut room = OUTPUT;
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        let part: Vec<u8> = buf.iter().take(n.min(room)).copied().collect();
        room -= part.len();
        // Whoever hears may have gone.
        if !part.is_empty() {
            let _ = says.send(part);
        }
    }
}

/// The program and what it started, killed when this is dropped: at the deadline the whole of it must go.
struct Group(Option<rustix::process::Pid>);

impl Group {
    /// It has ended by itself.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended just now.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Channel for Exec {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.attempt(message))
    }
}
