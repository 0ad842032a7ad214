//! Laws of WebSockets that began as requests of an HTTP server.

use crate::certificates::{acceptor, connector};
use crate::fixture::{CLOSE, FINAL, PING, PONG, masked, put, receive, text};
use crate::flavour::Watchdog;
use greenstd::net::http::{HttpServer, IntoResponse, Request, Response};
use greenstd::net::ws::{Builder, Message, tungstenite};
use greenstd::net::{TcpListener, TcpStream, ws};
use greenstd::runtime::{self, Runtime};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const HUNG_AFTER: Duration = Duration::from_secs(20);

/// A server in a runtime of its own.
struct Served {
    server: Option<HttpServer>,
    runtime: Option<Runtime>,
    _watchdog: Watchdog,
}

impl Served {
    fn new(
        workers: usize,
        handler: impl Fn(Request) -> Response + Send + Sync + 'static,
    ) -> Served {
        Served::start(workers, |listener| HttpServer::builder().start(listener, handler))
    }

    fn start(
        workers: usize,
        start: impl FnOnce(TcpListener) -> io::Result<HttpServer> + Send + 'static,
    ) -> Served {
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        let server = runtime.run(|| start(TcpListener::bind("127.0.0.1:0").unwrap())).unwrap();
        Served { server: Some(server), runtime: Some(runtime), _watchdog: Watchdog::new() }
    }

    fn server(&self) -> &HttpServer {
        self.server.as_ref().unwrap()
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}/", self.server().local_addr().port())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(*self.server().local_addr()).unwrap();
        stream.set_read_timeout(Some(HUNG_AFTER)).unwrap();
        stream
    }

    /// Asks in these words; the head of the answer, in lower case.
    fn ask(&self, request: impl AsRef<[u8]>) -> (TcpStream, String) {
        let stream = self.connect();
        (&stream).write_all(request.as_ref()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let mut byte = [0];
            (&stream).read_exact(&mut byte).unwrap();
            head.push(char::from(byte[0]).to_ascii_lowercase());
        }
        (stream, head)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.server.take());
        self.runtime.take().unwrap().shutdown();
    }
}

