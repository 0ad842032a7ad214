//! Other people's WebSockets: tungstenite's own on OS threads with std's sockets, and Python's
//! `websockets`, on both sides.
//!
//! The Python is that of `GREENSTD_TEST_PYTHON`, else `python3`. If it has no `websockets`, these
//! tests are skipped, and say so; `.ci/run` installs it, and takes that for a failure.

use crate::fixture::{binary, text};
use crate::flavour::on_workers;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::ws::tungstenite;
use greenstd::net::ws::{self, Builder, CloseCode, Message};
use greenstd::process::{Child, Command, Stdio};
use std::io::{self, BufRead, BufReader, Write};
use std::thread;
use std::time::Duration;

/// Texts and bytes of all forms of a length.
fn samples() -> Vec<Message> {
    let texts =
        [0, 1, 125, 126, 65_535, 65_536, 300_000].map(|size| Message::text("ü".repeat(size)));
    let bytes =
        [0, 1, 125, 126, 65_535, 65_536, 300_000].map(|size| Message::binary(vec![7; size]));
    texts.into_iter().chain(bytes).collect()
}

fn echo_server() -> StreamServer {
    let echo = |connection: Connection| {
        let socket = Builder::new().subprotocols(["echo"]).accept(&*connection)?;
        while let Some(message) = socket.read()? {
            if message == Message::text("close, please") {
                return socket.close_with(CloseCode::Library(4001), "as you please");
            }
            socket.send(message)?;
        }
        Ok(())
    };
    StreamServer::builder().start("127.0.0.1:0", echo).unwrap()
}

#[test]
fn tungstenite_speaks_to_our_server() {
    on_workers(2, || {
        let server = echo_server();
        let url = format!("ws://{}/", server.local_addr());
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let url = url.clone();
                thread::spawn(move || {
                    let (mut client, _) = tungstenite::connect(url).unwrap();
                    for message in samples() {
                        client.send(message.clone()).unwrap();
                        assert!(client.read().unwrap() == message);
                    }
                    client.send(Message::Ping(vec![1, 2].into())).unwrap();
                    assert_eq!(client.read().unwrap(), Message::Pong(vec![1, 2].into()));
                    client.send(Message::text("close, please")).unwrap();
                    let Message::Close(Some(frame)) = client.read().unwrap() else { panic!() };
                    assert_eq!((u16::from(frame.code), &*frame.reason), (4001, "as you please"));
                    let end = client.read().unwrap_err();
                    assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
                })
            })
            .collect();
        greenstd::blocking(move || clients.into_iter().for_each(|one| one.join().unwrap()));
        server.stop(Duration::ZERO);
    });
}

#[test]
fn our_client_speaks_to_tungstenite() {
    on_workers(1, || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut server = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            loop {
                match server.read() {
                    Ok(Message::Close(frame)) => assert_eq!(frame.unwrap().code, CloseCode::Normal),
                    Ok(message) if message.is_ping() => {}
                    Ok(message) => server.send(message).unwrap(),
                    Err(tungstenite::Error::ConnectionClosed) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let client = ws::connect(&url).unwrap();
        for message in samples() {
            client.ping("in between").unwrap();
            client.send(message.clone()).unwrap();
            assert!(client.read().unwrap() == Some(message));
        }
        client.close().unwrap();
        greenstd::blocking(move || server.join().unwrap());
    });
}

/// Python, if it has the package.
fn python() -> Option<Command> {
    let python = std::env::var("GREENSTD_TEST_PYTHON").unwrap_or("python3".to_owned());
    let check = Command::new(&python)
        .args(["-c", "import websockets.sync.client"])
        .stderr(Stdio::null())
        .status();
    if check.is_ok_and(|status| status.success()) {
        return Some(Command::new(python));
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by `eprintln!`, which the test harness swallows.
    let text = format!("skipped, because Python's websockets is not installed: {test}\n");
    let _ = io::stderr().write_all(text.as_bytes());
    None
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PYTHON_CLIENT: &str = r#"
import sys
from websockets.sync.client import connect
from websockets.exceptions import ConnectionClosedError
with connect(sys.argv[1], subprotocols=["other", "echo"], compression=None) as socket:
    assert socket.subprotocol == "echo", socket.subprotocol
    for size in (0, 1, 125, 126, 65535, 65536, 300000):
        for message in ("ü" * size, b"\x07" * size):
            socket.send(message)
            assert socket.recv() == message, size
    socket.send(["in ", "frag", "ments"])
    assert socket.recv() == "in fragments"
    assert socket.ping().wait(10)
    socket.send("close, please")
    try:
        socket.recv()
        assert False, "goes on"
    except ConnectionClosedError as closed:
        assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "as you please"), closed
# With its usual offer of compression, which is declined; and closed by this side.
with connect(sys.argv[1]) as socket:
    socket.send("plain")
    assert socket.recv() == "plain"
print("all is well")
"#;

#[test]
fn python_speaks_to_our_server() {
    on_workers(2, || {
        let Some(mut python) = python() else { return };
        let server = echo_server();
        let url = format!("ws://{}/", server.local_addr());
        let output = python.args(["-c", PYTHON_CLIENT, &url]).output().unwrap();
        let heard = String::from_utf8_lossy(&output.stdout);
        assert_eq!(heard, "all is well\n", "{}", String::from_utf8_lossy(&output.stderr));
        server.stop(Duration::ZERO);
    });
}

const PYTHON_SERVER: &str = r#"
from websockets.sync.server import serve
def echo(socket):
    for message in socket:
        if message == "fragments, please":
            socket.send(["in ", "frag", "ments"])
        elif message == "ping, please":
            assert socket.ping().wait(10)
            socket.send("pong has come")
        elif message == "close, please":
            socket.close(4001, "as you please")
        else:
            socket.send(message)
with serve(echo, "127.0.0.1", 0, subprotocols=["echo"]) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
"#;

#[test]
fn our_client_speaks_to_python() {
    on_workers(1, || {
        let Some(mut python) = python() else { return };
        let mut server = Running(
            python.args(["-u", "-c", PYTHON_SERVER]).stdout(Stdio::piped()).spawn().unwrap(),
        );
        let mut port = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let url = format!("ws://127.0.0.1:{}/", port.trim());
        let builder = Builder::new().subprotocols(["echo"]);
        let client = builder.connect(&url).unwrap();
        assert_eq!(client.subprotocol(), Some("echo"));
        for message in samples() {
            client.send(message.clone()).unwrap();
            assert!(client.read().unwrap() == Some(message));
        }
        client.send("fragments, please").unwrap();
        assert_eq!(text(&client), "in fragments");
        client.send("ping, please").unwrap();
        assert_eq!(text(&client), "pong has come");
        client.send(vec![1, 2]).unwrap();
        assert_eq!(binary(&client), [1, 2]);
        client.send("close, please").unwrap();
        assert_eq!(client.read().unwrap(), None);
        let frame = client.close_frame().unwrap();
        assert_eq!((u16::from(frame.code), &*frame.reason), (4001, "as you please"));
        client.close().unwrap();
        let client = builder.connect(&url).unwrap();
        client.close().unwrap();
    });
}
