//! Slack and ntfy.

use super::view::{Line, headline, view};
use crate::message::{Kind, Message};
use crate::text::slack as escape;
use foghorn_core::text::shortened;
use foghorn_core::words::Urgency;
use serde_json::{Value, json};

/// For Slack's incoming webhooks: blocks for people, `text` for notifications.
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>. A contact that is a Slack member's id
/// (`U024BE7LH`) is mentioned.
#[must_use]
pub fn slack(m: &Message) -> Value {
    let view = view(m);
    let mention = if is_member(&m.to) { format!("<@{}> ", m.to) } else { String::new() };
    // Links, not buttons: a button wants an application that answers it.
    let link = |label: &str, url: &str| format!("<{}|{label}>", escape(url).replace('|', "%7C"));
    let open = link(view.link.0, &view.link.1);
    let links = match &view.button {
        Some((label, url)) => format!("*{}*  ·  {open}", link(label, url)),
        None => open,
    };
    // Slack's limits: 3,000 characters a section, 50 blocks.
    let section =
        |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": shortened(&text, 2900)}});
    let mut blocks = vec![
        section(format!("{mention}*{}*\n{}", escape(&view.headline), escape(&view.lead))),
        section(links),
    ];
    for s in &view.sections {
        let lines: Vec<String> = s.lines.iter().map(|Line(l)| format!("• {}", escape(l))).collect();
        blocks.push(section(format!("*{}*\n{}", s.head, lines.join("\n"))));
    }
    json!({"text": format!("{mention}{}", escape(&view.headline)), "blocks": blocks, "unfurl_links": false})
}

fn is_member(to: &str) -> bool {
    (9..=15).contains(&to.len())
        && to.starts_with(['U', 'W'])
        && to.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// For ntfy: <https://docs.ntfy.sh/publish/#publish-as-json>. Priority 5 breaks do-not-disturb.
#[must_use]
pub fn ntfy(m: &Message) -> Value {
    let view = view(m);
    let (priority, tag) = match (&m.kind, m.urgency) {
        (Kind::Page, Urgency::High) => (5, "rotating_light"),
        (Kind::Page, _) => (3, "warning"),
        (Kind::Acknowledged { .. }, _) => (2, "handshake"),
        (Kind::Resolved { .. }, _) => (3, "white_check_mark"),
        (Kind::Test, _) => (3, "bell"),
    };
    let mut actions = Vec::new();
    if let Some((label, url)) = &view.button {
        actions.push(json!({"action": "view", "label": label, "url": url, "clear": true}));
    }
    actions.push(json!({"action": "view", "label": view.link.0, "url": view.link.1}));
    let mut tags = vec![tag];
    if m.drill {
        tags.push("drill");
    }
    json!({
        "topic": m.to,
        "title": headline(m, 200),
        // Of 4,096 bytes ntfy makes an attachment.
        "message": shortened(&view.text(), 3800),
        "priority": priority,
        "tags": tags,
        "click": view.button.as_ref().map_or(&view.link.1, |(_, url)| url),
        "actions": actions,
    })
}
