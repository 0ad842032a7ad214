//! Requests that two servers in a row might read differently: nothing that hides in one is executed
//! as another. RFC 9112, sections 3.2, 6.3, 7.1 and 11.2.

use crate::client::Client;
use crate::fixture::{Served, for_each_flavour, serve};
use greenstd::net::http::Request;
use std::io;
use std::sync::{Arc, Mutex};

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: t\r\n\r\n";

/// A server that notes the paths that reach its handler, and answers with the path and the body.
fn noting(workers: usize) -> (Served, Arc<Mutex<Vec<String>>>) {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let noted = paths.clone();
    let served = serve(
        workers,
        |builder| builder,
        move |mut request: Request| -> io::Result<String> {
            let path = request.uri().path().to_owned();
            noted.lock().unwrap().push(path.clone());
            let body = request.body_mut().read_all()?;
            Ok(format!("{path} {}", String::from_utf8_lossy(&body)))
        },
    );
    (served, paths)
}

/// A length that covers what hides, and a coding in disguise that would end the body before it.
#[test]
fn a_coding_in_disguise_reveals_nothing() {
    let disguises = [
        "transfer-encoding: xchunked",
        "transfer-encoding: identity",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding: chunked;q=1",
        "transfer-encoding: \"chunked\"",
        "transfer-encoding:\x0bchunked",
        "transfer-encoding:\0chunked",
        "transfer-encoding : chunked",
        "transfer-encoding\t: chunked",
        "transfer-encoding\0: chunked",
        "x: y\r\n transfer-encoding: chunked",
        "x: y\r\ttransfer-encoding: chunked",
        "transfer_encoding: chunked",
        "transfer-encoding:\r\n chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: chunked",
    ];
    for_each_flavour(|workers| {
        let (served, paths) = noting(workers);
        let body = format!("0\r\n\r\n{HIDDEN}");
        let length = body.len();
        for disguise in disguises {
            for head in [
                format!("content-length: {length}\r\n{disguise}"),
                format!("{disguise}\r\ncontent-length: {length}"),
            ] {
                let mut client = served.client();
                client.send(format!("POST /one HTTP/1.1\r\nhost: t\r\n{head}\r\n\r\n{body}"));
                client.end_sending();
                let _ = client.rest();
                let seen = paths.lock().unwrap();
                assert!(!seen.iter().any(|path| path == "/hidden"), "{head:?}");
            }
        }
    });
}

/// Without a length: a coding that is not understood is refused, since nobody knows where the body
/// ends.
#[test]
fn a_coding_that_is_not_understood_is_refused() {
    let (served, paths) = noting(1);
    for coding in ["xchunked", "identity", "gzip", "chunked, identity", "chunked;q=1", "cow"] {
        let mut client = served.client();
        client
            .send(format!("POST /one HTTP/1.1\r\nhost: t\r\ntransfer-encoding: {coding}\r\n\r\n"));
        client.send(format!("0\r\n\r\n{HIDDEN}"));
        assert_eq!(client.answer().status, 400, "{coding}");
        client.assert_closed();
    }
    assert!(paths.lock().unwrap().is_empty());
}

/// Lengths that a careless parser takes for numbers, or for other numbers.
#[test]
fn a_length_that_is_no_number_is_refused() {
    let lengths = [
        "0x23",
        "1e1",
        "1_0",
        "35.0",
        " ",
        "",
        "35 35",
        "35,36",
        "35;",
        "\u{0663}",
        "-0",
        "+35",
        "0\r\ncontent-length: 35",
        "35\r\ncontent-length: 0",
        "35\r\n content-length: 0",
    ];
    let (served, paths) = noting(1);
    for length in lengths {
        let mut client = served.client();
        client.send(format!("POST /one HTTP/1.1\r\nhost: t\r\ncontent-length: {length}\r\n\r\n"));
        client.send(HIDDEN);
        assert_eq!(client.answer().status, 400, "{length:?}");
        client.assert_closed();
    }
    assert!(paths.lock().unwrap().is_empty());
}

