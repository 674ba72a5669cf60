//! The server under test.

use super::hook::{Hook, SECRET};
use super::http::{self, Answer};
use super::powerloss::Disk;
use super::process::Process;
use super::{Dir, free_port, until};
use rustix::process::Signal;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};

/// The binary that cargo built for these tests.
pub const BINARY: &str = env!("CARGO_BIN_EXE_foghorn");

/// One data directory and one configuration file, with a server that comes and goes.
pub struct Foghorn {
    // Dropped before the directory with its log.
    process: Option<Process>,
    pub dir: Dir,
    pub address: SocketAddr,
    /// What runs; the one that cargo built for these tests, if nobody says otherwise.
    pub binary: PathBuf,
    env: Vec<(String, String)>,
    /// What its data directory is on, if not an ordinary disk.
    pub disk: Option<Disk>,
}

impl Foghorn {
    /// Not started. The configuration is `server:` with a free port, and then this.
    pub fn new(rest: &str) -> Foghorn {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let foghorn = Foghorn {
            process: None,
            dir: Dir::new(),
            address,
            binary: BINARY.into(),
            env: Vec::new(),
            disk: None,
        };
        foghorn.configure(rest);
        foghorn
    }

    /// Started, and able to page.
    pub fn start(rest: &str) -> Foghorn {
        let mut foghorn = Foghorn::new(rest);
        foghorn.run();
        foghorn
    }

    /// Not started, and its data directory on a disk that forgets what was not synced. `leak` of a hundred pages are kept
    /// all the same.
    pub fn on_forgetful_disk(rest: &str, leak: u8) -> Foghorn {
        let mut foghorn = Foghorn::new(rest);
        std::fs::create_dir(foghorn.data()).unwrap();
        foghorn.disk = Some(Disk::new(&foghorn.data(), leak));
        foghorn
    }

    /// Writes foghorn.yaml anew.
    pub fn configure(&self, rest: &str) {
        self.dir
            .write("foghorn.yaml", &format!("server:\n  listen: {}\n  data_dir: data\n{rest}", self.address));
    }

    /// For the server's environment from its next start on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.unset(name);
        self.env.push((name.to_owned(), value.into()));
    }

    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(n, _)| n != name);
    }

    pub fn config(&self) -> PathBuf {
        self.dir.join("foghorn.yaml")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Starts the process and waits for nothing.
    pub fn spawn(&mut self) {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.dir.path()).args(["serve", "-c"]).arg(self.config());
        command.env_remove("FOGHORN_CONFIG").envs(self.env.iter().map(|(n, v)| (n, v)));
        if let Some(disk) = &self.disk {
            command = disk.attach(command);
        }
        self.process = Some(Process::start("foghorn", &mut command, &self.dir.join("foghorn.log")));
    }

    /// Starts, and waits until it is able to page.
    #[track_caller]
    pub fn run(&mut self) {
        self.spawn();
        self.ready();
    }

    /// Waits until it is able to page.
    #[track_caller]
    pub fn ready(&mut self) -> Value {
        let address = self.address;
        let process = self.process();
        until("foghorn to be ready", || {
            process.assert_runs();
            http::get(address, "/readyz").ok().filter(|a| a.status == 200).map(|a| a.json())
        })
    }

    #[track_caller]
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// All it ever wrote to standard error and output.
    pub fn said(&self) -> String {
        std::fs::read(self.dir.join("foghorn.log"))
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// SIGTERM.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.process().end(Signal::TERM)
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        http::request(self.address, method, path, headers, body)
    }

    /// What is there, as JSON.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        http::get(self.address, path).unwrap().is(200).json()
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        http::post(self.address, path, body).unwrap()
    }

    /// An incident as the API shows it.
    #[track_caller]
    pub fn incident(&self, id: u64) -> Value {
        self.get(&format!("/api/v1/incidents/{id}"))
    }

    /// Waits until an incident is in this state.
    #[track_caller]
    pub fn wait_for_state(&self, id: u64, state: &str) -> Value {
        until(&format!("incident {id} to be {state}"), || {
            let incident = self.incident(id);
            (incident["state"] == state).then_some(incident)
        })
    }

    /// The command line, talking to this server.
    pub fn cli(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(self.dir.path())
            .env("FOGHORN_SERVER", format!("http://{}", self.address))
            .env_remove("FOGHORN_TOKEN");
        command.args(args).output().unwrap()
    }

    /// `foghorn … --json`, which must succeed.
    #[track_caller]
    pub fn cli_json(&self, args: &[&str]) -> Value {
        let out = self.cli(&[args, &["--json"]].concat());
        assert!(out.status.success(), "foghorn {args:?}: {out:?}");
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("foghorn {args:?}: {e}: {out:?}"))
    }

    /// `foghorn journal verify`, which must find it whole.
    #[track_caller]
    pub fn verify(&self) -> Value {
        self.cli_json(&["journal", "verify", &self.data().display().to_string()])
    }
}

/// People, channels and an integration that most tests can use: `ana` is paged, and after `wait` `bob`, each by the hook
/// and at any hour; each value of the label `id` is an incident of its own.
pub fn basics(hook: &Hook, wait: &str) -> String {
    format!(
        r#"
integrations:
  prometheus: {{ kind: alertmanager, group_by: [id] }}
people:
  ana: {{ name: Ana, working_hours: &always {{ days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00" }}, contacts: [ {{ via: hook }} ] }}
  bob: {{ name: Bob, working_hours: *always, contacts: [ {{ via: hook }} ] }}
channels:
  hook: {{ kind: webhook, url: "{}", secret: {SECRET} }}
escalations:
  default: {{ steps: [ {{ page: person/ana, wait: {wait} }}, {{ page: person/bob, wait: {wait} }} ] }}
paging:
  correlate_within: 0s
"#,
        hook.url()
    )
}

/// Alerts for `POST /api/v2/alerts`, each with its own `id`, that go on for an hour.
pub fn critical(ids: &[&str]) -> Value {
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let one = |id: &&str| {
        serde_json::json!({
            "labels": { "alertname": "Broken", "id": id, "severity": "critical" },
            "annotations": { "summary": format!("{id} is broken") },
            "endsAt": ends.to_string(),
        })
    };
    ids.iter().map(one).collect()
}
