//! pyzmq as the peer: the patterns of the ZeroMQ guide, in both directions.

use crate::fixture::bound;
use greenstd::net::zmq::{Context, Socket, SocketType};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const COUNT: u64 = 100_000;

/// The Python that has pyzmq. Says so if there is none.
fn python() -> Option<String> {
    let python = std::env::var("GREENSTD_TEST_PYZMQ").unwrap_or_else(|_| "python3".to_owned());
    let has_zmq = Command::new(&python).args(["-c", "import zmq"]).stderr(Stdio::null()).status();
    if has_zmq.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has no pyzmq; GREENSTD_TEST_PYZMQ names one that has");
    None
}

/// A peer, which is killed with the test.
struct Peer(Child);

impl Peer {
    fn start(python: &str, role: &str, endpoint: &str, count: u64) -> Peer {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zmq/peer.py");
        let child = Command::new(python)
            .args([script, role, endpoint, &count.to_string()])
            .spawn()
            .unwrap();
        Peer(child)
    }

    fn end(mut self) {
        let status = greenstd::blocking(move || self.0.wait()).unwrap();
        assert!(status.success(), "the peer says: {status}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SIGKILL, so that it says no farewell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// FNV, as the peer computes it: of all bytes, in order.
fn checksum(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Of lengths from nothing to a few hundred bytes.
fn body(number: u64) -> Vec<u8> {
    format!("{number}:{}", "x".repeat((number % 211) as usize)).into_bytes()
}

/// Receives so many messages, and then the peer's sum over them.
fn receive_checked(socket: &Socket) {
    let mut sum = 0;
    for number in 0..COUNT {
        let message = socket.recv().unwrap();
        assert_eq!(message, body(number));
        sum = checksum(sum, &message);
    }
    assert_eq!(socket.recv().unwrap(), sum.to_string().as_bytes());
}

fn send_checked(socket: &Socket) {
    let mut sum = 0;
    for number in 0..COUNT {
        let message = body(number);
        sum = checksum(sum, &message);
        socket.send(message).unwrap();
    }
    socket.send(sum.to_string()).unwrap();
}

/// Speaks with a peer on green threads, and waits for its end.
fn with_peer(role: &str, kind: SocketType, talk: impl FnOnce(&Socket) + Send + 'static) {
    let Some(python) = python() else { return };
    let role = role.to_owned();
    crate::flavour::on_workers(2, move || {
        let socket = Context::new().socket(kind).unwrap();
        // A publisher drops what would have to wait.
        socket.set_send_high_water_mark(0).unwrap();
        socket.set_receive_high_water_mark(0).unwrap();
        socket.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = socket.last_endpoint().unwrap();
        let peer = Peer::start(&python, &role, &endpoint, COUNT);
        talk(&socket);
        peer.end();
    });
}

#[test]
fn a_pyzmq_client_is_answered() {
    with_peer("req", SocketType::Rep, |rep| {
        for number in 0..COUNT / 10 {
            let request = rep.recv().unwrap();
            assert_eq!(request, body(number));
            rep.send(request).unwrap();
        }
    });
}

#[test]
fn a_pyzmq_server_answers() {
    with_peer("rep", SocketType::Req, |req| {
        for number in 0..COUNT / 10 {
            req.send(body(number)).unwrap();
            assert_eq!(req.recv().unwrap(), body(number));
        }
    });
}

#[test]
fn pyzmq_pulls_what_is_pushed() {
    with_peer("pull", SocketType::Push, |push| {
        send_checked(push);
    });
}

#[test]
fn what_pyzmq_pushes_is_pulled() {
    with_peer("push", SocketType::Pull, receive_checked);
}

#[test]
fn pyzmq_hears_what_is_published() {
    with_peer("sub", SocketType::XPub, |publisher| {
        assert_eq!(publisher.recv().unwrap(), b"\x01topic");
        let mut sum = 0;
        for number in 0..COUNT {
            publisher.send_multipart(&[&b"other"[..], b"not for you"]).unwrap();
            let message = body(number);
            sum = checksum(sum, &message);
            publisher.send_multipart(&[&b"topic"[..], &message]).unwrap();
        }
        publisher.send_multipart(&["topic", &sum.to_string()]).unwrap();
        // It takes its subscription back when it has heard all.
        assert_eq!(publisher.recv().unwrap(), b"\x00topic");
    });
}

#[test]
fn what_pyzmq_publishes_is_heard() {
    with_peer("pub", SocketType::Sub, |subscriber| {
        subscriber.subscribe(b"topic").unwrap();
        let mut sum = 0;
        for number in 0..COUNT {
            let message = subscriber.recv_multipart().unwrap();
            assert_eq!(message[1], body(number));
            sum = checksum(sum, &message[1]);
        }
        assert_eq!(subscriber.recv_multipart().unwrap()[1], sum.to_string());
    });
}

#[test]
fn a_peer_that_is_killed_and_started_again_is_served_again() {
    let Some(python) = python() else { return };
    crate::flavour::on_workers(1, move || {
        let (router, endpoint) = bound(&Context::new(), SocketType::Router);
        for _ in 0..3 {
            let peer = Peer::start(&python, "dealer", &endpoint, COUNT);
            for _ in 0..500 {
                let message = router.recv_multipart().unwrap();
                assert_eq!(message.len(), 3);
                router.send_multipart(&message).unwrap();
            }
            greenstd::blocking(move || drop(peer));
            // What was on its way when it died; then silence.
            while router
                .poll(greenstd::net::zmq::PollFlags::IN, Some(Duration::from_millis(200)))
                .is_ok_and(|found| !found.is_empty())
            {
                assert_eq!(router.recv_multipart().unwrap().len(), 3);
            }
        }
        let last = Peer::start(&python, "dealer", &endpoint, 1000);
        for _ in 0..1000 {
            let message = router.recv_multipart().unwrap();
            router.send_multipart(&message).unwrap();
        }
        last.end();
    });
}

#[test]
fn a_server_that_is_killed_and_started_again_is_found_again() {
    let Some(python) = python() else { return };
    crate::flavour::on_workers(1, move || {
        let context = Context::new();
        let (free, endpoint) = bound(&context, SocketType::Rep);
        assert!(free.unbind(&endpoint).is_ok());
        let req = context.socket(SocketType::Req).unwrap();
        req.set_linger(Some(Duration::ZERO)).unwrap();
        req.set_req_relaxed(true).unwrap();
        req.set_req_correlate(true).unwrap();
        req.set_receive_timeout(Some(Duration::from_millis(500)));
        req.connect(&endpoint).unwrap();
        for _ in 0..3 {
            let peer = Peer::start(&python, "server", &endpoint, COUNT);
            let mut answered = 0;
            // The lazy pirate of the guide: a request without an answer is sent again.
            while answered < 200 {
                req.send(body(answered)).unwrap();
                if let Ok(reply) = req.recv() {
                    assert_eq!(reply, body(answered));
                    answered += 1;
                }
            }
            greenstd::blocking(move || drop(peer));
        }
    });
}
