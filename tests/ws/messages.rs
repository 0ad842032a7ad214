//! What is sent arrives: whole, once, in order, whatever pieces it travels in.

use crate::certificates::encrypt;
use crate::fixture::{
    BINARY, CONTINUED, FINAL, PING, PONG, TEXT, binary, client_and_stream, masked, narrow, over,
    pair, plain, put, receive, server_and_stream, tcp, text,
};
use greenstd::net::duplex::{Builder, Link};
use greenstd::net::io::Duplex;
use greenstd::net::ws::WebSocket;
use greenstd::os::unix::net::UnixStream;
use std::time::Duration;

/// Around each border of the three forms of a length, and of the buffers.
const SIZES: [usize; 14] =
    [0, 1, 3, 125, 126, 127, 2047, 2048, 2049, 32_768, 65_535, 65_536, 65_537, 700_000];

laws! {
    fn every_size_arrives_from_the_client() {
        let (client, server) = pair();
        every_size(&client, &server);
    }

    fn every_size_arrives_from_the_server() {
        let (client, server) = pair();
        every_size(&server, &client);
    }

    fn every_size_arrives_encrypted() {
        let (client, server) = tcp();
        let (client, server) = over(encrypt(client, server));
        every_size(&client, &server);
        every_size(&server, &client);
    }

    fn every_size_arrives_over_a_unix_socket() {
        let (client, server) = over(UnixStream::pair().unwrap());
        every_size(&client, &server);
        every_size(&server, &client);
    }

    /// Little room, late bytes, counts that stop short: a frame is cut anywhere.
    fn every_size_arrives_over_an_awkward_stream() {
        let link = || Link::new(3000).latency(Duration::from_micros(100)).short_counts(7);
        let (client, server) = over(Builder::new().both(link()).build());
        every_size(&client, &server);
        every_size(&server, &client);
    }

    fn text_and_binary_stay_apart() {
        let (client, server) = pair();
        client.send("grün").unwrap();
        client.send("grün".as_bytes().to_vec()).unwrap();
        client.send(String::new()).unwrap();
        assert_eq!(text(&server), "grün");
        assert_eq!(binary(&server), "grün".as_bytes());
        assert_eq!(text(&server), "");
    }

    /// Many frames in one packet.
    fn messages_that_come_together_are_read_one_by_one() {
        let (server, client) = server_and_stream();
        let frame = |number: u32| masked(FINAL | TEXT, number.to_string().as_bytes());
        let packet: Vec<u8> = (0..500).flat_map(frame).collect();
        put(&client, &packet);
        for number in 0..500 {
            assert_eq!(text(&server), number.to_string());
        }
    }

    /// RFC 6455, 5.4: fragments are one message, and control frames may come between them. A
    /// character may be cut.
    fn fragments_are_joined() {
        let (server, client) = server_and_stream();
        let bytes = "gestückelt".as_bytes();
        put(&client, &masked(TEXT, &bytes[..5]));
        put(&client, &masked(FINAL | PING, b"between"));
        put(&client, &masked(CONTINUED, b""));
        put(&client, &masked(FINAL | CONTINUED, &bytes[5..]));
        put(&client, &masked(BINARY, b"1"));
        put(&client, &masked(CONTINUED, b"2"));
        put(&client, &masked(FINAL | CONTINUED, b"3"));
        assert_eq!(text(&server), "gestückelt");
        assert_eq!(binary(&server), b"123");
        let pong = receive(&client);
        assert_eq!((pong.first, &pong.payload[..]), (FINAL | PONG, &b"between"[..]));
    }

    fn a_frame_may_come_byte_by_byte() {
        let (client, server) = client_and_stream();
        server.set_nodelay(true).unwrap();
        for byte in plain(FINAL | TEXT, &[b'x'; 300]) {
            put(&server, &[byte]);
        }
        assert_eq!(text(&client), "x".repeat(300));
    }

    /// RFC 6455, 5.1 and 5.3: a client masks each frame anew, a server never.
    fn clients_mask_and_servers_do_not() {
        let (client, stream) = client_and_stream();
        let masks: Vec<_> = (0..20)
            .map(|_| {
                client.send("masked").unwrap();
                let frame = receive(&stream);
                assert_eq!((frame.first, &frame.payload[..]), (FINAL | TEXT, &b"masked"[..]));
                frame.mask.expect("a client masks")
            })
            .collect();
        assert!(masks.iter().any(|mask| *mask != masks[0]), "always {:?}", masks[0]);
        let (server, stream) = server_and_stream();
        server.send("plain").unwrap();
        assert_eq!(receive(&stream).mask, None);
    }

    fn pings_and_pongs_are_no_messages() {
        let (client, server) = narrow(4096);
        client.ping("are you there?").unwrap();
        client.send("after").unwrap();
        assert_eq!(text(&server), "after");
        server.send("and back").unwrap();
        assert_eq!(text(&client), "and back");
    }
}

fn every_size<S: Duplex + Sync + Send>(from: &WebSocket<S>, to: &WebSocket<S>) {
    greenstd::thread::scope(|scope| {
        scope.spawn(|| {
            for size in SIZES {
                from.send(payload(size)).unwrap();
                from.send("x".repeat(size)).unwrap();
            }
        });
        for size in SIZES {
            assert!(binary(to) == payload(size), "{size} bytes");
            assert!(text(to) == "x".repeat(size), "{size} characters");
        }
    });
}

fn payload(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 + at / 251) as u8).collect()
}
