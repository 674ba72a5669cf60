//! Customers: they look at the page, order, and try again if that does not work.

use bytes::Bytes;
use foghorn_net::http::{Client, HeaderMap, Method, Options, Request, Url};
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

const CUSTOMERS: usize = 4;
/// A customer looks at a spinning wheel for so long.
const PATIENCE: Duration = Duration::from_secs(4);
/// Orders of one run that are remembered: a demo that is left alone must not grow.
const REMEMBERED: usize = 10_000;

/// What customers got.
#[derive(Default)]
pub struct Orders {
    confirmed: Mutex<Vec<String>>,
    failed: AtomicU64,
}

impl Orders {
    /// Ids of the orders that the shop confirmed.
    pub fn confirmed(&self) -> Vec<String> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many the shop confirmed.
    pub fn taken(&self) -> usize {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How often a customer gave up.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// They come, and stay until the set of tasks is dropped.
pub fn come(web: SocketAddr, orders: &Arc<Orders>, tasks: &mut JoinSet<()>) {
    for n in 0..CUSTOMERS {
        let orders = orders.clone();
        // Not all at once.
        let pause = Duration::from_millis(700 + 150 * n as u64);
        tasks.spawn(async move {
            let client = Client::new();
            while orders.taken() < REMEMBERED {
                tokio::time::sleep(pause).await;
                match order(&client, web).await {
                    Some(id) => orders.confirmed.lock().unwrap_or_else(PoisonError::into_inner).push(id),
                    None => drop(orders.failed.fetch_add(1, Ordering::Relaxed)),
                }
            }
        });
    }
}

async fn order(client: &Client, web: SocketAddr) -> Option<String> {
    let url = Url::parse(&format!("http://{web}/orders")).ok()?;
    let request = Request {
        method: Method::POST,
        url,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"a pound of tea"),
    };
    let options = Options { timeout: PATIENCE, ..Options::default() };
    let answer = client.request(request, &options).await.ok().filter(|a| a.status == StatusCode::CREATED)?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    body.get("id")?.as_str().map(str::to_owned)
}
