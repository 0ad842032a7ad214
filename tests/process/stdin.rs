//! The standard input, in children whose input is ours.

use crate::child;
use crate::fixture::{beside_a_neighbour, tell_parent, wait_for_child};
use crate::flavour::on_workers;
use greenstd::io::{IsTerminal, stdin};
use greenstd::thread;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

/// Runs `body` in a child, on a green thread of each kind of runtime in turn if `workers` says so,
/// and lets `feed` write to its input.
fn with_input<F: FnOnce()>(body: F, feed: impl FnOnce(ChildStdin) + Send + 'static) {
    let mut command = child::prepare(body).into_command();
    command.stdin(Stdio::piped());
    finish(command, feed);
}

fn finish(mut command: Command, feed: impl FnOnce(ChildStdin) + Send + 'static) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let feeding = std::thread::spawn(move || stdin.map(feed));
    let output = child.wait_with_output().unwrap();
    let said = [child::text(&output.stdout), child::text(&output.stderr)].concat();
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("running 1 test"), "the child found no such test: {said}");
    feeding.join().unwrap();
}

fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// What is read of `one`, `two` and `three`, in each of the ways.
fn read_in_all_ways() {
    let mut line = String::new();
    assert_eq!(stdin().read_line(&mut line).unwrap(), 4);
    assert_eq!(line, "one\n");
    let mut lock = stdin().lock();
    let mut word = Vec::new();
    assert_eq!(lock.read_until(b'o', &mut word).unwrap(), 3);
    let mut exact = [0; 3];
    lock.read_exact(&mut exact).unwrap();
    assert_eq!((word.as_slice(), &exact), (b"two".as_slice(), b"\nth"));
    assert!(lock.fill_buf().unwrap().starts_with(b"r"));
    lock.consume(1);
    drop(lock);
    assert_eq!((&stdin()).read(&mut exact[..1]).unwrap(), 1);
    let rest: Vec<String> = stdin().lines().map(Result::unwrap).collect();
    assert_eq!(rest, ["e", "last"]);
    assert_eq!(stdin().read(&mut exact).unwrap(), 0);
    assert_eq!(stdin().read_line(&mut line).unwrap(), 0);
    assert!(stdin().read_exact(&mut exact).is_err());
    assert_eq!(io::read_to_string(stdin()).unwrap(), "");
}

const INPUT: &[u8] = b"one\ntwo\nthree\nlast";

#[test]
fn a_pipe_is_read_in_all_ways_by_a_green_thread() {
    with_input(|| on_workers(1, read_in_all_ways), |mut input| input.write_all(INPUT).unwrap());
}

#[test]
fn a_pipe_is_read_in_all_ways_by_an_os_thread() {
    with_input(
        || {
            read_in_all_ways();
        },
        |mut input| input.write_all(INPUT).unwrap(),
    );
}

#[test]
fn a_slow_pipe_is_read_in_all_ways() {
    with_input(
        || on_workers(2, read_in_all_ways),
        |mut input| {
            for byte in INPUT {
                input.write_all(&[*byte]).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        },
    );
}

/// Runs the body with another kind of input.
fn with_other_input<F: FnOnce()>(body: F, input: impl Into<Stdio>) {
    let mut command = child::prepare(body).into_command();
    command.stdin(input);
    finish(command, drop);
}

#[test]
fn a_file_is_read_in_all_ways() {
    let path = std::env::temp_dir().join(format!("greenstd-stdin-{}", std::process::id()));
    std::fs::write(&path, INPUT).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    with_other_input(|| on_workers(1, read_in_all_ways), file);
}

#[test]
fn a_socket_is_read_in_all_ways() {
    let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
    far.write_all(INPUT).unwrap();
    drop(far);
    with_other_input(|| on_workers(1, read_in_all_ways), OwnedFd::from(near));
}

#[test]
fn nothing_comes_from_the_null_device() {
    with_other_input(
        || on_workers(1, || assert_eq!(io::read_to_string(stdin()).unwrap(), "")),
        Stdio::null(),
    );
}

#[test]
fn zeroes_come_from_the_zero_device() {
    with_other_input(
        || {
            on_workers(1, || {
                let mut bytes = [1; 10_000];
                stdin().read_exact(&mut bytes).unwrap();
                assert!(bytes.iter().all(|&byte| byte == 0));
            });
        },
        File::open("/dev/zero").unwrap(),
    );
}

#[test]
fn a_closed_input_is_at_its_end() {
    with_other_input(
        || {
            on_workers(1, || {
                // SAFETY: nobody else in this process uses it.
                unsafe { libc::close(0) };
                assert_eq!(io::read_to_string(stdin()).unwrap(), "");
            });
        },
        Stdio::null(),
    );
}

#[test]
fn a_read_parks() {
    with_input(
        || {
            on_workers(1, || {
                let mut line = String::new();
                beside_a_neighbour(|| stdin().read_line(&mut line).unwrap());
                assert_eq!(line, "late\n");
            });
        },
        |mut input| {
            pause();
            input.write_all(b"late\n").unwrap();
        },
    );
}

#[test]
fn a_killed_reader_gives_the_lock_back_and_loses_no_byte() {
    with_input(
        || {
            on_workers(1, || {
                let mut text = String::new();
                let reading = thread::spawn(|| {
                    let mut line = String::new();
                    stdin().read_line(&mut line).unwrap();
                });
                // The beginning of a line has come to it.
                thread::sleep(Duration::from_millis(100));
                let waiting = thread::spawn(|| {
                    let mut line = String::new();
                    stdin().read_line(&mut line).unwrap();
                });
                thread::yield_now();
                assert!(waiting.kill_and_wait(None).unwrap());
                assert!(reading.kill_and_wait(None).unwrap());
                assert!(
                    greenstd::time::timeout(Duration::from_millis(5), || {
                        stdin().read_exact(&mut [0; 100])
                    })
                    .is_err()
                );
                tell_parent("reader-killed");
                stdin().read_to_string(&mut text).unwrap();
                assert_eq!(text, "beginning and end\n");
            });
        },
        |mut input| {
            input.write_all(b"beginning").unwrap();
            wait_for_child("reader-killed");
            input.write_all(b" and end\n").unwrap();
        },
    );
}

#[test]
fn readers_share_the_lines() {
    with_input(
        || {
            on_workers(2, || {
                let reading = [(); 4].map(|()| {
                    thread::spawn(|| {
                        let mut lines = Vec::new();
                        let mut line = String::new();
                        while stdin().read_line(&mut line).unwrap() > 0 {
                            lines.push(line.trim_end().parse::<u32>().unwrap());
                            line.clear();
                        }
                        lines
                    })
                });
                let mut all = reading.map(|reading| reading.join().unwrap()).concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..5000));
            });
        },
        |mut input| {
            for number in 0..5000 {
                writeln!(input, "{number}").unwrap();
            }
        },
    );
}

#[test]
fn text_that_is_none_is_refused() {
    with_input(
        || {
            on_workers(1, || {
                let error = stdin().read_line(&mut String::new()).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert_eq!(stdin().lines().next().unwrap().unwrap(), "text");
                assert!(!stdin().is_terminal());
            });
        },
        |mut input| input.write_all(b"\xff\xfe\ntext\n").unwrap(),
    );
}
