//! How long threads run before others get their turn.
//!
//! From the wire to the phone an alert passes five threads, and each that wakes waits for the turn of whoever runs to be
//! over: 1.4 ms and more where every processor is busy with pages that people look at. Linux from 6.12 on lets a program
//! ask for shorter turns ([`sched_setattr`]); its share of the processors stays the same.
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
    // SAFETY: the kernel reads a struct of the size that its first field says, which is alive during the call.
    #[expect(unsafe_code, reason = "the only way to ask; no safe crate wraps it")]
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const of_this_thread, 0) };
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
}