fn request(more: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nhost: site.test\r\nconnection: keep-alive, Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

fn echo(request: &Request, builder: &Builder) -> Response {
    builder.upgrade(request, |socket| {
        while let Some(message) = socket.read()? {
            socket.send(message)?;
        }
        Ok(())
    })
}

fn for_each_flavour(law: impl Fn(usize)) {
    [1, 2].into_iter().for_each(law);
}

#[test]
fn a_request_becomes_a_websocket() {
    for_each_flavour(|workers| {
        let served = Served::new(workers, |request| echo(&request, &Builder::new()));
        let socket = ws::connect(&served.url("ws")).unwrap();
        for number in 0..100 {
            socket.send(number.to_string()).unwrap();
            assert_eq!(text(&socket), number.to_string());
        }
        socket.close().unwrap();
        // The key of RFC 6455, section 1.3, and a frame in the same segment.
        let early = [request("").as_bytes(), &masked(FINAL | 1, b"early")].concat();
        let (stream, head) = served.ask(&early);
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
        assert_eq!(receive(&stream).payload, b"early");
    });
}

/// The law for which the reader's turn was made: who reads answers.
#[test]
fn a_ping_is_answered_while_the_handler_reads() {
    for_each_flavour(|workers| {
        let served = Served::new(workers, |request| echo(&request, &Builder::new()));
        let (stream, _) = served.ask(request(""));
        for round in 0..10_u8 {
            put(&stream, &masked(FINAL | PING, &[round; 5]));
            let pong = receive(&stream);
            assert_eq!((pong.first, &pong.payload[..]), (FINAL | PONG, &[round; 5][..]));
        }
        put(&stream, &masked(FINAL | 1, b"still there"));
        assert_eq!(receive(&stream).payload, b"still there");
    });
}

#[test]
fn a_ping_over_tls_is_answered_while_the_handler_reads_and_another_thread_sends() {
    for_each_flavour(|workers| {
        let served = Served::start(workers, |listener| {
            HttpServer::builder().tls::<TcpStream>(acceptor()).start(
                listener,
                |request: Request| {
                    ws::upgrade(&request, |socket| {
                        greenstd::thread::scope(|scope| {
                            scope.spawn(|| {
                                for number in 0..50 {
                                    // The second client has heard enough before the end.
                                    let _ = socket.send(number.to_string());
                                    greenstd::thread::sleep(Duration::from_micros(200));
                                }
                            });
                            while let Some(message) = socket.read()? {
                                socket.send(message)?;
                            }
                            Ok(())
                        })
                    })
                },
            )
        });
        let stream = connector().connect("localhost", served.connect()).unwrap();
        let mut reader = BufReader::new(&stream);
        (&stream).write_all(request("").as_bytes()).unwrap();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let (mut pongs, mut texts) = (0, 0);
        put(&stream, &masked(FINAL | PING, b"0"));
        while pongs < 20 || texts < 50 {
            let frame = receive(&mut reader);
            if frame.first == FINAL | PONG {
                pongs += 1;
                put(&stream, &masked(FINAL | PING, b"again"));
            } else {
                assert_eq!(frame.payload, texts.to_string().as_bytes());
                texts += 1;
            }
        }
        // And a client of ours, by its URL.
        let socket = Builder::new().tls(connector()).connect(&served.url("wss")).unwrap();
        socket.send("encrypted").unwrap();
        while text(&socket) != "encrypted" {}
        socket.close().unwrap();
    });
}

#[test]
fn subprotocols_are_agreed_on() {
    let served = Served::new(1, |request| {
        Builder::new().subprotocols(["v2", "v1"]).upgrade(&request, |socket| {
            socket.send(format!("{:?}", socket.subprotocol()))?;
            socket.close()
        })
    });
    for (offered, chosen) in [("v1", Some("v1")), ("v1, v2", Some("v2")), ("v3", None)] {
        let asked = request(&format!("sec-websocket-protocol: {offered}\r\n"));
        let (stream, head) = served.ask(&asked);
        let header = chosen.map(|chosen| format!("\r\nsec-websocket-protocol: {chosen}\r\n"));
        match header {
            Some(header) => assert!(head.contains(&header), "{head}"),
            None => assert!(!head.contains("sec-websocket-protocol"), "{head}"),
        }
        assert_eq!(receive(&stream).payload, format!("{chosen:?}").as_bytes());
    }
    let socket = Builder::new().subprotocols(["v1"]).connect(&served.url("ws")).unwrap();
    assert_eq!(socket.subprotocol(), Some("v1"));
    assert_eq!(text(&socket), "Some(\"v1\")");
}

/// RFC 6455, sections 4.2.1 and 4.4; RFC 9110, section 15.5.22.
#[test]
fn what_is_no_request_for_a_websocket_is_told_so() {
    let served = Served::new(1, |request| echo(&request, &Builder::new()));
    let good = request("");
    let cases = [
        ("GET / HTTP/1.1\r\nhost: t\r\n\r\n".to_owned(), 426, "upgrade: websocket"),
        (good.replace("upgrade: websocket", "upgrade: h2c"), 426, "upgrade: websocket"),
        (good.replace("keep-alive, Upgrade", "keep-alive"), 426, "upgrade: websocket"),
        (good.replace("version: 13", "version: 8"), 426, "sec-websocket-version: 13"),
        (good.replace("sec-websocket-version: 13\r\n", ""), 426, "sec-websocket-version: 13"),
        (good.replace("GET /", "POST /"), 405, "allow: get"),
        (good.replace("sec-websocket-key", "x-key"), 400, ""),
        (request("origin: http://elsewhere.test\r\n"), 403, ""),
        (request("origin: null\r\n"), 403, ""),
    ];
    for (request, status, header) in cases {
        let (_, head) = served.ask(&request);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{request}{head}");
        assert!(head.contains(header), "{request}{head}");
        assert!(!head.contains("sec-websocket-accept"), "{head}");
    }
    let (stream, head) = served.ask(request("origin: http://SITE.test\r\n"));
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    drop(stream);
    let any = Served::new(1, |request| echo(&request, &Builder::new().any_origin()));
    let (_, head) = any.ask(request("origin: http://elsewhere.test\r\n"));
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // A client of ours sees the refusal.
    let error = Builder::new()
        .header(ws::http::header::ORIGIN, "http://elsewhere.test".parse().unwrap())
        .connect(&served.url("ws"))
        .unwrap_err();
    let inner = error.get_ref().unwrap().downcast_ref::<tungstenite::Error>().unwrap();
    assert!(matches!(inner, tungstenite::Error::Http(answer) if answer.status() == 403));
}

#[test]
fn over_http2_there_is_none() {
    let served = Served::new(1, |request| echo(&request, &Builder::new()));
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--http2-prior-knowledge"])
        .args(["-o", "/dev/null", "-w", "%{http_code}", &served.url("http")])
        .output()
        .expect("curl is needed for this test");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "400");
}

