//! `foghorn init`: four questions, and a first foghorn.yaml. Each answer is checked at once, by the checker of
//! configurations itself. An existing file is never touched.

mod file;

use super::{Done, Failure, say};
use clap::Args;
use file::Answers;
use foghorn_core::text::is_blank;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// So many wrong answers to one question, and whoever answers is no person.
const MOST_TRIES: usize = 20;

/// What is asked may also be given.
#[derive(Args)]
pub struct InitArgs {
    /// The file to write, or the directory to write foghorn.yaml to
    #[arg(default_value = "foghorn.yaml")]
    to: PathBuf,
    /// What to watch: a URL
    #[arg(long)]
    url: Option<String>,
    /// Who is on call
    #[arg(long)]
    name: Option<String>,
    /// The e-mail address of who is on call
    #[arg(long)]
    email: Option<String>,
    /// How mail is sent: smtp://host:25, smtp+starttls://user:password@host:587 or smtps://…; `${NAME}` is a variable of
    /// the environment
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// Where Foghorn listens (127.0.0.1:7070), or the address at which people open it (https://foghorn.example.com)
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where incidents, accounts and history are kept; relative to the file
    #[arg(long, value_name = "DIRECTORY", default_value = "data")]
    data_dir: String,
    /// Ask nothing: what is not given takes its default
    #[arg(short, long)]
    yes: bool,
}

/// A question, and how its answer is taken over.
struct Question {
    /// The flags that answer it.
    flags: &'static str,
    text: &'static str,
    take: fn(&mut Answers, &str) -> Result<(), String>,
    shown: fn(&Answers) -> String,
    given: fn(&InitArgs) -> Option<String>,
}

const QUESTIONS: [Question; 4] = [
    Question {
        flags: "--url",
        text: "What to watch? The URL of a web site",
        take: Answers::take_url,
        shown: |a| a.url.clone(),
        given: |args| args.url.clone(),
    },
    Question {
        flags: "--name and --email",
        text: "Who is on call? Name <e-mail address>, or the address alone",
        take: Answers::take_person,
        shown: Answers::person,
        given: |args| {
            // Of half an answer the other half is the default; a name may come from the address.
            let half = |text: &Option<String>| text.clone().unwrap_or_default();
            let given = args.name.is_some() || args.email.is_some();
            given.then(|| format!("{} <{}>", half(&args.name), half(&args.email)))
        },
    },
    Question {
        flags: "--smtp",
        text: "How is mail sent? smtp://host:25, or smtp+starttls:// or smtps:// with user:password@host",
        take: Answers::take_smtp,
        shown: |a| a.smtp.clone(),
        given: |args| args.smtp.clone(),
    },
    Question {
        flags: "--listen",
        text: "Where does Foghorn listen (address:port), or at which https:// address do people open it?",
        take: Answers::take_listen,
        shown: |a| a.listen.clone(),
        given: |args| args.listen.clone(),
    },
];

pub fn run(args: InitArgs) -> Done {
    let path = target(&args.to);
    if path.symlink_metadata().is_ok() {
        return Err(exists(&path));
    }
    let asks = io::stdin().is_terminal() && io::stdout().is_terminal() && !args.yes;
    let token = token()?;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut answers = Answers::default_for(&env("USER").unwrap_or_default(), token, host.trim());
    if let Some(why) = blank(&args) {
        return Err(Failure::Wrong(why));
    }
    answers.data_dir.clone_from(&args.data_dir);
    for question in &QUESTIONS {
        if let Some(text) = (question.given)(&args) {
            let taken = take(&answers, question, &text);
            answers = taken.map_err(|why| Failure::Wrong(format!("{}: {why}", question.flags)))?;
            continue;
        }
        if args.yes {
            continue;
        }
        if !asks {
            return Err(Failure::Wrong(format!(
                "there is no terminal to ask on: give {}, or --yes for the default, {}",
                question.flags,
                (question.shown)(&answers)
            )));
        }
        answers = ask(&answers, question, &mut io::stdin().lock(), &mut io::stdout())?;
    }
    write(&path, &answers.file()).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => exists(&path),
        _ => Failure::Wrong(format!("{} cannot be written: {e}", path.display())),
    })?;
    say(&next(&path, &answers));
    Ok(())
}

