//! `examples/echo.rs`, as it is and with `greenstd` replaced by `std`, as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/echo.rs");

#[test]
fn example_echoes() {
    assert_echoes(Command::new(example()));
}

#[test]
fn example_echoes_the_same_with_std_in_the_place_of_greenstd() {
    let source = fs::read_to_string(SOURCE).unwrap();
    let substituted = source.replace("greenstd", "std");
    assert_ne!(source, substituted);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (folder.join("std_echo.rs"), folder.join("std_echo"));
    fs::write(&file, substituted).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(compiler)
        .args(["--edition", "2024", "-D", "warnings", "-o"])
        .args([&program, &file])
        .status()
        .unwrap();
    assert!(status.success());
    assert_echoes(Command::new(program));
}

#[test]
fn server_without_descriptors_waits_without_spinning_and_then_serves_on() {
    // Fewer descriptors than clients. The limit is set by the shell, for that process only.
    const CLIENTS: usize = 60;
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\""]).arg(example());
    let mut server = Server::start(command);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(&[1]).unwrap();
    }
    clients[0].read_exact(&mut [0]).unwrap();
    // Let it fail for a while, until the waits have grown long.
    thread::sleep(Duration::from_millis(1500));
    let before = server.cpu_ticks();
    thread::sleep(Duration::from_millis(1500));
    let spent_ticks = server.cpu_ticks() - before;
    assert!(spent_ticks <= 10, "it spins: {spent_ticks} of 150 ticks of 10 ms");
    // Each that leaves makes room for another.
    for (index, mut client) in clients.into_iter().enumerate() {
        if index > 0 {
            client.read_exact(&mut [0]).unwrap_or_else(|error| panic!("client {index}: {error}"));
        }
    }
    server.connect().write_all(&[1]).unwrap();
    let complaints = server.stop();
    let failures = complaints.lines().filter(|line| line.starts_with("cannot accept")).count();
    assert!((5..100).contains(&failures), "{failures} failed accepts:\n{complaints}");
}

/// What both versions of the example must do.
fn assert_echoes(command: Command) {
    let mut server = Server::start(command);
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        client.write_all(&[index as u8; 1000]).unwrap();
    }
    for (index, client) in clients.iter_mut().enumerate().rev() {
        let mut back = [0; 1000];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, [index as u8; 1000]);
    }
    // A client that is reset ends its own handler only.
    let reset = clients.remove(3);
    socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
    drop(reset);
    for mut client in clients {
        client.write_all(b"more").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert_eq!(back, b"more");
    }
    server.connect().write_all(&[1]).unwrap();
    server.stop();
}

/// The example, built by cargo in the profile of this test if it is not up to date.
fn example() -> PathBuf {
    // This test is `target/PROFILE/deps/tcp-HASH`.
    let this = std::env::current_exe().unwrap();
    let profile = this.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "greenstd", "--example", "echo", "--target-dir"]);
    build.arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(status.success());
    profile.join("examples/echo")
}

/// A running echo server, ended when dropped.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(mut command: Command) -> Server {
        let command = command.arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Server { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // A server that fails must fail the test and not hang it.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// User and system time so far: the 14th and 15th field of its `stat`, the 2nd of which may
    /// contain blanks but ends at the last parenthesis.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = |field: &str| field.parse::<u64>().unwrap();
        fields.split_whitespace().skip(11).take(2).map(ticks).sum()
    }

    /// Ends it, and returns what it wrote to its standard error.
    fn stop(&mut self) -> String {
        assert_eq!(self.process.try_wait().unwrap(), None, "it has ended by itself");
        self.process.kill().unwrap();
        let mut complaints = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        complaints
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
