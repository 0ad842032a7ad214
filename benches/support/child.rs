//! Children: the bench's own binary, started again for one measurement.
//!
//! The parent passes `--child key=value …`; the child prints `measured NAME VALUE` lines, or, if it
//! is a server or a load generator, lines of its own. Standard error is the parent's.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

use super::contender::{Contender, Measurement, System};
use super::sys;

/// No child runs longer: the largest row of the slowest rival takes under a minute.
const CHILD_LIMIT_SECONDS: u32 = 150;

/// The arguments of a child.
#[derive(Debug)]
pub struct Job {
    arguments: Vec<(String, String)>,
}

impl Job {
    /// The job of this process, if it is a child.
    pub fn from_command_line() -> Option<Job> {
        let mut arguments = std::env::args().skip(1);
        if arguments.next().as_deref() != Some("--child") {
            return None;
        }
        let arguments = arguments
            .filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
            .collect();
        Some(Job { arguments })
    }

    /// The text of an argument.
    ///
    /// # Panics
    /// If the parent did not pass it.
    pub fn text(&self, key: &str) -> &str {
        match self.arguments.iter().find(|(known, _)| known == key) {
            Some((_, value)) => value,
            None => panic!("the parent passed no {key}"),
        }
    }

    /// An argument as a whole number.
    pub fn number(&self, key: &str) -> usize {
        let text = self.text(key);
        text.parse().unwrap_or_else(|_| panic!("{key}={text} is not a whole number"))
    }

    /// The system to measure.
    pub fn system(&self) -> System {
        let name = self.text("system");
        System::parse(name).unwrap_or_else(|| panic!("{name} is no system"))
    }

    /// The case to measure.
    pub fn case(&self) -> &str {
        self.text("case")
    }
}

/// Measures and prints, then ends the process without waiting for what the system left running.
pub fn serve_parent(job: &Job, measure: impl FnOnce(&Job) -> Measurement) -> ! {
    sys::die_with_parent();
    sys::alarm(CHILD_LIMIT_SECONDS);
    for (name, value) in measure(job).figures() {
        println!("measured {name} {value}");
    }
    // A panic has ended the process before this line: `measure` runs on the main thread.
    std::process::exit(0)
}

/// A running child; killed and reaped when dropped.
#[derive(Debug)]
pub struct Child {
    process: Process,
    output: BufReader<ChildStdout>,
    input: Option<ChildStdin>,
}

impl Child {
    /// Starts this binary again with `arguments`.
    pub fn start(arguments: &[(String, String)]) -> Child {
        let command = Command::new(own_binary());
        Child::start_command(command, arguments)
    }

    /// Starts this binary again under `strace` with the given options.
    pub fn start_traced(options: &[&str], arguments: &[(String, String)]) -> Child {
        let mut command = Command::new("strace");
        command.args(options).arg(own_binary());
        Child::start_command(command, arguments)
    }

    fn start_command(mut command: Command, arguments: &[(String, String)]) -> Child {
        command.arg("--child").args(arguments.iter().map(|(key, value)| format!("{key}={value}")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A rival that dies does so once for each of its coroutines; the message is enough.
        command.env("RUST_BACKTRACE", "0");
        let mut process = command.spawn().expect("the bench's own binary can be started again");
        let output = process.stdout.take().expect("standard output was asked to be a pipe");
        let input = process.stdin.take();
        Child { process, output: BufReader::new(output), input }
    }

    /// The child's process id.
    pub fn pid(&self) -> i32 {
        self.process.id() as i32
    }

    /// The next line of the child, without its line feed; an error if the child has ended.
    pub fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(self.ending()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends the child one line.
    pub fn say(&mut self, line: &str) -> Result<(), String> {
        let input = self.input.as_mut().expect("standard input was asked to be a pipe");
        writeln!(input, "{line}").map_err(|error| error.to_string())
    }

    /// Reads the child's figures until it ends.
    pub fn measurement(mut self) -> Result<Measurement, String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text).map_err(|error| error.to_string())?;
        let status = self.process.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("child ended with {status}"));
        }
        let mut measurement = Measurement::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            if let (Some("measured"), Some(name), Some(value)) =
                (words.next(), words.next(), words.next())
            {
                let value = value.parse().map_err(|_| format!("no number: {line}"))?;
                measurement = measurement.and(name, value);
            }
        }
        Ok(measurement)
    }

    fn ending(&mut self) -> String {
        match self.process.wait() {
            Ok(status) => format!("child ended with {status}"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only if the child has already been reaped, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One measurement of `contender` in a child of its own.
pub fn measure(contender: &Contender) -> Result<Measurement, String> {
    Child::start(&contender.arguments).measurement()
}

fn own_binary() -> std::path::PathBuf {
    std::env::current_exe().expect("/proc is mounted")
}
