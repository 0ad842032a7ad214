//! Runs programs and keeps them running: `supervisor [OPTIONS] 'NAME: COMMAND'...`.
//!
//! Each command is run by `sh`, in a process group of its own, with its output lines prefixed by
//! its name. One that succeeds is done; one that fails, or takes longer than its deadline, is
//! started again, after a pause that doubles each time, and given up when it has failed too often
//! in a row. What a command has started ends with it.
//!
//! On SIGTERM or SIGINT the commands get a SIGTERM and some time to end in order; who does not is
//! killed. A second signal kills all at once. The exit code is 0 if every command has ended as it
//! should, 1 if one was given up or killed, and 128 and the signal after a second one.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use greenstd::io::{self, BufRead, BufReader, Read, Write};
use greenstd::process::{Command, Stdio, unix::CommandExt};
use greenstd::signal::{self, SIGINT, SIGTERM, Signals};
use greenstd::sync::Event;
use greenstd::{channel, select, thread};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

const USAGE: &str = "usage: supervisor [--deadline SECONDS] [--grace SECONDS] [--restarts COUNT] \
                     [--pause SECONDS] [--file FILE] ['NAME: COMMAND'...]";

/// Longer lines are split, so that a program without line breaks fills nobody's memory.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Who has run for so long has not failed in a row.
const STEADY_AFTER: Duration = Duration::from_secs(60);

struct Options {
    programs: Vec<Program>,
    rules: Rules,
}

struct Program {
    name: String,
    command: String,
}

/// What holds for every program.
#[derive(Clone, Copy)]
struct Rules {
    /// For one run.
    deadline: Option<Duration>,
    /// From SIGTERM to SIGKILL.
    grace: Duration,
    /// In a row.
    restarts: u32,
    /// Before the first restart.
    pause: Duration,
}

/// What all who supervise heed.
#[derive(Default)]
struct Orders {
    stop: Event,
    kill: Event,
    /// The second signal, or 0.
    impatience: AtomicU8,
}

/// How a program's time with us has ended.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    InOrder,
    GivenUp,
    Killed,
}

/// How one run has ended.
enum Run {
    Succeeded,
    Failed(String),
    Stopped(Verdict),
}

/// What has ended a run.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Exited,
    Overdue,
    /// It was told to end, and did.
    Stopped,
    /// It was told to end, and did not.
    Killed,
}

fn main() -> ExitCode {
    let options = match parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("supervisor: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match supervise_all(options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("supervisor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn supervise_all(Options { programs, rules }: Options) -> io::Result<ExitCode> {
    // Before anything is started: whoever asks us to end finds somebody who listens.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let (handle, orders) = (signals.handle(), Arc::new(Orders::default()));
    let heeded = orders.clone();
    let listener = thread::spawn(move || obey(&signals, &heeded));
    let supervisors: Vec<_> = programs
        .into_iter()
        .map(|program| {
            let orders = orders.clone();
            thread::spawn(move || program.supervise(rules, &orders))
        })
        .collect();
    // One that has panicked has given up.
    let end = |thread: thread::JoinHandle<_>| thread.join().unwrap_or(Verdict::GivenUp);
    let verdicts: Vec<Verdict> = supervisors.into_iter().map(end).collect();
    handle.close();
    let _ = listener.join();
    Ok(match orders.impatience.load(Ordering::Relaxed) {
        0 if verdicts.iter().all(|verdict| *verdict == Verdict::InOrder) => ExitCode::SUCCESS,
        0 => ExitCode::FAILURE,
        signal => ExitCode::from(128 + signal),
    })
}

/// Passes signals on as orders, until there is nobody left to be ordered.
fn obey(signals: &Signals, orders: &Orders) {
    for signal in signals {
        let name = signal::name(signal).unwrap_or("a signal");
        if orders.stop.is_set() {
            say("supervisor", &format!("{name} again: killing"));
            // The signals that we listen for are small numbers.
            orders.impatience.store(u8::try_from(signal).unwrap_or(u8::MAX), Ordering::Relaxed);
            orders.kill.set();
        } else {
            say("supervisor", &format!("{name}: stopping"));
            orders.stop.set();
        }
    }
}

impl Program {
    /// Runs the program until it has succeeded, has failed too often, or is to stop.
    fn supervise(&self, rules: Rules, orders: &Orders) -> Verdict {
        let mut failures = 0;
        loop {
            let start = Instant::now();
            let reason = match self.run(rules, orders) {
                Ok(Run::Succeeded) => return Verdict::InOrder,
                Ok(Run::Stopped(verdict)) => return verdict,
                Ok(Run::Failed(reason)) => reason,
                Err(error) => error.to_string(),
            };
            if start.elapsed() >= STEADY_AFTER {
                failures = 0;
            }
            if failures == rules.restarts {
                say(&self.name, &format!("{reason}; given up"));
                return Verdict::GivenUp;
            }
            let pause = rules.pause.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX);
            failures += 1;
            say(&self.name, &format!("{reason}; again in {pause:?}"));
            if orders.stop.wait_timeout(pause) {
                return Verdict::InOrder;
            }
        }
    }

    fn run(&self, rules: Rules, orders: &Orders) -> io::Result<Run> {
        if orders.stop.is_set() {
            return Ok(Run::Stopped(Verdict::InOrder));
        }
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to us alone, and what we send to all it has started.
            .process_group(0)
            .spawn()?;
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = Group(id.expect("the ids of processes are positive"));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let readers = [
            stdout.map(|stream| self.prefix_lines(stream)),
            stderr.map(|stream| self.prefix_lines(stream)),
        ];
        let watched = group.watch(rules, orders);
        group.send(Signal::KILL);
        let status = child.wait()?;
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
        Ok(match watched? {
            End::Exited if status.success() => Run::Succeeded,
            End::Exited => Run::Failed(status.to_string()),
            End::Overdue => Run::Failed("took too long".to_owned()),
            End::Stopped => Run::Stopped(Verdict::InOrder),
            End::Killed => {
                say(&self.name, "killed");
                Run::Stopped(Verdict::Killed)
            }
        })
    }

    /// Copies lines to our output, each under the name of the program, until the stream ends.
    fn prefix_lines(&self, stream: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let prefix = format!("{}: ", self.name).into_bytes();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = prefix.clone();
                match stream.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return,
                }
                if !line.ends_with(b"\n") {
                    line.push(b'\n');
                }
                // Nobody may listen any more; the program is to go on all the same.
                let _ = io::stdout().write_all(&line);
            }
        })
    }
}