#[test]
fn limits_hold_after_an_upgrade() {
    let served = Served::new(1, |request| echo(&request, &Builder::new().max_message_size(100)));
    let (stream, _) = served.ask(request(""));
    put(&stream, &masked(FINAL | 1, &[b'x'; 101]));
    let frame = receive(&stream);
    assert_eq!(frame.first, FINAL | CLOSE);
    assert_eq!(frame.code(), 1009);
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_silent_peer_is_given_up() {
    for_each_flavour(|workers| {
        let (tell, told) = mpsc::channel();
        let served = Served::new(workers, move |request| {
            let tell = tell.clone();
            let builder = Builder::new().silence_limit(Duration::from_millis(50));
            builder.upgrade(&request, move |socket| {
                let outcome = socket.read();
                tell.send(outcome.as_ref().map(|_| ()).map_err(io::Error::kind)).unwrap();
                outcome.map(drop)
            })
        });
        let (stream, _) = served.ask(request(""));
        let start = Instant::now();
        let outcome = told.recv_timeout(HUNG_AFTER).unwrap();
        assert_eq!(outcome, Err(ErrorKind::ConnectionAborted));
        assert!(start.elapsed() >= Duration::from_millis(20));
        // The farewell of one that is dropped, and the end.
        assert_eq!(receive(&stream).code(), 1001);
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_stop_is_told_and_waits_for_the_farewells() {
    for_each_flavour(|workers| {
        let (tell, stops) = greenstd::channel::bounded(1);
        let served = Served::new(workers, move |request| {
            let stops = stops.clone();
            ws::upgrade(&request, move |socket| {
                greenstd::thread::scope(|scope| {
                    scope.spawn(|| {
                        let _: Result<(), _> = stops.recv();
                        socket.close_with(ws::CloseCode::Away, "the server stops")
                    });
                    while socket.read()?.is_some() {}
                    Ok(())
                })
            })
        });
        let socket = ws::connect(&served.url("ws")).unwrap();
        let stopping = served.server().stopping();
        let teller = std::thread::spawn(move || {
            stopping.wait();
            tell.send(()).unwrap();
        });
        std::thread::scope(|scope| {
            let stop = scope.spawn(|| served.server().stop(HUNG_AFTER));
            assert!(socket.read().unwrap().is_none());
            assert_eq!(socket.close_frame().unwrap().reason.as_str(), "the server stops");
            drop(socket);
            assert!(stop.join().unwrap().is_clean());
        });
        teller.join().unwrap();
    });
}

/// On one connection after another request, and beside requests that stay with HTTP.
#[test]
fn http_goes_on_beside_it() {
    let served = Served::new(2, |request| match request.uri().path() {
        "/plain" => "plain".into_response(),
        _ => echo(&request, &Builder::new()),
    });
    let plain = "GET /plain HTTP/1.1\r\nhost: site.test\r\n\r\n";
    let (stream, _) = served.ask(plain);
    let mut body = [0; 5];
    (&stream).read_exact(&mut body).unwrap();
    (&stream).write_all(request("").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        (&stream).read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    let (_, other) = served.ask(plain);
    assert!(other.starts_with("http/1.1 200 "));
    put(&stream, &masked(FINAL | 2, &[1, 2, 3]));
    assert_eq!(receive(&stream).payload, [1, 2, 3]);
    let socket = ws::connect(&served.url("ws")).unwrap();
    socket.send(vec![9_u8; 1000]).unwrap();
    assert_eq!(socket.read().unwrap(), Some(Message::Binary(vec![9; 1000].into())));
}
