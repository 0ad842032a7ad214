//! A canvas that all who are connected draw on: `drawing serve ADDRESS`, and a browser at `/`.
//!
//! Over a WebSocket at `/ws` a client sends `["line", COLOUR, WIDTH, [X, Y, X, Y, ...]]`, or
//! `["clear"]`; it gets arrays of such, in the order in which they have been drawn by all, those
//! before its time first, and `["drawers", COUNT]` among them. The canvas is 1600 by 1000; the
//! colour is `#rrggbb`, and a line has from 1 to 256 points.
//!
//! The server keeps the last lines only, once and for all clients: each client has a place in this
//! history, and no queue. Who is slow gets more at once, begins anew if he is too slow even for the
//! history, and is disconnected if he takes nothing for a minute. So what is kept has a limit,
//! however many there are.
//!
//! `drawing draw URL` draws what its input says, a line of JSON each; `drawing watch URL [COUNT]`
//! prints what is drawn. On SIGTERM or SIGINT the server says farewell to all. The exit code is 0
//! for what has been done, 1 for what has failed, 2 for a wrong command line.

mod canvas;
mod client;
mod session;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use greenstd::io;
use greenstd::net::http::{HttpServer, IntoResponse, Request, Response, StatusCode, header};
use greenstd::net::ws::Builder;
use greenstd::signal::{SIGINT, SIGTERM};
use greenstd::thread;

use canvas::Canvas;

const USAGE: &str = "usage: drawing serve ADDRESS | drawing draw URL | drawing watch URL [COUNT]";

const PAGE: &str = include_str!("page.html");

/// Four times of what a line with the most points takes.
const MESSAGE_BYTES: usize = 16 << 10;

/// For the farewells when the server stops.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", address] => serve(address),
        ["draw", url] => client::draw(url),
        ["watch", url] => client::watch(url, None),
        ["watch", url, count] if count.parse::<u64>().is_ok_and(|count| count > 0) => {
            client::watch(url, count.parse().ok())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drawing: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let canvas = Arc::new(Canvas::default());
    let its_canvas = Arc::clone(&canvas);
    let server = HttpServer::builder()
        .name("drawing")
        .start(address, move |request: Request| answer(&its_canvas, &request))?;
    println!("listening on {}", server.local_addr());
    let stopping = server.stopping();
    thread::spawn(move || {
        stopping.wait();
        canvas.close();
    });
    let report = server.serve_until_signal([SIGINT, SIGTERM], GRACE)?;
    if report.is_clean() { Ok(()) } else { Err(io::Error::other("some have not said farewell")) }
}

fn answer(canvas: &Arc<Canvas>, request: &Request) -> Response {
    match request.uri().path() {
        "/" => {
            let mut page = PAGE.into_response();
            let kind = header::HeaderValue::from_static("text/html; charset=utf-8");
            page.headers_mut().insert(header::CONTENT_TYPE, kind);
            page
        }
        "/ws" => {
            let canvas = Arc::clone(canvas);
            let builder =
                Builder::new().max_message_size(MESSAGE_BYTES).silence_limit(session::SILENCE);
            builder.upgrade(request, move |socket| session::speak(&canvas, &socket))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
