//! Laws of HTTP/2, frame by frame where a real peer would not misbehave.

use crate::client::Client;
use crate::fixture::{Served, serve};
use greenstd::net::http::{Request, Version};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
const PRIORITY: u8 = 2;
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

const CONTINUATION: u8 = 9;

/// Streams that are opened and reset at once (CVE-2023-44487): the neighbours are served, the peer
/// is sent away, and nothing of them is left.
#[test]
fn streams_that_are_reset_at_once_starve_nobody() {
    let (mut served, _) = counting_any();
    let mut neighbour = served.client();
    let mut flood = served.client();
    greet(&mut flood);
    for round in 0..100_u32 {
        let mut frames = Vec::new();
        for number in 0..50 {
            let stream = (round * 50 + number) * 2 + 1;
            frames.extend(frame(HEADERS, END_STREAM_AND_HEADERS, stream, GET));
            frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        }
        flood.send(frames);
        assert_eq!(neighbour.get("/").status, 200);
    }
    // It is sent away while it still sends, so the goodbye may be lost with the rest.
    let told = kinds(&flood.rest());
    assert!(told.is_empty() || told.contains(&GOAWAY), "{told:?}");
    drop((flood, neighbour));
    assert!(served.server.take().unwrap().stop(Duration::from_secs(20)).is_clean());
}

/// A head that goes on and on in further frames (CVE-2024-27316) is cut off, whatever it says.
#[test]
fn a_head_of_endless_frames_is_cut_off() {
    let (served, calls) = counting_any();
    let mut client = served.client();
    greet(&mut client);
    client.send(frame(HEADERS, 1, 1, GET));
    // 64 MiB, of which a few KiB may be kept.
    let header = [&[0x00, 0x01, b'a', 0x7f, 0x81, 0x7c][..], &[b'b'; 16_000]].concat();
    for _ in 0..4_000 {
        client.send(frame(CONTINUATION, 0, 1, &header));
    }
    let told = client.rest();
    assert!(told.is_empty() || kinds(&told).contains(&GOAWAY), "{:?}", kinds(&told));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(served.client().get("/").status, 200);
}

/// A few bytes that unpack into many: one entry of the table, named again and again.
#[test]
fn a_head_that_unpacks_into_too_much_is_refused() {
    let (served, calls) = counting_any();
    let mut client = served.client();
    greet(&mut client);
    // A literal that enters the table: "a", and a value of 3,000 bytes; then 200 times its index.
    let entry = [&[0x40, 0x01, b'a', 0x7f, 0xb9, 0x16][..], &[b'b'; 3_000]].concat();
    let bomb = [GET, &entry, &[0xbe; 200]].concat();
    client.send(frame(HEADERS, END_STREAM_AND_HEADERS, 1, &bomb));
    client.send(frame(HEADERS, END_STREAM_AND_HEADERS, 3, GET));
    client.end_sending();
    let told = kinds(&client.rest());
    // The stream is refused by 431, or reset, or the connection is ended.
    assert!(told.iter().any(|kind| [HEADERS, RST_STREAM, GOAWAY].contains(kind)), "{told:?}");
    assert!(calls.load(Ordering::SeqCst) <= 1, "the second request may be served");
}

/// Pings and settings want answers, of which a peer that reads none has no endless number made.
#[test]
fn a_peer_that_floods_and_reads_nothing_is_given_up() {
    let patience = Duration::from_millis(100);
    for flood in [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[])] {
        let served = serve(1, move |builder| builder.write_timeout(patience), |_: Request| "fine");
        let mut client = served.client();
        greet(&mut client);
        // Ends once the server reads no more, and has been closed: its answers fill the buffers of
        // the kernel, and then nothing is read either.
        let many: Vec<u8> = flood.iter().copied().cycle().take(flood.len() * 4_000).collect();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while client.stream().write_all(&many).is_ok() {
            assert!(std::time::Instant::now() < deadline, "it is answered without end");
        }
        assert_eq!(served.client().get("/").status, 200);
    }
}

/// One worker, and a connection that always has another frame: h2 reads them in one poll for as
/// long as there are any.
#[test]
fn a_peer_that_never_stops_sending_starves_nobody() {
    let (served, _) = counting_any();
    let mut flood = served.client();
    greet(&mut flood);
    let is_over = AtomicBool::new(false);
    // Frames that want no answer.
    let many = frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7]).repeat(4_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = flood.stream();
            // Until it is over, or the server has had enough.
            while !is_over.load(Ordering::Relaxed) {
                if stream.write_all(&many).is_err() {
                    break;
                }
            }
        });
        let mut neighbour = served.client();
        for _ in 0..10 {
            assert_eq!(neighbour.get("/").status, 200);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// As [`counting`], for requests of either protocol.
fn counting_any() -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let handler = move |request: Request| {
        if request.version() == Version::HTTP_2 {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        "hello"
    };
    (serve(1, |builder| builder, handler), calls)
}
