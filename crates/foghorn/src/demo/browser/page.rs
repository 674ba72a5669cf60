//! The page: the story on the left, a telephone on the right.

use super::board::{Offer, Page, Phone, Shown, Step};
use crate::demo::screen::Who;
use foghorn_look::{Tone, badge, escape};

/// Seconds between looks without a script.
const AGAIN: u32 = 2;

/// All of it. The visitor is a name and a password. `follows` is whether it loads itself again without a script: only who
/// asks for that gets a page that moves away under their eyes, and can stop it.
pub fn render(shown: &Shown, title: &str, visitor: (&str, &str), status: &str, follows: bool) -> String {
    let title = escape(title);
    // Once nothing more happens the page stays, whether the demo is there or not.
    let (again, plain) = match (shown.over, follows) {
        (true, _) => (String::new(), String::new()),
        (false, true) => (
            format!("<noscript><meta http-equiv=\"refresh\" content=\"{AGAIN}\"></noscript>\n"),
            format!(
                "<noscript><p class=\"row\">This page loads itself again every {AGAIN} seconds. <a class=\"button\" href=\"/\">Stop that</a></p></noscript>\n"
            ),
        ),
        (false, false) => (
            String::new(),
            "<noscript><p class=\"row\">Your browser runs no scripts. <a class=\"button\" href=\"/\">Show what is new</a> \
             <a class=\"button\" href=\"/?follow\">Show it by itself</a></p></noscript>\n"
                .to_owned(),
        ),
    };
    let gone = match shown.gone {
        0 => String::new(),
        n => format!("<li class=\"dim\">{n} earlier steps are in the terminal.</li>\n"),
    };
    let steps: String = shown.steps.iter().map(step).collect();
    let (name, password, status) = (escape(visitor.0), escape(visitor.1), escape(status));
    format!(
        r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Foghorn demo: {title}</title>
{again}<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/demo.css">
<script src="/demo.js" defer></script>
</head>
<body>
<header class="top">
<span class="brand">Foghorn demo</span>
<div class="end row">
<form method="post" action="/console" target="_blank"><button>Console</button></form>
<a class="button" href="{status}" target="_blank" rel="noopener">Status page</a>
</div>
</header>
<main class="stage" data-version="{}">
<p id="gone" class="wrong" role="status" hidden>The demo has ended. This is how it was.</p>
{plain}<section class="told">
<h1 class="hide">{title}</h1>
<div class="story" tabindex="0" role="region" aria-label="The story so far">
<ol class="plain" id="story">
{gone}{steps}</ol>
</div>
</section>
<section class="phones" id="phones" aria-label="Phones">
{}</section>
</main>
<footer class="foot">
<p>If the console asks: log in as <code>{name}</code> with <code>{password}</code>. All of this is on your own machine, and of this run only.</p>
</footer>
</body>
</html>
"##,
        shown.version,
        phones(shown, follows),
    )
}

fn step(step: &Step) -> String {
    match step {
        Step::Heading(text) => format!("<li><h2>{}</h2></li>\n", escape(text)),
        Step::Text(text) => format!("<li><p>{}</p></li>\n", escape(text)),
        Step::Rows(rows) => {
            let rows: Vec<String> = rows.lines().map(escape).collect();
            format!("<li><pre>{}</pre></li>\n", rows.join("\n"))
        }
        Step::Said { at, who, text, remarks } => {
            let tone = match who {
                Who::Shop => "info",
                Who::Foghorn => "warn",
                Who::Phone => "planned",
                Who::Person => "good",
            };
            let remarks: String =
                remarks.iter().map(|r| format!("<p class=\"dim\">{}</p>", escape(r))).collect();
            format!(
                "<li class=\"said {tone}\"><span class=\"dim num\">{}</span> <span class=\"toned\">{}</span> <div>{}{remarks}</div></li>\n",
                escape(at.trim()),
                who.word(),
                escape(text),
            )
        }
    }
}

fn phones(shown: &Shown, follows: bool) -> String {
    let Some(front) = shown.phones.get(shown.front) else {
        return "<article class=\"phone\"><div class=\"quiet dim\"><strong>Quiet</strong>\
                <p>Nobody has been paged. The first page will be on this phone.</p></div></article>\n"
            .to_owned();
    };
    let others = shown.phones.iter().enumerate().filter(|(n, _)| *n != shown.front);
    let others: String = others.map(|(_, phone)| small(phone)).collect();
    format!("{}<div class=\"others\">\n{others}</div>\n", large(front, &shown.offers, follows))
}

