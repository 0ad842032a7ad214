//! The timeouts of a connection, each kind by itself.

use super::fixture::{DEADLINE, answer, ask, client, echo, until};
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::sync::mpsc;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(100);

laws! {
    fn read_that_waits_too_long_fails_as_in_std() {
        let (sender, receiver) = mpsc::channel();
        let server = StreamServer::builder()
            .read_timeout(SHORT)
            .start("127.0.0.1:0", move |mut connection| {
                let start = Instant::now();
                let error = connection.read(&mut [0]).unwrap_err();
                sender.send((error.kind(), start.elapsed())).unwrap();
                Err(error)
            })
            .unwrap();
        assert_eq!(answer(&client(&server)), None);
        let (kind, waited) = receiver.recv_timeout(DEADLINE).unwrap();
        assert_eq!(kind, ErrorKind::WouldBlock);
        assert!(waited >= SHORT && waited < DEADLINE, "{waited:?}");
        until(|| server.statistics().failed == 1);
    }

    fn write_that_gets_on_may_take_long_and_one_that_does_not_fails() {
        const BYTES: usize = 16 << 20;
        let timeout = 3 * SHORT;
        let (sender, receiver) = mpsc::channel();
        let server = StreamServer::builder()
            .write_timeout(timeout)
            .start("127.0.0.1:0", move |mut connection| {
                let start = Instant::now();
                let outcome = connection.write_all(&vec![7; BYTES]);
                sender.send((outcome.as_ref().err().map(|error| error.kind()), start.elapsed()))
                    .unwrap();
                outcome
            })
            .unwrap();
        // Half of it a little at a time, in much more than the timeout, and the rest at once.
        let mut slow = client(&server);
        let (mut left, mut piece) = (BYTES, vec![0; BYTES / 16]);
        let mut start = Instant::now();
        while left > 0 {
            let count = piece.len().min(left);
            slow.read_exact(&mut piece[..count]).unwrap();
            left -= count;
            if left > BYTES / 2 {
                thread::sleep(SHORT.saturating_sub(start.elapsed()));
                start = Instant::now();
            }
        }
        let (failed, took) = receiver.recv_timeout(DEADLINE).unwrap();
        assert_eq!(failed, None);
        assert!(took > timeout, "it was no slow peer: {took:?}");
        // One that reads nothing at all.
        let stuck = client(&server);
        let (failed, took) = receiver.recv_timeout(DEADLINE).unwrap();
        assert_eq!(failed, Some(ErrorKind::WouldBlock));
        assert!(took >= timeout, "{took:?}");
        drop(stuck);
    }

    fn connection_without_a_byte_in_either_direction_is_idle() {
        let (sender, receiver) = mpsc::channel();
        let server = StreamServer::builder()
            .idle_timeout(10 * SHORT)
            .start("127.0.0.1:0", move |mut connection| {
                let writer = connection.try_clone()?;
                // Sends for longer than the timeout, while the other side says nothing.
                let sending = greenstd::thread::spawn(move || send_slowly(writer));
                let error = connection.read(&mut [0]).unwrap_err();
                let ended = Instant::now();
                sender.send((error.kind(), ended - sending.join().unwrap())).unwrap();
                Err(error)
            })
            .unwrap();
        let stream = client(&server);
        for _ in 0..10 {
            assert_eq!(answer(&stream), Some(1));
        }
        assert_eq!(answer(&stream), None);
        let (kind, after_last_byte) = receiver.recv_timeout(DEADLINE).unwrap();
        assert_eq!(kind, ErrorKind::TimedOut);
        // What was noted is when the call had returned, a moment before the sender looked.
        assert!(after_last_byte >= 5 * SHORT && after_last_byte < DEADLINE, "{after_last_byte:?}");
    }

    fn wait_for_the_next_request_ends_when_the_connection_is_idle() {
        let server = StreamServer::builder()
            .read_timeout(None)
            .idle_timeout(SHORT)
            .start("127.0.0.1:0", echo)
            .unwrap();
        let stream = client(&server);
        ask(&stream);
        ask(&stream);
        assert_eq!(answer(&stream), None);
        until(|| server.statistics().failed == 1);
    }

    fn timeouts_hold_inside_of_what_a_handshake_makes() {
        let server = StreamServer::builder()
            .read_timeout(SHORT)
            .handshake(None, |stream: TcpStream| Ok(std::io::BufReader::new(stream)))
            .start("127.0.0.1:0", |mut connection| connection.read_exact(&mut [0; 10]))
            .unwrap();
        let mut stream = client(&server);
        stream.write_all(&[1; 9]).unwrap();
        assert_eq!(answer(&stream), None);
        until(|| server.statistics().failed == 1);
    }

    fn timeouts_are_on_and_can_be_switched_off_on_whatever_listener() {
        let (sender, receiver) = mpsc::channel();
        let minute = Some(Duration::from_secs(60));
        for (timeout, is_set) in [(minute, false), (None, true), (Some(SHORT), true)] {
            for exists_already in [false, true] {
                let (builder, sender) = (StreamServer::builder(), sender.clone());
                let builder = if is_set {
                    builder.read_timeout(timeout).write_timeout(timeout).idle_timeout(timeout)
                } else {
                    builder
                };
                let tell = move |connection: Connection| {
                    let timeouts = (connection.read_timeout()?, connection.write_timeout()?);
                    sender.send(timeouts).map_err(io::Error::other)
                };
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let server = if exists_already {
                    builder.start(listener, tell).unwrap()
                } else {
                    builder.start("127.0.0.1:0", tell).unwrap()
                };
                assert_eq!(answer(&client(&server)), None);
                assert_eq!(receiver.recv_timeout(DEADLINE).unwrap(), (timeout, timeout));
            }
        }
    }

    fn timeout_of_zero_is_refused_as_in_std() {
        let zero = Duration::ZERO;
        let builders = [
            StreamServer::builder().read_timeout(zero),
            StreamServer::builder().write_timeout(zero),
            StreamServer::builder().idle_timeout(zero),
        ];
        for builder in builders {
            let error = builder.start("127.0.0.1:0", echo).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}

/// Ten bytes; when the last one was sent.
fn send_slowly(mut stream: TcpStream) -> Instant {
    for _ in 0..10 {
        greenstd::thread::sleep(SHORT + SHORT / 2);
        stream.write_all(&[1]).unwrap();
    }
    Instant::now()
}
