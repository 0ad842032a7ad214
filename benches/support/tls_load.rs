//! The load generator for servers that speak TLS: as `load`, one thread, one epoll, closed-loop
//! clients in a process of its own, each with a rustls connection of its own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd::net::tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use greenstd::net::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use greenstd::net::tls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, crypto::ring,
};

use super::child::Job;
use super::contender::Measurement;
use super::histogram::Histogram;
use super::sys::{self, Epoll};

/// Case name of a load generator's child: load and measure.
pub const CASE: &str = "tls_load";
/// Case name of a child that opens connections, does one echo on each, and holds them.
pub const HOLD_CASE: &str = "tls_hold";

/// Events for each wait.
const EVENTS: usize = 1024;
/// No echo takes longer, unless bytes were lost.
const STALL_LIMIT: Duration = Duration::from_secs(20);

/// Loads a server and measures it; the child's side. Arguments as those of `load::load`.
pub fn load(job: &Job) -> Measurement {
    let mut load = Load::open(job).expect("every connection opens and echoes once");
    load.run(Duration::from_millis(job.number("warm_millis") as u64)).expect("bytes come back");
    load.latencies.clear();
    let server = job.number("server") as i32;
    let (cpu, start) = (sys::cpu_nanos_of(server), Instant::now());
    load.run(Duration::from_millis(job.number("millis") as u64)).expect("bytes come back");
    let cpu_nanos = sys::cpu_nanos_of(server) - cpu;
    let (seconds, latencies) = (start.elapsed().as_secs_f64(), &load.latencies);
    assert!(latencies.total() > 0, "no request was finished within the time");
    let requests = latencies.total() as f64;
    Measurement::of("rps", requests / seconds)
        .and("cpu_us", cpu_nanos as f64 / 1e3 / requests)
        .and("p50_us", latencies.quantile(0.50) as f64 / 1e3)
        .and("p99_us", latencies.quantile(0.99) as f64 / 1e3)
}

/// Opens connections, says `held`, and keeps them until its standard input ends.
pub fn hold(job: &Job) -> Measurement {
    let load = Load::open(job).expect("every connection opens and echoes once");
    println!("held {}", load.clients.len());
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input is a pipe");
    Measurement::default()
}

struct Client {
    stream: TcpStream,
    connection: ClientConnection,
    /// The first byte of its messages, which changes.
    first: u8,
    received: usize,
    since: Instant,
}

struct Load {
    poll: Epoll,
    clients: Vec<Client>,
    message: Vec<u8>,
    buffer: Vec<u8>,
    latencies: Histogram,
    is_ending: bool,
    waiting: usize,
}

impl Load {
    /// Opens every connection and has it echo once.
    fn open(job: &Job) -> io::Result<Load> {
        sys::raise_file_limit();
        if let Some(cpus) = super::server::cpus(job) {
            sys::pin_to(&cpus);
        }
        let bytes = job.number("bytes");
        let mut load = Load {
            poll: Epoll::new()?,
            clients: Vec::new(),
            message: (0..bytes).map(|index| (index % 251) as u8).collect(),
            buffer: vec![0; bytes],
            latencies: Histogram::new(),
            is_ending: true,
            waiting: 0,
        };
        let config = config();
        for index in 0..job.number("connections") {
            let mut client = connect(job.text("address"), &config)?;
            while client.connection.is_handshaking() {
                client.connection.complete_io(&mut client.stream)?;
            }
            client.stream.set_nonblocking(true)?;
            load.poll.add(client.stream.as_raw_fd(), index as u64, sys::EDGE_BOTH)?;
            load.clients.push(client);
            load.begin(index)?;
            load.drain()?;
        }
        Ok(load)
    }

    /// Has every client go round until `time` is over and the last echoes are back.
    fn run(&mut self, time: Duration) -> io::Result<()> {
        self.is_ending = false;
        let end = Instant::now() + time;
        for index in 0..self.clients.len() {
            self.begin(index)?;
        }
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while Instant::now() < end {
            self.turn(&mut events, end.saturating_duration_since(Instant::now()))?;
        }
        // The last echoes count: their requests were served within the CPU time that is counted.
        self.is_ending = true;
        self.drain()
    }

    /// Waits until no message is on its way.
    fn drain(&mut self) -> io::Result<()> {
        let limit = Instant::now() + STALL_LIMIT;
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        while self.waiting > 0 {
            if Instant::now() > limit {
                return Err(io::Error::other(format!("{} echoes never came", self.waiting)));
            }
            self.turn(&mut events, STALL_LIMIT)?;
        }
        Ok(())
    }

    fn turn(&mut self, events: &mut [libc::epoll_event], time: Duration) -> io::Result<()> {
        let count = self.poll.wait(events, time.as_millis().max(1) as i32)?.len();
        for event in &events[..count] {
            self.progress(event.u64 as usize)?;
        }
        Ok(())
    }

    /// Sends the next message of a client.
    fn begin(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.first = client.first.wrapping_add(1);
        self.message[0] = client.first;
        client.received = 0;
        client.since = Instant::now();
        client.connection.writer().write_all(&self.message)?;
        self.waiting += 1;
        client.push()
    }

    /// Reads, checks, and goes on to the next message when this one is whole.
    fn progress(&mut self, index: usize) -> io::Result<()> {
        self.clients[index].push()?;
        loop {
            let client = &mut self.clients[index];
            match client.connection.read_tls(&mut client.stream) {
                Ok(0) => return Err(io::Error::other("the server closed a connection")),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            client.connection.process_new_packets().map_err(io::Error::other)?;
            let count = match client.connection.reader().read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                outcome => outcome?,
            };
            self.message[0] = client.first;
            let expected = self.message.get(client.received..client.received + count);
            if expected != Some(&self.buffer[..count]) {
                return Err(io::Error::other("a byte was lost, repeated or changed"));
            }
            client.received += count;
            if client.received == self.message.len() {
                self.latencies.add(client.since.elapsed().as_nanos() as u64);
                self.waiting -= 1;
                if !self.is_ending {
                    self.begin(index)?;
                }
            }
        }
    }
}

impl Client {
    /// Sends what the socket takes; the next writable edge continues.
    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn connect(address: &str, config: &Arc<ClientConfig>) -> io::Result<Client> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    sys::reset_on_close(&stream);
    let name = ServerName::try_from("localhost").expect("it is a name");
    let connection = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    Ok(Client { stream, connection, first: 0, received: 0, since: Instant::now() })
}

fn config() -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for all versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    Arc::new(config)
}

/// Believes the server whatever its certificate is: it was started for this.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
