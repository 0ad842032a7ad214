//! A server with a page that shows what it does: `cargo run --release --features http --example
//! status_page -- 127.0.0.1:8080`.
//!
//! `/` greets after a while, under a lock that one at a time may hold. `/debug/` is the page: green
//! threads, workers, locks, pools and figures, once a second; from there green threads may be
//! looked into. It ends at the first SIGINT or SIGTERM.

use greenstd::net::http::{Diagnostics, HttpServer, IntoResponse, Request, Response, StatusCode};
use greenstd::signal::{SIGINT, SIGTERM};
use greenstd::sync::Mutex;
use greenstd::thread;
use std::io;
use std::time::Duration;

static DESK: Mutex<u64> = Mutex::new(0);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let diagnostics = Diagnostics::new();
    let server = HttpServer::builder().start(&*address, move |request| {
        let request: Request = request;
        match request.uri().path() {
            "/" => greet(),
            path => match path.strip_prefix("/debug") {
                Some(path) => diagnostics.serve_path(&request, path),
                None => StatusCode::NOT_FOUND.into_response(),
            },
        }
    })?;
    // Something to look at.
    thread::Builder::new().name("clockwork".into()).spawn(|| {
        loop {
            thread::sleep(Duration::from_millis(100));
        }
    })?;
    println!("listening on {}", server.local_addr());
    server.serve_until_signal([SIGINT, SIGTERM], Duration::from_secs(10))?;
    Ok(())
}

fn greet() -> Response {
    let Ok(mut visitors) = DESK.lock() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    thread::sleep(Duration::from_millis(50));
    *visitors += 1;
    format!("hello, visitor {visitors}\n").into_response()
}
