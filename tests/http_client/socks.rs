//! Proxies that speak SOCKS, played by hand: what they are told, byte for byte, and what comes of
//! what they say. A foreign one is in `peers`.

use crate::fixture::{Server, answer, relay};
use greenstd::net::TcpStream;
use greenstd::net::http_client::ureq::{Agent, Error, Proxy, Timeout};
use greenstd::net::http_client::{agent_with, config};
use greenstd::net::server::{Connection, StreamServer};
use greenstd::thread;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a connection may take: far longer than any does.
const A_WHILE: Duration = Duration::from_secs(20);

/// A proxy for one protocol.
struct Played {
    server: StreamServer,
    connections: Arc<AtomicUsize>,
}

impl Played {
    fn new(play: impl Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Played {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let serve = move |connection: Connection| {
            count.fetch_add(1, Ordering::SeqCst);
            let played = play(&connection);
            count.fetch_sub(1, Ordering::SeqCst);
            played
        };
        Played { server: StreamServer::builder().start("127.0.0.1:0", serve).unwrap(), connections }
    }

    fn agent(&self, scheme: &str) -> Agent {
        agent_by(&format!("{scheme}://{}", self.server.local_addr()), A_WHILE)
    }

    /// What a request for a name that does not exist comes to.
    fn error(&self, scheme: &str) -> Error {
        self.agent(scheme).get("http://far.invalid/").call().unwrap_err()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.server.stop(Duration::ZERO);
    }
}

fn agent_by(url: &str, timeout: Duration) -> Agent {
    let config = config().proxy(Some(Proxy::new(url).unwrap()));
    agent_with(config.timeout_connect(Some(timeout)).build())
}

fn expect(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut told = vec![0; bytes.len()];
    stream.read_exact(&mut told)?;
    assert_eq!(told, bytes);
    Ok(())
}

/// Says it byte by byte, since a proxy may.
fn say(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[*byte])?;
        thread::yield_now();
    }
    Ok(())
}

/// A server behind the proxy, and where it is.
fn behind() -> (Server, String) {
    let server = Server::start(|_, stream| answer(stream, "200 OK", "", b"behind it"));
    let place = server.url("")["http://".len()..].to_owned();
    (server, place)
}

fn fetch(agent: &Agent, url: &str) {
    let mut told = agent.get(url).call().unwrap();
    assert_eq!(told.body_mut().read_to_string().unwrap(), "behind it");
}

const FAR: &[u8] = b"\x05\x01\x00\x03\x0bfar.invalid\x00\x50";

