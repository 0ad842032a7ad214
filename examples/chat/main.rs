//! A chat in the browser: `chat [ADDRESS] [--redis URL]`, by default on `127.0.0.1:8080`.
//!
//! | at | what |
//! |---|---|
//! | `/` | the page |
//! | `/ws?since=N` | a WebSocket: what is newer than message N, and all that comes |
//! | `/wait?since=N&timeout=S` | the same by long poll: at once if there is any, else S seconds |
//! | `/send` | a message as `{"name": "…", "text": "…"}`, by POST |
//!
//! Who waits for a message is a green thread that waits for it, in straight-line code: thousands of
//! them cost memory only. By default messages stay in the process. With `--redis` several processes
//! are one chat, which outlives each of them. Ends at SIGTERM or SIGINT, and tells its clients.

mod bus;
mod log;
mod message;
mod redis_bus;
mod web;
mod web_socket;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use greenstd::net::http::HttpServer;
use greenstd::signal::{SIGINT, SIGTERM};
use greenstd::thread;

use crate::bus::Bus;
use crate::log::Log;
use crate::web::Chat;

const USAGE: &str = "usage: chat [ADDRESS] [--redis URL]";

/// Each is a client: a page keeps one open while it waits, and another one while it sends.
const CONNECTIONS_MAX: usize = 20_000;

/// A message of the greatest length, all of it escaped.
const BODY_BYTES_MAX: u64 = 32 << 10;

/// How long clients have to take their leave.
const FAREWELL: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Some((address, redis)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(&address, redis.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The address to listen at, and the URL of Redis.
fn arguments() -> Option<(String, Option<String>)> {
    let (mut address, mut redis) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--redis" => redis = Some(arguments.next()?),
            option if option.starts_with('-') => return None,
            _ if address.is_none() => address = Some(argument),
            _ => return None,
        }
    }
    Some((address.unwrap_or_else(|| "127.0.0.1:8080".to_owned()), redis))
}

fn serve(address: &str, redis: Option<&str>) -> io::Result<()> {
    let log = Arc::new(Log::default());
    let bus = match redis {
        Some(url) => Bus::by_redis(url, &log).map_err(io::Error::other)?,
        None => Bus::in_process(&log),
    };
    let chat = Arc::new(Chat { log: Arc::clone(&log), bus });
    let server = HttpServer::builder()
        .name("chat")
        .max_connections(CONNECTIONS_MAX)
        .max_body_bytes(BODY_BYTES_MAX)
        .start(address, move |request| web::answer(&chat, request))?;
    println!("listening on http://{}/", server.local_addr());
    let stopping = server.stopping();
    thread::spawn(move || {
        stopping.wait();
        // Whoever waits for messages is answered now.
        log.close();
    });
    let left = server.serve_until_signal([SIGTERM, SIGINT], FAREWELL)?;
    match left.is_clean() {
        true => Ok(()),
        false => Err(io::Error::other("some clients had to be cut off")),
    }
}
