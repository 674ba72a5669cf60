//! How long threads run before others get their turn.
//!
//! From the wire to the phone an alert passes five threads, and each that wakes waits for the turn of whoever runs to be
//! over: 1.4 ms and more where every processor is busy with pages that people look at. Linux from 6.12 on lets a program
//! ask for shorter turns ([`sched_setattr`]); its share of the processors stays the same. Who wakes to a short turn does not
//! wait for a longer one to be over, but does wait for one as short, and if that goes on, for the next tick of the clock:
//! so what people look at has the system's own turns, and wakes to none before the turn of another is over.
//!
//! [`sched_setattr`]: https://docs.kernel.org/scheduler/sched-eevdf.html

use std::io;

/// The shortest that Linux grants.
const TURN_NS: u64 = 100_000;

/// Asks for short turns for this thread and those that it starts from now on. An older Linux takes it and does nothing.
///
/// # Errors
/// The system does not permit it: nothing has changed then, and all goes on, only less promptly under load.
pub fn shorten() -> io::Result<()> {
    let mut of_this_thread = read()?;
    // Whoever has given us a policy of another kind knows better.
    if ![libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(of_this_thread.sched_policy.cast_signed())) {
        return Ok(());
    }
    of_this_thread.sched_runtime = TURN_NS;
    write(&of_this_thread)
}

/// This thread, and those that it starts from now on, do what others need not wait for: nicer by so much than until now
/// (19 is the most), with the system's own turns, and without interrupting anybody when they wake (`SCHED_BATCH`). Where the
/// system does not permit it they are as important as the others.
pub fn step_back(niceness: i32) {
    let back = || {
        let mut of_this_thread = read()?;
        if [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(of_this_thread.sched_policy.cast_signed())) {
            of_this_thread.sched_policy = libc::SCHED_BATCH.cast_unsigned();
            of_this_thread.sched_nice = (of_this_thread.sched_nice + niceness).min(19);
            of_this_thread.sched_runtime = 0;
            write(&of_this_thread)?;
        }
        Ok::<_, io::Error>(())
    };
    // As said above.
    let _ = back();
}

fn write(of_this_thread: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the kernel reads a struct of the size that its first field says, which is alive during the call.
    #[expect(unsafe_code, reason = "the only way to ask; no safe crate wraps it")]
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *of_this_thread, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn read() -> io::Result<libc::sched_attr> {
    let mut attr = libc::sched_attr {
        size: 0,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    let size = size_of::<libc::sched_attr>();
    // SAFETY: the kernel writes at most `size` bytes into a struct of that size, which is alive during the call, and whose
    // fields are all integers.
    #[expect(unsafe_code, reason = "as above")]
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, size, 0) };
    if done == 0 { Ok(attr) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_turn_is_changed_and_new_threads_have_it() {
        let before = read().unwrap();
        shorten().unwrap();
        let after = read().unwrap();
        let rest = |a: &libc::sched_attr| (a.sched_policy, a.sched_flags, a.sched_nice, a.sched_priority);
        assert_eq!(rest(&before), rest(&after));
        // A Linux before 6.12 tells of no turns at all.
        assert!([0, TURN_NS].contains(&after.sched_runtime), "{}", after.sched_runtime);
        let inherited = std::thread::spawn(|| read().unwrap().sched_runtime).join().unwrap();
        assert_eq!(inherited, after.sched_runtime);
    }

    #[test]
    fn who_steps_back_is_nicer_and_has_the_turns_that_the_system_gives() {
        let seen = |a: &libc::sched_attr| (a.sched_policy.cast_signed(), a.sched_nice, a.sched_runtime);
        let (policy, nice, turn) = seen(&read().unwrap());
        shorten().unwrap();
        step_back(0);
        assert_eq!(seen(&read().unwrap()), (libc::SCHED_BATCH, nice, turn), "it was {policy}");
        step_back(3);
        assert_eq!(seen(&read().unwrap()), (libc::SCHED_BATCH, nice + 3, turn));
        step_back(100);
        assert_eq!(seen(&read().unwrap()), (libc::SCHED_BATCH, 19, turn));
    }
}