/// A program and all that it has started. Its leader is not reaped while this is used.
struct Group(Pid);

impl Group {
    /// Waits until the leader has exited, or is to: then it has been asked to.
    fn watch(&self, rules: Rules, orders: &Orders) -> io::Result<End> {
        // Tells of the exit and reaps nobody.
        let exit = pidfd_open(self.0, PidfdFlags::empty())?;
        let overdue = rules.deadline.map_or_else(channel::never, channel::after);
        select! {
            wait(select::readable(&exit)) -> ready => ready.map(|()| End::Exited),
            wait(orders.stop) => Ok(match self.ends(&exit, rules.grace, orders)? {
                true => End::Stopped,
                false => End::Killed,
            }),
            recv(overdue) => self.ends(&exit, rules.grace, orders).map(|_| End::Overdue),
        }
    }

    /// Asks the group to end. Whether its leader has, in time.
    fn ends(&self, exit: &OwnedFd, grace: Duration, orders: &Orders) -> io::Result<bool> {
        self.send(Signal::TERM);
        // Who is stopped hears no SIGTERM.
        self.send(Signal::CONT);
        select! {
            wait(select::readable(exit)) -> ready => ready.map(|()| true),
            wait(orders.kill) => Ok(false),
            recv(channel::after(grace)) => Ok(false),
        }
    }

    /// Nobody may be left to get it.
    fn send(&self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }
}

/// What we say ourselves.
fn say(name: &str, words: &str) {
    let _ = io::stderr().write_all(format!("[{name}] {words}\n").as_bytes());
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut rules = Rules {
        deadline: None,
        grace: Duration::from_secs(10),
        restarts: 5,
        pause: Duration::from_millis(100),
    };
    let mut programs = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--deadline" => rules.deadline = Some(seconds(&value()?)?),
            "--grace" => rules.grace = seconds(&value()?)?,
            "--pause" => rules.pause = seconds(&value()?)?,
            "--restarts" => {
                rules.restarts = value()?.parse().map_err(|error| format!("restarts: {error}"))?;
            }
            "--file" => {
                let path = value()?;
                let lines =
                    fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
                let lines = lines.lines().map(str::trim);
                for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                    programs.push(program(line)?);
                }
            }
            line => programs.push(program(line)?),
        }
    }
    if programs.is_empty() {
        return Err("nothing to run".to_owned());
    }
    Ok(Options { programs, rules })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or(format!("{text:?} is no time in seconds"))
}

fn program(line: &str) -> Result<Program, String> {
    match line.split_once(':') {
        Some((name, command)) if !name.is_empty() && !command.trim().is_empty() => {
            Ok(Program { name: name.trim().to_owned(), command: command.trim().to_owned() })
        }
        _ => Err(format!("{line:?} is not 'NAME: COMMAND'")),
    }
}
