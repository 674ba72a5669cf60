//! A small shop that runs in the process: customers, a reverse proxy, an API, a database. Its sockets and files are real.

mod api;
mod customers;
mod db;
mod web;

pub use customers::Orders;
pub use db::Db;
pub use web::{Load, WORKERS};

use foghorn_net::serve::{self, Limits, Server};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A shop that is open. Everything in it ends when it is dropped.
pub struct Shop {
    /// Where the database listens.
    pub db_address: SocketAddr,
    /// Where the API listens.
    pub api_address: SocketAddr,
    /// Where the reverse proxy listens, which is all that customers know of.
    pub web_address: SocketAddr,
    /// The database, to be broken and mended.
    pub db: Db,
    /// How busy the proxy is.
    pub web: Arc<Load>,
    /// What customers got.
    pub orders: Arc<Orders>,
    _tasks: JoinSet<()>,
}

impl Shop {
    /// Opens it; the database's files are in `dir`.
    ///
    /// # Errors
    /// No port on loopback, or no files.
    pub fn open(dir: &Path) -> io::Result<Shop> {
        let (db_listener, db_address) = loopback()?;
        let (api_listener, api_address) = loopback()?;
        let (web_listener, web_address) = loopback()?;
        let db = Db::new(dir)?;
        let (web, orders) = (Arc::<Load>::default(), Arc::<Orders>::default());
        let mut tasks = JoinSet::new();
        db.serve(tokio::net::TcpListener::from_std(db_listener)?, &mut tasks);
        serve(api_listener, api::router(db_address), &mut tasks);
        serve(web_listener, web::router(api_address, web.clone()), &mut tasks);
        customers::come(web_address, &orders, &mut tasks);
        Ok(Shop { db_address, api_address, web_address, db, web, orders, _tasks: tasks })
    }

    /// Of the orders that were confirmed to customers, how many are not on disk.
    pub fn lost_orders(&self) -> usize {
        self.orders.confirmed().iter().filter(|id| !self.db.has(id)).count()
    }
}

/// A listener on a free port.
///
/// # Errors
/// There is none.
pub fn loopback() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = serve::listen((Ipv4Addr::LOCALHOST, 0).into()).map_err(io::Error::other)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until the set of tasks is dropped.
pub fn serve(listener: TcpListener, router: axum::Router, tasks: &mut JoinSet<()>) {
    let limits = Limits { connections: 256, ..Limits::default() };
    tasks.spawn(async move {
        if let Err(e) = Server::new(router, limits).run(listener, std::future::pending()).await {
            tracing::error!("a listener of the demo has ended: {e}");
        }
    });
}
