//! Real parts: started, stopped, waited for. Nothing here sleeps for a while and hopes: what is waited for is a condition,
//! and ceilings only end a test that hangs.

pub mod clone;
pub mod exim;
pub mod foghorn;
pub mod hook;
pub mod http;
pub mod nginx;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod session;

#[path = "../../../../journal/powerloss/mod.rs"]
pub mod powerloss;

use std::collections::VecDeque;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Longer than anything here takes on the slowest machine.
pub const CEILING: Duration = Duration::from_secs(90);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until there is something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < CEILING, "waited {CEILING:?} in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

/// A port on loopback that nobody has. It stays this process's own for as long as the process lives, although nothing
/// listens on it yet: a name that only one process at a time can have stands for it. It is below the ports that the
/// system gives to outgoing connections.
pub fn free_port() -> u16 {
    static HELD: Mutex<VecDeque<UnixListener>> = Mutex::new(VecDeque::new());
    let mut held = HELD.lock().unwrap();
    let first = 12_000 + (std::process::id() as u16 % 997) * 20 + held.len() as u16;
    for port in (first..32_000).chain(12_000..first) {
        let name = SocketAddr::from_abstract_name(format!("foghorn-test-port-{port}")).unwrap();
        let Ok(reserved) = UnixListener::bind_addr(&name) else { continue };
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            held.push_back(reserved);
            return port;
        }
    }
    panic!("no port is free");
}

/// A directory that other users' programs may enter, removed in the end.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Dir {
        let dir = tempfile::Builder::new().prefix("foghorn-test-").tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Dir(dir)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Makes a directory for a program of this user.
    pub fn directory_of(&self, name: &str, user: Option<&User>) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir(&path).unwrap();
        if let Some(user) = user {
            std::os::unix::fs::chown(&path, Some(user.uid), Some(user.gid)).unwrap();
        }
        path
    }
}

/// A system user that a program insists on when it is started by root.
pub struct User {
    pub name: &'static str,
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// The user to give rights up for, if this is root.
    pub fn instead_of_root(name: &'static str) -> Option<User> {
        let id = |args: &[&str]| -> u32 {
            let out = std::process::Command::new("id").args(args).output().unwrap();
            String::from_utf8(out.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap_or_else(|_| panic!("no user {args:?}"))
        };
        (id(&["-u"]) == 0).then(|| User { name, uid: id(&["-u", name]), gid: id(&["-g", name]) })
    }
}
