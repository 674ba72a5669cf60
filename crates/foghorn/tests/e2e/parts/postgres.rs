//! PostgreSQL from Debian's package.

use super::process::Process;
use super::{Dir, User, free_port, until};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

/// An empty cluster that trusts everybody on loopback.
pub struct Postgres {
    pub address: SocketAddr,
    process: Process,
    _dir: Dir,
}

/// The newest that is installed.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|v| v.path().join("bin").join(name)).filter(|p| p.exists()).collect();
    found.sort();
    found.pop().expect("PostgreSQL is installed")
}

/// It refuses to run as root.
fn command(name: &str, user: Option<&User>) -> Command {
    let program = program(name);
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user.name, "--regid", user.name, "--clear-groups"]).arg(program);
    command
}

impl Postgres {
    pub fn start() -> Postgres {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = Dir::new();
        let user = User::instead_of_root("postgres");
        let home = dir.directory_of("pg", user.as_ref());
        let data = home.join("data");
        let init = command("initdb", user.as_ref())
            .current_dir(&home)
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        let mut start = command("postgres", user.as_ref());
        start
            .current_dir(&home)
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-k"])
            .arg(&home);
        start.args(["-c", "fsync=off"]);
        let mut process = Process::start("PostgreSQL", &mut start, &dir.join("postgres.log"));
        until("PostgreSQL to listen", || {
            process.assert_runs();
            TcpStream::connect(address).ok()
        });
        Postgres { address, process, _dir: dir }
    }

    /// Whether it still runs.
    pub fn assert_runs(&mut self) {
        self.process.assert_runs();
    }
}
