//! Servers for tests.

use crate::client::Client;
use crate::flavour::Watchdog;
use greenstd::net::TcpStream;
use greenstd::net::http::{Builder, HttpServer, IntoResponse, Request};
use greenstd::net::io::PollDuplex;
use greenstd::net::server::Wrap;
use greenstd::runtime::{self, Runtime};
use std::net::SocketAddr;

/// A server in a runtime of its own, which ends with it.
pub struct Served {
    // In this order: the server stops while there is a runtime.
    pub server: Option<HttpServer>,
    runtime: Option<Runtime>,
    _watchdog: Watchdog,
}

pub fn serve<W, R>(
    workers: usize,
    settings: impl FnOnce(Builder) -> Builder<W> + Send + 'static,
    handler: impl Fn(Request) -> R + Send + Sync + 'static,
) -> Served
where
    W: Wrap<TcpStream, Output: PollDuplex + Send + Sync + 'static>,
    R: IntoResponse,
{
    let runtime = runtime::Builder::new().workers(workers).build().unwrap();
    let server = runtime.run(move || settings(HttpServer::builder()).start("127.0.0.1:0", handler));
    Served { server: Some(server.unwrap()), runtime: Some(runtime), _watchdog: Watchdog::new() }
}

impl Served {
    pub fn addr(&self) -> &SocketAddr {
        self.server.as_ref().unwrap().local_addr()
    }

    pub fn client(&self) -> Client {
        Client::new(self.addr())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.server.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown();
        }
    }
}

/// Runs a law with one worker and with two.
pub fn for_each_flavour(law: impl Fn(usize)) {
    [1, 2].into_iter().for_each(law);
}
