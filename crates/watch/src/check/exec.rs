//! `exec`: a Nagios plugin. Exit codes 0 good, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; one line of text; performance data.

use super::trace::{Doing, Trace};
use super::{Env, Trouble, expect, perfdata, shorten};
use foghorn_config::expect::{Expectation, Subject};
use foghorn_config::model::Check;
use foghorn_config::secret::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// More of a plugin's output is read and thrown away.
const LIMIT: usize = 64 * 1024;
/// A plugin that has ended and left its output open to a child of its own gets this much longer.
const GRACE: Duration = Duration::from_millis(200);
/// The longest line shown.
const LINE: usize = 300;

pub(super) async fn run(
    check: &Check,
    command: &[String],
    vars: &BTreeMap<String, Secret>,
    env: &Env,
    trace: &mut Trace,
) -> Result<String, Trouble> {
    let Some((program, args)) = command.split_first() else {
        return Err(Trouble::Unknown("there is no command to run".to_owned()));
    };
    trace.doing = Doing::Queued("too many other plugins are running");
    let _slot = env.plugins.acquire().await;
    trace.doing = Doing::Other("the plugin was killed".to_owned());
    let mut to_run = Command::new(program);
    to_run.args(args).env_clear().env("LANG", "C.UTF-8").env("PATH", path()).current_dir("/");
    to_run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what the plugin has started ends with it.
    to_run.process_group(0).kill_on_drop(true);
    for (name, secret) in vars {
        let value = secret.expose().map_err(|why| Trouble::Unknown(format!("{name} is missing: {why}")))?;
        to_run.env(name, value);
    }
    let cannot = |e: std::io::Error| Trouble::Unknown(format!("cannot run {program}: {e}"));
    let mut child = to_run.spawn().map_err(cannot)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut reading = pin!(async { tokio::join!(read(stdout, &mut out), read(stderr, &mut err)) });
        tokio::select! {
            biased;
            // Nobody holds its output any more; wait for its exit code.
            _ = &mut reading => child.wait().await.map_err(cannot)?,
            status = child.wait() => {
                let _ = tokio::time::timeout(GRACE, reading).await;
                status.map_err(cannot)?
            }
        }
    };
    drop(group);
    let output = Output::read(&out, &err);
    trace.seen.body = Some(output.first.into_bytes());
    trace.seen.perf = output.perf.into_iter().filter_map(|d| Some((d.label, d.value?))).collect();
    trace.seen.status = status.code().and_then(|c| u16::try_from(c).ok());
    let line = output.line;
    // An expectation of the exit code stands in the place of what codes mean; one that does not hold leaves it to them.
    let of_status = |e: &&Expectation| matches!(e.subject, Subject::Status);
    let told: Vec<Expectation> = check.expect.iter().filter(of_status).cloned().collect();
    let as_told = !told.is_empty() && expect::first_broken(&told, &trace.seen, &trace.phases).is_none();
    match status.code() {
        Some(0) => Ok(line),
        Some(_) if as_told => Ok(line),
        Some(1) => Err(Trouble::Warning(line)),
        Some(2) => Err(Trouble::Bad(line)),
        Some(3) => Err(Trouble::Unknown(line)),
        Some(code) => {
            Err(Trouble::Unknown(format!("exit code {code} is none of a plugin's (0 to 3): {line}")))
        }
        None => {
            let signal = status.signal().map_or_else(|| "a signal".to_owned(), |s| format!("signal {s}"));
            Err(Trouble::Bad(format!("the plugin was ended by {signal}: {line}")))
        }
    }
}

/// The plugin's process group, which what it has started is in; killed when dropped. Its number is no other group's: the
/// kernel keeps it as long as anybody is in it, and gives one that is free to others last.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It has mostly ended by itself.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn path() -> String {
    std::env::var("PATH")
        .unwrap_or_else(|_| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned())
}

async fn read(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let room = LIMIT.saturating_sub(into.len());
        into.extend(buffer.iter().take(n.min(room)));
    }
}

/// What a plugin has said.
struct Output {
    /// The first line as it is, for expectations.
    first: String,
    /// What is shown of it.
    line: String,
    perf: Vec<perfdata::Datum>,
}

impl Output {
    /// As it was said: what is compared must not have lost what happens to stand in a variable too. What is shown is
    /// cleared of that by whoever shows it.
    fn read(out: &[u8], err: &[u8]) -> Output {
        let text = String::from_utf8_lossy(out);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let (said, perf) = first.split_once('|').unwrap_or((first, ""));
        let more = rest.split_once('|').map_or("", |(_, perf)| perf);
        let mut line = shorten(said, LINE);
        if line.is_empty() {
            // A plugin that crashes says why on the other stream.
            line = shorten(String::from_utf8_lossy(err).lines().last().unwrap_or_default(), LINE);
        }
        if line.is_empty() {
            "the plugin said nothing".clone_into(&mut line);
        }
        let first = if said.trim().is_empty() { line.clone() } else { said.trim().to_owned() };
        Output { first, line, perf: perfdata::parse(&format!("{perf} {more}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn output_by_table() {
        for (out, err, line, perf) in [
            ("OK - all well|a=1\n", "", "OK - all well", &["a"][..]),
            ("OK\nlong text\nmore | b=2\nc=3\n", "", "OK", &["b", "c"]),
            ("OK | a=1 b=2\nlong | c=3\n", "", "OK", &["a", "b", "c"]),
            ("", "Traceback:\n  boom\n", "boom", &[]),
            ("", "", "the plugin said nothing", &[]),
        ] {
            let read = Output::read(out.as_bytes(), err.as_bytes());
            assert_eq!(read.line, line, "{out}");
            assert_eq!(read.perf.iter().map(|d| d.label.as_str()).collect::<Vec<_>>(), perf, "{out}");
        }
    }

    proptest! {
        #[test]
        fn any_output_is_one_line(
            out in proptest::collection::vec(any::<u8>(), 0..500),
            err in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let read = Output::read(&out, &err);
            prop_assert!(!read.line.is_empty() && !read.line.contains('\n'));
            prop_assert!(read.line.chars().count() <= LINE + 1);
        }
    }
}