/// A line feed alone may end a line of a head (RFC 9112, 2.2), but then does so for its length,
/// too; one that may not is refused.
#[test]
fn a_line_feed_alone_changes_no_length() {
    let (served, paths) = noting(1);
    let length = HIDDEN.len();
    for head in [
        format!("POST /one HTTP/1.1\nhost: t\ncontent-length: {length}\n\n"),
        format!("POST /one HTTP/1.1\r\nhost: t\ncontent-length: {length}\r\n\r\n"),
        format!("POST /one HTTP/1.1\r\nhost: t\r\nx: y\ncontent-length: {length}\r\n\n"),
    ] {
        let mut client = served.client();
        client.send(format!("{head}{HIDDEN}"));
        client.end_sending();
        let rest = client.rest();
        let said = String::from_utf8_lossy(&rest);
        let is_whole = said.starts_with("HTTP/1.1 200 ") && said.contains("/one GET /hidden");
        assert!(is_whole || said.starts_with("HTTP/1.1 400 "), "{head:?}: {said}");
    }
    assert!(!paths.lock().unwrap().iter().any(|path| path == "/hidden"));
}

/// Extensions of chunks are passed over, and so are trailers, but neither without end.
#[test]
fn what_is_passed_over_of_a_chunked_body_is_limited() {
    let (served, _) = noting(1);
    let mut client = served.client();
    let begin = "POST /one HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{begin}2;name=value;quoted=\"a;b\"\r\nok\r\n0;last\r\nx: y\r\n\r\n"));
    assert_eq!(client.answer().text(), "/one ok");
    let endless = [
        // One extension; one for each byte; a line end that another server takes for one.
        format!("2;{}", "a".repeat(1 << 20)),
        "1;a=b\r\nx\r\n".repeat(100_000),
        "2;a\nb\r\nok\r\n".to_owned(),
        // Trailers: one, and many.
        format!("0\r\nx: {}", "a".repeat(1 << 20)),
        format!("0\r\n{}", "x: y\r\n".repeat(100_000)),
    ];
    for body in endless {
        let mut client = served.client();
        client.send(begin);
        client.send(&body);
        assert_eq!(client.answer().status, 400, "{:?}", &body[..20]);
        client.assert_closed();
    }
    assert_eq!(served.client().get("/fine").status, 200);
}

/// RFC 9112, 3.2: whose site is asked for is said once, or nobody knows.
#[test]
fn a_request_of_http_1_1_has_one_host() {
    for_each_flavour(|workers| {
        let (served, paths) = noting(workers);
        for hosts in ["", "host: one\r\nhost: two\r\n", "host: one\r\nx: y\r\nhost: one\r\n"] {
            for body in ["\r\n", "content-length: 2\r\n\r\nok", "content-length: 9\r\n\r\nok"] {
                let mut client = served.client();
                client.send(format!("POST / HTTP/1.1\r\n{hosts}{body}"));
                assert_eq!(client.answer().status, 400, "{hosts:?} {body:?}");
                client.assert_closed();
            }
        }
        assert!(paths.lock().unwrap().is_empty());
        // Before 1.1 there were none, and an empty one is one.
        let mut client = served.client();
        client.send("GET /old HTTP/1.0\r\n\r\n");
        assert_eq!(client.answer().text(), "/old ");
        let mut client = served.client();
        client.send("GET /empty HTTP/1.1\r\nhost:\r\n\r\n");
        assert_eq!(client.answer().text(), "/empty ");
    });
}

/// Pipelined behind something bad: the connection has ended before.
#[test]
fn nothing_behind_a_refused_request_is_executed() {
    let (served, paths) = noting(1);
    for bad in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "\0\r\n\r\n", "GET /\r\n\r\n"] {
        let mut client: Client = served.client();
        client.send(format!("{bad}{HIDDEN}{HIDDEN}"));
        assert_eq!(client.answer().status, 400, "{bad:?}");
        client.assert_closed();
    }
    assert!(paths.lock().unwrap().is_empty());
}
