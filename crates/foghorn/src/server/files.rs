//! How many files and connections the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open whatever is measured: journal, history, channels, listeners and who is connected to them.
const OTHERS: u64 = 1024;
/// Of one measurement: a connection, or a plugin's pipes.
const A_CHECK: u64 = 4;
/// More is of no use, and some plugins close every file that they could have.
const MOST: u64 = 524_288;

/// Raises the limit as far as this process may, and says why it does not suffice for so many checks, if it does not.
pub fn raise(checks: usize) -> Option<String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    if current.is_some_and(|soft| soft < wanted)
        && let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!("the limit of open files cannot be raised to {wanted}: {e}");
    }
    too_low(getrlimit(Resource::Nofile).current.unwrap_or(MOST), checks)
}

fn too_low(limit: u64, checks: usize) -> Option<String> {
    let needed = OTHERS + A_CHECK * u64::try_from(checks).unwrap_or(u64::MAX / A_CHECK - OTHERS);
    (limit < needed).then(|| {
        format!(
            "{limit} open files are allowed, and {checks} checks may take {needed}: raise the hard limit \
             (LimitNOFILE= in the unit, ulimit -Hn in a shell), or checks fail for want of connections"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let low = current.unwrap_or(MOST).min(900);
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum }).unwrap();
        raise(0);
        let now = getrlimit(Resource::Nofile);
        assert_eq!((now.current, now.maximum), (Some(maximum.unwrap_or(MOST).min(MOST)), maximum));
    }

    #[test]
    fn a_limit_that_is_too_low_for_the_checks_is_told() {
        assert_eq!(too_low(1024, 0), None);
        assert_eq!(too_low(65_536, 10_000), None);
        let said = too_low(4096, 10_000).unwrap();
        assert!(said.starts_with("4096 open files are allowed, and 10000 checks may take 41024"), "{said}");
    }
}
