//! Requests, and what comes of them.

use crate::certificates::authority;
use crate::fixture::{Server, answer, read_request, relay, write};
use greenstd::net::http_client::ureq::tls::{Certificate, RootCerts, TlsConfig};
use greenstd::net::http_client::ureq::{Error, Proxy, Timeout};
use greenstd::net::http_client::{agent, agent_with, config};
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::tls::{TlsAcceptor, TlsStream, rustls};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::sync::Barrier;
use std::io::{BufReader, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(20);

laws! {
    fn an_answer_has_status_headers_and_body() {
        let server = Server::start(|request, stream| {
            assert_eq!(request.line, "GET /page?query HTTP/1.1");
            assert_eq!(request.header("x-asked"), Some("yes"));
            answer(stream, "203 Guess", "X-Told: also\r\n", b"the body")
        });
        let request = agent().get(server.url("/page?query")).header("x-asked", "yes");
        let mut told = request.call().unwrap();
        assert_eq!(told.status(), 203);
        assert_eq!(told.headers()["x-told"], "also");
        assert_eq!(told.body_mut().read_to_string().unwrap(), "the body");
    }

    fn a_body_is_sent() {
        let server = Server::start(|request, stream| answer(stream, "200 OK", "", &request.body));
        let body: Vec<u8> = (0..3_000_000).map(|at| (at / 7) as u8).collect();
        let mut told = agent().post(server.url("/")).send(&body[..]).unwrap();
        assert!(told.body_mut().with_config().limit(9_000_000).read_to_vec().unwrap() == body);
    }

    fn a_chunked_body_is_read() {
        let server = Server::start(|_, stream| {
            write(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in ["5\r\nin pi", "\r\n3\r\nece\r\n1\r", "\ns\r\n", "0\r\n\r\n"] {
                write(stream, piece.as_bytes())?;
                thread::yield_now();
            }
            Ok(())
        });
        let mut told = agent().get(server.url("/")).call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), "in pieces");
    }

    fn gzip_is_unpacked() {
        let server = Server::start(|request, stream| {
            assert!(request.header("accept-encoding").unwrap().contains("gzip"));
            // `printf hello | gzip -n`.
            let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\
                \xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0";
            answer(stream, "200 OK", "Content-Encoding: gzip\r\n", packed)
        });
        let mut told = agent().get(server.url("/")).call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), "hello");
    }

    fn redirects_are_followed_up_to_a_limit() {
        let server = Server::start(|request, stream| {
            match request.path()[1..].parse::<u32>().unwrap() {
                0 => answer(stream, "200 OK", "", b"arrived"),
                more => {
                    let next = format!("Location: /{}\r\n", more - 1);
                    answer(stream, "302 Found", &next, b"")
                }
            }
        });
        let mut told = agent().get(server.url("/5")).call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), "arrived");
        let error = agent().get(server.url("/50")).call().unwrap_err();
        assert!(matches!(error, Error::TooManyRedirects), "{error}");
    }

    fn connections_are_used_again() {
        let server = Server::start(|_, stream| answer(stream, "200 OK", "", b"small"));
        let agent = agent();
        for _ in 0..20 {
            agent.get(server.url("/")).call().unwrap().body_mut().read_to_vec().unwrap();
        }
        assert_eq!(server.connections(), 1);
    }

    /// One that the server has ended meanwhile, or on which it has said what nobody asked for.
    fn stale_connections_are_not_used_again() {
        let server = Server::start(|request, stream| {
            answer(stream, "200 OK", "", b"said")?;
            if request.path() == "/more" {
                return write(stream, b"unasked");
            }
            stream.shutdown(greenstd::net::Shutdown::Both)
        });
        let agent = agent();
        for (number, path) in ["/", "/more", "/", "/more", "/"].into_iter().enumerate() {
            let mut told = agent.get(server.url(path)).call().unwrap();
            assert_eq!(told.body_mut().read_to_vec().unwrap(), b"said");
            assert_eq!(server.connections(), number + 1);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn an_error_status_is_an_error() {
        let server = Server::start(|_, stream| answer(stream, "404 Not Found", "", b"nothing"));
        let error = agent().get(server.url("/")).call().unwrap_err();
        assert!(matches!(error, Error::StatusCode(404)), "{error}");
        let config = config().http_status_as_error(false).build();
        let mut told = agent_with(config).get(server.url("/")).call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), "nothing");
    }

    fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = agent().get(&url).call().unwrap_err();
        let refused = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
        assert!(matches!(&error, Error::Io(error) if refused(error)), "{error}");
        let error = agent().get("http://name.invalid/").call().unwrap_err();
        assert!(matches!(error, Error::Io(_) | Error::HostNotFound), "{error}");
    }

    /// For the head of the answer, and for its body.
    fn a_timeout_ends_a_request() {
        let server = Server::start(|request, stream| {
            if request.path() == "/begin" {
                write(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")?;
            }
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        });
        let config = config().timeout_global(Some(SOON)).build();
        let agent = agent_with(config);
        let error = agent.get(server.url("/")).call().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Global)), "{error}");
        let mut told = agent.get(server.url("/begin")).call().unwrap();
        let error = told.body_mut().read_to_vec().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Global)), "{error}");
    }

    fn a_timeout_ends_a_request_that_nobody_takes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let config = config().timeout_send_body(Some(SOON)).build();
        let error = agent_with(config).post(&url).send(&vec![0; 50_000_000][..]).unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::SendBody)), "{error}");
    }

    fn a_shutdown_of_the_agent_ends_its_requests() {
        let server = Server::start(|_, _| {
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        });
        let agent = agent();
        let waiter = agent.clone();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| waiter.get(server.url("/")).call().is_err());
            while server.connections() == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(5));
            agent.shutdown();
            assert!(waiting.join().unwrap());
        });
        assert!(waiter.get(server.url("/")).call().is_err());
    }

    fn an_https_server_is_spoken_to() {
        let served = Arc::new(AtomicUsize::new(0));
        let count = served.clone();
        let server = StreamServer::builder()
            .tls(localhost())
            .start("127.0.0.1:0", move |connection: Connection<TlsStream<TcpStream>>| {
                count.fetch_add(1, Ordering::SeqCst);
                let mut reader = BufReader::new(&*connection);
                while let Some(request) = read_request(&mut reader)? {
                    answer(&*connection, "200 OK", "", &request.body)?;
                }
                Ok(())
            })
            .unwrap();
        let url = format!("https://localhost:{}/", server.local_addr().port());
        let agent = agent_with(config().tls_config(trust()).build());
        for _ in 0..3 {
            let body = vec![7; 100_000];
            let mut told = agent.post(&url).send(&body[..]).unwrap();
            assert_eq!(told.body_mut().read_to_vec().unwrap(), body);
        }
        // Whom the platform does not trust is not believed.
        assert!(greenstd::net::http_client::agent().get(&url).call().is_err());
        assert_eq!(served.load(Ordering::SeqCst), 1);
        server.stop(Duration::ZERO);
    }

    /// The one that was asked for is never seen by the dialer: its name need not even exist.
    fn a_proxy_is_asked_to_connect() {
        let target = Server::start(|_, stream| answer(stream, "200 OK", "", b"behind it"));
        let behind = target.url("")["http://".len()..].to_owned();
        let proxy = Server::start(move |request, stream| {
            assert_eq!(request.line, "CONNECT far.invalid:80 HTTP/1.1");
            let target = TcpStream::connect(&behind)?;
            write(stream, b"HTTP/1.1 200 Connected\r\n\r\n")?;
            relay(stream, &target)
        });
        let config = config().proxy(Some(Proxy::new(&proxy.url("")).unwrap())).build();
        let agent = agent_with(config);
        let mut told = agent.get("http://far.invalid/").call().unwrap();
        assert_eq!(told.body_mut().read_to_string().unwrap(), "behind it");
    }
}

/// Each waits until all are there: so all are under way at once, on one worker.
#[test]
fn a_thousand_fetch_at_once_on_one_worker() {
    const COUNT: usize = 1000;
    crate::flavour::on_workers(1, || {
        let all_there = Barrier::new(COUNT);
        let server = Server::start(move |request, stream| {
            all_there.wait();
            answer(stream, "200 OK", "", request.path().as_bytes())
        });
        let agent = agent_with(config().max_idle_connections(COUNT).build());
        let fetching: Vec<_> = (0..COUNT)
            .map(|number| {
                let (agent, url) = (agent.clone(), server.url(&format!("/{number}")));
                greenstd::spawn(move || {
                    let mut told = agent.get(&url).call().unwrap();
                    assert_eq!(told.body_mut().read_to_string().unwrap(), format!("/{number}"));
                })
            })
            .collect();
        for one in fetching {
            one.join().unwrap();
        }
        assert_eq!(server.connections(), COUNT);
    });
}

fn localhost() -> TlsAcceptor {
    TlsAcceptor::builder(authority().sign(&["localhost"]).identity()).build().unwrap()
}

fn trust() -> TlsConfig {
    let root = Certificate::from_pem(authority().pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(provider)
        .build()
}
