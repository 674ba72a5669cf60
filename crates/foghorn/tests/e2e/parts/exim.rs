//! A real SMTP server: exim from Debian's package, delivering everything into one maildir.

use super::process::Process;
use super::{CEILING, Dir, User, free_port, until};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// The server, and the mail that has arrived.
pub struct Exim {
    pub address: SocketAddr,
    new: PathBuf,
    _process: Process,
    _dir: Dir,
}

impl Exim {
    pub fn start() -> Exim {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = Dir::new();
        let user = User::instead_of_root("Debian-exim");
        let home = dir.directory_of("exim", user.as_ref());
        let path = home.display();
        // Delivering as root is refused; for anybody else it is delivered as who runs this.
        let deliver_as = user.as_ref().map_or(String::new(), |u| format!("  user = {}\n", u.name));
        let config = dir.write(
            "exim.conf",
            &format!(
                "primary_hostname = mail.example.com\n\
                 spool_directory = {path}/spool\n\
                 log_file_path = {path}/%slog\n\
                 pid_file_path = {path}/exim.pid\n\
                 local_interfaces = {}\n\
                 daemon_smtp_ports = {}\n\
                 tls_advertise_hosts =\n\
                 host_lookup =\n\
                 queue_only = false\n\
                 acl_smtp_rcpt = accept\n\
                 acl_smtp_data = accept\n\
                 begin routers\n\
                 everything:\n\
                 \x20 driver = accept\n\
                 \x20 transport = maildir\n\
                 begin transports\n\
                 maildir:\n\
                 \x20 driver = appendfile\n\
                 \x20 directory = {path}/mail\n\
                 \x20 maildir_format\n\
                 \x20 envelope_to_add\n\
                 {deliver_as}",
                address.ip(),
                address.port(),
            ),
        );
        let mut command = Command::new("/usr/sbin/exim4");
        command.arg("-C").arg(config).args(["-bdf", "-q1m"]);
        let mut process = Process::start("exim", &mut command, &dir.join("exim.log"));
        until("exim to listen", || {
            process.assert_runs();
            TcpStream::connect(address).ok()
        });
        Exim { address, new: home.join("mail/new"), _process: process, _dir: dir }
    }

    /// The first mail that is like this, as soon as it is delivered.
    #[track_caller]
    pub fn wait(&self, what: &str, like: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let mails = self.all();
            if let Some(mail) = mails.iter().find(|m| like(m)) {
                return mail.clone();
            }
            assert!(began.elapsed() < CEILING, "no mail within {CEILING:?}: {what}; there were {mails:#?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Every mail delivered so far.
    pub fn all(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.new).into_iter().flatten().flatten();
        files
            .filter_map(|f| std::fs::read(f.path()).ok())
            .map(|m| String::from_utf8_lossy(&m).into_owned())
            .collect()
    }
}
