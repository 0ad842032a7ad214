//! Peers that break the protocol: a clear error, a code, a closed connection, and neighbours that
//! notice nothing. The cases are those of the Autobahn test suite.

use crate::fixture::{
    BINARY, CLOSE, CONTINUED, FINAL, PING, PONG, Received, TEXT, client_and_stream, close_payload,
    head, masked, pair, plain, put, receive, server_and_stream, tcp, text,
};
use crate::random::Random;
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::ws::tungstenite::Error;
use greenstd::net::ws::{self, Builder, Role};
use std::io::{self, ErrorKind, Read};

const RESERVED_BITS: [u8; 3] = [0x40, 0x20, 0x10];

/// What a server says to these bytes of a client, and how it fails.
fn server_on(bytes: &[u8]) -> (Received, io::Error) {
    let (server, client) = server_and_stream();
    put(&client, bytes);
    let error = server.incoming().find_map(Result::err).expect("an error comes before a close");
    let again = server.read().unwrap_err();
    assert_eq!((again.kind(), again.to_string()), (error.kind(), error.to_string()));
    assert!(server.send("more").is_err());
    let said = receive(&client);
    // The rest may be cut by what was not read.
    assert!(matches!((&client).read(&mut [0]), Ok(0) | Err(_)));
    (said, error)
}

#[track_caller]
fn fails(bytes: &[u8], code: u16) {
    let (said, error) = server_on(bytes);
    assert_eq!(said.code(), code, "{error}");
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.get_ref().unwrap().is::<Error>(), "{error}");
}

