//! An SMTP server: RFC 5321 as far as a client needs it, AUTH PLAIN and LOGIN, addresses that are refused, and strict
//! about the order of commands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: String,
    pub data: String,
}

#[derive(Clone)]
pub struct Smtp {
    pub at: String,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Smtp {
    /// With `login`, mail is taken only after it was shown.
    pub async fn start(login: Option<(&'static str, &'static str)>) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let smtp = Smtp { at: listener.local_addr().unwrap().to_string(), mails: Arc::default() };
        let mails = Arc::clone(&smtp.mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(session(stream, login, Arc::clone(&mails)));
            }
        });
        smtp
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

async fn session(stream: TcpStream, login: Option<(&str, &str)>, mails: Arc<Mutex<Vec<Mail>>>) {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    let mut known = login.is_none();
    let mut answer = "220 fake.example ESMTP".to_owned();
    loop {
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Some(line) = read_line(&mut stream).await else { return };
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        answer = match command.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => {
                "250-fake.example\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME".to_owned()
            }
            "AUTH" => {
                let shown = rest.strip_prefix("PLAIN ").and_then(|b| STANDARD.decode(b).ok());
                known = login.is_some_and(|(user, password)| {
                    shown.as_deref() == Some(format!("\0{user}\0{password}").as_bytes())
                });
                if known { "235 2.7.0 Authentication successful" } else { "535 5.7.8 Authentication failed" }
                    .to_owned()
            }
            "MAIL" if !known => "530 5.7.0 Authentication required".to_owned(),
            "MAIL" => {
                mail = Mail { from: address(rest), ..Mail::default() };
                "250 2.1.0 Ok".to_owned()
            }
            "RCPT" if mail.from.is_empty() => "503 5.5.1 Need MAIL first".to_owned(),
            "RCPT" => match address(rest).as_str() {
                "nobody@example.com" => "550 5.1.1 <nobody@example.com>: no such user".to_owned(),
                "grey@example.com" => "451 4.7.1 Greylisted, try again later".to_owned(),
                to => {
                    to.clone_into(&mut mail.to);
                    "250 2.1.5 Ok".to_owned()
                }
            },
            "DATA" if mail.to.is_empty() => "503 5.5.1 Need RCPT first".to_owned(),
            "DATA" => {
                if stream.write_all(b"354 End data with <CR><LF>.<CR><LF>\r\n").await.is_err() {
                    return;
                }
                loop {
                    let Some(line) = read_line(&mut stream).await else { return };
                    if line == "." {
                        break;
                    }
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push('\n');
                }
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                "250 2.0.0 Ok: queued as 4F3A1".to_owned()
            }
            "QUIT" => "221 2.0.0 Bye".to_owned(),
            "RSET" | "NOOP" => "250 2.0.0 Ok".to_owned(),
            _ => "500 5.5.2 Error: command not recognized".to_owned(),
        };
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await {
        Ok(n) if n > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}

fn address(rest: &str) -> String {
    let from = rest.find('<').map_or(0, |at| at + 1);
    let to = rest.find('>').unwrap_or(rest.len());
    rest[from..to].to_owned()
}
