//! Outage 5: after an unattended upgrade the database could be read but not written.

use super::Story;
use crate::demo::shop::{Shop, WORKERS};

const _: () = assert!(WORKERS == 8, "the sentences below say eight");

/// Reads work, writes hang.
pub const STORY: Story = Story {
    name: "writes-hang",
    title: "reads work, writes hang",
    after: "an outage at Exalate, 13 to 15 November 2021, as its public report tells it",
    opening: "A small shop runs in this process, on real sockets and files: a reverse proxy with eight workers, an API, \
              a database, and customers who order tea. Foghorn watches it. Ana is on call, then Ben, then everyone.",
    config: include_str!("writes_hang.yaml"),
    change: ("shop-db", "database upgraded from 13.4 to 13.5, unattended"),
    breaks: |shop: &Shop| shop.db.hang_writes(),
    broken: "The database was upgraded from 13.4 to 13.5, unattended. It still reads. From now on every write hangs.",
    meanings: &[
        (
            "order-around-proxy",
            "An order straight at the API, around the proxy: writes hang behind it, whatever the proxy does.",
        ),
        (
            "order-through-proxy",
            "An order by the customers' way, through the proxy. Whether the proxy is at fault, order-around-proxy tells.",
        ),
        (
            "shop-page",
            "Now even the shop's page hangs, though reading works. A monitor that goes through this proxy is blind from \
             here on. In 2021 the monitoring and its escalation went through the proxy, and nobody was paged.",
        ),
    ],
    signs: &[(
        |shop: &Shop| shop.web.is_full(),
        "Stuck orders hold all eight workers of the proxy. Whatever comes next waits in its queue.",
    )],
    stays_green: (
        &["read-around-proxy", "database-port"],
        "Still green: read-around-proxy and database-port. Reading works and the port answers, so a monitor that only \
         reads, or only knocks, would have seen nothing.",
    ),
    answers: "caro",
    repair: "restart the database",
    repairs: |shop: &Shop| shop.db.restart(),
    repaired: "The database is restarted. Stuck writes end with an error, the proxy's workers are free, customers try again.",
    really: [
        "5 h, by customers' mails",
        "never: the escalation failed silently",
        "34 h, when a status page opened",
        "47 h, when all nodes were back",
    ],
};
