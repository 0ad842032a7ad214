//! Timeouts and kills in the middle of a call: what was acknowledged arrives, once and whole, and
//! what was received is there for the next call.

use crate::descriptors::descriptors;
use crate::fixture::{
    FINAL, TEXT, binary, masked, narrow, pair, put, receive, server_and_stream, text,
};
use crate::flavour;
use greenstd::net::ws::{self, Builder, Message, Role, WebSocket};
use greenstd::net::{DuplexStream, TcpListener, duplex};
use greenstd::time::timeout;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(3);

laws! {
    fn a_timeout_inside_of_a_frame_loses_nothing() {
        let (server, client) = server_and_stream();
        let frame = masked(FINAL | TEXT, &[b'x'; 300]);
        for piece in frame.chunks(50) {
            assert!(timeout(SOON, || server.read()).is_err());
            put(&client, piece);
        }
        assert_eq!(text(&server), "x".repeat(300));
    }

    fn a_read_timeout_of_the_stream_loses_nothing() {
        let (server, client) = server_and_stream();
        server.get_ref().set_read_timeout(Some(SOON)).unwrap();
        let frame = masked(FINAL | TEXT, b"in two pieces");
        put(&client, &frame[..7]);
        assert_eq!(server.read().unwrap_err().kind(), ErrorKind::WouldBlock);
        put(&client, &frame[7..]);
        assert_eq!(text(&server), "in two pieces");
    }

    /// A message that was taken is sent whole by who comes next; one that was not, not at all.
    fn a_timed_out_send_leaves_no_half_frame() {
        let (client, server) = narrow(1000);
        assert!(timeout(SOON, || client.send(vec![1; 3000])).is_err());
        assert!(timeout(SOON, || client.send(vec![2; 3000])).is_err());
        thread::scope(|scope| {
            scope.spawn(|| client.send("after").unwrap());
            assert_eq!(binary(&server), [1; 3000]);
            assert_eq!(text(&server), "after");
        });
    }

    fn a_write_timeout_of_the_stream_counts_what_was_taken() {
        let (client, server) = narrow(1000);
        client.get_ref().set_write_timeout(Some(SOON)).unwrap();
        client.send(vec![1; 3000]).unwrap();
        assert_eq!(client.send("not taken").unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.flush().unwrap_err().kind(), ErrorKind::WouldBlock);
        client.get_ref().set_write_timeout(None).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| client.flush().unwrap());
            assert_eq!(binary(&server), [1; 3000]);
        });
        client.send("taken").unwrap();
        assert_eq!(text(&server), "taken");
    }

    /// The rest of a frame is also sent by somebody who reads.
    fn a_reader_sends_what_a_sender_has_left() {
        let (client, stream) = duplex(1000);
        let server = Builder::new().after_upgrade(stream, Role::Server, Vec::new());
        assert!(timeout(SOON, || server.send(vec![1; 1500])).is_err());
        // Makes room for all of the rest, before the reader comes.
        let mut frame = vec![0; 1000];
        (&client).read_exact(&mut frame).unwrap();
        put(&client, &masked(FINAL | TEXT, b"something to read"));
        assert_eq!(text(&server), "something to read");
        put(&client, &masked(FINAL | TEXT, b"more"));
        assert_eq!(text(&server), "more");
        let mut rest = vec![0; 504];
        (&client).read_exact(&mut rest).unwrap();
        frame.extend(rest);
        assert_eq!(receive(&frame[..]).payload, [1; 1500]);
    }

    fn a_timed_out_close_can_be_repeated() {
        let (client, server) = pair();
        assert!(timeout(SOON, || client.close()).is_err());
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(server.read().unwrap(), None);
                server.close().unwrap();
            });
            client.close().unwrap();
        });
    }
}

laws! { green
    fn a_killed_reader_loses_no_message() {
        let (client, server) = pair();
        let server = Arc::new(server);
        for number in 0..50 {
            let reader = {
                let server = server.clone();
                greenstd::spawn(move || server.read().unwrap())
            };
            if number % 2 == 0 {
                thread::yield_now();
            }
            client.send(number.to_string()).unwrap();
            if number % 3 == 0 {
                thread::yield_now();
            }
            reader.kill().unwrap();
            let message = match reader.join() {
                Ok(message) => message,
                Err(_) => server.read().unwrap(),
            };
            assert_eq!(message, Some(Message::text(number.to_string())));
        }
    }

    fn a_killed_sender_leaves_no_half_frame() {
        let (client, server) = narrow(1000);
        let (client, server): (Arc<WebSocket<DuplexStream>>, _) = (Arc::new(client), server);
        for number in 0..20u8 {
            let sender = {
                let client = client.clone();
                greenstd::spawn(move || client.send(vec![number; 2500]).unwrap())
            };
            thread::sleep(Duration::from_micros(100));
            sender.kill().unwrap();
            let _ = sender.join();
            thread::scope(|scope| {
                scope.spawn(|| client.send("next").unwrap());
                // Killed before it has begun, perhaps.
                match server.read().unwrap().unwrap() {
                    Message::Binary(bytes) => {
                        assert_eq!(bytes, vec![number; 2500]);
                        assert_eq!(text(&server), "next");
                    }
                    other => assert_eq!(other, Message::text("next")),
                }
            });
        }
    }

    /// A killed handshake closes its descriptors, on both sides.
    fn a_killed_handshake_leaves_nothing_behind() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        for _ in 0..10 {
            let url = url.clone();
            let dialing = greenstd::spawn(move || ws::connect(&url).is_ok());
            let (stream, _) = listener.accept().unwrap();
            let accepting = greenstd::spawn(move || {
                let head = std::io::Read::read(&mut &stream, &mut [0; 8]);
                (head, ws::accept(stream).is_ok())
            });
            thread::sleep(Duration::from_micros(300));
            dialing.kill().unwrap();
            accepting.kill().unwrap();
            let _ = (dialing.join(), accepting.join());
        }
    }
}

/// Alone in counting: other tests open descriptors meanwhile, so this looks at its own growth only
/// in the long run.
#[test]
fn dropped_connections_close_their_descriptors() {
    flavour::on_workers(1, || {
        let before = descriptors();
        for _ in 0..3000 {
            let (client, server) = pair();
            client.send("and gone").unwrap();
            drop(client);
            assert_eq!(text(&server), "and gone");
            assert_eq!(server.read().unwrap(), None);
        }
        assert!(descriptors() < before + 2000);
    });
}
