//! nginx from Debian's package.

use super::process::Process;
use super::{Dir, free_port, until};
use rustix::process::Signal;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

/// Serves `ok` at every path.
pub struct Nginx {
    pub address: SocketAddr,
    process: Option<Process>,
    dir: Dir,
}

impl Nginx {
    pub fn start() -> Nginx {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = Dir::new();
        let path = dir.path().display();
        dir.write(
            "nginx.conf",
            &format!(
                "daemon off; master_process off; pid {path}/nginx.pid; error_log stderr;\n\
                 events {{ worker_connections 512; }}\n\
                 http {{\n\
                   access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
                   uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
                   server {{ listen {address}; location / {{ default_type text/plain; return 200 'ok\\n'; }} }}\n\
                 }}\n"
            ),
        );
        let mut nginx = Nginx { address, dir, process: None };
        nginx.again();
        nginx
    }

    /// Starts it once more, on the same port.
    pub fn again(&mut self) {
        let mut command = Command::new("/usr/sbin/nginx");
        command
            .arg("-e")
            .arg("stderr")
            .arg("-p")
            .arg(self.dir.path())
            .arg("-c")
            .arg(self.dir.join("nginx.conf"));
        let mut process = Process::start("nginx", &mut command, Path::new(&self.dir.join("nginx.log")));
        until("nginx to listen", || {
            process.assert_runs();
            TcpStream::connect(self.address).ok()
        });
        self.process = Some(process);
    }

    /// Stops it: its port refuses connections.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.end(Signal::TERM);
        }
    }
}
