//! A TCP proxy with limits and statistics:
//! `cargo run --release --example proxy -- 127.0.0.1:7777 127.0.0.1:8888 --connections 100`.
//!
//! It passes bytes on between whoever connects to the first address and the second one, until its
//! input ends or says `quit`; then it accepts no more, gives those who are there ten seconds, and
//! prints what it has moved. Any other line prints that at once, `--statistics` at intervals.

use std::io::{self, BufRead};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greenstd::io::{CopyBidirectional, RateLimiter, Throttled};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::sync::Semaphore;
use greenstd::{channel, group::Group, select, thread};

const USAGE: &str = "proxy LISTEN UPSTREAM [--connections N] [--idle SECONDS] \
                     [--rate BYTES_PER_SECOND] [--statistics SECONDS] [--splice]";

/// How long an upstream may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connections may go on once the proxy is to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long the proxy does not accept after an error: it is out of descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let Some(options) = Options::from_command_line(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    listen: String,
    upstream: String,
    connections: usize,
    idle: Option<Duration>,
    rate: Option<NonZeroU64>,
    statistics: Option<Duration>,
    splices: bool,
}

impl Options {
    fn from_command_line(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
        let mut options = Options {
            listen: arguments.next()?,
            upstream: arguments.next()?,
            connections: 1000,
            idle: None,
            rate: None,
            statistics: None,
            splices: false,
        };
        while let Some(name) = arguments.next() {
            let mut number = || arguments.next()?.parse::<NonZeroU64>().ok();
            match name.as_str() {
                "--connections" => options.connections = number()?.get().try_into().ok()?,
                "--idle" => options.idle = Some(Duration::from_secs(number()?.get())),
                "--rate" => options.rate = Some(number()?),
                "--statistics" => options.statistics = Some(Duration::from_secs(number()?.get())),
                "--splice" => options.splices = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

/// What has happened so far.
struct Proxy {
    options: Options,
    settings: CopyBidirectional,
    /// Limits all connections together.
    limiter: Option<Arc<RateLimiter>>,
    places: Semaphore,
    accepted: AtomicU64,
    failed: AtomicU64,
}

fn serve(options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(&options.listen)?;
    println!("listening on {}", listener.local_addr()?);
    let settings = CopyBidirectional::new().idle_timeout(options.idle).splice(options.splices);
    let proxy = Arc::new(Proxy {
        settings,
        limiter: options.rate.map(|rate| Arc::new(RateLimiter::new(rate))),
        places: Semaphore::new(options.connections),
        accepted: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        options,
    });
    let connections = Arc::new(Group::new());
    let acceptor = {
        let (proxy, connections) = (proxy.clone(), connections.clone());
        thread::spawn(move || accept(&listener, &proxy, &connections))
    };
    wait_for_the_end(&proxy);
    acceptor.kill().map_err(io::Error::other)?;
    // The listener is closed with it.
    acceptor.wait(None);
    if !connections.join(Some(FAREWELL)) {
        eprintln!("proxy: {} connections are cut", connections.len());
        connections.kill(None)?;
    }
    proxy.print_statistics();
    Ok(())
}

/// Takes a place for each connection before it is accepted: those beyond the limit wait in the
/// kernel's queue.
fn accept(listener: &TcpListener, proxy: &Arc<Proxy>, connections: &Group) {
    loop {
        let place = proxy.places.access();
        let client = match listener.accept() {
            Ok((client, _peer)) => client,
            Err(error) => {
                eprintln!("proxy: cannot accept: {error}");
                thread::sleep(BACK_OFF);
                continue;
            }
        };
        // The connection gives it back.
        std::mem::forget(place);
        let proxy = proxy.clone();
        connections.spawn(move || {
            let _place = Place(&proxy.places);
            proxy.accepted.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = proxy.connection(&client) {
                proxy.failed.fetch_add(1, Ordering::Relaxed);
                eprintln!("proxy: {error}");
            }
        });
    }
}

/// A place that is given back however the connection ends.
struct Place<'s>(&'s Semaphore);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Proxy {
    fn connection(&self, client: &TcpStream) -> io::Result<()> {
        let upstream =
            greenstd::time::timeout(CONNECT_TIMEOUT, || TcpStream::connect(&self.options.upstream));
        let upstream = upstream.unwrap_or_else(|late| Err(io::Error::other(late)));
        let upstream = upstream.map_err(|error| {
            let message = format!("upstream {} cannot be reached: {error}", self.options.upstream);
            io::Error::new(error.kind(), message)
        })?;
        client.set_nodelay(true)?;
        upstream.set_nodelay(true)?;
        match &self.limiter {
            None => self.settings.run(client, &upstream)?,
            Some(limiter) => {
                let slow = Throttled::new(client).reads(limiter.clone()).writes(limiter.clone());
                self.settings.run(&slow, &upstream)?
            }
        };
        Ok(())
    }

    fn print_statistics(&self) {
        let counters = self.settings.counters();
        println!(
            "{} connections, {} failed, {} bytes up, {} bytes down",
            self.accepted.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
            counters.a_to_b(),
            counters.b_to_a(),
        );
    }
}

/// Prints statistics when asked to, until the input ends or says so.
fn wait_for_the_end(proxy: &Proxy) {
    let (lines, input) = channel::bounded(1);
    // Standard input blocks, so an OS thread reads it; it ends with the process.
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let ticks = match proxy.options.statistics {
        Some(interval) => channel::tick(interval),
        None => channel::never(),
    };
    loop {
        select! {
            recv(input) -> line => match line.as_deref() {
                Err(_) | Ok("quit") => return,
                Ok(_) => proxy.print_statistics(),
            },
            recv(ticks) -> _tick => proxy.print_statistics(),
        }
    }
}
