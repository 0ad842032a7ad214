//! The standard output and error, in children whose output is ours.

use crate::child;
use crate::fixture::{SOON, beside_a_neighbour, tell_parent, wait_for_child};
use crate::flavour::on_workers;
use greenstd::io::{IsTerminal, stderr, stdout};
use greenstd::thread;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What `body` writes in a child, read after `before`, and how it has ended.
fn written_by<F: FnOnce()>(body: F, before: impl FnOnce()) -> (String, ExitStatus) {
    let mut command = child::prepare(body).into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    before();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("running 1 test"), "the child found no such test: {text}");
    (text, child.wait().unwrap())
}

/// The lines that begin with a mark of ours.
fn marked(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('<')).collect()
}

#[test]
fn unfinished_lines_are_written_at_the_end_of_the_process() {
    let (text, status) = written_by(
        || {
            on_workers(1, || {
                writeln!(stdout(), "\n<line>").unwrap();
                greenstd::print!("<begun>");
                let number = 7;
                std::print!(" by std");
                greenstd::print!(" {number}");
            });
        },
        || (),
    );
    assert!(status.success());
    assert!(text.ends_with("\n<line>\n<begun> by std 7"), "{text}");
}

#[test]
fn flush_writes_an_unfinished_line() {
    let mut command = child::prepare(|| {
        on_workers(1, || {
            let mut output = stdout().lock();
            write!(output, "\n<un").unwrap();
            write!(stdout(), "fin").unwrap();
            output.flush().unwrap();
            std::thread::sleep(Duration::from_secs(1000));
        });
    })
    .into_command();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (mut text, mut byte) = (Vec::new(), [0]);
    let stdout = child.stdout.as_mut().unwrap();
    while !text.ends_with(b"<unfin") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1);
        text.push(byte[0]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Writes lines of many lengths from green threads and OS threads, through ours and through std.
fn write_many_lines() {
    println!();
    let line = |writer: usize, number: usize| {
        let length = if number.is_multiple_of(10) { 6000 } else { number % 90 };
        format!("<{writer} {number} {}>", "x".repeat(length))
    };
    let green: Vec<_> = (0..3)
        .map(|writer| {
            thread::spawn(move || {
                for number in 0..300 {
                    greenstd::println!("{}", line(writer, number));
                    let mut lock = stdout().lock();
                    let text = line(writer + 10, number);
                    let (head, tail) = text.split_at(text.len() / 2);
                    write!(lock, "{head}").unwrap();
                    writeln!(lock, "{tail}").unwrap();
                }
            })
        })
        .collect();
    let os = std::thread::spawn(move || {
        for number in 0..300 {
            writeln!(stdout(), "{}", line(20, number)).unwrap();
        }
    });
    // By std, for as long as there is anybody to disturb.
    let is_over = Arc::new(AtomicBool::new(false));
    let its = is_over.clone();
    let by_std = std::thread::spawn(move || {
        let is_going_on = |_: &usize| !its.load(Ordering::Relaxed);
        (0..).take_while(is_going_on).for_each(|number| std::println!("{}", line(21, number)));
    });
    for green in green {
        green.join().unwrap();
    }
    os.join().unwrap();
    is_over.store(true, Ordering::Relaxed);
    by_std.join().unwrap();
}

fn assert_lines_are_whole((text, status): (String, ExitStatus)) {
    assert!(status.success());
    let lines = marked(&text);
    let mut next = [0; 22];
    for line in lines {
        let inside = line.strip_prefix('<').and_then(|line| line.strip_suffix('>'));
        let mut parts = inside.unwrap_or_else(|| panic!("torn: {line}")).split(' ');
        let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
        let (writer, number) = (number(), number());
        assert_eq!(next[writer], number, "each writer's lines are in order");
        next[writer] += 1;
        assert!(parts.next().unwrap().bytes().all(|byte| byte == b'x'), "torn: {line}");
    }
    let writers = [0, 1, 2, 10, 11, 12, 20];
    assert_eq!(writers.map(|writer| next[writer]), [300; 7]);
    assert!(next[21] > 0);
}

#[test]
fn lines_are_never_mixed_with_one_worker() {
    let pause = || std::thread::sleep(Duration::from_millis(300));
    assert_lines_are_whole(written_by(|| on_workers(1, write_many_lines), pause));
}

#[test]
fn lines_are_never_mixed_with_two_workers() {
    let pause = || std::thread::sleep(Duration::from_millis(300));
    assert_lines_are_whole(written_by(|| on_workers(2, write_many_lines), pause));
}

#[test]
fn a_writer_to_a_full_pipe_parks_and_holds_no_lock_of_std() {
    let (text, status) = written_by(
        || {
            on_workers(1, || {
                println!();
                let filling = thread::spawn(|| {
                    for number in 0..3000 {
                        greenstd::println!("<{number:060}>");
                    }
                });
                beside_a_neighbour(|| thread::sleep(Duration::from_millis(100)));
                assert!(!filling.is_finished(), "a pipe holds less");
                // Nobody has std's lock: this does not block the one worker.
                drop(std::io::stdout().lock());
                tell_parent("pipe-full");
                filling.join().unwrap();
            });
        },
        || wait_for_child("pipe-full"),
    );
    assert!(status.success());
    let lines = marked(&text);
    assert_eq!(lines.len(), 3000);
    assert!(lines.iter().enumerate().all(|(number, line)| *line == format!("<{number:060}>")));
}

#[test]
fn a_killed_writer_leaves_whole_lines_and_the_lock() {
    let (text, status) = written_by(
        || {
            on_workers(1, || {
                println!();
                for length in [60, 6000] {
                    let acknowledged = Arc::new(AtomicUsize::new(0));
                    let its = acknowledged.clone();
                    let writer = thread::spawn(move || {
                        for number in 0.. {
                            greenstd::println!("<{number:0length$}>");
                            its.store(number + 1, Ordering::Relaxed);
                        }
                    });
                    let next = thread::spawn(|| greenstd::println!("<next>"));
                    thread::sleep(Duration::from_millis(100));
                    assert!(!next.is_finished() || length == 6000);
                    assert!(writer.kill_and_wait(None).unwrap());
                    if length == 60 {
                        tell_parent("writer-killed");
                    }
                    next.join().unwrap();
                    greenstd::println!("<of {length}: {acknowledged:?}>");
                }
            });
        },
        || wait_for_child("writer-killed"),
    );
    assert!(status.success());
    let mut lines = marked(&text);
    let whole = lines.len();
    lines.retain(|line| line.ends_with('>'));
    assert_eq!(lines.len(), whole, "none is torn");
    assert_eq!(lines.iter().filter(|line| **line == "<next>").count(), 2);
    let count = |length: usize| lines.iter().filter(|line| line.len() == length + 2).count();
    let told = |length: usize| {
        let said = lines.iter().find_map(|line| line.strip_prefix(&format!("<of {length}: ")));
        said.unwrap().trim_end_matches('>').parse::<usize>().unwrap()
    };
    assert_eq!(count(60), told(60), "what was written is what was told to be");
    // The one that a thread of the pool had taken is written as a whole.
    assert!((told(6000)..=told(6000) + 1).contains(&count(6000)));
}

#[test]
fn a_closed_output_is_no_error() {
    let mut command = child::prepare(|| {
        on_workers(1, || {
            // SAFETY: nobody else uses it any more.
            unsafe { libc::close(1) };
            writeln!(stdout(), "into the void").unwrap();
            stdout().flush().unwrap();
        });
        writeln!(stdout(), "into the void").unwrap();
    })
    .into_command();
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}

#[test]
fn that_nobody_reads_is_an_error() {
    let mut command = child::prepare(|| {
        on_workers(1, || {
            let deadline = Instant::now() + SOON;
            while writeln!(stdout(), "is anybody there?").is_ok() {
                assert!(Instant::now() < deadline);
                thread::yield_now();
            }
            // std's buffer is left empty, so that the end of the process does not wait.
            std::process::exit(42);
        });
    })
    .into_command();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !line.contains("anybody") {
        line.clear();
        stdout.read_line(&mut line).unwrap();
    }
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn errors_are_written_at_once_and_in_one_piece() {
    let output = child::succeed(|| {
        on_workers(2, || {
            let writing: Vec<_> = (0..3)
                .map(|writer| {
                    thread::spawn(move || {
                        for number in 0..200 {
                            greenstd::eprintln!("<{writer} {number}{}>", " part".repeat(20));
                        }
                    })
                })
                .collect();
            let os = std::thread::spawn(|| {
                for number in 0..200 {
                    writeln!(stderr(), "<3 {number}{}>", " part".repeat(20)).unwrap();
                }
            });
            writing.into_iter().for_each(|writing| writing.join().unwrap());
            os.join().unwrap();
            greenstd::eprint!("<last>");
            assert!(!stderr().is_terminal() && !stdout().is_terminal());
            // Nothing is left to be flushed.
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) };
        });
    });
    let text = child::text(&output.stderr);
    let lines = marked(&text);
    assert_eq!(lines.len(), 801);
    assert!(lines[..800].iter().all(|line| line.ends_with(" part part>")), "{text}");
    assert_eq!(lines[800], "<last>");
}
