//! A web server for the files of a folder: `cargo run --release --features http --example
//! static_files -- 127.0.0.1:8080 FOLDER`.
//!
//! `/` and below are the files, with ranges and validators. `/hello/NAME` is made by a handler;
//! `/count` is written while it is sent, a line every tenth of a second. It ends at the first
//! SIGINT or SIGTERM, once what is under way is done.

use std::io::{self, Write};
use std::time::Duration;

use greenstd::net::http::{
    HttpServer, IntoResponse, Request, Response, ResponseBody, StaticFiles, StatusCode,
};
use greenstd::signal::{SIGINT, SIGTERM};
use greenstd::thread;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let files = StaticFiles::new(arguments.next().unwrap_or_else(|| ".".to_owned()))?;
    let server = HttpServer::builder().start(&*address, move |request| answer(&files, &request))?;
    println!("listening on {}", server.local_addr());
    server.serve_until_signal([SIGINT, SIGTERM], Duration::from_secs(10))?;
    Ok(())
}

fn answer(files: &StaticFiles, request: &Request) -> Response {
    let path = request.uri().path();
    match path.strip_prefix("/hello/") {
        Some("") => StatusCode::NOT_FOUND.into_response(),
        Some(name) => format!("hello, {name}\n").into_response(),
        None if path == "/count" => Response::new(ResponseBody::writer(count)),
        None => files.serve(request),
    }
}

fn count(body: &mut impl Write) -> io::Result<()> {
    for number in 1..=5 {
        writeln!(body, "{number}")?;
        body.flush()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
