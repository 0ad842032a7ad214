//! A threaded echo server: a thread for each client, time limits for the idle, an orderly end.

use super::std::{self, println};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 40;
const ROUNDS: usize = 20;

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    bytes: AtomicUsize,
    ends: Mutex<BTreeMap<&'static str, usize>>,
}

pub fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let counts = Arc::new(Counts::default());
    let server = {
        let counts = Arc::clone(&counts);
        thread::Builder::new().name("acceptor".into()).spawn(move || serve(&listener, &counts))?
    };

    let all_here = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let all_here = Arc::clone(&all_here);
            thread::spawn(move || client(address, number, &all_here))
        })
        .collect();
    let echoed: usize = clients.into_iter().map(|client| client.join().unwrap().unwrap()).sum();
    println!("{CLIENTS} clients got {echoed} bytes back");

    idle_client_is_sent_away(address)?;
    let mut last = TcpStream::connect(address)?;
    last.write_all(b"stop\n")?;
    println!("the server says {:?}", io::read_to_string(&mut last)?);
    server.join().expect("the acceptor does not panic")?;

    println!("{} connections", counts.connections.load(Ordering::SeqCst));
    println!("{} bytes", counts.bytes.load(Ordering::SeqCst));
    println!("{:?}", counts.ends.lock().unwrap());
    Ok(())
}

fn serve(listener: &TcpListener, counts: &Arc<Counts>) -> io::Result<()> {
    assert_eq!(thread::current().name(), Some("acceptor"));
    let mut sessions = Vec::new();
    for stream in listener.incoming() {
        let stream = stream?;
        counts.connections.fetch_add(1, Ordering::SeqCst);
        let (session, shared) = (stream.try_clone()?, Arc::clone(counts));
        sessions.push(thread::spawn(move || {
            let end = match converse(&session, &shared) {
                Ok(end) => end,
                Err(error) if error.kind() == ErrorKind::WouldBlock => "idle",
                Err(error) => panic!("a session fails: {error}"),
            };
            *shared.ends.lock().unwrap().entry(end).or_default() += 1;
            session.shutdown(Shutdown::Both).ok();
            end
        }));
        // Only the last session is waited for at once, to see whether it was told to stop.
        if counts.connections.load(Ordering::SeqCst) == CLIENTS + 2 {
            break;
        }
    }
    for session in sessions {
        session.join().expect("no session panics");
    }
    Ok(())
}

fn converse(stream: &TcpStream, counts: &Counts) -> io::Result<&'static str> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if line == "stop\n" {
            (&*stream).write_all(b"stopped")?;
            return Ok("stopped");
        }
        if line == "be short\n" {
            stream.set_read_timeout(Some(Duration::from_millis(30)))?;
        }
        (&*stream).write_all(line.as_bytes())?;
        counts.bytes.fetch_add(line.len(), Ordering::SeqCst);
        line.clear();
    }
    Ok("closed")
}

fn client(address: SocketAddr, number: usize, all_here: &Barrier) -> io::Result<usize> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    all_here.wait();
    crate::crowd::is_here(CLIENTS);
    all_here.wait();
    let mut echoed = 0;
    for round in 0..ROUNDS {
        let line = format!("client {number} in round {round}\n");
        stream.write_all(line.as_bytes())?;
        let mut back = vec![0; line.len()];
        stream.read_exact(&mut back)?;
        assert_eq!(back, line.as_bytes());
        echoed += back.len();
    }
    stream.shutdown(Shutdown::Write)?;
    assert_eq!(stream.read(&mut [0])?, 0, "the server closes what the client has closed");
    Ok(echoed)
}

fn idle_client_is_sent_away(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"be short\n")?;
    let everything = io::read_to_string(&mut stream)?;
    println!("an idle client heard {everything:?}, then the end");
    Ok(())
}
