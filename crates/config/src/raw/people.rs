//! People, channels, schedules, escalations, paging.

use crate::read::{Hidden, List, MaybeHidden, OneOrMany, Part, Spanned, Table, Tag, record, tagged};
use crate::scalars::{
    AnyText, HttpUrl, Method, PageUrgency, Repeat, TargetText, TimeOfDay, TurnText, Weekday, Zone,
};
use crate::secret::Secret;
use foghorn_core::schedule::LocalTime;
use foghorn_core::words::Urgency;
use std::time::Duration;

record! {
    /// Somebody who can be paged.
    Person {
        /// As other people read it. Default: the name of this group.
        name: Option<Spanned<String>>,
        /// For working hours.
        time_zone: Spanned<Zone> = "UTC",
        /// When warnings may be sent. Default: Monday to Friday, "09:00" to "17:00".
        working_hours: Option<WorkingHours>,
        /// How to reach the person, in the order in which it is tried.
        contacts: List<Contact>,
    }
}

record! {
    /// When a person is at work.
    WorkingHours {
        /// `mon` to `sun`. Default: Monday to Friday.
        days: Option<List<Spanned<Weekday>>>,
        /// In the person's time zone.
        from: Spanned<TimeOfDay> = "09:00",
        /// After `from`; up to "24:00".
        to: Spanned<TimeOfDay> = "17:00",
    }
}

record! {
    /// One way to reach a person.
    Contact {
        /// The channel.
        via: Spanned<String>,
        /// The address on that channel: e-mail address, number in E.164, ntfy topic. Elsewhere it may be left out and is the person's name in this file.
        to: Option<Spanned<String>>,
        /// How long after the person's turn began.
        after: Spanned<Duration> = "0s",
        /// Only for pages that wake (`high`), or only for those that do not (`low`). Default: both.
        only: Option<Spanned<PageUrgency>>,
    }
}

tagged! {
    /// How a page goes out.
    Channel {
        /// E-mail.
        Smtp(Smtp) = "smtp",
        /// Signed JSON.
        Webhook(Webhook) = "webhook",
        /// ntfy.
        Ntfy(Ntfy) = "ntfy",
        /// Slack.
        Slack(Slack) = "slack",
        /// A call.
        TwilioVoice(Twilio) = "twilio-voice",
        /// A text message.
        TwilioSms(Twilio) = "twilio-sms",
        /// A program.
        Exec(ExecChannel) = "exec",
        /// Any HTTP API.
        Http(HttpChannel) = "http",
    }
}

record! {
    /// E-mail by SMTP. It wakes nobody.
    Smtp {
        /// `smtp`.
        kind: Tag,
        /// `smtp://host:port`, `smtp+starttls://…` or `smtps://…`, with `user:password@` before the host if needed.
        url: Hidden,
        /// The sender: `Name <address>`.
        from: Spanned<String>,
    }
}

record! {
    /// JSON by POST, signed per Standard Webhooks.
    Webhook {
        /// `webhook`.
        kind: Tag,
        /// Where to.
        url: Hidden,
        /// What the signature is made with: `whsec_…`, or any text. A text that is base64 makes two signatures, by what it decodes to and by the text itself, of which a receiver needs to know one. Without it nothing is signed.
        secret: MaybeHidden,
    }
}

record! {
    /// ntfy, with its emergency priority. A contact's `to` is the topic.
    Ntfy {
        /// `ntfy`.
        kind: Tag,
        /// The server, with nothing behind its host: the topic is the contact's `to`.
        url: Spanned<HttpUrl> = "https://ntfy.sh",
        /// Access token.
        token: MaybeHidden,
    }
}

record! {
    /// Slack's incoming webhook. It wakes nobody.
    Slack {
        /// `slack`.
        kind: Tag,
        /// The address that Slack gave; it is a secret.
        url: Hidden,
    }
}

record! {
    /// Twilio: a call that reads the page aloud and takes a key press, or a text message.
    Twilio {
        /// `twilio-voice` or `twilio-sms`.
        kind: Tag,
        /// Twilio's API.
        url: Spanned<HttpUrl> = "https://api.twilio.com",
        /// `AC…`.
        account: Spanned<String>,
        /// Auth token.
        token: Hidden,
        /// Number in E.164, or a messaging service's id.
        from: Spanned<String>,
    }
}

record! {
    /// A program that gets the page as JSON on its standard input.
    ExecChannel {
        /// `exec`.
        kind: Tag,
        /// Program and arguments; no shell. A program with a `/` is a file, relative to the configuration file's folder.
        command: List<Spanned<AnyText>>,
        /// It is killed after this long, 29s at most.
        timeout: Spanned<Duration> = "10s",
    }
}

record! {
    /// Any HTTP API, by templates: `{{ to }}`, `{{ title }}` and the like; see [templates](paging.md#templates).
    HttpChannel {
        /// `http`.
        kind: Tag,
        /// Where to; a template.
        url: Hidden,
        /// HTTP method.
        method: Spanned<Method> = "POST",
        /// Values are templates.
        headers: Table<Secret>,
        /// A template; empty for none.
        body: Option<Spanned<AnyText>>,
    }
}

record! {
    /// Who is on call when: rotations side by side, each with one person at a time.
    Schedule {
        /// In which hand-overs happen.
        time_zone: Spanned<Zone> = "UTC",
        /// At least one.
        rotations: List<Rotation>,
    }
}

record! {
    /// People who take turns.
    Rotation {
        /// In order.
        people: OneOrMany<Spanned<String>>,
        /// How long a turn is.
        every: Spanned<TurnText> = "1w",
        /// When the first person's first turn begins, on the schedule's clock; hand-overs are at that time of day.
        starts: Spanned<LocalTime>,
    }
}

record! {
    /// Who is paged, in what order, until a person acknowledges.
    Escalation {
        /// At least one.
        steps: List<Step>,
        /// How often the steps are gone through: `forever` or a number.
        repeat: Spanned<Repeat> = "forever",
    }
}

record! {
    /// One step of an escalation.
    Step {
        /// Whom to page: `schedule/NAME`, `person/NAME` or `everyone`.
        page: OneOrMany<Spanned<TargetText>>,
        /// From entering this step to entering the next.
        wait: Spanned<Duration> = "5m",
    }
}

record! {
    /// The waits of paging.
    Paging {
        /// Whether a severity wakes (`high`), waits for working hours (`low`) or never pages (`none`).
        urgency: Part<Urgencies>,
        /// Acknowledged and still critical after this long pages the next step.
        ack_expires: Spanned<Duration> = "20m",
        /// A contact that has not accepted a page for this long is passed over.
        pass_over: Spanned<Duration> = "60s",
        /// Alerts of related entities that start within this long of each other are one incident.
        correlate_within: Spanned<Duration> = "5m",
        /// A resolved incident whose trouble returns within this long is the same incident.
        reopen_within: Spanned<Duration> = "5m",
        /// An incident that a person resolved while something was still failing is opened again after this long.
        still_failing_after: Spanned<Duration> = "5m",
    }
}

record! {
    /// The urgency of each severity.
    Urgencies {
        /// Of critical alerts.
        critical: Spanned<Urgency> = "high",
        /// Of warnings.
        warning: Spanned<Urgency> = "low",
        /// Of what is only worth knowing.
        info: Spanned<Urgency> = "none",
    }
}
