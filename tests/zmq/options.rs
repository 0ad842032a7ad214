//! Timeouts are kept to, and options reach libzmq.

use crate::fixture::{HUNG, SHORT, bound, full, inside, pair};
use greenstd::net::zmq::{self, Context, PollFlags, SocketType};
use greenstd::time::timeout;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

laws! {
    fn a_receive_ends_with_its_timeout_and_not_before() {
        let (pull, _push) = pair(SocketType::Pull, SocketType::Push);
        pull.set_receive_timeout(Some(SHORT));
        assert_eq!(pull.receive_timeout(), Some(SHORT));
        let start = Instant::now();
        assert_eq!(pull.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!((SHORT..HUNG).contains(&start.elapsed()));
        assert_eq!(pull.recv_multipart().unwrap_err().kind(), ErrorKind::WouldBlock);
        pull.set_receive_timeout(Some(Duration::ZERO));
        assert_eq!(pull.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    fn a_send_ends_with_its_timeout_and_not_before() {
        let (push, pull) = full();
        push.set_send_timeout(Some(SHORT));
        let start = Instant::now();
        assert_eq!(push.send("too many").unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!((SHORT..HUNG).contains(&start.elapsed()));
        while pull.try_recv().is_ok() {}
        push.send("there is room").unwrap();
        assert_eq!(pull.recv().unwrap(), "there is room");
    }

    fn a_message_ends_a_wait_with_a_timeout() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        pull.set_receive_timeout(Some(HUNG));
        let sends = thread::spawn(move || {
            thread::sleep(SHORT);
            push.send("in time").unwrap();
            push
        });
        assert_eq!(pull.recv().unwrap(), "in time");
        drop(sends.join().unwrap());
    }

    fn poll_tells_what_holds() {
        let (left, right) = inside(&Context::new(), SocketType::Pair, SocketType::Pair);
        assert_eq!(left.poll(PollFlags::IN, Some(SHORT)).unwrap(), PollFlags::empty());
        assert_eq!(left.poll(PollFlags::IN, Some(Duration::ZERO)).unwrap(), PollFlags::empty());
        let both = PollFlags::IN | PollFlags::OUT;
        assert_eq!(left.poll(both, None).unwrap(), PollFlags::OUT);
        right.send("x").unwrap();
        assert_eq!(left.poll(both, None).unwrap(), both);
        // A level: it holds until the message is received.
        assert_eq!(left.poll(PollFlags::IN, None).unwrap(), PollFlags::IN);
    }
}

laws! { green
    fn a_timeout_scope_ends_a_receive_and_takes_nothing() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        assert!(timeout(SHORT, || pull.recv()).is_err());
        push.send("later").unwrap();
        assert_eq!(pull.recv().unwrap(), "later");
    }

    fn a_timeout_scope_ends_a_send_and_sends_nothing() {
        let (push, pull) = full();
        assert!(timeout(SHORT, || push.send("lost")).is_err());
        while let Ok(message) = pull.try_recv() {
            assert_eq!(message, "filling");
        }
    }
}

#[test]
fn times_are_passed_on_and_too_long_ones_refused() {
    let (socket, _) = bound(&Context::new(), SocketType::Dealer);
    socket.set_linger(None).unwrap();
    socket.set_linger(Some(Duration::from_nanos(1))).unwrap();
    socket.set_reconnect_interval(Some(SHORT)).unwrap();
    socket.set_reconnect_interval_max(HUNG).unwrap();
    socket.set_heartbeat_interval(SHORT).unwrap();
    socket.set_heartbeat_timeout(SHORT).unwrap();
    socket.set_heartbeat_ttl(SHORT).unwrap();
    socket.set_handshake_interval(HUNG).unwrap();
    socket.set_connect_timeout(HUNG).unwrap();
    let error = socket.set_linger(Some(Duration::MAX)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(socket.set_identity(b"").unwrap_err().kind(), ErrorKind::InvalidInput);
    socket.set_identity(b"name").unwrap();
    assert_eq!(socket.identity().unwrap(), b"name");
    assert_eq!(socket.subscribe(b"x").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(zmq::version() >= (4, 1, 0));
    assert!(!zmq::has("no such\0thing"));
}
