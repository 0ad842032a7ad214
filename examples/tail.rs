//! Follows files and the standard input at once: `tail [--for SECONDS] [FILE...]`.
//!
//! Prints each line as `name: line`: those that are there, then what is added. A file may be
//! missing at first, be cut short, and be replaced by another one of its name. Each input has a
//! green thread of its own, in which it is read as if there were no others; a file that has no more
//! to give is looked at again after a moment. The program ends with the end of its standard input,
//! or when the time is up. What is not a whole line by then is printed as one.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::time::Duration;

use greenstd::{blocking, thread, time};

/// How long a file that has no more to give is left alone.
const PAUSE: Duration = Duration::from_millis(50);

/// Lines that are read at once off the worker.
const LINES_AT_ONCE: usize = 1000;

fn main() -> ExitCode {
    let Some((paths, time)) = arguments() else {
        eprintln!("usage: tail [--for SECONDS] [FILE...]");
        return ExitCode::from(2);
    };
    greenstd::run(move || {
        let followers: Vec<_> = paths
            .into_iter()
            .map(|path| (path.clone(), thread::spawn(move || follow(&path))))
            .collect();
        let outcome = match time {
            None => print_input(),
            // An hour-glass around the one wait that ends the program.
            Some(time) => time::timeout(time, print_input).unwrap_or(Ok(())),
        };
        // What was added before the end is printed.
        thread::sleep(2 * PAUSE);
        let mut code = ExitCode::SUCCESS;
        for (path, follower) in followers {
            if !follower.is_finished() {
                drop(follower.kill_and_wait(None));
            } else if let Ok(Err(error)) = follower.join() {
                greenstd::eprintln!("tail: {path}: {error}");
                code = ExitCode::FAILURE;
            }
        }
        if let Err(error) = outcome {
            greenstd::eprintln!("tail: standard input: {error}");
            code = ExitCode::FAILURE;
        }
        code
    })
}

/// The files, and after which time to end; none if that cannot be read.
fn arguments() -> Option<(Vec<String>, Option<Duration>)> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut time = None;
    if arguments.next_if_eq("--for").is_some() {
        let seconds = arguments.next()?.parse().ok()?;
        time = Some(Duration::try_from_secs_f64(seconds).ok()?);
    }
    let paths: Vec<String> = arguments.collect();
    let has_option = paths.iter().any(|path| path.starts_with("--"));
    (!has_option).then_some((paths, time))
}

/// Prints the lines of the standard input up to its end.
fn print_input() -> io::Result<()> {
    for line in greenstd::io::stdin().lines() {
        greenstd::println!("stdin: {}", line?);
    }
    Ok(())
}

/// Prints the lines of a file, for ever.
fn follow(path: &str) -> io::Result<()> {
    let mut followed = Followed { path: path.to_owned(), file: None, rest: Vec::new() };
    loop {
        // Reading a file can only block: on a thread of the pool, which hands it back.
        let lines;
        (followed, lines) = blocking::blocking(move || {
            let lines = followed.next_lines();
            (followed, lines)
        });
        let lines = lines?;
        for line in &lines {
            greenstd::println!("{path}: {}", String::from_utf8_lossy(line));
        }
        if lines.is_empty() {
            thread::sleep(PAUSE);
        }
    }
}

/// A file that may come, grow, shrink and be replaced.
struct Followed {
    path: String,
    file: Option<BufReader<File>>,
    /// The beginning of a line that has no end yet.
    rest: Vec<u8>,
}

impl Followed {
    /// Lines that have come since the last call.
    fn next_lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(lines),
                opened => Some(BufReader::new(opened?)),
            };
        }
        let Some(file) = &mut self.file else { return Ok(lines) };
        while lines.len() < LINES_AT_ONCE && file.read_until(b'\n', &mut self.rest)? > 0 {
            if self.rest.pop_if(|last| *last == b'\n').is_some() {
                lines.push(std::mem::take(&mut self.rest));
            }
        }
        if lines.is_empty() && self.is_another()? {
            if !self.rest.is_empty() {
                lines.push(std::mem::take(&mut self.rest));
            }
            self.file = None;
        }
        Ok(lines)
    }

    /// Whether the name belongs to another file by now, or to one that was cut short.
    fn is_another(&mut self) -> io::Result<bool> {
        let Some(reader) = &mut self.file else { return Ok(false) };
        let position = io::Seek::stream_position(reader)?;
        let open = reader.get_ref().metadata()?;
        Ok(match fs::metadata(&self.path) {
            Ok(named) => {
                (named.dev(), named.ino()) != (open.dev(), open.ino()) || open.len() < position
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        })
    }
}
