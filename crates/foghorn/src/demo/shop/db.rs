//! The stand-in for a database: a line in, a line out, one file a key. `PING`, `GET key`, `PUT key value`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// Bytes that one connection may send.
const MOST: u64 = 64 * 1024;

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    Work,
    Hang,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    dir: Arc<PathBuf>,
    writes: Arc<watch::Sender<Writes>>,
}

impl Db {
    /// With its files in `dir`, which is made.
    ///
    /// # Errors
    /// No directory, or nothing can be written into it.
    pub fn new(dir: &Path) -> io::Result<Db> {
        std::fs::create_dir_all(dir)?;
        let db = Db { dir: Arc::new(dir.to_owned()), writes: Arc::new(watch::Sender::new(Writes::Work)) };
        db.put("catalogue", "tea, coffee, honey")?;
        Ok(db)
    }

    /// From now on it reads, and every write hangs: it is taken, and never answered.
    pub fn hang_writes(&self) {
        self.writes.send_replace(Writes::Hang);
    }

    /// Connections with a stuck write are closed; writes work.
    pub fn restart(&self) {
        self.writes.send_replace(Writes::Work);
    }

    /// Whether a key is on disk.
    pub fn has(&self, key: &str) -> bool {
        self.file(key).is_some_and(|f| f.exists())
    }

    /// Serves until the set of tasks is dropped.
    pub fn serve(&self, listener: TcpListener, tasks: &mut JoinSet<()>) {
        let db = self.clone();
        tasks.spawn(async move {
            let room = Arc::new(Semaphore::new(CONNECTIONS));
            let mut connections = JoinSet::new();
            loop {
                let Ok(permit) = room.clone().acquire_owned().await else { return };
                while connections.try_join_next().is_some() {}
                if let Ok((stream, _)) = listener.accept().await {
                    let db = db.clone();
                    connections.spawn(async move {
                        // A client that went away is its own affair.
                        let _ = db.connection(stream).await;
                        drop(permit);
                    });
                }
            }
        });
    }

    async fn connection(&self, stream: TcpStream) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read.take(MOST));
        let mut line = String::new();
        while read.read_line(&mut line).await? > 0 {
            if line.starts_with("PUT ") && *self.writes.borrow() == Writes::Hang {
                // Until the restart, or until the client gives up.
                let mut writes = self.writes.subscribe();
                tokio::select! {
                    _ = writes.wait_for(|w| *w == Writes::Work) => {}
                    _ = read.read_line(&mut line) => {}
                }
                return Ok(());
            }
            let (db, command) = (self.clone(), std::mem::take(&mut line));
            let answer = tokio::task::spawn_blocking(move || db.answer(command.trim_end())).await;
            let answer = answer.map_err(io::Error::other)?;
            write.write_all(format!("{answer}\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn answer(&self, command: &str) -> String {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let done = match word {
            "PING" => Ok("PONG".to_owned()),
            "GET" => self.get(rest).map(|v| v.map_or_else(|| "NONE".to_owned(), |v| format!("VALUE {v}"))),
            "PUT" => {
                let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                self.put(key, value).map(|()| "OK".to_owned())
            }
            _ => Err(io::Error::other("there are PING, GET and PUT")),
        };
        done.unwrap_or_else(|e| format!("ERROR {e}"))
    }

    fn get(&self, key: &str) -> io::Result<Option<String>> {
        let Some(file) = self.file(key) else { return Ok(None) };
        match std::fs::read_to_string(file) {
            Ok(value) => Ok(Some(value)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn put(&self, key: &str, value: &str) -> io::Result<()> {
        let file = self.file(key).ok_or_else(|| io::Error::other("a key has letters, digits and `-`"))?;
        let new = file.with_extension("new");
        std::fs::write(&new, value)?;
        std::fs::rename(new, file)
    }

    fn file(&self, key: &str) -> Option<PathBuf> {
        let good =
            (1..=60).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        good.then(|| self.dir.join(key))
    }
}

/// Asks once, on a connection of its own. It waits for as long as it takes: that is the shop's bug.
///
/// # Errors
/// The database closed the connection, or said what is wrong.
pub async fn ask(db: SocketAddr, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(db).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream.take(MOST)).read_line(&mut answer).await?;
    match answer.trim_end() {
        "" => Err(io::Error::other("the database closed the connection")),
        error if error.starts_with("ERROR ") => Err(io::Error::other(error.to_owned())),
        answer => Ok(answer.to_owned()),
    }
}
