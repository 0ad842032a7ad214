//! What happens in a handler concerns its connection alone.

use super::fixture::{answer, ask, assert_silent, client, echo, until};
use crate::child;
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::sync::mpsc;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

laws! {
    fn panics_and_errors_of_handlers_do_not_touch_their_neighbours() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |mut connection| {
                let mut what = [0];
                connection.read_exact(&mut what)?;
                match what[0] {
                    b'p' => panic!("on purpose"),
                    b'e' => Err(io::Error::other("on purpose")),
                    _ => {
                        connection.write_all(&what)?;
                        echo(connection)
                    }
                }
            })
            .unwrap();
        let neighbour = client(&server);
        ask(&neighbour);
        for what in [b"p", b"e"].into_iter().cycle().take(20) {
            let mut stream = client(&server);
            stream.write_all(what).unwrap();
            assert_eq!(answer(&stream), None);
            ask(&neighbour);
        }
        until(|| server.statistics().panicked + server.statistics().failed == 20);
        let seen = server.statistics();
        assert_eq!((seen.panicked, seen.failed, seen.live), (10, 10, 1));
    }

    fn handler_knows_its_peer_and_bears_its_name() {
        let (sender, receiver) = mpsc::channel();
        let server = StreamServer::builder()
            .name("greeter")
            .start("127.0.0.1:0", move |connection| {
                let name = greenstd::thread::current().name().map(String::from);
                sender.send((*connection.peer(), connection.peer_addr()?, name)).unwrap();
                Ok(())
            })
            .unwrap();
        let stream = client(&server);
        assert_eq!(answer(&stream), None);
        let local = stream.local_addr().unwrap();
        let name = Some(format!("greeter-{local}"));
        assert_eq!(receiver.recv().unwrap(), (local, local, name));
    }

    /// C66
    fn slow_hello_delays_nobody_and_ends_at_its_deadline() {
        let server = StreamServer::builder()
            .handshake(Duration::from_millis(500), say_hello)
            .start("127.0.0.1:0", greet)
            .unwrap();
        let mut silent: Vec<_> = (0..20).map(|_| client(&server)).collect();
        for _ in 0..5 {
            let mut prompt = client(&server);
            prompt.write_all(b"hello\n").unwrap();
            assert_eq!(answer(&prompt), Some(b'h'));
        }
        // A byte now and then does not stretch it: the deadline is that of the whole.
        let dripping = silent.pop().unwrap();
        while (&dripping).write_all(b"h").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        for stream in silent {
            assert_eq!(answer(&stream), None);
        }
        until(|| server.statistics().live == 0);
        assert_eq!((server.statistics().finished, server.statistics().failed), (5, 20));
    }

    fn failed_handshake_closes_the_connection() {
        let server = StreamServer::builder()
            .handshake(None, say_hello)
            .start("127.0.0.1:0", greet)
            .unwrap();
        let mut rude = client(&server);
        rude.write_all(b"\n").unwrap();
        assert_eq!(answer(&rude), None);
        until(|| server.statistics().failed == 1);
        let mut polite = client(&server);
        polite.write_all(b"hello\n").unwrap();
        assert_eq!(answer(&polite), Some(b'h'));
    }

    fn handler_can_share_its_connection_with_another_green_thread() {
        let server = StreamServer::builder()
            .start("127.0.0.1:0", |connection| {
                let mut writer = connection.try_clone()?;
                let reader = greenstd::thread::spawn(move || {
                    let mut byte = [0];
                    (&connection).read_exact(&mut byte).map(|()| byte)
                });
                writer.write_all(&[1])?;
                assert_eq!(reader.join().unwrap()?, [2]);
                writer.write_all(&[3])
            })
            .unwrap();
        let mut stream = client(&server);
        assert_eq!(answer(&stream), Some(1));
        assert_silent(&stream);
        stream.write_all(&[2]).unwrap();
        assert_eq!((answer(&stream), answer(&stream)), (Some(3), None));
    }
}

type Polite = BufReader<TcpStream>;

/// A handshake: a line that is not empty.
fn say_hello(stream: TcpStream) -> io::Result<Polite> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    io::BufRead::read_line(&mut stream, &mut line)?;
    if line.trim().is_empty() { Err(ErrorKind::InvalidData.into()) } else { Ok(stream) }
}

fn greet(mut connection: Connection<Polite>) -> io::Result<()> {
    connection.get_mut().write_all(b"h")
}

/// The fields of events that are warnings.
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn errors_and_panics_are_reported_with_the_address_of_the_peer_and_resets_are_no_news() {
    // Alone: what others report meanwhile could settle that nobody listens.
    child::succeed(|| {
        let (seen, [failed, panicked, reset]) = reports();
        let about = |peer: &str| seen.iter().filter(|text| text.contains(peer)).collect::<Vec<_>>();
        assert_eq!(about(&failed).len(), 1, "{seen:?}");
        assert!(about(&failed)[0].contains("of mine") && about(&failed)[0].contains("faulty"));
        assert_eq!(about(&panicked).len(), 1, "{seen:?}");
        assert!(about(&panicked)[0].contains("of mine") && about(&panicked)[0].contains("faulty-"));
        assert!(about(&reset).is_empty(), "{seen:?}");
    });
}

/// What is reported of an error, a panic and a reset, and their peers.
fn reports() -> (Vec<String>, [String; 3]) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let subscriber = Warnings(Arc::clone(&seen));
    let peers = crate::flavour::on_workers(1, move || {
        // Of the one worker, on which the handlers are, too.
        let _default = tracing::subscriber::set_default(subscriber);
        let server = StreamServer::builder()
            .name("faulty")
            .start("127.0.0.1:0", |mut connection| {
                let mut what = [0];
                connection.read_exact(&mut what)?;
                match what[0] {
                    b'p' => panic!("of mine"),
                    b'e' => Err(io::Error::other("of mine")),
                    _ => Err(ErrorKind::ConnectionReset.into()),
                }
            })
            .unwrap();
        let peers = [b"e", b"p", b"r"].map(|what| {
            let mut stream = client(&server);
            stream.write_all(what).unwrap();
            assert_eq!(answer(&stream), None);
            stream.local_addr().unwrap().to_string()
        });
        until(|| server.statistics().live == 0);
        server.stop(None);
        peers
    });
    let seen = seen.lock().unwrap().clone();
    (seen, peers)
}

#[test]
fn everything_of_a_server_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync + std::fmt::Debug>() {}
    is_shared::<StreamServer>();
    is_shared::<greenstd::net::server::Builder>();
    is_shared::<greenstd::net::server::ServerHandle>();
    is_shared::<greenstd::net::server::Stopping>();
    is_shared::<Connection>();
    is_shared::<Connection<Polite>>();
}
