//! Servers whose handlers speak TLS.

use crate::certificates::{NAME, acceptor, connector, identity};
use crate::child;
use crate::fixture::{expect, message};
use crate::flavour::on_workers;
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::tls::{TlsAcceptor, TlsStream};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(200);

fn echo(mut connection: Connection<TlsStream<TcpStream>>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while let count @ 1.. = connection.read(&mut buffer)? {
        connection.write_all(&buffer[..count])?;
    }
    Ok(())
}

fn client(server: &StreamServer) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    connector().connect(NAME, stream).unwrap()
}

fn ask(client: &TlsStream<TcpStream>) {
    { client }.write_all(b"anybody there?").unwrap();
    expect(client, b"anybody there?");
}

#[track_caller]
fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it takes too long");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

laws! {
    fn handlers_speak_tls() {
        let server = StreamServer::builder().tls(acceptor()).start("127.0.0.1:0", echo).unwrap();
        greenstd::thread::scope(|scope| {
            for seed in 0..8 {
                let server = &server;
                scope.spawn(move || {
                    let client = client(server);
                    let long = message(seed, 100_000);
                    greenstd::thread::scope(|scope| {
                        scope.spawn(|| (&client).write_all(&long).unwrap());
                        expect(&client, &long);
                    });
                    client.close().unwrap();
                });
            }
        });
        assert!(server.stop(Duration::from_secs(10)).is_clean());
        assert_eq!(server.statistics().failed, 0);
    }

    fn a_handshake_that_takes_too_long_is_ended() {
        let acceptor = TlsAcceptor::builder(identity()).handshake_timeout(SOON).build().unwrap();
        let server = StreamServer::builder().tls(acceptor).start("127.0.0.1:0", echo).unwrap();
        let mut silent = TcpStream::connect(server.local_addr()).unwrap();
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        // A byte now and then does not stretch it: the deadline is that of the whole.
        let mut dripping = TcpStream::connect(server.local_addr()).unwrap();
        while dripping.write_all(&[22, 3, 1, 2, 0, 1][..1]).is_ok() {
            thread::sleep(SOON / 20);
        }
        until(|| server.statistics().failed == 2);
        ask(&client(&server));
    }

    fn a_stop_waits_for_handshakes_and_then_ends_them() {
        let server = StreamServer::builder().tls(acceptor()).start("127.0.0.1:0", echo).unwrap();
        let silent = TcpStream::connect(server.local_addr()).unwrap();
        until(|| server.statistics().live == 1);
        let report = server.stop(SOON);
        assert!(!report.is_clean());
        drop(silent);
    }

    /// What rustls has decrypted ahead no descriptor tells of.
    fn a_handler_that_waits_between_requests_misses_none() {
        let handler = |mut connection: Connection<TlsStream<TcpStream>>| {
            let mut request = [0];
            while connection.has_unread() || connection.wait_readable()? {
                if connection.read(&mut request)? == 0 {
                    break;
                }
                connection.write_all(&request)?;
            }
            connection.write_all(b".")
        };
        let server = StreamServer::builder().tls(acceptor()).start("127.0.0.1:0", handler).unwrap();
        let client = client(&server);
        (&client).write_all(b"many in one record").unwrap();
        expect(&client, b"many in one record");
        assert!(server.stop(Duration::from_secs(10)).is_clean());
        expect(&client, b".");
        assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    }

    /// A client that has said its end, and one whose transport ends without a word: the first gets
    /// its answer, the second is an error of its handler, and neither is noticed by a neighbour.
    fn half_closed_clients_harm_nobody() {
        let handler = |mut connection: Connection<TlsStream<TcpStream>>| {
            let mut request = Vec::new();
            connection.read_to_end(&mut request)?;
            connection.write_all(&request)
        };
        let server = StreamServer::builder().tls(acceptor()).start("127.0.0.1:0", handler).unwrap();
        let neighbour = client(&server);
        (&neighbour).write_all(b"begun, ").unwrap();
        for number in 0..10 {
            let half = client(&server);
            (&half).write_all(b"all of it").unwrap();
            half.shutdown(Shutdown::Write).unwrap();
            expect(&half, b"all of it");
            // And no more; its end is said as well.
            assert_eq!((&half).read(&mut [0]).unwrap(), 0);
            let cut = client(&server);
            (&cut).write_all(b"a part of it").unwrap();
            cut.get_ref().shutdown(Shutdown::Write).unwrap();
            assert!(!matches!((&cut).read(&mut [0]), Ok(1..)), "there is no answer to a part");
            until(|| server.statistics().failed == number + 1);
        }
        (&neighbour).write_all(b"ended").unwrap();
        neighbour.shutdown(Shutdown::Write).unwrap();
        expect(&neighbour, b"begun, ended");
        assert!(server.stop(Duration::from_secs(10)).is_clean());
        assert_eq!(server.statistics().panicked, 0);
    }
}

/// C66, a thousand times: silent clients, and some that have begun their hello.
#[test]
fn a_thousand_slow_handshakes_delay_nobody() {
    child::succeed(|| {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })
            .unwrap();
        for workers in [1, 2] {
            on_workers(workers, || {
                let acceptor = TlsAcceptor::builder(identity()).handshake_timeout(None);
                let server = StreamServer::builder().tls(acceptor.build().unwrap());
                let server = server.start("127.0.0.1:0", echo).unwrap();
                let slow: Vec<_> = (0..1000)
                    .map(|number| {
                        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
                        stream.write_all(&[22, 3, 1, 1, 0, 1, 0][..number % 8]).unwrap();
                        stream
                    })
                    .collect();
                until(|| server.statistics().live == 1000);
                for _ in 0..20 {
                    let start = Instant::now();
                    let client = client(&server);
                    ask(&client);
                    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
                }
                assert!(server.statistics().live >= 1000);
                drop(slow);
                assert!(server.stop(Duration::from_secs(10)).is_clean());
            });
        }
    });
}
