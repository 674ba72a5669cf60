//! Processes that are measured from outside, and end with the measurement.

use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends when it is dropped.
pub(crate) struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts it; what it says goes to a file.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Running> {
        let log = File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Running { name: name.to_owned(), child: child.with_context(|| format!("{name} does not start"))? })
    }

    /// Until `ready` says so.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            if began.elapsed() > Duration::from_secs(120) {
                bail!("{} is not ready after two minutes", self.name);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Memory that it holds now, in MiB.
    pub(crate) fn rss(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.split_whitespace().next().context("no number")?.parse::<f64>()? / 1024.0)
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |i: usize| -> Result<f64> { Ok(fields.get(i).context("a short line")?.parse()?) };
        // Fields 14 and 15, of which the first two have been cut off; a hundred ticks a second on every Linux.
        Ok((ticks(11)? + ticks(12)?) / 100.0)
    }

    /// Asks it to end (SIGTERM), and waits.
    pub(crate) fn end(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").arg(&id).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now.
pub(crate) fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Whether something listens.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// The status and body of an answer to GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    // Of this version answers come in one piece.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let status = text.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

/// Foghorn, with a directory and a configuration of its own.
pub(crate) struct Foghorn {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// It.
    pub(crate) process: Running,
    /// Its directory, which goes away with it.
    dir: tempfile::TempDir,
}

impl Foghorn {
    /// Starts the binary, and waits until it is able to page. `rest` follows `server:`'s usual keys.
    pub(crate) fn start(bench: &super::Bench, rest: &str) -> Result<Foghorn> {
        let address = free()?;
        let dir = tempfile::Builder::new().prefix("foghorn-").tempdir_in(&bench.dir)?;
        let config = format!("server:\n  listen: {address}\n  data_dir: data\n  rate_limit: 1000000\n{rest}");
        std::fs::write(dir.path().join("foghorn.yaml"), config)?;
        let process = Foghorn::serve(bench, dir.path())?;
        let mut foghorn = Foghorn { address, process, dir };
        foghorn.ready()?;
        Ok(foghorn)
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.dir.path().join("foghorn.yaml")
    }

    fn serve(bench: &super::Bench, dir: &Path) -> Result<Running> {
        let mut command = Command::new(&bench.binary);
        command.args(["serve", "-c"]).arg(dir.join("foghorn.yaml")).env_remove("RUST_LOG");
        Running::start("foghorn", &mut command, &dir.join("foghorn.log"))
    }

    fn ready(&mut self) -> Result<()> {
        let address = self.address;
        self.process.wait_until(|| get(address, "/readyz").is_ok_and(|(status, _)| status == 200))
    }

    /// Ends it, starts it again, and says how long it took from the start of the process until it was able to page.
    pub(crate) fn restart(self, bench: &super::Bench) -> Result<(Foghorn, Duration)> {
        let Foghorn { address, process, dir } = self;
        process.end()?;
        let began = Instant::now();
        let process = Foghorn::serve(bench, dir.path())?;
        let mut foghorn = Foghorn { address, process, dir };
        foghorn.ready()?;
        Ok((foghorn, began.elapsed()))
    }

    /// A figure of its metrics, by the whole of its name and labels.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = get(self.address, "/metrics")?;
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} in the metrics"))?.trim().parse()?)
    }

    /// The size of its data directory's files of this beginning, in bytes.
    pub(crate) fn size(&self, start: &str) -> Result<u64> {
        let mut size = 0;
        for file in std::fs::read_dir(self.dir.path().join("data"))? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with(start) {
                size += file.metadata()?.len();
            }
        }
        Ok(size)
    }
}

/// One person who is paged by webhook, and an integration that makes an incident of each `alertname`.
pub(crate) fn basics(hook: SocketAddr) -> String {
    format!(
        "integrations: {{ prometheus: {{ kind: alertmanager, group_by: [alertname] }} }}\n\
         people: {{ ana: {{ contacts: [ {{ via: hook }} ] }} }}\n\
         channels: {{ hook: {{ kind: webhook, url: \"http://{hook}/\" }} }}\n\
         escalations: {{ default: {{ steps: [ {{ page: person/ana, wait: 1h }} ] }} }}\n\
         paging: {{ correlate_within: 0s }}\n"
    )
}
