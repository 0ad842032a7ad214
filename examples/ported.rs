//! A key-value server that was written for std: a thread for each connection, a lock around the
//! entries, a log that a thread of its own keeps. It was ported by the first `use` line alone, and
//! without that it is std's again.
//!
//! `cargo run --release --example ported -- 127.0.0.1:7777 /tmp/entries.log` serves; by `nc` one
//! says `SET key value`, `GET key`, `ADD key number`, `DELETE key`, `AWAIT key value seconds`,
//! `COUNT` or `QUIT`, a line each, and gets a line back.

use greenstd::patch::std::{self, eprintln, println};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::iter;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Whoever says nothing for so long is sent away.
const IDLE: Duration = Duration::from_secs(300);

type Entries = BTreeMap<String, String>;
type Reply = Result<String, Box<dyn Error>>;

struct Store {
    /// Changes go to the log in the order in which they are made here.
    entries: Mutex<(Entries, Sender<Change>)>,
    changed: Condvar,
}

/// A line for the log, and who waits until it is on the disk.
struct Change {
    line: String,
    logged: Sender<Result<(), io::ErrorKind>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, log] = arguments.as_slice() else {
        eprintln!("usage: ported ADDRESS LOG");
        return ExitCode::from(2);
    };
    match serve(address, log.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let log = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let entries = replay(&log)?;
    let listener = TcpListener::bind(address)?;
    println!("{} entries on {}", entries.len(), listener.local_addr()?);

    let (changes, received) = mpsc::channel();
    thread::Builder::new().name("log".into()).spawn(move || keep(&log, &received))?;
    let store = Store { entries: Mutex::new((entries, changes)), changed: Condvar::new() };
    let store = Arc::new(store);
    for stream in listener.incoming() {
        let (stream, store) = (stream?, Arc::clone(&store));
        thread::spawn(move || {
            // A client that goes away, or stays silent, is no reason to say anything.
            let _ = converse(&stream, &store);
        });
    }
    Ok(())
}

/// What the log says: `key value` for each change, and `key` alone for what was deleted.
fn replay(log: &File) -> io::Result<Entries> {
    let mut entries = Entries::new();
    for line in BufReader::new(log).lines() {
        let line = line?;
        match line.split_once(' ') {
            Some((key, value)) => entries.insert(key.to_owned(), value.to_owned()),
            None => entries.remove(&line),
        };
    }
    Ok(entries)
}

/// Writes what has come meanwhile at once, so that many changes share one wait for the disk.
fn keep(mut log: &File, received: &Receiver<Change>) {
    while let Ok(first) = received.recv() {
        let batch: Vec<Change> = iter::once(first).chain(received.try_iter()).collect();
        let text: String = batch.iter().map(|change| change.line.as_str()).collect();
        let outcome = log.write_all(text.as_bytes()).and_then(|()| log.sync_data());
        let outcome = outcome.map_err(|error| error.kind());
        for change in batch {
            // Who has gone away meanwhile need not know.
            let _ = change.logged.send(outcome);
        }
    }
}

fn converse(stream: &TcpStream, store: &Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    let mut writer = stream;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let reply = match words.as_slice() {
            ["QUIT"] => break,
            ["COUNT"] => Ok(store.entries.lock().unwrap().0.len().to_string()),
            ["GET", key] => Ok(store.get(key).unwrap_or_default()),
            ["SET", key, value] => store.change(key, |_| Ok(Some((*value).to_owned()))),
            ["DELETE", key] => store.change(key, |_| Ok(None)),
            ["ADD", key, number] => store.change(key, |old| add(old, number)),
            ["AWAIT", key, rest] => store.await_value(key, rest),
            _ => Err(format!("what is {line:?}?").into()),
        };
        let reply = reply.unwrap_or_else(|error| format!("failed: {error}"));
        writer.write_all(format!("{reply}\n").as_bytes())?;
    }
    Ok(())
}

fn add(old: Option<&String>, number: &str) -> Result<Option<String>, Box<dyn Error>> {
    let old: i64 = old.map_or(Ok(0), |old| old.parse())?;
    Ok(Some(old.checked_add(number.parse()?).ok_or("it is too large")?.to_string()))
}

impl Store {
    fn get(&self, key: &str) -> Option<String> {
        self.entries.lock().unwrap().0.get(key).cloned()
    }

    /// Changes an entry, and returns its new value once that is on the disk.
    fn change(
        &self,
        key: &str,
        make: impl FnOnce(Option<&String>) -> Result<Option<String>, Box<dyn Error>>,
    ) -> Reply {
        let mut guard = self.entries.lock().unwrap();
        let (entries, changes) = &mut *guard;
        let value = make(entries.get(key))?;
        let line = match &value {
            Some(value) => format!("{key} {value}\n"),
            None => format!("{key}\n"),
        };
        let (logged, is_logged) = mpsc::channel();
        changes.send(Change { line, logged })?;
        match &value {
            Some(value) => entries.insert(key.to_owned(), value.clone()),
            None => entries.remove(key),
        };
        drop(guard);
        self.changed.notify_all();
        is_logged.recv()?.map_err(io::Error::from)?;
        Ok(value.unwrap_or_default())
    }

    /// Waits until an entry has a value, for so many seconds at most.
    fn await_value(&self, key: &str, rest: &str) -> Reply {
        let (value, seconds) = rest.rsplit_once(' ').ok_or("for how long?")?;
        let patience = Duration::try_from_secs_f64(seconds.parse()?)?;
        let is_other = |guard: &mut (Entries, Sender<Change>)| {
            guard.0.get(key).map(String::as_str) != Some(value)
        };
        let guard = self.entries.lock().unwrap();
        let (guard, result) = self.changed.wait_timeout_while(guard, patience, is_other).unwrap();
        drop(guard);
        Ok(if result.timed_out() { "no".to_owned() } else { "yes".to_owned() })
    }
}
