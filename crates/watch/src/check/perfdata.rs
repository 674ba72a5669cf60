//! Performance data of Nagios plugins: `'label'=value[UOM];[warn];[crit];[min];[max]`, after the plugin development
//! guidelines.

/// More of them are not read.
pub const MOST: usize = 256;

/// One performance datum.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// Without its quotes.
    pub label: String,
    /// `None` for `U`, which a plugin writes when it could not find out.
    pub value: Option<f64>,
    /// `s`, `ms`, `%`, `B`, `KB`, `c` …; often empty.
    pub unit: String,
    /// Thresholds and limits as written: warn, crit, min, max. Empty where left out.
    pub limits: [String; 4],
}

/// Reads performance data. What is no datum is left out, up to the next blank.
#[must_use]
pub fn parse(text: &str) -> Vec<Datum> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && out.len() < MOST {
        let (found, tail) = datum(rest);
        out.extend(found);
        rest = tail.trim_start();
    }
    out
}

/// One datum, and what follows it.
fn datum(text: &str) -> (Option<Datum>, &str) {
    let Some((label, after)) = label(text) else {
        return (None, text.split_once(char::is_whitespace).map_or("", |(_, tail)| tail));
    };
    let (fields, tail) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    let mut fields = fields.split(';');
    let first = fields.next().unwrap_or_default();
    let mut limits: [String; 4] = Default::default();
    for (limit, field) in limits.iter_mut().zip(fields) {
        field.clone_into(limit);
    }
    let found = value(first).map(|(value, unit)| Datum { label, value, unit: unit.to_owned(), limits });
    (found, tail)
}

/// A label, quoted or not, and what follows its `=`.
fn label(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (label, after) = text.split_once('=')?;
        let good = !label.is_empty() && !label.contains(|c: char| c.is_whitespace() || c == '\'');
        return good.then(|| (label.to_owned(), after));
    };
    let mut label = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('\'')?;
        label.push_str(part);
        // Two quotes are one quote in the label.
        match after.strip_prefix('\'') {
            Some(more) => {
                label.push('\'');
                rest = more;
            }
            None => return Some((label, after.strip_prefix('=')?)),
        }
    }
}

fn value(text: &str) -> Option<(Option<f64>, &str)> {
    if text == "U" {
        return Some((None, ""));
    }
    let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')));
    let (mut number, mut unit) = text.split_at(digits.unwrap_or(text.len()));
    // An exponent, if digits follow; else the letter is of the unit.
    if let Some(exponent) = unit.strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['-', '+']));
        let more = exponent.get(sign..)?.chars().take_while(char::is_ascii_digit).count();
        if more > 0 {
            (number, unit) = text.split_at(number.len() + 1 + sign + more);
        }
    }
    let value: f64 = number.parse().ok()?;
    value.is_finite().then_some((Some(value), unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_plugins_write() {
        let short = |text: &str| {
            parse(text)
                .iter()
                .map(|d| format!("{}={:?}{}{:?}", d.label, d.value, d.unit, d.limits.join(";")))
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (text, want) in [
            ("", ""),
            ("load1=0.010;5.000;9.000;0;", r#"load1=Some(0.01)"5.000;9.000;0;""#),
            ("time=0.006s;;;0.000 size=454B", r#"time=Some(0.006)s";;0.000;" size=Some(454.0)B";;;""#),
            ("'/var log'=82%;80;90", r#"/var log=Some(82.0)%"80;90;;""#),
            ("'it''s'=1", r#"it's=Some(1.0)";;;""#),
            ("rta=U;; pl=100%", r#"rta=None";;;" pl=Some(100.0)%";;;""#),
            ("x=-1.5e-3c", r#"x=Some(-0.0015)c";;;""#),
            ("a=1e b=2", r#"a=Some(1.0)e";;;" b=Some(2.0)";;;""#),
            ("junk a=1 =2 'open=3 b=x c=4", r#"a=Some(1.0)";;;" c=Some(4.0)";;;""#),
            ("a=1;10:20;@5:6;0;100", r#"a=Some(1.0)"10:20;@5:6;0;100""#),
        ] {
            assert_eq!(short(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,300}") {
            prop_assert!(parse(&text).len() <= MOST);
        }

        #[test]
        fn what_is_written_by_the_rules_is_read(
            data in proptest::collection::vec(("[^=|\\s]{1,20}", -1e9f64..1e9, "(s|ms|us|%|B|KB|c|)"), 0..20),
        ) {
            let line: Vec<String> =
                data.iter().map(|(l, v, u)| format!("'{}'={v}{u};1;2", l.replace('\'', "''"))).collect();
            let read = parse(&line.join(" "));
            prop_assert_eq!(read.len(), data.len());
            for (r, (label, value, unit)) in read.iter().zip(&data) {
                prop_assert_eq!((&r.label, r.value, &r.unit), (label, Some(*value), unit));
            }
        }
    }
}
