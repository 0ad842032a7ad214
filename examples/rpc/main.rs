//! Named procedures and topics over WebSocket, in the manner of WAMP, for browsers and programs:
//! `rpc serve ADDRESS`, and `rpc call URL PROCEDURE [ARGUMENT...]` and others to speak to it.
//!
//! Whoever is connected calls procedures, of the server's own or of others who are connected, and
//! publishes what all subscribers of a topic get. The page at `/` does both. Messages are arrays in
//! JSON; an ID is a number or a string, chosen by whoever asks:
//!
//! | to the server | the answer, or an error |
//! |---|---|
//! | `["call", ID, PROCEDURE, [ARGUMENT...]]` | `["result", ID, VALUE]` |
//! | `["register", ID, PROCEDURE]` | `["registered", ID]` |
//! | `["subscribe", ID, TOPIC]`, `["unsubscribe", ID, TOPIC]` | `["subscribed", ID]`, … |
//! | `["publish", ID, TOPIC, VALUE]` | `["published", ID, SUBSCRIBERS]` |
//! | `["yield", ID, VALUE]`, `["error", ID, TEXT]` for an invocation | none |
//!
//! Besides, the server sends `["error", ID, TEXT]`, `["invoke", ID, PROCEDURE, [ARGUMENT...]]` to
//! who has registered it, and `["event", TOPIC, VALUE]`. Who does not take what is sent to him is
//! disconnected. On SIGTERM or SIGINT the server says farewell to all. The exit code is 0 for what
//! has been done, 1 for what has failed, 2 for a wrong command line.

mod broker;
mod client;
mod limits;
mod procedures;
mod session;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use greenstd::io;
use greenstd::net::http::{HttpServer, IntoResponse, Request, Response, StatusCode, header};
use greenstd::signal::{SIGINT, SIGTERM};
use greenstd::thread;

use broker::Broker;

const USAGE: &str = "usage: rpc serve ADDRESS | rpc call URL PROCEDURE [JSON...] | \
                     rpc publish URL TOPIC JSON | rpc subscribe URL TOPIC [COUNT] | \
                     rpc provide URL PROCEDURE COMMAND";

const PAGE: &str = include_str!("page.html");

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", address] => serve(address),
        ["call", url, procedure, values @ ..] => client::call(url, procedure, values),
        ["publish", url, topic, value] => client::publish(url, topic, value),
        ["subscribe", url, topic] => client::subscribe(url, topic, None),
        ["subscribe", url, topic, count] if count.parse::<u64>().is_ok_and(|count| count > 0) => {
            client::subscribe(url, topic, count.parse().ok())
        }
        ["provide", url, procedure, command] => client::provide(url, procedure, command),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rpc: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let broker = Arc::new(Broker::default());
    let its_broker = Arc::clone(&broker);
    let server = HttpServer::builder()
        .name("rpc")
        .start(address, move |request: Request| answer(&its_broker, &request))?;
    println!("listening on {}", server.local_addr());
    let stopping = server.stopping();
    thread::spawn(move || {
        stopping.wait();
        broker.close();
    });
    let report = server.serve_until_signal([SIGINT, SIGTERM], limits::GRACE)?;
    if report.is_clean() { Ok(()) } else { Err(io::Error::other("some have not said farewell")) }
}

fn answer(broker: &Arc<Broker>, request: &Request) -> Response {
    match request.uri().path() {
        "/" => {
            let mut page = PAGE.into_response();
            let kind = header::HeaderValue::from_static("text/html; charset=utf-8");
            page.headers_mut().insert(header::CONTENT_TYPE, kind);
            page
        }
        "/ws" => {
            let broker = Arc::clone(broker);
            let builder = greenstd::net::ws::Builder::new()
                .max_message_size(limits::MESSAGE_BYTES)
                .silence_limit(limits::SILENCE);
            builder.upgrade(request, move |socket| session::speak(broker, socket))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
