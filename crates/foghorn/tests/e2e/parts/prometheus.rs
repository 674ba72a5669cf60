//! Prometheus from Debian's package, and Alertmanager's `amtool`.

use super::process::Process;
use super::{Dir, free_port, until};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output};

/// A stock Prometheus with one rule, whose alertmanager is Foghorn.
pub struct Prometheus {
    process: Process,
    _dir: Dir,
}

impl Prometheus {
    /// `rules` is a rule file.
    pub fn start(alertmanager: SocketAddr, rules: &str) -> Prometheus {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = Dir::new();
        dir.write("rules.yml", rules);
        let config = dir.write(
            "prometheus.yml",
            &format!(
                "global: {{ scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{ cluster: test }} }}\n\
                 rule_files: [rules.yml]\n\
                 alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: ['{alertmanager}'] }} ] }} ] }}\n\
                 scrape_configs: [ {{ job_name: itself, static_configs: [ {{ targets: ['{address}'] }} ] }} ]\n"
            ),
        );
        let mut command = Command::new("/usr/bin/prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--rules.alert.resend-delay=1s");
        let mut process = Process::start("Prometheus", &mut command, &dir.join("prometheus.log"));
        until("Prometheus to listen", || {
            process.assert_runs();
            TcpStream::connect(address).ok()
        });
        Prometheus { process, _dir: dir }
    }

    /// As a machine that loses its power would.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// Alertmanager's own client, against Foghorn.
pub fn amtool(server: SocketAddr, args: &[&str]) -> Output {
    Command::new("/usr/bin/amtool")
        .arg(format!("--alertmanager.url=http://{server}"))
        .args(args)
        .output()
        .unwrap()
}
