//! The upgrade: what is agreed on, what is refused, and in what words.

use crate::certificates::{authority, connector};
use crate::fixture::{put, tcp, text};
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::tls::TlsAcceptor;
use greenstd::net::ws::tungstenite::error::{ProtocolError, SubProtocolError};
use greenstd::net::ws::tungstenite::handshake::derive_accept_key;
use greenstd::net::ws::tungstenite::{Error, http};
use greenstd::net::ws::{self, Builder, ErrorResponse};
use greenstd::net::{TcpListener, duplex};
use greenstd::thread;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

const REQUEST: &str = "GET /path HTTP/1.1\r\nHost: name.test\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What a server says to such a request.
pub fn answer_to(request: &str) -> String {
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("a client sends a key");
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

#[track_caller]
fn reason(error: &io::Error) -> &Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("of tungstenite")
}

/// What a server answers to a request, and how it fails.
fn refused(request: &str) -> (String, io::Error) {
    let (client, server) = tcp();
    put(&client, request.as_bytes());
    let error = ws::accept(server).unwrap_err();
    let mut answer = String::new();
    (&client).read_to_string(&mut answer).unwrap();
    (answer, error)
}

/// How a client fails if a server answers that, and closes.
fn refuses(answer: impl FnOnce(&str) -> String + Send) -> io::Error {
    let (client, server) = duplex(64 << 10);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut request = vec![0; 4096];
            let count = (&server).read(&mut request).unwrap();
            put(&server, answer(&String::from_utf8_lossy(&request[..count])).as_bytes());
        });
        Builder::new().client("ws://name.test/", client).unwrap_err()
    })
}

