//! Drivers that know nothing of greenstd, on green threads: MariaDB, Redis and HTTP in one program.
//!
//! `unmodified [--threads] [mysql://… | redis://… | http://…]...`: the servers to ask, or else
//! those in `MYSQL_URL`, `REDIS_URL` and `HTTP_URL`. For each of them a hundred green threads ask
//! at once for something that the server answers one second later (from HTTP, for the page), all on
//! a single worker, by the plain blocking drivers `mysql`, `redis` and `ureq`. What they do is
//! straight-line code, and none of it names greenstd but `main`. `--threads` runs the same on OS
//! threads instead.
//!
//! Prints for each driver how long all of them took, and how many OS threads the process had
//! meanwhile. Ends with code 1 if a server is not there or an answer is wrong, and with code 2 if
//! no server is named.

use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use greenstd::runtime;
use mysql::prelude::Queryable;

const CROWD: u32 = 100;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The calls of a driver: one second later, one more than the number.
type Ask = fn(server: &str, number: u32) -> Outcome<u32>;

/// A thread's join, of either kind.
type Join = Box<dyn FnOnce() -> thread::Result<Outcome<u32>> + Send>;

/// Starts a thread of either kind.
type Spawn = fn(Box<dyn FnOnce() -> Outcome<u32> + Send>) -> Join;

/// What asks servers of one kind: the beginning of its URLs, the variable that may name one.
struct Driver {
    name: &'static str,
    scheme: &'static str,
    variable: &'static str,
    ask: Ask,
}

const DRIVERS: [Driver; 3] = [
    Driver { name: "mysql", scheme: "mysql://", variable: "MYSQL_URL", ask: ask_mysql },
    Driver { name: "redis", scheme: "redis://", variable: "REDIS_URL", ask: ask_redis },
    Driver { name: "ureq", scheme: "http://", variable: "HTTP_URL", ask: ask_http },
];

fn ask_mysql(server: &str, number: u32) -> Outcome<u32> {
    let mut connection = mysql::Conn::new(mysql::Opts::from_url(server)?)?;
    let answer = connection.exec_first("select ? + 1 + sleep(1)", (number,))?;
    answer.ok_or_else(|| "no row".into())
}

fn ask_redis(server: &str, number: u32) -> Outcome<u32> {
    let mut connection = redis::Client::open(server)?.get_connection()?;
    // Nobody pushes to this list, so the server gives up after a second.
    let key = format!("greenstd example {number}");
    let popped: Option<(String, u32)> =
        redis::cmd("BLPOP").arg(&key).arg(1).query(&mut connection)?;
    if popped.is_some() {
        return Err(format!("somebody has pushed to {key}").into());
    }
    Ok(redis::cmd("ECHO").arg(number + 1).query(&mut connection)?)
}

fn ask_http(server: &str, number: u32) -> Outcome<u32> {
    let page = ureq::get(server).call()?.body_mut().read_to_string()?;
    if page.is_empty() { Err("an empty page".into()) } else { Ok(number + 1) }
}

fn main() -> ExitCode {
    let mut servers: Vec<String> = env::args().skip(1).collect();
    let on_threads = servers.iter().any(|argument| argument == "--threads");
    servers.retain(|argument| argument != "--threads");
    if servers.is_empty() {
        servers.extend(DRIVERS.iter().filter_map(|driver| env::var(driver.variable).ok()));
    }
    if servers.is_empty() {
        let variables = DRIVERS.map(|driver| driver.variable).join(", ");
        eprintln!("usage: unmodified [--threads] URL..., or set some of {variables}");
        return ExitCode::from(2);
    }
    let run = move || ask_all(&servers, if on_threads { spawn_thread } else { spawn_green });
    let outcome = if on_threads { run() } else { on_one_worker(run) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// From here on, what blocks parks: in `run`, and in all that it calls.
fn on_one_worker(run: impl FnOnce() -> Outcome<()> + Send + 'static) -> Outcome<()> {
    greenstd::patch::install()?;
    runtime::Builder::new().workers(1).build()?.run(run)
}

fn spawn_green(body: Box<dyn FnOnce() -> Outcome<u32> + Send>) -> Join {
    let handle = greenstd::thread::spawn(body);
    Box::new(move || handle.join())
}

fn spawn_thread(body: Box<dyn FnOnce() -> Outcome<u32> + Send>) -> Join {
    let handle = thread::spawn(body);
    Box::new(move || handle.join())
}

fn ask_all(servers: &[String], spawn: Spawn) -> Outcome<()> {
    for server in servers {
        let driver = DRIVERS.iter().find(|driver| server.starts_with(driver.scheme));
        let driver = driver.ok_or_else(|| format!("no driver for {server}"))?;
        ask_server(driver, server, spawn).map_err(|error| format!("{server}: {error}"))?;
    }
    for driver in &DRIVERS {
        if !servers.iter().any(|server| server.starts_with(driver.scheme)) {
            println!(
                "{}: not asked, for neither an argument nor {} names a server",
                driver.name, driver.variable
            );
        }
    }
    Ok(())
}

fn ask_server(driver: &Driver, server: &str, spawn: Spawn) -> Outcome<()> {
    let start = Instant::now();
    let crowd: Vec<Join> = (0..CROWD)
        .map(|number| {
            let (ask, server) = (driver.ask, server.to_owned());
            spawn(Box::new(move || ask(&server, number)))
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let threads = fs::read_dir("/proc/self/task")?.count();
    for (number, join) in (0..CROWD).zip(crowd) {
        let answer = join().expect("nobody panics")?;
        if answer != number + 1 {
            return Err(format!("one more than {number} is not {answer}").into());
        }
    }
    let took = start.elapsed().as_secs_f32();
    println!("{}: {CROWD} answers in {took:.2} s, on {threads} OS threads", driver.name);
    Ok(())
}