laws! {
    fn version_5_is_given_the_name() {
        let (_server, place) = behind();
        let proxy = Played::new(move |stream| {
            expect(stream, &[5, 1, 0])?;
            say(stream, &[5, 0])?;
            expect(stream, FAR)?;
            say(stream, b"\x05\x00\x00\x03\x04here\x12\x34")?;
            relay(stream, &TcpStream::connect(&place)?)
        });

        fetch(&proxy.agent("socks5h"), "http://far.invalid/");
    }

    fn version_5_is_given_addresses_as_such() {
        let (_server, place) = behind();
        let proxy = Played::new(move |stream| {
            expect(stream, &[5, 1, 0])?;
            say(stream, &[5, 0])?;
            let mut head = [0; 4];
            (&*stream).read_exact(&mut head)?;
            match head[3] {
                1 => expect(stream, &[192, 0, 2, 7, 0x1f, 0x90])?,
                4 => {
                    let mut address = [0; 18];
                    address[..2].copy_from_slice(&[0x20, 0x01]);
                    (address[15], address[17]) = (9, 80);
                    expect(stream, &address)?;
                }
                other => panic!("kind {other}"),
            }
            let mut told = vec![5, 0, 0, 4];
            told.extend([0; 18]);
            say(stream, &told)?;
            relay(stream, &TcpStream::connect(&place)?)
        });
        fetch(&proxy.agent("socks5"), "http://192.0.2.7:8080/");
        fetch(&proxy.agent("socks5"), "http://[2001::9]/");
    }

    fn version_5_is_told_who_asks_if_it_wants_to_know() {
        let (_server, place) = behind();
        let wants = move |way: u8, verdict: u8| {
            let place = place.clone();
            Played::new(move |stream| {
                expect(stream, &[5, 2, 0, 2])?;
                say(stream, &[5, way])?;
                if way == 2 {
                    expect(stream, b"\x01\x02me\x06secret")?;
                    say(stream, &[1, verdict])?;
                }
                expect(stream, FAR)?;
                say(stream, &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80])?;
                relay(stream, &TcpStream::connect(&place)?)
            })
        };
        let url = |proxy: &Played| format!("socks5h://me:secret@{}", proxy.server.local_addr());
        for way in [0, 2] {
            let proxy = wants(way, 0);
            fetch(&agent_by(&url(&proxy), A_WHILE), "http://far.invalid/");
        }
        let proxy = wants(2, 1);
        let agent = agent_by(&url(&proxy), A_WHILE);
        let error = agent.get("http://far.invalid/").call().unwrap_err();
        assert_kind(&error, ErrorKind::PermissionDenied);
    }

    fn version_4_is_given_an_address_and_4a_the_name() {
        let (_server, place) = behind();
        let proxy = Played::new(move |stream| {
            let mut head = [0; 8];
            (&*stream).read_exact(&mut head)?;
            match head {
                [4, 1, 0, 80, 127, 0, 0, 1] => expect(stream, b"\0")?,
                [4, 1, 0, 80, 0, 0, 0, 1] => expect(stream, b"\0far.invalid\0")?,
                other => panic!("{other:?}"),
            }
            say(stream, &[0, 90, 0, 0, 0, 0, 0, 0])?;
            relay(stream, &TcpStream::connect(&place)?)
        });
        fetch(&proxy.agent("socks4"), "http://127.0.0.1:80/");
        fetch(&proxy.agent("socks4a"), "http://far.invalid/");
        let error = proxy.agent("socks4").get("http://[::1]/").call().unwrap_err();
        assert_kind(&error, ErrorKind::InvalidInput);
    }

    fn refusals_are_errors_of_their_kinds() {
        let kinds = [
            (1, ErrorKind::Other),
            (2, ErrorKind::PermissionDenied),
            (3, ErrorKind::NetworkUnreachable),
            (4, ErrorKind::HostUnreachable),
            (5, ErrorKind::ConnectionRefused),
            (7, ErrorKind::Unsupported),
        ];
        for (answer, kind) in kinds {
            let proxy = Played::new(move |stream| {
                expect(stream, &[5, 1, 0])?;
                say(stream, &[5, 0])?;
                expect(stream, FAR)?;
                say(stream, &[5, answer, 0, 1, 0, 0, 0, 0, 0, 0])
            });
            assert_kind(&proxy.error("socks5h"), kind);
        }
        let kinds = [(91, ErrorKind::ConnectionRefused), (93, ErrorKind::PermissionDenied)];
        for (answer, kind) in kinds {
            let proxy = Played::new(move |stream| {
                expect(stream, b"\x04\x01\x00\x50\0\0\0\x01\0far.invalid\0")?;
                say(stream, &[0, answer, 0, 0, 0, 0, 0, 0])
            });
            assert_kind(&proxy.error("socks4a"), kind);
        }
        let proxy = Played::new(|stream| {
            expect(stream, &[5, 1, 0])?;
            say(stream, &[5, 0xff])
        });
        assert_kind(&proxy.error("socks5h"), ErrorKind::PermissionDenied);
    }

    fn what_is_no_socks_is_an_error() {
        for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[4, 0], &[5, 7], &[5]] {
            let proxy = Played::new(move |stream| say(stream, said));
            let garbled = matches!(proxy.error("socks5h"), Error::Io(_));
            assert!(garbled, "{said:?}");
        }
    }

    fn a_name_that_is_too_long_is_refused_before_anything_is_said() {
        let proxy = Played::new(|stream| {
            assert_eq!((&*stream).read(&mut [0])?, 0);
            Ok(())
        });
        let label = "a".repeat(60);
        let url = format!("http://{}.invalid/", [&label[..]; 5].join("."));
        let error = proxy.agent("socks5h").get(url).call().unwrap_err();
        assert_kind(&error, ErrorKind::InvalidInput);
    }

    fn a_proxy_that_keeps_still_takes_no_longer_than_a_connection_may() {
        let proxy = Played::new(|stream| {
            expect(stream, &[5, 1, 0])?;
            while (&*stream).read(&mut [0])? > 0 {}
            Ok(())
        });
        let url = format!("socks5h://{}", proxy.server.local_addr());
        let agent = agent_by(&url, Duration::from_millis(30));
        let error = agent.get("http://far.invalid/").call().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Connect)), "{error:?}");
    }
}

laws! { green
    fn who_is_killed_while_the_proxy_keeps_still_closes_the_connection() {
        let proxy = Played::new(|stream| {
            while (&*stream).read(&mut [0])? > 0 {}
            Ok(())
        });
        let agent = proxy.agent("socks5h");
        let fetching = greenstd::spawn(move || agent.get("http://far.invalid/").call().is_ok());
        while proxy.connections.load(Ordering::SeqCst) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        fetching.kill().unwrap();
        assert!(fetching.join().is_err());
        while proxy.connections.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[track_caller]
fn assert_kind(error: &Error, kind: ErrorKind) {
    assert!(matches!(error, Error::Io(error) if error.kind() == kind), "{error:?}, not {kind:?}");
}