laws! {
    fn a_url_is_dialed() {
        let server = echo();
        for path in ["", "/", "/with/path?and=query"] {
            let socket = ws::connect(&format!("ws://{}{path}", server.local_addr())).unwrap();
            socket.send("there and back").unwrap();
            assert_eq!(text(&socket), "there and back");
            socket.close().unwrap();
        }
        server.stop(None);
    }

    fn a_name_with_several_addresses_is_dialed() {
        let server = echo();
        let url = format!("ws://localhost:{}", server.local_addr().port());
        let socket = ws::connect(&url).unwrap();
        socket.send("by name").unwrap();
        assert_eq!(text(&socket), "by name");
        drop(socket);
        server.stop(None);
    }

    fn a_wss_url_is_encrypted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::scope(|scope| {
            scope.spawn(|| {
                let identity = authority().sign(&["localhost"]).identity();
                let acceptor = TlsAcceptor::builder(identity).build().unwrap();
                let stream = acceptor.accept(listener.accept().unwrap().0).unwrap();
                let socket = ws::accept(stream).unwrap();
                socket.send(text(&socket)).unwrap();
                assert_eq!(socket.read().unwrap(), None);
            });
            let builder = Builder::new().tls(connector());
            let socket = builder.connect(&format!("wss://localhost:{port}/")).unwrap();
            socket.send("secret").unwrap();
            assert_eq!(text(&socket), "secret");
            socket.close().unwrap();
        });
    }

    fn the_request_may_come_in_pieces() {
        let (client, server) = duplex(64 << 10);
        thread::scope(|scope| {
            scope.spawn(|| for piece in format!("{REQUEST}\r\n").as_bytes().chunks(3) {
                put(&client, piece);
                thread::yield_now();
            });
            let socket = ws::accept(server).unwrap();
            assert_eq!(socket.subprotocol(), None);
        });
    }

    /// The example of RFC 6455, 1.3.
    fn the_key_is_answered_as_in_the_rfc() {
        let (client, server) = tcp();
        put(&client, format!("{REQUEST}\r\n").as_bytes());
        let _socket = ws::accept(server).unwrap();
        let mut answer = vec![0; 4096];
        let count = (&client).read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]).to_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
    }

    fn the_first_subprotocol_of_the_server_is_chosen() {
        let server = Builder::new().subprotocols(["b", "c"]);
        for (offered, agreed) in [(&["c", "b"][..], Some("b")), (&["a", "c"], Some("c"))] {
            let (client, accepted) = tcp();
            thread::scope(|scope| {
                let server = scope.spawn(|| server.accept(accepted).unwrap());
                let builder = Builder::new().subprotocols(offered.iter().copied());
                let client = builder.client("ws://name.test/", client).unwrap();
                assert_eq!(client.subprotocol(), agreed);
                assert_eq!(server.join().unwrap().subprotocol(), agreed);
            });
        }
    }

    fn a_client_insists_on_its_subprotocols() {
        let (client, accepted) = tcp();
        thread::scope(|scope| {
            let server =
                scope.spawn(|| Builder::new().subprotocols(["b"]).accept(accepted).unwrap());
            let client = Builder::new().subprotocols(["a"]).client("ws://name.test/", client);
            let wanted = SubProtocolError::NoSubProtocol;
            let wanted = ProtocolError::SecWebSocketSubProtocolError(wanted);
            let error = client.unwrap_err();
            assert!(matches!(reason(&error), Error::Protocol(why) if *why == wanted), "{error}");
            assert_eq!(server.join().unwrap().subprotocol(), None);
        });
    }

    /// The request is seen with its headers, and the answer may carry more.
    fn a_server_chooses_by_request() {
        let choose = |request: &ws::Request, mut response: ws::Response| {
            assert_eq!(request.headers()["x-token"], "42");
            if request.uri().path() == "/right" {
                response.headers_mut().insert("x-more", "yes".parse().unwrap());
                return Ok(response);
            }
            let mut refusal = ErrorResponse::new(Some("not here".to_owned()));
            *refusal.status_mut() = http::StatusCode::NOT_FOUND;
            Err(Box::new(refusal))
        };
        for path in ["right", "wrong"] {
            let (client, accepted) = tcp();
            thread::scope(|scope| {
                let server = scope.spawn(|| Builder::new().accept_with(accepted, choose));
                let name = http::HeaderName::from_static("x-token");
                let client = Builder::new()
                    .header(name, http::HeaderValue::from_static("42"))
                    .client(&format!("ws://name.test/{path}"), client);
                let server = server.join().unwrap();
                if path == "right" {
                    assert!(client.is_ok() && server.is_ok());
                    return;
                }
                assert_eq!(server.unwrap_err().kind(), ErrorKind::PermissionDenied);
                let error = client.unwrap_err();
                let Error::Http(response) = reason(&error) else { panic!("{error}") };
                assert_eq!(response.status(), 404);
            });
        }
    }

    fn what_is_no_request_for_a_websocket_is_answered_as_such() {
        let without = |header: &str| {
            let lines = REQUEST.split_inclusive("\r\n");
            let kept: String = lines.filter(|line| !line.starts_with(header)).collect();
            kept + "\r\n"
        };
        for (request, status) in [
            (REQUEST.replace("GET", "POST") + "\r\n", "405"),
            (REQUEST.replace("HTTP/1.1", "HTTP/1.0") + "\r\n", "400"),
            (without("Connection"), "400"),
            (without("Upgrade"), "400"),
            (without("Sec-WebSocket-Key"), "400"),
            (without("Sec-WebSocket-Version"), "426"),
            (REQUEST.replace("Version: 13", "Version: 8") + "\r\n", "426"),
            (REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "short") + "\r\n", "400"),
            ("no HTTP at all\r\n\r\n".to_owned(), "400"),
            ("GET / HTTP/1.1\r\nbro\0ken: header\r\n\r\n".to_owned(), "400"),
        ] {
            let (answer, error) = refused(&request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
            assert_eq!(answer.contains("sec-websocket-version: 13\r\n"), status == "426");
            reason(&error);
        }
    }

    fn a_head_without_end_is_cut() {
        let (client, server) = tcp();
        let flood = "x-more: and more\r\n".repeat(1000);
        put(&client, format!("{REQUEST}{flood}").as_bytes());
        let error = ws::accept(server).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("too long"), "{error}");
    }

    fn a_client_believes_no_wrong_answer() {
        for (from, to) in [
            ("101 Switching", "200 OK"),
            ("Upgrade: websocket", "Upgrade: h2c"),
            ("Connection: Upgrade", "Connection: close"),
            ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
            ("HTTP/1.1 ", "SSH-2.0-"),
            ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: unasked\r\n\r\n"),
        ] {
            let error = refuses(|request| answer_to(request).replacen(from, to, 1));
            reason(&error);
        }
    }

    fn the_end_in_the_middle_is_an_error() {
        let error = refuses(|request| answer_to(request)[..30].to_owned());
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let (client, server) = tcp();
        put(&client, REQUEST.as_bytes());
        drop(client);
        assert_eq!(ws::accept(server).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    fn a_silent_peer_is_given_up() {
        let soon = Builder::new().handshake_timeout(Duration::from_millis(5));
        let (client, server) = tcp();
        put(&client, REQUEST.as_bytes());
        assert_eq!(soon.accept(server).unwrap_err().kind(), ErrorKind::TimedOut);
        let (client, _server) = tcp();
        let error = soon.client("ws://name.test/", client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    fn a_read_timeout_of_the_stream_limits_a_handshake() {
        let (client, server) = duplex(4096);
        client.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let error = Builder::new().client("ws://name.test/", client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(server);
    }

    fn a_url_that_cannot_be_dialed_is_the_callers_mistake() {
        for url in ["", "nothing", "http://127.0.0.1:1/", "ws://", "/path", "ws://:80/"] {
            let error = ws::connect(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}: {error}");
        }
    }
}

/// A server that sends back what it reads.
fn echo() -> StreamServer {
    let echo = |connection: Connection| {
        let socket = ws::accept(&*connection)?;
        while let Some(message) = socket.read()? {
            socket.send(message)?;
        }
        Ok(())
    };
    StreamServer::builder().start("127.0.0.1:0", echo).unwrap()
}
