//! Templates of the `http` channel. A wrong name is an error when the file is read, not when somebody must be woken.

use crate::errors::{At, nearest, quote};
use crate::model::{TEMPLATE_FILTERS, TEMPLATE_VARIABLES};
use crate::read::Cx;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// Says what is wrong with the template that stands at `at`: its syntax, its variables, its filters.
pub(super) fn check(text: &str, at: At, cx: &mut Cx<'_>) {
    let mut env = Environment::new();
    // Nothing is defined: what is looked for is what cannot be done with any value.
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    for filter in TEMPLATE_FILTERS {
        env.add_filter(*filter, |_: Value| "");
    }
    let template = match env.template_from_str(text) {
        Ok(template) => template,
        Err(e) => return failed(&e, text, at, cx),
    };
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !TEMPLATE_VARIABLES.contains(&name.as_str()) && !env.globals().any(|(g, _)| g == name))
        .collect();
    unknown.sort();
    for name in &unknown {
        let advice = match nearest(name, TEMPLATE_VARIABLES.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", TEMPLATE_VARIABLES.join(", ")),
        };
        cx.say(word(name, at, cx), format!("templates have no variable {}", quote(name)), advice);
    }
    let rendered = template.render(());
    if let Err(e) = rendered.map_err(|e| (e.kind(), e)) {
        // Of other kinds are values that a page would have.
        if matches!(e.0, ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction) {
            failed(&e.1, text, at, cx);
        }
    }
}

fn failed(e: &Error, text: &str, at: At, cx: &mut Cx<'_>) {
    // The detail may quote a part of the text, and that may be a secret.
    let line = e.line().and_then(|n| text.lines().nth(n.saturating_sub(1))).unwrap_or(text);
    let place = find(line.trim(), at, cx, |_, _| true).unwrap_or(at);
    cx.say(
        place,
        format!("this is no template: {}", e.kind()),
        format!("values stand in `{{{{ }}}}`, and there are the filters {}", TEMPLATE_FILTERS.join(", ")),
    );
}

/// Where the file has the name, inside of `{{ }}` or `{% %}`; else the whole value.
fn word(name: &str, at: At, cx: &Cx<'_>) -> At {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let alone = |before: &str, after: &str| {
        let open = before.rfind("{{").max(before.rfind("{%"));
        let closed = before.rfind("}}").max(before.rfind("%}"));
        open.is_some()
            && open > closed
            && !before.ends_with(inner)
            && !after.starts_with(|c| inner(c) && c != '.')
    };
    find(name, at, cx, alone).unwrap_or(at)
}

/// Where the file has `part` within `at`, such that what is before and after it is as it must be.
fn find(part: &str, at: At, cx: &Cx<'_>, good: impl Fn(&str, &str) -> bool) -> Option<At> {
    let source = cx.source.text.get(at.start..at.end)?;
    let (found, _) = source.match_indices(part).find(|(i, _)| {
        good(source.get(..*i).unwrap_or_default(), source.get(i + part.len()..).unwrap_or_default())
    })?;
    Some(At { start: at.start + found, end: at.start + found + part.len() })
}
