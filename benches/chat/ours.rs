//! The example `chat`, with a runtime of its own.

use std::io;
use std::sync::Arc;

use greenstd::net::http::HttpServer;

use crate::bus::Bus;
use crate::log::Log;
use crate::support::ours::runtime;
use crate::web::{self, Chat};

/// More than any row has.
const CONNECTIONS_MAX: usize = 20_000;

/// Serves for ever.
pub fn serve(workers: usize, announce: impl FnOnce(u16) + Send + 'static) -> io::Result<()> {
    runtime(workers).run(move || {
        let log = Arc::new(Log::default());
        let chat = Arc::new(Chat { bus: Bus::in_process(&log), log });
        let server = HttpServer::builder()
            .name("chat")
            .max_connections(CONNECTIONS_MAX)
            .start("127.0.0.1:0", move |request| web::answer(&chat, request))?;
        announce(server.local_addr().port());
        server.serve_forever()
    })
}