/// The phone that is looked at, with its button.
fn large(phone: &Phone, offers: &[Offer], follows: bool) -> String {
    let name = escape(&phone.name);
    let Page { at, severity, shout, rows, link } = &phone.page;
    // A row without a word goes on with what the one before it is about.
    let row = |(word, text): &(&str, String)| match *word {
        "" => format!("<dd>{}</dd>\n", escape(text)),
        word => format!("<dt>{word}</dt><dd>{}</dd>\n", escape(text)),
    };
    let rows: String = rows.iter().map(row).collect();
    let buttons = offers.iter().map(|offer| match offer {
        Offer::Acknowledge(person) if *person == phone.person => {
            button(offer, "Acknowledge", "primary huge", follows)
        }
        Offer::Acknowledge(_) => String::new(),
        Offer::Repair(what) => button(offer, &capital(what), "huge", follows),
    });
    let buttons: String = buttons.collect();
    let answered = match phone.answered {
        true => format!("<p>{}</p>\n", badge(Tone::Good, &format!("{} has answered", phone.name))),
        false => String::new(),
    };
    format!(
        "<article class=\"phone\" aria-label=\"{name}&#39;s phone\">\n\
         <p class=\"row\"><strong>{name}&#39;s phone</strong><span class=\"end dim num\">{}</span></p>\n\
         <p>{}</p>\n<dl>\n{rows}</dl>\n{answered}{buttons}{}\
         <p class=\"small\"><a href=\"{}\" target=\"_blank\" rel=\"noopener\">The link in the page</a></p>\n</article>\n",
        escape(at.trim()),
        badge(tone(severity), shout),
        news(phone),
        escape(link),
    )
}

/// Somebody else's.
fn small(phone: &Phone) -> String {
    let name = escape(&phone.name);
    let is = if phone.answered { "has answered" } else { "was paged" };
    format!(
        "<article class=\"phone small\" aria-label=\"{name}&#39;s phone\">\n<p><strong>{name}</strong> {is} \
         <span class=\"dim num\">{}</span></p>\n{}</article>\n",
        escape(phone.page.at.trim()),
        news(phone),
    )
}

fn news(phone: &Phone) -> String {
    phone.news.iter().map(|news| format!("<p class=\"news\">{}</p>\n", escape(news))).collect()
}

fn button(offer: &Offer, text: &str, class: &str, follows: bool) -> String {
    let what = offer.word();
    let follow = if follows { "<input type=\"hidden\" name=\"follow\">" } else { "" };
    format!(
        "<form method=\"post\" action=\"/press\"><input type=\"hidden\" name=\"what\" value=\"{what}\">{follow}\
         <button class=\"{class}\" id=\"{what}\">{}</button></form>\n",
        escape(text)
    )
}

fn tone(severity: &str) -> Tone {
    match severity {
        "critical" => Tone::Bad,
        "warning" => Tone::Warn,
        _ => Tone::Info,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::browser::Board;

    #[test]
    fn the_button_is_on_the_phone_of_whoever_is_asked() {
        let board = Board::new();
        let at =
            |follows| render(&board.follow().borrow(), "<t>", ("demo", "pw"), "http://127.0.0.1:1", follows);
        let (html, refresh) = (|| at(false), "http-equiv=\"refresh\"");
        assert!(html().contains("Nobody has been paged") && html().contains("&lt;t&gt;"));
        board.rings("ana", "Ana <x>", Page::default(), true);
        board.rings("ben", "Ben", Page::default(), false);
        assert!(!html().contains("action=\"/press\"") && !html().contains("<x>"));
        board.offers(vec![Offer::Acknowledge("ana".to_owned())]);
        assert_eq!(html().matches("value=\"acknowledge\"").count(), 1);
        // Nobody looks at Ana's phone any more.
        board.answered("ben");
        assert!(!html().contains("value=\"acknowledge\""));
        board.offers(vec![Offer::Repair("mend it")]);
        assert!(html().contains(">Mend it</button>") && !html().contains("name=\"follow\""));
        // Who wants the page to load itself again keeps that over a press, and can stop it.
        assert!(!html().contains(refresh) && html().contains("href=\"/?follow\""));
        assert!(at(true).contains(refresh) && at(true).contains("Stop that"));
        assert!(at(true).contains("name=\"follow\""));
        board.over();
        assert!(!at(true).contains(refresh), "it would look for a demo that has ended");
        assert!(!html().contains("<noscript>"));
    }
}
