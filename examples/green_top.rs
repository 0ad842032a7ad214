//! Shows what the green threads of a process do, like top: `cargo run --release --example green_top
//! -- SOCKET`, where the process has opened a console (`diag::console`) at that socket.
//!
//! It refreshes once a second in any terminal, and in tmux; Ctrl-C ends it. `--once` writes one
//! picture and ends, for scripts; `--every SECONDS` is another period. The client is a plain one of
//! the console's line protocol: a command on a line, an answer that ends with a dot.

use greenstd::os::unix::net::UnixStream;
use greenstd::thread;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: green_top [--once] [--every SECONDS] SOCKET";

/// Where no terminal says how large it is.
const LINES: usize = 40;
const COLUMNS: usize = 120;

struct Arguments {
    socket: String,
    is_once: bool,
    period: Duration,
}

fn main() -> ExitCode {
    let Some(arguments) = read_arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match greenstd::run(move || watch(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("green_top: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments() -> Option<Arguments> {
    let mut arguments = std::env::args().skip(1);
    let (mut socket, mut is_once, mut period) = (None, false, Duration::from_secs(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => is_once = true,
            "--every" => {
                let seconds = arguments.next()?.parse().ok()?;
                period = Duration::try_from_secs_f64(seconds).ok()?;
            }
            option if option.starts_with('-') => return None,
            _ => socket = Some(argument),
        }
    }
    Some(Arguments { socket: socket?, is_once, period })
}

fn watch(arguments: &Arguments) -> io::Result<()> {
    let mut console = BufReader::new(UnixStream::connect(&arguments.socket)?);
    loop {
        let mut picture = ask(&mut console, "top")?;
        picture.push(String::new());
        picture.extend(ask(&mut console, "pool")?);
        picture.push(String::new());
        picture.push("who waits for locks:".into());
        picture.extend(ask(&mut console, "locks")?);
        if arguments.is_once {
            return io::stdout().write_all(format!("{}\n", picture.join("\n")).as_bytes());
        }
        draw(&picture)?;
        thread::sleep(arguments.period);
    }
}

/// Sends a command, and reads the lines of its answer.
fn ask(console: &mut BufReader<UnixStream>, command: &str) -> io::Result<Vec<String>> {
    console.get_mut().write_all(format!("{command}\n").as_bytes())?;
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if console.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the process has ended"));
        }
        let line = line.trim_end_matches('\n');
        match line.strip_prefix('.') {
            Some("") => return Ok(lines),
            Some(rest) => lines.push(rest.to_owned()),
            None => lines.push(line.to_owned()),
        }
    }
}

/// Draws over the last picture: home, each line with what was there before erased, then what is
/// below. At one go, so that nothing flickers.
fn draw(picture: &[String]) -> io::Result<()> {
    let size = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    let lines = size("LINES").unwrap_or(LINES).saturating_sub(1);
    let columns = size("COLUMNS").unwrap_or(COLUMNS);
    let mut screen = String::from("\x1b[H");
    for line in picture.iter().take(lines) {
        screen.extend(line.chars().take(columns).map(|it| if it.is_control() { '?' } else { it }));
        screen.push_str("\x1b[K\n");
    }
    screen.push_str("\x1b[J");
    let mut out = io::stdout();
    out.write_all(screen.as_bytes())?;
    out.flush()
}