laws! {
    /// Autobahn 3: a bit that no extension has given a meaning.
    fn reserved_bits_fail() {
        for bit in RESERVED_BITS {
            for opcode in [TEXT, BINARY, PING, CLOSE] {
                fails(&masked(FINAL | bit | opcode, b"\x03\xe8"), 1002);
            }
        }
    }

    /// Autobahn 4.
    fn reserved_opcodes_fail() {
        for opcode in (3..=7).chain(11..=15) {
            fails(&masked(FINAL | opcode, b""), 1002);
            fails(&[masked(FINAL | TEXT, b"good"), masked(FINAL | opcode, b"bad")].concat(), 1002);
        }
    }

    /// Autobahn 2.5 and 5.1: what is about the connection is short and in one piece.
    fn control_frames_are_short_and_whole() {
        for opcode in [PING, PONG, CLOSE] {
            fails(&masked(FINAL | opcode, &[b'x'; 126]), 1002);
            fails(&masked(opcode, b"\x03\xe8"), 1002);
        }
    }

    /// Autobahn 5.9 to 5.18.
    fn fragments_out_of_order_fail() {
        fails(&masked(FINAL | CONTINUED, b"of nothing"), 1002);
        fails(&masked(CONTINUED, b"of nothing"), 1002);
        fails(&[masked(TEXT, b"begun"), masked(FINAL | TEXT, b"another")].concat(), 1002);
        fails(&[masked(BINARY, b"begun"), masked(TEXT, b"another")].concat(), 1002);
    }

    /// Autobahn 6: at once or in the end, whole or in fragments.
    fn text_that_is_no_utf_8_fails() {
        for bytes in [
            &b"\xff"[..],
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"fine up to here \xe2\x82",
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        ] {
            fails(&masked(FINAL | TEXT, bytes), 1007);
            let (one, other) = bytes.split_at(bytes.len() / 2);
            fails(&[masked(TEXT, one), masked(FINAL | CONTINUED, other)].concat(), 1007);
        }
        let reason = [close_payload(1000, ""), vec![0xff]].concat();
        fails(&masked(FINAL | CLOSE, &reason), 1007);
    }

    /// Autobahn 7.3.2 and 7.9.
    fn closes_with_wrong_codes_fail() {
        fails(&masked(FINAL | CLOSE, b"\x03"), 1002);
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999] {
            let (server, client) = server_and_stream();
            put(&client, &masked(FINAL | CLOSE, &close_payload(code, "")));
            assert_eq!(server.read().unwrap(), None);
            assert_eq!(receive(&client).code(), 1002, "{code}");
        }
    }

    /// RFC 6455, 5.1.
    fn a_client_that_does_not_mask_fails() {
        fails(&plain(FINAL | TEXT, b"in the clear"), 1002);
    }

    fn a_server_that_masks_fails() {
        let (client, server) = client_and_stream();
        put(&server, &masked(FINAL | TEXT, b"hidden"));
        assert_eq!(client.read().unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(receive(&server).code(), 1002);
    }

    /// Told by its head: nothing is waited for, nothing is reserved.
    fn what_is_too_long_fails_at_once() {
        for length in [(1 << 20) + 1, 1 << 32, 1 << 62] {
            let mut bytes = head(FINAL | BINARY, length, 0x80);
            bytes.extend([1, 2, 3, 4]);
            fails(&bytes, 1009);
        }
        fails(&[vec![FINAL | BINARY, 0xff], vec![0xff; 8], vec![0; 4]].concat(), 1009);
    }

    fn fragments_are_limited_together() {
        let (client, stream) = tcp();
        let builder = Builder::new().max_message_size(1000).max_frame_size(600);
        let server = builder.after_upgrade(stream, Role::Server, Vec::new());
        put(&client, &masked(FINAL | BINARY, &[0; 600]));
        put(&client, &masked(BINARY, &[0; 500]));
        put(&client, &masked(FINAL | CONTINUED, &[0; 500]));
        put(&client, &masked(TEXT, &[b'x'; 600]));
        put(&client, &masked(CONTINUED, &[b'x'; 401]));
        assert_eq!(server.read().unwrap().unwrap().len(), 600);
        assert_eq!(server.read().unwrap().unwrap().len(), 1000);
        assert_eq!(server.read().unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(receive(&client).code(), 1009);
    }

    fn what_came_before_is_read() {
        let (server, client) = server_and_stream();
        put(&client, &[masked(FINAL | TEXT, b"good"), masked(FINAL | 3, b"bad")].concat());
        assert_eq!(text(&server), "good");
        assert_eq!(server.read().unwrap_err().kind(), ErrorKind::InvalidData);
    }

    /// A sender that waits for a peer like this goes on, with an error.
    fn a_failure_wakes_the_sender() {
        let (client, stream) = greenstd::net::duplex(1000);
        let server = Builder::new().after_upgrade(stream, Role::Server, Vec::new());
        thread::scope(|scope| {
            let sender = scope.spawn(|| server.send(vec![0; 5000]).is_err());
            (&client).read_exact(&mut [0; 4]).unwrap();
            put(&client, &masked(FINAL | 3, b""));
            assert_eq!(server.read().unwrap_err().kind(), ErrorKind::InvalidData);
            assert!(sender.join().unwrap());
        });
    }

    /// Whatever comes is read as messages, closed or refused: no panic, and no wait without end.
    fn noise_is_survived() {
        let mut random = Random::from_environment();
        for _ in 0..300 {
            let (server, client) = server_and_stream();
            let length = random.below(200);
            let noise: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            put(&client, &noise);
            drop(client);
            let messages = server.incoming().filter(Result::is_ok).count();
            assert!(messages <= noise.len());
        }
    }

    /// Good frames with one bit turned.
    fn bent_frames_are_survived() {
        let mut random = Random::from_environment();
        for _ in 0..300 {
            let (server, client) = server_and_stream();
            let mut bytes = [
                masked(FINAL | TEXT, "ein Wörtchen".as_bytes()),
                masked(BINARY, &[1; 130]),
                masked(FINAL | PING, b"ping"),
                masked(FINAL | CONTINUED, &[2; 30]),
                masked(FINAL | CLOSE, &close_payload(1000, "done")),
            ]
            .concat();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            put(&client, &bytes);
            drop(client);
            assert!(server.incoming().filter(Result::is_ok).count() <= 5);
        }
    }

    fn neighbours_notice_nothing() {
        let echo = |connection: Connection| {
            let socket = ws::accept(&*connection)?;
            while let Some(message) = socket.read()? {
                socket.send(message)?;
            }
            Ok(())
        };
        let server = StreamServer::builder().start("127.0.0.1:0", echo).unwrap();
        let address = server.local_addr();
        thread::scope(|scope| {
            for bad in [masked(FINAL | 3, b""), plain(FINAL | TEXT, b"x"), vec![0xff; 100]] {
                scope.spawn(move || for _ in 0..20 {
                    let stream = TcpStream::connect(address).unwrap();
                    let url = format!("ws://{address}/");
                    let socket = Builder::new().client(&url, &stream).unwrap();
                    put(&stream, &bad);
                    // The answer, or the reset that follows it.
                    let _ = socket.read();
                    drop(socket);
                    put(&TcpStream::connect(address).unwrap(), b"GET nothing\r\n\r\n");
                });
            }
            let socket = ws::connect(&format!("ws://{address}/")).unwrap();
            for number in 0..200 {
                socket.send(number.to_string()).unwrap();
                assert_eq!(text(&socket), number.to_string());
            }
            socket.close().unwrap();
        });
        server.stop(None);
    }

    /// Pings that are never read pile up nowhere: the last one is answered.
    fn a_flood_of_pings_takes_no_memory() {
        let (client, server) = pair();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    client.ping(vec![1; 125]).unwrap();
                }
                client.send("done").unwrap();
            });
            // Its pongs fill what the kernel takes, since the client reads nothing.
            assert_eq!(text(&server), "done");
        });
    }
}
