//! Laws of HTTP/2, frame by frame where a real peer would not misbehave.

use crate::client::Client;
use crate::fixture::{Served, serve};
use greenstd::net::http::{Request, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of RFC 9113: length, type, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_HEADERS: u8 = 4;
const END_STREAM_AND_HEADERS: u8 = 5;

/// `GET http://t/` by indices of HPACK's static table, and the authority as a literal.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b't'];

fn counting() -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let served = serve(
        1,
        |builder| builder,
        move |request: Request| {
            assert_eq!(request.version(), Version::HTTP_2);
            counted.fetch_add(1, Ordering::SeqCst);
            "hello"
        },
    );
    (served, calls)
}

/// Types of the frames that come until the connection ends.
fn kinds(bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, kind, ..] = *rest {
        kinds.push(kind);
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        rest = rest.get(9 + length..).unwrap_or(&[]);
    }
    kinds
}

fn greet(client: &mut Client) {
    client.send(PREFACE);
    client.send(frame(SETTINGS, 0, 0, &[]));
}

#[test]
fn the_preface_may_come_in_pieces() {
    let (served, calls) = counting();
    let mut client = served.client();
    for byte in PREFACE {
        client.send([*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    client.send(frame(SETTINGS, 0, 0, &[]));
    client.send(frame(HEADERS, END_STREAM_AND_HEADERS, 1, GET));
    while calls.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // A peer that has said its last word has the connection ended in order.
    client.end_sending();
    assert!(kinds(&client.rest()).contains(&HEADERS));
}

#[test]
fn what_only_begins_like_the_preface_is_a_request_that_is_refused() {
    let (served, calls) = counting();
    let mut client = served.client();
    client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    client.assert_closed();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn invalid_frames_end_the_connection_with_a_reason() {
    let broken: &[Vec<u8>] = &[
        // Longer than allowed.
        frame(HEADERS, END_STREAM_AND_HEADERS, 1, &[0; 20_000]),
        // A stream that only servers open; stream zero; an index that no table has.
        frame(HEADERS, END_STREAM_AND_HEADERS, 2, GET),
        frame(HEADERS, END_STREAM_AND_HEADERS, 0, GET),
        frame(HEADERS, END_STREAM_AND_HEADERS, 1, &[0xff, 0xff, 0xff, 0x7f]),
        // Settings with a length that is none; data without a stream.
        frame(SETTINGS, 0, 0, &[1, 2, 3]),
        frame(0, 0, 1, b"data"),
        b"GET / HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(),
    ];
    for frames in broken {
        let (served, calls) = counting();
        let mut client = served.client();
        greet(&mut client);
        client.send(frames);
        let told = kinds(&client.rest());
        assert!(told.contains(&GOAWAY), "{told:?} {frames:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}

/// The stream is reset after the answer, by which the peer is told to send no more; the connection
/// and its other streams go on.
#[test]
fn a_body_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let served = serve(
        1,
        |builder| builder.max_body_bytes(10),
        |mut request: Request| request.body_mut().read_all(),
    );
    let mut client = served.client();
    greet(&mut client);
    // POST http://t/, whose body is longer than it may be, and not at its end.
    let post = [&[0x83], &GET[1..]].concat();
    client.send(frame(HEADERS, END_HEADERS, 1, &post));
    client.send(frame(DATA, 0, 1, &[0; 11]));
    // `:status`, whose name has an index, and 413 in the three bytes of Huffman's code (RFC 7541).
    let answer = payload_of(&mut client, HEADERS, 1);
    assert!(answer.starts_with(&[0x48, 0x83, 0x68, 0x2c, 0xff]), "{answer:x?}");
    assert_eq!(payload_of(&mut client, RST_STREAM, 1), [0; 4], "no error, but no more");
    client.send(frame(HEADERS, END_STREAM_AND_HEADERS, 3, GET));
    // 200 is in the table.
    assert_eq!(payload_of(&mut client, HEADERS, 3)[0], 0x88);
}

/// The payload of the next frame of that kind on that stream.
fn payload_of(client: &mut Client, kind: u8, stream: u8) -> Vec<u8> {
    loop {
        let head = client.exactly(9);
        let payload = client.exactly(usize::from(head[1]) << 8 | usize::from(head[2]));
        if (head[3], head[8]) == (kind, stream) {
            return payload;
        }
    }
}

#[test]
fn an_idle_connection_of_http2_is_closed() {
    let patience = Duration::from_millis(50);
    let served = serve(1, move |builder| builder.idle_timeout(patience), |_: Request| "fine");
    let mut client = served.client();
    greet(&mut client);
    let _ = client.rest();
}

#[test]
fn a_stop_lets_streams_finish_and_says_goodbye() {
    let (begun, go_on) =
        (Arc::new(greenstd::sync::Event::new()), Arc::new(greenstd::sync::Event::new()));
    let (its_begun, its_go_on) = (begun.clone(), go_on.clone());
    let mut served = serve(
        2,
        |builder| builder,
        move |_: Request| {
            its_begun.set();
            its_go_on.wait();
            "done"
        },
    );
    let mut client = served.client();
    greet(&mut client);
    client.send(frame(HEADERS, END_STREAM_AND_HEADERS, 1, GET));
    begun.wait();
    let server = served.server.take().unwrap();
    let stopping = server.stopping();
    let stopper = std::thread::spawn(move || server.stop(Duration::from_secs(20)));
    stopping.wait();
    // hyper makes sure by a ping that its goodbye has arrived.
    let mut told = Vec::new();
    while told.last() != Some(&PING) {
        let head = client.exactly(9);
        let payload = client.exactly(usize::from(head[1]) << 8 | usize::from(head[2]));
        told.push(head[3]);
        if head[3] == PING {
            client.send(frame(PING, 1, 0, &payload));
        }
    }
    go_on.set();
    told.extend(kinds(&client.rest()));
    assert!(told.contains(&GOAWAY) && told.contains(&HEADERS), "{told:?}");
    assert!(stopper.join().unwrap().is_clean());
}
