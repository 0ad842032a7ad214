//! What strangers send: clear errors, closed connections, and neighbours that notice nothing.

use crate::client::Client;
use crate::fixture::{Served, for_each_flavour, serve};
use greenstd::net::http::Request;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A server that counts the requests that reach its handler.
fn counting(workers: usize) -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let served = serve(
        workers,
        |builder| builder,
        move |mut request: Request| -> io::Result<String> {
            counted.fetch_add(1, Ordering::SeqCst);
            let body = request.body_mut().read_all()?;
            Ok(format!("{} {}", request.uri().path(), String::from_utf8_lossy(&body)))
        },
    );
    (served, calls)
}

#[test]
fn malformed_requests_are_answered_by_400_and_closed() {
    for_each_flavour(|workers| {
        let (served, calls) = counting(workers);
        let heads: &[&[u8]] = &[
            b"\x00\x01\x02\x03\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nna me: value\r\n\r\n",
            b"GET / HTTP/1.1\r\nname : value\r\n\r\n",
            b"GET / HTTP/1.1\r\nname: va\x00lue\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: t\r\nname: a\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nname: a\rb\r\n\r\n",
            b"GET  / HTTP/1.1\r\nhost: t\r\n\r\n",
            b"GET /\x7f HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            b"POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello",
            b"POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\nhello",
            b"POST / HTTP/1.1\r\ncontent-length: 5, 6\r\n\r\nhello",
            b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\nhello",
            b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nhello",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\nhello",
            b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ];
        for head in heads {
            let mut client = served.client();
            client.send(head);
            let status = client.answer().status;
            assert_eq!(status, 400, "{}", String::from_utf8_lossy(head));
            client.assert_closed();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert_eq!(served.client().get("/fine").status, 200);
    });
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let (served, calls) = counting(1);
    let mut client = served.client();
    client.send(format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", "a".repeat(70_000)));
    assert!([414, 431].contains(&client.answer().status));
    client.assert_closed();
    let mut client = served.client();
    client.send(format!("GET / HTTP/1.1\r\nhost: t\r\nlong: {}\r\n\r\n", "a".repeat(20_000)));
    assert_eq!(client.answer().status, 431);
    client.assert_closed();
    let mut client = served.client();
    client.send(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)));
    assert_eq!(client.answer().status, 431);
    client.assert_closed();
    // One that never ends.
    let mut client = served.client();
    client.send("GET / HTTP/1.1\r\nlong: ");
    for _ in 0..100 {
        client.send("a".repeat(1024));
    }
    assert_eq!(client.answer().status, 431);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// C72: a bad chunk is 400 and the end, and what hides behind it is never executed.
#[test]
fn a_bad_chunk_is_the_end_of_the_connection() {
    for_each_flavour(|workers| {
        for bad in [
            "xyz\r\n",
            "-1\r\n",
            "5\r\nhelloX",
            "5\nhello\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n",
            "5 5\r\nhello\r\n",
        ] {
            let (served, calls) = counting(workers);
            let mut client = served.client();
            client.send("POST /one HTTP/1.1\r\nhost: t\r\ncontent-length: 6\r\n");
            client.send("transfer-encoding: chunked\r\n\r\n");
            client.send(bad);
            client.send("GET /hidden HTTP/1.1\r\nhost: t\r\n\r\n");
            assert_eq!(client.answer().status, 400, "{bad:?}");
            client.assert_closed();
            assert_eq!(calls.load(Ordering::SeqCst), 1, "{bad:?}");
        }
    });
}

/// C72: a request that is hidden in trailers is never executed.
#[test]
fn a_request_hidden_in_trailers_is_not_executed() {
    for_each_flavour(|workers| {
        let (served, calls) = counting(workers);
        let mut client = served.client();
        client.send("POST /one HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send("2\r\nok\r\n0\r\nGET /hidden HTTP/1.1\r\nhost: t\r\n\r\n");
        let status = client.answer().status;
        assert!([200, 400].contains(&status), "{status}");
        let _ = client.rest();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

/// Two lengths: the coding counts, and nothing that follows does.
#[test]
fn after_a_request_with_both_lengths_the_connection_is_closed() {
    for headers in [
        "content-length: 3\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 3",
    ] {
        let (served, calls) = counting(1);
        let mut client = served.client();
        client.send(format!("POST /one HTTP/1.1\r\nhost: t\r\n{headers}\r\n\r\n0\r\n\r\n"));
        client.send("GET /hidden HTTP/1.1\r\nhost: t\r\n\r\n");
        assert_eq!(client.answer().text(), "/one ");
        client.assert_closed();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_peer_that_has_ended_its_direction_gets_its_answer() {
    let (served, _) = counting(1);
    let mut client = served.client();
    client.send("GET /half HTTP/1.1\r\nhost: t\r\n\r\n");
    client.end_sending();
    assert_eq!(client.answer().text(), "/half ");
    client.assert_closed();
    // With a body, too, however it comes.
    for body in
        ["content-length: 2\r\n\r\nok", "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
    {
        let mut client = served.client();
        client.send(format!("POST /half HTTP/1.1\r\nhost: t\r\n{body}"));
        client.end_sending();
        assert_eq!(client.answer().text(), "/half ok");
        client.assert_closed();
    }
    // Or nothing, after half a head.
    let mut client = served.client();
    client.send("GET /half HTTP/1.1\r\nho");
    client.end_sending();
    let _ = client.rest();
    assert_eq!(served.client().get("/").status, 200);
}

#[test]
fn a_head_that_takes_too_long_is_answered_by_408() {
    let patience = Duration::from_millis(50);
    let served = serve(1, move |builder| builder.head_timeout(patience), |_: Request| "never");
    // Byte by byte is no way to make it longer.
    let mut client = served.client();
    let begun = Instant::now();
    for byte in "GET / HTTP/1.1\r\nhost: a-rather-long-name".bytes() {
        client.send([byte]);
        std::thread::sleep(Duration::from_millis(5));
        if begun.elapsed() > patience * 4 {
            break;
        }
    }
    assert_eq!(client.answer().status, 408);
    client.assert_closed();
    // Whoever says nothing is told as much.
    let mut client = served.client();
    let _ = client.rest();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let patience = Duration::from_millis(50);
    let served = serve(1, move |builder| builder.idle_timeout(patience), |_: Request| "fine");
    let mut client = served.client();
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.get("/").status, 200);
    client.assert_closed();
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let patience = Duration::from_millis(50);
    let served =
        serve(1, move |builder| builder.write_timeout(patience), |_: Request| vec![0; 64 << 20]);
    let mut client = served.client();
    client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
    let deadline = Instant::now() + Duration::from_secs(20);
    while served.server.as_ref().unwrap().statistics().failed == 0 {
        assert!(Instant::now() < deadline, "it is waited for");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A thousand who send a byte now and then, and one who is served as ever.
#[test]
fn a_thousand_slow_clients_do_not_slow_another() {
    let (served, calls) = counting(1);
    let mut slow: Vec<Client> = (0..1000).map(|_| served.client()).collect();
    let mut client = served.client();
    for round in 0..10 {
        for (number, slow) in slow.iter_mut().enumerate().skip(round * 100).take(100) {
            slow.send(format!("GET /{number} HTTP/1.1\r\nx-slow"));
        }
        let begun = Instant::now();
        for _ in 0..20 {
            assert_eq!(client.get("/fast").status, 200);
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 200);
}

#[test]
fn noise_harms_nobody() {
    let (served, _) = counting(2);
    let mut random = crate::random::Random::from_environment();
    let mut neighbour = served.client();
    for _ in 0..200 {
        let mut client = served.client();
        let mut noise =
            b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\nsome body".to_vec();
        for _ in 0..=random.below(4) {
            let place = random.below(noise.len() as u64) as usize;
            noise[place] = random.next() as u8;
        }
        client.send(noise);
        client.end_sending();
        let _ = client.rest();
        assert_eq!(neighbour.get("/").status, 200);
    }
}