/// A flag that is there and says nothing: its default is not what was asked for.
fn blank(args: &InitArgs) -> Option<String> {
    let flags = [
        ("--name", args.name.as_ref(), "write who is on call, or leave the flag out"),
        ("--email", args.email.as_ref(), "write the address of who is on call, or leave the flag out"),
        (
            "--data-dir",
            Some(&args.data_dir),
            "name a directory, or leave the flag out for `data` beside the file",
        ),
    ];
    let (flag, _, advice) = flags.into_iter().find(|(_, text, _)| text.is_some_and(|t| is_blank(t)))?;
    Some(format!("{flag}: it is empty; {advice}"))
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A directory is one that exists, or a name that is not a YAML file's.
fn target(to: &Path) -> PathBuf {
    let yaml = to.extension().is_some_and(|e| e == "yaml" || e == "yml");
    if to.is_dir() || !yaml { to.join("foghorn.yaml") } else { to.to_owned() }
}

fn exists(path: &Path) -> Failure {
    let path = path.display();
    Failure::Wrong(format!(
        "{path} exists, and nothing is ever overwritten: edit it, or name another file\n  foghorn config check {path}"
    ))
}

/// For the API, where Foghorn listens off loopback.
fn token() -> Result<String, Failure> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::Wrong(format!("the system gives no random numbers: {e}")))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// The answers with this one, if the file that they make is a good one.
fn take(answers: &Answers, question: &Question, text: &str) -> Result<Answers, String> {
    let mut with = answers.clone();
    (question.take)(&mut with, text.trim())?;
    let checked = foghorn_config::parse(&with.file(), "foghorn.yaml", Path::new(""), &env);
    checked.map(|_| with).map_err(|errors| {
        let say = |p: &foghorn_config::Problem| match &p.advice {
            Some(advice) => format!("{}: {advice}", p.message),
            None => p.message.clone(),
        };
        errors.0.iter().map(say).collect::<Vec<_>>().join("\n")
    })
}

/// Asks until the answer is a good one. Nothing stands for the default.
fn ask(
    answers: &Answers,
    question: &Question,
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> Result<Answers, Failure> {
    let gone = |e: io::Error| Failure::Wrong(format!("nobody answers ({e}): nothing was written"));
    let default = (question.shown)(answers);
    for _ in 0..MOST_TRIES {
        write!(to, "{}\n  [{default}] ", question.text).and_then(|()| to.flush()).map_err(gone)?;
        let mut line = String::new();
        if from.read_line(&mut line).map_err(gone)? == 0 {
            return Err(Failure::Wrong("nobody answers: nothing was written".to_owned()));
        }
        let line = if line.trim().is_empty() { &default } else { &line };
        match take(answers, question, line) {
            Ok(answers) => return Ok(answers),
            Err(why) => writeln!(to, "  {why}").map_err(gone)?,
        }
    }
    Err(Failure::Wrong(format!("{MOST_TRIES} answers were wrong: nothing was written")))
}

/// A new file that only its owner may read: it may hold a password.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        fs::create_dir_all(dir)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would stand in the way of the next try.
        let _ = fs::remove_file(path);
    }
    written
}

