//! An HTTP reverse proxy: `reverse_proxy ADDRESS [PREFIX=]UPSTREAM[,UPSTREAM...]... [OPTIONS]`,
//! as in `reverse_proxy 127.0.0.1:8080 /api=127.0.0.1:9001,127.0.0.1:9002 127.0.0.1:9000`.
//!
//! A request goes to the longest prefix of its path, by whole segments, and there to the upstreams
//! in turns; without a prefix, an upstream takes all others. One that has failed three times in a
//! row rests for a while. Uploads and downloads of any size stream through in constant memory, both
//! at once if need be, and connections that leave HTTP, as WebSockets do, are passed through.
//!
//! Upstreams are spoken to in HTTP/1.1, and see who asks by `X-Forwarded-For`, `-Host` and
//! `-Proto`. One that cannot be reached, or answers nonsense, is a 502; one that takes too long is
//! a 504. On SIGTERM or SIGINT what is under way has some time to end; the exit code is 0 if all of
//! it has ended, 1 if something was cut or nothing could be served, 2 for a wrong command line.
//!
//! | file | what it holds |
//! |---|---|
//! | `exchange` | a request, from its client to an upstream and back |
//! | `heads` | what is changed in heads on the way, and how they are written and parsed |
//! | `connection` | connections to upstreams, and the bodies of their responses |
//! | `upstreams` | which upstream it is, and how it fares |

mod connection;
mod exchange;
mod heads;
mod upstreams;

use std::env;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use greenstd::net::http::{HttpServer, Request};
use greenstd::signal::{SIGINT, SIGTERM};

use exchange::Proxy;
use upstreams::Route;

const USAGE: &str = "usage: reverse_proxy ADDRESS [PREFIX=]UPSTREAM[,UPSTREAM...]... \
                     [--timeout SECONDS] [--connect-timeout SECONDS] [--failures COUNT] \
                     [--rest SECONDS] [--grace SECONDS]";

struct Options {
    address: String,
    routes: Vec<(String, Vec<String>)>,
    rules: Rules,
    /// What is under way has so long to end.
    grace: Duration,
}

/// What holds for every upstream.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// For a connection.
    connect_timeout: Duration,
    /// For each wait for bytes, of either side, or for room for them.
    timeout: Duration,
    /// So many in a row make an upstream rest,
    failures: u32,
    /// for so long.
    rest: Duration,
}

fn main() -> ExitCode {
    let options = match parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("reverse_proxy: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("reverse_proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: Options) -> io::Result<ExitCode> {
    let Options { address, routes, rules, grace } = options;
    let routes = routes.into_iter().map(|(prefix, upstreams)| Route::new(prefix, upstreams, rules));
    let proxy = Proxy::new(routes.collect(), rules);
    let server = HttpServer::builder()
        .name("reverse_proxy")
        // Nothing of a body is kept, so nothing limits it.
        .max_body_bytes(None)
        .body_timeout(rules.timeout)
        .write_timeout(rules.timeout)
        .start(address.as_str(), move |request: Request| proxy.answer(request))?;
    println!("listening on {}", server.local_addr());
    let report = server.serve_until_signal([SIGINT, SIGTERM], grace)?;
    if !report.is_clean() {
        eprintln!("reverse_proxy: not everything has ended by itself");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut address, mut routes) = (None, Vec::new());
    let mut grace = Duration::from_secs(10);
    let mut rules = Rules {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(60),
        failures: 3,
        rest: Duration::from_secs(5),
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--timeout" => rules.timeout = seconds(&argument, arguments.next())?,
            "--connect-timeout" => rules.connect_timeout = seconds(&argument, arguments.next())?,
            "--rest" => rules.rest = seconds(&argument, arguments.next())?,
            "--grace" => grace = seconds(&argument, arguments.next())?,
            "--failures" => {
                let count = arguments.next().and_then(|count| count.parse().ok());
                rules.failures =
                    count.filter(|&count| count > 0).ok_or("--failures needs a count")?;
            }
            option if option.starts_with("--") => return Err(format!("no option is {option}")),
            _ if address.is_none() => address = Some(argument),
            route => routes.push(parse_route(route)?),
        }
    }
    let address = address.ok_or("there is no address to listen on")?;
    if routes.is_empty() {
        return Err("there is no upstream".to_owned());
    }
    Ok(Options { address, routes, rules, grace })
}

fn seconds(option: &str, value: Option<String>) -> Result<Duration, String> {
    let value = value.and_then(|value| value.parse().ok());
    value
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{option} needs a number of seconds"))
}

fn parse_route(route: &str) -> Result<(String, Vec<String>), String> {
    let (prefix, upstreams) = route.split_once('=').unwrap_or(("/", route));
    if !prefix.starts_with('/') {
        return Err(format!("the prefix {prefix} does not begin with a slash"));
    }
    let upstreams: Vec<String> = upstreams.split(',').map(str::to_owned).collect();
    match upstreams.iter().find(|upstream| !is_address(upstream)) {
        Some(wrong) => Err(format!("the upstream '{wrong}' is not HOST:PORT")),
        None => Ok((prefix.trim_end_matches('/').to_owned(), upstreams)),
    }
}

fn is_address(upstream: &str) -> bool {
    let parts = upstream.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
