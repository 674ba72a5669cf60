//! Appends numbered batches to a journal without end and says what happens, a line each: the program that the
//! tests of crashes and faults run. `appender DIR [no-sync]`
//!
//! | line | meaning |
//! |---|---|
//! | `open SEQ` | opened for appending, at this event |
//! | `read-only EVENTS WHY` | opened, but only for reading; it reopens until it can append |
//! | `damage SEQ WHY` | the journal was damaged from this event on |
//! | `ack N` | batch N is durable |
//! | `busy MS` | an append has been under way for so long |
//! | `full N` | while it was under way, so many more requests were taken until one was refused |
//! | `refused WHY` | an append was refused; it is tried again |
//! | `unknown WHY`, `down WHY`, `durable N`, `absent N` | an append of unknown outcome, and what became of it |

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use foghorn_journal::{
    AppendError, Batch, Durability, Head, Journal, Options, Recovery, Settled, Snapshot, Writer, WriterHandle,
};

const SNAPSHOT_EVERY: u64 = 64;
const CHECKPOINT_EVERY: u64 = 300;
const PATIENCE: Duration = Duration::from_millis(20);

fn say(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    // Whoever read this is gone: so are we.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Batches of very different sizes, so that the log is copied and starts over now and then.
fn batch(number: u64, attempt: u64, head: Head) -> Batch {
    let events = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    let length = if number.is_multiple_of(10) { 30_000 } else { 100 };
    let event =
        |n| format!("{{\"batch\":{number},\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(length)).into_bytes();
    let id = (u128::from(number) << 64 | u128::from(attempt)).to_be_bytes();
    Batch {
        id,
        prev: head.hash,
        at_wall_ms: 0,
        at_mono_ms: number,
        events: (0..=events).map(event).collect(),
    }
}

fn tell(recovery: &Recovery) {
    for damage in &recovery.damage {
        say(format_args!("damage {} {}", damage.from_seq, damage.why));
    }
}

/// Waits for an answer, and says meanwhile how long it takes.
fn wait<T>(writer: &WriterHandle, answer: &Receiver<T>) -> Result<T, Box<dyn Error>> {
    let mut filled = false;
    loop {
        match answer.recv_timeout(PATIENCE) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => return Err("the writer is gone".into()),
            Err(RecvTimeoutError::Timeout) => {
                let Some(busy) = writer.busy_for() else { continue };
                say(format_args!("busy {}", busy.as_millis()));
                if busy > 5 * PATIENCE && !std::mem::replace(&mut filled, true) {
                    // Batches that nobody decided: each will have lost its race.
                    let stray = || batch(0, 0, Head { seq: 0, hash: foghorn_journal::ChainHash([0xff; 32]) });
                    let taken = (0..).take_while(|_| writer.append(stray(), Box::new(drop)).is_ok()).count();
                    say(format_args!("full {taken}"));
                }
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("which directory?")?;
    let durability =
        if args.next().as_deref() == Some("no-sync") { Durability::Off } else { Durability::Full };
    let (mut journal, mut recovery) =
        Journal::open(Path::new(&dir), Options { durability, ..Options::default() })?;
    tell(&recovery);
    let mut read = 0;
    journal.replay(0, |batch| read += batch.count)?;
    while let Some(why) = recovery.read_only {
        say(format_args!("read-only {read} {why}"));
        std::thread::sleep(PATIENCE);
        recovery = journal.reopen()?;
    }
    let mut number = 0;
    journal.replay(journal.head().seq.saturating_sub(1), |batch| number = batch.at_mono_ms)?;
    let mut head = journal.head();
    say(format_args!("open {}", head.seq));

    let writer = Writer::spawn(journal)?;
    for attempt in 0.. {
        let next = batch(number + 1, attempt, head);
        let id = next.id;
        let (tell_result, result) = channel();
        while writer
            .append(next.clone(), {
                let tell = tell_result.clone();
                Box::new(move |r| drop(tell.send(r)))
            })
            .is_err()
        {
            std::thread::sleep(PATIENCE);
        }
        match wait(&writer, &result)? {
            Ok(now) => {
                number += 1;
                head = now;
                say(format_args!("ack {number}"));
                keep_house(&writer, number, head);
            }
            Err(AppendError::LostRace { head: now }) => {
                return Err(format!("nobody else appends, yet the head is {now:?}").into());
            }
            Err(AppendError::Refused { why }) => {
                say(format_args!("refused {why:?}"));
                std::thread::sleep(PATIENCE);
            }
            Err(AppendError::Unknown(why)) => {
                say(format_args!("unknown {why}"));
                let settled = settle(&writer, id)?;
                let (Settled::Durable(recovery) | Settled::NotThere(recovery)) = &settled;
                tell(recovery);
                head = recovery.head;
                let there = matches!(settled, Settled::Durable(_));
                number += u64::from(there);
                say(format_args!("{} {number}", if there { "durable" } else { "absent" }));
            }
        }
    }
    Ok(())
}

fn settle(writer: &WriterHandle, id: [u8; 16]) -> Result<Settled, Box<dyn Error>> {
    loop {
        let (tell_result, result) = channel();
        if writer.settle(id, Box::new(move |r| drop(tell_result.send(r)))).is_ok() {
            match wait(writer, &result)? {
                Ok(settled) => return Ok(settled),
                Err(why) => say(format_args!("down {why}")),
            }
        }
        std::thread::sleep(PATIENCE);
    }
}

/// Snapshots and checkpoints in between; that they fail while a fault is on is no matter here.
fn keep_house(writer: &WriterHandle, number: u64, head: Head) {
    if number.is_multiple_of(SNAPSHOT_EVERY) {
        let bytes = format!("{{\"batches\":{number}}}").into_bytes();
        let snapshot = Snapshot { seq: head.seq, hash: head.hash, at_wall_ms: 0, bytes };
        let _ = writer.snapshot(snapshot, Box::new(drop));
    }
    if number.is_multiple_of(CHECKPOINT_EVERY) {
        let _ = writer.checkpoint(head.seq, Box::new(drop));
    }
}
