//! Other programs that do some of the same, from Debian's packages.

use super::process::{Running, free, listens};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Alertmanager, which notifies one webhook of every `alertname` at once. It keeps alerts in memory only.
pub(crate) struct Alertmanager {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// It.
    pub(crate) process: Running,
    _dir: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts it.
    pub(crate) fn start(bench: &Path, hook: SocketAddr) -> Result<Alertmanager> {
        let address = free()?;
        let dir = tempfile::Builder::new().prefix("alertmanager-").tempdir_in(bench)?;
        let config = dir.path().join("alertmanager.yml");
        std::fs::write(
            &config,
            format!(
                "route: {{ receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 5m, repeat_interval: 4h }}\n\
                 receivers: [ {{ name: hook, webhook_configs: [ {{ url: 'http://{hook}/' }} ] }} ]\n"
            ),
        )?;
        let mut command = Command::new("/usr/bin/prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", dir.path().join("data").display()));
        command
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--log.level=error"]);
        let mut process = Running::start("alertmanager", &mut command, &dir.path().join("log"))?;
        process.wait_until(|| listens(address))?;
        Ok(Alertmanager { address, process, _dir: dir })
    }
}

/// blackbox_exporter, which probes when it is asked to.
pub(crate) struct Blackbox {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// It.
    pub(crate) process: Running,
    _dir: tempfile::TempDir,
}

impl Blackbox {
    /// Starts it.
    pub(crate) fn start(bench: &Path) -> Result<Blackbox> {
        let address = free()?;
        let dir = tempfile::Builder::new().prefix("blackbox-").tempdir_in(bench)?;
        let config = dir.path().join("blackbox.yml");
        std::fs::write(
            &config,
            "modules: { http_2xx: { prober: http, timeout: 3s, http: { preferred_ip_protocol: ip4 } } }\n",
        )?;
        let mut command = Command::new("/usr/bin/prometheus-blackbox-exporter");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error");
        let mut process = Running::start("blackbox_exporter", &mut command, &dir.path().join("log"))?;
        process.wait_until(|| listens(address))?;
        Ok(Blackbox { address, process, _dir: dir })
    }
}

/// nginx, answering `ok`.
pub(crate) struct Nginx {
    _process: Running,
    _dir: tempfile::TempDir,
}

impl Nginx {
    /// Starts it on an address; `inside` is a network namespace to run in.
    pub(crate) fn start(bench: &Path, address: SocketAddr, inside: Option<&str>) -> Result<Nginx> {
        let dir = tempfile::Builder::new().prefix("nginx-").tempdir_in(bench)?;
        let path = dir.path().display();
        let config = dir.path().join("nginx.conf");
        std::fs::write(
            &config,
            format!(
                "daemon off; master_process off; pid {path}/pid; error_log stderr;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
                 uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
                 server {{ listen {address} backlog=4096; location / {{ default_type text/plain; return 200 'ok\\n'; }} }} }}\n"
            ),
        )?;
        let mut command = match inside {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, "/usr/sbin/nginx"]);
                command
            }
            None => Command::new("/usr/sbin/nginx"),
        };
        command.args(["-e", "stderr", "-c"]).arg(&config);
        let mut process = Running::start("nginx", &mut command, &dir.path().join("log"))?;
        process.wait_until(|| listens(address))?;
        Ok(Nginx { _process: process, _dir: dir })
    }
}

/// nginx with a static file, as many workers as cores.
pub(crate) struct Static {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Option<Running>,
    _dir: tempfile::TempDir,
}

impl Static {
    /// Starts it; the file is at `/`.
    pub(crate) fn start(bench: &Path, address: SocketAddr, body: &str) -> Result<Static> {
        let dir = tempfile::Builder::new().prefix("nginx-").tempdir_in(bench)?;
        let path = dir.path().display();
        std::fs::create_dir(dir.path().join("www"))?;
        std::fs::write(dir.path().join("www/index.html"), body)?;
        let config = dir.path().join("nginx.conf");
        std::fs::write(
            &config,
            format!(
                "daemon off; worker_processes auto; user root; pid {path}/pid; error_log stderr;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;\n\
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
                 uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi; types {{ text/html html; }}\n\
                 server {{ listen {address} backlog=4096; root {path}/www; }} }}\n"
            ),
        )?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.args(["-e", "stderr", "-c"]).arg(&config);
        let mut process = Running::start("nginx", &mut command, &dir.path().join("log"))?;
        process.wait_until(|| listens(address))?;
        Ok(Static { address, process: Some(process), _dir: dir })
    }
}

impl Drop for Static {
    fn drop(&mut self) {
        // Killed, its workers would go on.
        if let Some(Err(e)) = self.process.take().map(Running::end) {
            println!("nginx did not end: {e}");
        }
    }
}
