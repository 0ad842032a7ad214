//! Fan-out and fan-in over ZeroMQ, with a live progress bar: `pipeline_zmq [TASKS [WORKERS]]`.
//!
//! The ventilator deals numbers to workers, which count the primes below each of them and send the
//! count to the sink: the second pattern of the ZeroMQ guide. Here all of them are green threads of
//! one process, as `pipeline_zmq 1000 8` starts them. The same parts work as processes of their
//! own, on as many machines as one likes, at endpoints such as `tcp://10.0.0.1:5557`:
//!
//! ```text
//! pipeline_zmq sink RESULTS TASKS
//! pipeline_zmq worker TASKS_FROM RESULTS
//! pipeline_zmq ventilator TASKS_FROM TASKS
//! ```

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenstd::net::zmq::{Context, Message, Socket, SocketType};
use greenstd::{channel, select, thread};

const USAGE: &str = "usage: pipeline_zmq [TASKS [WORKERS]]
       pipeline_zmq sink RESULTS TASKS
       pipeline_zmq worker TASKS_FROM RESULTS
       pipeline_zmq ventilator TASKS_FROM TASKS";
const BAR_CHARACTERS: usize = 40;
const BAR_EVERY: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let context = Context::new();
    let outcome = match *arguments.as_slice() {
        ["sink", results, tasks] => number(tasks)
            .and_then(|tasks| sink(&bound(&context, SocketType::Pull, results)?, tasks)),
        ["worker", tasks, results] => worker(&context, tasks, results),
        ["ventilator", endpoint, tasks] => number(tasks)
            .and_then(|tasks| ventilate(&bound(&context, SocketType::Push, endpoint)?, tasks)),
        [] => pipeline(&context, 1000, 8),
        [tasks] => number(tasks).and_then(|tasks| pipeline(&context, tasks, 8)),
        [tasks, workers] => number(tasks)
            .and_then(|tasks| number(workers).map(|workers| (tasks, workers)))
            .and_then(|(tasks, workers)| pipeline(&context, tasks, workers)),
        _ => Err(usage()),
    };
    // What is still on its way is sent first.
    context.term();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All parts in this process. The workers are killed when the sink has everything.
fn pipeline(context: &Context, tasks: u32, workers: u32) -> io::Result<()> {
    let source = bound(context, SocketType::Push, "tcp://127.0.0.1:*")?;
    let results = bound(context, SocketType::Pull, "tcp://127.0.0.1:*")?;
    let (from, to) = (source.last_endpoint()?, results.last_endpoint()?);
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            let (context, from, to) = (context.clone(), from.clone(), to.clone());
            thread::spawn(move || worker(&context, &from, &to))
        })
        .collect();
    let ventilator = thread::spawn(move || ventilate(&source, tasks));
    let outcome = sink(&results, tasks);
    ventilator.join().expect("it does not panic")?;
    thread::kill_all(&workers, None)?;
    outcome
}

fn ventilate(source: &Socket, tasks: u32) -> io::Result<()> {
    for task in 0..tasks {
        source.send(task.to_be_bytes())?;
    }
    Ok(())
}

/// Works until it is killed.
fn worker(context: &Context, tasks: &str, results: &str) -> io::Result<()> {
    let [from, to] = [SocketType::Pull, SocketType::Push].map(|kind| context.socket(kind));
    let (from, to) = (from?, to?);
    from.connect(tasks)?;
    to.connect(results)?;
    loop {
        let task = value(&from.recv()?)?;
        to.send(primes_below(task).to_be_bytes())?;
        // Another worker may go on while this one has something to compute.
        thread::yield_now();
    }
}

/// Collects as many results as there are tasks, and shows how far it is meanwhile.
fn sink(results: &Socket, tasks: u32) -> io::Result<()> {
    let start = Instant::now();
    let ticks = channel::tick(BAR_EVERY);
    let (mut done, mut sum) = (0, 0_u64);
    while done < tasks {
        select! {
            wait(results) -> result => {
                for part in result? {
                    sum += u64::from(value(&part)?);
                    done += 1;
                }
            }
            recv(ticks) => draw(done, tasks)?,
        }
    }
    draw(done, tasks)?;
    if io::stderr().is_terminal() {
        eprintln!(" in {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("{done} results, sum {sum}");
    Ok(())
}

/// A bar for a terminal; a log gets none.
fn draw(done: u32, tasks: u32) -> io::Result<()> {
    let mut stderr = io::stderr();
    if !stderr.is_terminal() {
        return Ok(());
    }
    let filled = BAR_CHARACTERS * done as usize / tasks.max(1) as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR_CHARACTERS - filled));
    write!(stderr, "\r[{bar}] {done}/{tasks}")?;
    stderr.flush()
}

fn primes_below(limit: u32) -> u32 {
    let is_prime = |number: u32| {
        (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
    };
    (2..limit).filter(|&number| is_prime(number)).count() as u32
}

fn value(part: &Message) -> io::Result<u32> {
    let bytes = part.as_ref().try_into().map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    Ok(u32::from_be_bytes(bytes))
}

fn bound(context: &Context, kind: SocketType, endpoint: &str) -> io::Result<Socket> {
    let socket = context.socket(kind)?;
    socket.bind(endpoint)?;
    Ok(socket)
}

fn number(text: &str) -> io::Result<u32> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(usage)
}

fn usage() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, USAGE)
}
