//! A server in C, and a thousand connections at once.

use crate::toolchain::{HANGS, Linkage, Running, compile};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};

const CONNECTIONS: usize = 1000;

/// Raises the limit on descriptors as far as it goes; half of a connection each is ours.
fn allow_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a place of ours.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

fn serve_a_thousand(linkage: Linkage) {
    allow_descriptors();
    let program = compile("echo.c", linkage);
    let mut command = Command::new(program);
    command.arg(CONNECTIONS.to_string()).stdout(Stdio::piped());
    let mut server = Running(command.spawn().expect("the program was just made"));
    let mut said = BufReader::new(server.0.stdout.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it tells its port");
    let port: u16 = line.trim().parse().expect("a port");

    let mut clients: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).expect("it listens"))
        .collect();
    let mut bytes = 0;
    for round in 0..3 {
        for (index, client) in clients.iter_mut().enumerate() {
            client.set_read_timeout(Some(HANGS)).expect("a timeout");
            client.write_all(&message(index, round)).expect("it is there");
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let mut echoed = message(index, round);
            bytes += echoed.len();
            echoed.fill(0);
            client.read_exact(&mut echoed).expect("it answers in time");
            assert!(echoed == message(index, round), "{index} got another one's bytes");
        }
    }
    for client in &mut clients {
        client.shutdown(Shutdown::Write).expect("it is there");
        assert_eq!(client.read(&mut [0]).expect("the end comes in time"), 0);
    }
    let mut report = String::new();
    said.read_to_string(&mut report).expect("it is text");
    assert_eq!(report, format!("{bytes} bytes, {CONNECTIONS} at once\n"));
    assert!(server.0.wait().expect("it is a child").success());
}

/// Of different lengths, and different contents.
fn message(index: usize, round: usize) -> Vec<u8> {
    (0..64 + index * 3).map(|at| (at * 7 + index + round) as u8).collect()
}

#[test]
fn a_thousand_connections_are_served_by_a_program_linked_statically() {
    serve_a_thousand(Linkage::Static);
}

#[test]
fn a_thousand_connections_are_served_by_a_program_linked_dynamically() {
    serve_a_thousand(Linkage::Dynamic);
}