fn next(path: &Path, answers: &Answers) -> String {
    let file = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let file = if file.chars().all(plain) { file } else { format!("'{}'", file.replace('\'', r"'\''")) };
    let person = answers.id();
    let sender = match answers.guessed_sender() {
        Some(from) => format!(
            "Mail goes out as {from}, which nobody has chosen: if your mail server\n\
             refuses that sender, change `from` under `channels` in the file.\n\n"
        ),
        None => String::new(),
    };
    format!(
        "{} is written. Next:\n\n\
         \x20 foghorn config check {file}\n\
         \x20 foghorn check run website -c {file}     # is it well?\n\
         \x20 foghorn page test {person} -c {file}     # does a page arrive?\n\
         \x20 foghorn user add {person} --role admin --person {person} -c {file}     # an account for the console\n\
         \x20 foghorn serve -c {file}\n\n\
         {sender}Then open {} in a browser. The file says how to go on.",
        path.display(),
        answers.public_url()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        Answers::default_for("ana", "0123456789abcdef".to_owned(), "web1")
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again_and_nothing_is_the_default() {
        let mut out = Vec::new();
        let said = "ftp://x\n\nunused\n";
        let with = ask(&answers(), &QUESTIONS[0], &mut said.as_bytes(), &mut out).ok().unwrap();
        assert_eq!(with.url, "https://example.com/");
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("What to watch?").count(), 2, "{out}");
        assert!(out.contains("must begin with") && out.contains("https://"), "{out}");
    }

    #[test]
    fn nobody_who_answers_is_an_end() {
        for said in [String::new(), "ftp://x\n".repeat(100)] {
            let asked = ask(&answers(), &QUESTIONS[0], &mut said.as_bytes(), &mut Vec::new());
            let Err(Failure::Wrong(why)) = asked else { panic!("an answer was found in {said:?}") };
            assert!(why.contains("nothing was written"), "{why}");
        }
    }

    #[test]
    fn each_question_refuses_what_the_file_could_not_hold() {
        for (n, wrong, word) in [
            (0, "shop", "write https://shop/, or http://shop/"),
            (0, "127.0.0.1:22050", "http://127.0.0.1:22050/"),
            (0, "http:", "names no host: write a whole URL such as https://"),
            (0, "https:shop.example.com", "write https://shop.example.com/, or"),
            (0, "https://", "names no host"),
            (0, "shop.example.com/health?a", "https://shop.example.com/health?a,"),
            (0, "a b", "URL"),
            (1, "Ana <ana at example>", "e-mail address"),
            (1, "Ana", "e-mail"),
            (1, "Ana Sousa <ana@example.com", "ends with `>`"),
            (2, "mail.example.com", "URL"),
            (2, "smtps://ana:a b@mail.example.com", "write a space as %20"),
            (2, "smtps://ana:a#b@mail.example.com:465", "write `#` as %23"),
            (2, "smtps://ana:a/b@mail.example.com", "write `/` as %2F"),
            (3, "7070", ""),
            (3, "https://", ""),
            (3, "https://www.example.com/foghorn/", "has a path"),
        ] {
            let why = take(&answers(), &QUESTIONS[n], wrong).err();
            let why = why.unwrap_or_else(|| panic!("{wrong} was taken"));
            assert!(!why.is_empty() && why.contains(word), "{wrong}: {why}");
        }
    }

    /// The name of the system's user is not what somebody meant who gave one.
    #[test]
    fn a_flag_that_says_nothing_is_refused() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            init: InitArgs,
        }
        let refused = |flags: &[&str]| {
            let line = [&["init"], flags].concat();
            blank(&<Line as clap::Parser>::try_parse_from(line).ok().unwrap().init)
        };
        for flag in ["--name", "--email", "--data-dir"] {
            for text in ["", "   ", "\u{200b}\u{a0}"] {
                let why = refused(&[flag, text]).unwrap();
                assert!(why.starts_with(&format!("{flag}: it is empty; ")), "{text:?}: {why}");
            }
        }
        assert_eq!(refused(&["--name", "Ana", "--email", "ana@example.com"]), None);
        assert_eq!(refused(&["--yes"]), None);
    }

    #[test]
    fn a_sender_that_nobody_chose_is_said() {
        let with = |smtp: &str| take(&answers(), &QUESTIONS[2], smtp).unwrap();
        let said = next(Path::new("foghorn.yaml"), &with("smtp://127.0.0.1:25"));
        assert!(said.contains("Mail goes out as Foghorn <foghorn@"), "{said}");
        assert!(said.contains("change `from` under `channels`"), "{said}");
        // The account at the mail server is one that it takes.
        let own = with("smtps://pager%40example.com:secret@mail.example.com");
        assert!(!next(Path::new("foghorn.yaml"), &own).contains("Mail goes out"), "{}", own.file());
        assert!(own.file().contains("from: \"Foghorn <pager@example.com>\""), "{}", own.file());
    }

    #[test]
    fn where_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("odd.yaml")).unwrap();
        for (to, file) in [
            ("x.yaml", "x.yaml"),
            ("x.yml", "x.yml"),
            ("new", "new/foghorn.yaml"),
            ("odd.yaml", "odd.yaml/foghorn.yaml"),
        ] {
            assert_eq!(target(&at(to)), at(file));
        }
        write(&at("new/foghorn.yaml"), "a").unwrap();
        let again = write(&at("new/foghorn.yaml"), "b").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(at("new/foghorn.yaml")).unwrap(), "a");
    }
}
