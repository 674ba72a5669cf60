//! The one place where what was seen meets the language of expectations.

use super::{Phases, Seen};
use foghorn_config::expect::{self, Expectation, JsonPath, Observed};
use std::time::Duration;

/// The first expectation that does not hold, in words. Phases count as far as they have come.
pub(super) fn first_broken(all: &[Expectation], seen: &Seen, phases: &Phases) -> Option<String> {
    if all.is_empty() {
        return None;
    }
    // Several fields of one name are one list (RFC 9110, 5.3).
    let header = |name: &str| {
        let fields = seen.headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
        Some(fields.collect::<Vec<_>>().join(", ")).filter(|_| seen.headers.contains_key(name))
    };
    let kept = phases.first_byte.filter(|_| phases.connect.is_none()).map(|_| Duration::ZERO);
    let observed = Observed {
        status: seen.status.map(i64::from),
        body: seen.body.as_deref(),
        size: None,
        header: Some(&header),
        // What was not needed took no time: an address is not resolved, a connection that is kept is not made again.
        phases: expect::Phases {
            resolve: phases.resolve.or(Some(Duration::ZERO)),
            connect: phases.connect.or(kept),
            tls: phases.tls.or(kept),
            first_byte: phases.first_byte,
            total: Some(phases.total),
        },
        #[allow(clippy::cast_precision_loss)]
        cert_days: seen.cert_days.map(|d| d as f64),
        answers: seen.answers.as_deref(),
        perf: &seen.perf,
        json: Default::default(),
    };
    let told = |e: &Expectation| {
        e.holds(&observed)?;
        if seen.cut && !e.holds_of_the_whole() {
            Err(format!("{}: it cannot be told", e.text))
        } else {
            Ok(())
        }
    };
    let why = all.iter().find_map(|e| told(e).err())?;
    Some(if seen.cut { format!("{why} (only the first 1 MiB of the answer was read)") } else { why })
}

/// The value at a path of a JSON answer, as text.
pub(super) fn json_text(path: &JsonPath, seen: &Seen) -> Option<String> {
    let document = expect::document(seen.body.as_deref()?)?;
    match path.find(&document).into_iter().next()?.into_owned() {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}
