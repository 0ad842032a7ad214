//! Fetches the front page of many hosts at once: `crawler [HOST:PORT...]`.
//!
//! A bounded pool of green threads does the work. Each fetch has a deadline for everything that it
//! waits for: the look-up of the name, the connection, the page. Each page that arrives is told at
//! once, each failure with its reason; progress goes to standard error, and at the end there is a
//! summary by reasons. The exit code says whether every page was fetched.
//!
//! Without arguments the program starts hosts of its own on loopback, good ones and bad ones, and
//! crawls those: see `demo`.

mod demo;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenstd::group::Pool;
use greenstd::net::{Dialer, TcpConnector};
use greenstd::time;

/// Fetches that go on at once.
const FETCHES_MAX: usize = 40;

/// What one fetch may take in all, and what of it the connection may.
const PATIENCE: Duration = Duration::from_secs(3);
const DIAL_PATIENCE: Duration = Duration::from_secs(2);

/// What is read of a page at most.
const PAGE_BYTES_MAX: u64 = 1 << 20;

const PROGRESS_EVERY: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let mut hosts: Vec<String> = std::env::args().skip(1).collect();
    if hosts.iter().any(|host| host.starts_with('-')) {
        eprintln!("usage: crawler [HOST:PORT...]");
        return ExitCode::from(2);
    }
    if hosts.is_empty() {
        match demo::start() {
            Ok(demo) => hosts = demo,
            Err(error) => {
                eprintln!("crawler: no hosts of its own: {error}");
                return ExitCode::from(2);
            }
        }
    }
    if crawl(hosts) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// True if every page was fetched.
fn crawl(hosts: Vec<String>) -> bool {
    let (start, count) = (Instant::now(), hosts.len());
    let (mut fetched, mut failed) = (0, 0);
    let mut reasons = BTreeMap::<String, usize>::new();
    let mut told = start;
    let fetches = Pool::new(FETCHES_MAX).imap_unordered(hosts, |host| {
        let outcome = time::timeout(PATIENCE, || fetch(&host));
        let late = || io::Error::new(ErrorKind::TimedOut, "the page took too long");
        let outcome = outcome.unwrap_or_else(|_| Err(late()));
        (host, outcome)
    });
    for done in fetches {
        let (host, outcome) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Whoever listens may have gone, as in `crawler | head`; the exit code tells all the same.
        let _ = match outcome {
            Ok(bytes) => {
                fetched += 1;
                writeln!(io::stdout(), "{host}: {bytes} bytes")
            }
            Err(error) => {
                failed += 1;
                *reasons.entry(error.kind().to_string()).or_default() += 1;
                writeln!(io::stdout(), "{host}: failed: {error}")
            }
        };
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            let _ = writeln!(io::stderr(), "{} of {count} done", fetched + failed);
        }
    }
    for (reason, count) in &reasons {
        let _ = writeln!(io::stdout(), "{count} x {reason}");
    }
    let time = start.elapsed().as_secs_f64();
    let _ = writeln!(io::stdout(), "{fetched} pages fetched, {failed} failed, in {time:.1} s");
    failed == 0
}

/// Fetches the front page of `host`; how many bytes it has.
fn fetch(host: &str) -> io::Result<usize> {
    let dialer = Dialer::new()
        .connector(TcpConnector::new().nodelay(true))
        .attempt_delay(Duration::from_millis(100))
        .timeout(DIAL_PATIENCE);
    let mut stream = dialer.dial(host)?;
    stream.write_all(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer)?;
    page_bytes(&answer)
}

/// How long the page is inside of an answer, if that is one and is complete.
fn page_bytes(answer: &[u8]) -> io::Result<usize> {
    let invalid = |what: &str| io::Error::new(ErrorKind::InvalidData, what);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let head_bytes = end.ok_or_else(|| invalid("no HTTP head"))?;
    let head = std::str::from_utf8(&answer[..head_bytes]).map_err(io::Error::other)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if status != "200" {
        return Err(invalid(&format!("status {status}")));
    }
    let bytes = answer.len() - head_bytes - 4;
    let announced = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok());
    match announced {
        Some(announced) if bytes < announced => {
            let text = format!("{bytes} of {announced} bytes");
            Err(io::Error::new(ErrorKind::UnexpectedEof, text))
        }
        _ => Ok(bytes),
    }
}
