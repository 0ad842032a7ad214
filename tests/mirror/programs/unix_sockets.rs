//! Sockets between processes of one machine: a ring of pairs, a listener at a path, datagrams.

use super::std::{self, println};
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

const STATIONS: usize = 30;
const LAPS: u32 = 25;

pub fn main() -> io::Result<()> {
    ring()?;
    at_a_path()?;
    datagrams()?;
    ends()
}

/// A number goes around, and each station adds one.
fn ring() -> io::Result<()> {
    let (mut start, mut end) = UnixStream::pair()?;
    let mut stations = Vec::new();
    for _ in 0..STATIONS {
        let (output, next) = UnixStream::pair()?;
        let input = mem::replace(&mut end, next);
        stations.push(thread::spawn(move || pass_on(input, output)));
    }
    let mut number = [0; 4];
    for _ in 0..LAPS {
        start.write_all(&number)?;
        end.read_exact(&mut number)?;
    }
    crate::crowd::is_here(STATIONS);
    println!("{} after {LAPS} laps around {STATIONS} stations", u32::from_be_bytes(number));
    drop(start);
    let passed: u32 = stations.into_iter().map(|station| station.join().unwrap().unwrap()).sum();
    println!("passed on {passed} times; then {:?}", end.read(&mut number)?);
    Ok(())
}

fn pass_on(mut input: UnixStream, mut output: UnixStream) -> io::Result<u32> {
    let mut passed = 0;
    let mut number = [0; 4];
    loop {
        match input.read_exact(&mut number) {
            Ok(()) => passed += 1,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(passed),
            Err(error) => return Err(error),
        }
        let next = u32::from_be_bytes(number) + 1;
        output.write_all(&next.to_be_bytes())?;
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mirror-{}-{name}", std::process::id()))
}

fn at_a_path() -> io::Result<()> {
    let path = path("listener");
    let listener = UnixListener::bind(&path)?;
    println!("at its path: {}", listener.local_addr()?.as_pathname() == Some(&path));
    let clients: Vec<_> = (0..5)
        .map(|number| {
            let path = path.clone();
            thread::spawn(move || -> io::Result<String> {
                let mut stream = UnixStream::connect(path)?;
                writeln!(stream, "client {number}")?;
                stream.shutdown(Shutdown::Write)?;
                io::read_to_string(stream)
            })
        })
        .collect();
    for stream in listener.incoming().take(5) {
        let stream = stream?;
        let (peer, mut line) = (stream.peer_addr()?.is_unnamed(), String::new());
        BufReader::new(&stream).read_line(&mut line)?;
        (&stream).write_all(format!("{peer}: {}", line.to_uppercase()).as_bytes())?;
    }
    let answers: Vec<_> = clients.into_iter().map(|c| c.join().unwrap().unwrap()).collect();
    println!("{answers:?}");
    fs::remove_file(&path)?;
    println!("{:?}", UnixStream::connect(&path).unwrap_err().kind());
    Ok(())
}

fn datagrams() -> io::Result<()> {
    let (left, right) = UnixDatagram::pair()?;
    let answerer = thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0; 64];
        loop {
            let length = right.recv(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            buffer[..length].reverse();
            right.send(&buffer[..length])?;
        }
    });
    let mut buffer = [0; 64];
    for word in ["stressed", "drawer", "level"] {
        left.send(word.as_bytes())?;
        let length = left.recv(&mut buffer)?;
        println!("{word}: {}", String::from_utf8_lossy(&buffer[..length]));
    }
    left.send(b"")?;
    answerer.join().expect("it does not panic")?;

    let path = path("datagrams");
    let (named, sender) = (UnixDatagram::bind(&path)?, UnixDatagram::unbound()?);
    sender.send_to(b"hello", &path)?;
    let (length, from) = named.recv_from(&mut buffer)?;
    println!("{length} bytes from nowhere: {}", from.is_unnamed());
    fs::remove_file(path)
}

fn ends() -> io::Result<()> {
    let (left, right) = UnixStream::pair()?;
    left.set_read_timeout(Some(Duration::from_millis(15)))?;
    println!("{:?}", left.read_timeout()?);
    println!("{:?}", (&left).read(&mut [0]).unwrap_err().kind());
    left.set_nonblocking(true)?;
    println!("{:?}", (&left).read(&mut [0]).unwrap_err().kind());
    // The descriptor goes from hand to hand.
    let number = right.as_raw_fd();
    let right = UnixStream::from(OwnedFd::from(right));
    println!("the same number: {}", right.as_raw_fd() == number);
    drop(left);
    println!("{:?}", (&right).write(b"x").unwrap_err().kind());
    Ok(())
}
