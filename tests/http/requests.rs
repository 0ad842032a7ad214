//! Laws of requests and their answers.

use crate::fixture::{for_each_flavour, serve};
use greenstd::net::http::{
    Bytes, HeaderValue, Method, Request, RequestBody, RequestExt, Response, ResponseBody,
    StatusCode,
};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn echo_path(request: Request) -> String {
    request.uri().path().to_owned()
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo_path);
        let mut client = served.client();
        for path in ["/one", "/two", "/three"] {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.text()), (200, path));
        }
        let statistics = served.server.as_ref().unwrap().statistics();
        assert_eq!(statistics.accepted, 1);
    });
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo_path);
        let mut client = served.client();
        let requests: String =
            (0..100).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: t\r\n\r\n")).collect();
        client.send(requests);
        for n in 0..100 {
            assert_eq!(client.answer().text(), format!("/{n}"));
        }
    });
}

#[test]
fn connections_are_closed_as_versions_and_headers_have_it() {
    let served = serve(1, |builder| builder, echo_path);
    let mut client = served.client();
    client.send("GET /a HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    assert_eq!(client.answer().text(), "/a");
    client.assert_closed();
    let mut client = served.client();
    client.send("GET /b HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().text(), "/b");
    client.assert_closed();
    let mut client = served.client();
    client.send("GET /c HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer().text(), "/c");
    client.send("GET /d HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().text(), "/d");
}

#[test]
fn a_handler_that_blocks_holds_nobody_else_up() {
    let served = serve(
        1,
        |builder| builder,
        |request: Request| {
            if request.uri().path() == "/slow" {
                greenstd::thread::sleep(Duration::from_secs(3600));
            }
            "done"
        },
    );
    let mut slow = served.client();
    slow.send("GET /slow HTTP/1.1\r\nhost: t\r\n\r\n");
    for _ in 0..10 {
        assert_eq!(served.client().get("/").text(), "done");
    }
    // The runtime ends with the handler in the middle of its wait.
}

#[test]
fn a_panic_is_answered_by_500_and_the_connection_goes_on() {
    for_each_flavour(|workers| {
        let served = serve(
            workers,
            |builder| builder,
            |mut request: Request| {
                let _ = request.body_mut().read_all();
                if request.uri().path() == "/panic" {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                "fine"
            },
        );
        let mut client = served.client();
        for _ in 0..3 {
            assert_eq!(client.get("/panic").status, 500);
            assert_eq!(client.post("/panic", b"body").status, 500);
            assert_eq!(client.get("/").text(), "fine");
        }
    });
}

#[test]
fn what_handlers_return_becomes_a_response() {
    let served = serve(
        1,
        |builder| builder,
        |request: Request| -> io::Result<Response> {
            use greenstd::net::http::IntoResponse;
            Ok(match request.uri().path() {
                "/text" => "text".into_response(),
                "/bytes" => Bytes::from_static(b"bytes").into_response(),
                "/nothing" => ().into_response(),
                "/status" => StatusCode::NOT_FOUND.into_response(),
                "/both" => (StatusCode::CREATED, "made").into_response(),
                "/head" => Response::new("head".into()),
                _ => return Err(io::Error::other("the secret reason")),
            })
        },
    );
    let mut client = served.client();
    let answer = client.get("/text");
    assert_eq!(
        (answer.text(), answer.header("content-type")),
        ("text", Some("text/plain; charset=utf-8"))
    );
    assert!(answer.header("date").is_some());
    assert_eq!(client.get("/bytes").header("content-type"), Some("application/octet-stream"));
    let answer = client.get("/nothing");
    assert_eq!((answer.status, answer.header("content-length")), (204, None));
    assert_eq!(client.get("/status").status, 404);
    let answer = client.get("/both");
    assert_eq!((answer.status, answer.text()), (201, "made"));
    client.send("HEAD /head HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(client.head().header("content-length"), Some("4"));
    let answer = client.get("/error");
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("secret"), "a stranger is told nothing");
}

#[test]
fn a_request_tells_its_method_and_its_peer() {
    let served = serve(
        1,
        |builder| builder,
        |request: Request| format!("{} {}", request.method(), request.peer_addr().unwrap()),
    );
    let mut client = served.client();
    let own = client.stream().local_addr().unwrap();
    client.send("DELETE / HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(client.answer().text(), format!("DELETE {own}"));
}

/// C74: a header that would split the response is refused before anything is sent.
#[test]
fn line_breaks_in_a_header_of_the_app_are_refused() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let served = serve(
        1,
        |builder| builder,
        move |request: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            let evil = match request.uri().path() {
                "/cr" => "a\rset-cookie: b",
                "/lf" => "a\nset-cookie: b",
                _ => "a\r\nset-cookie: b",
            };
            assert!(HeaderValue::from_str(evil).is_err());
            // The error of the builder is that of the handler.
            greenstd::net::http::response::Builder::new()
                .header("x-evil", evil)
                .body(ResponseBody::from("sent"))
        },
    );
    let mut client = served.client();
    for path in ["/cr", "/lf", "/crlf"] {
        let answer = client.get(path);
        assert_eq!(answer.status, 500);
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

/// A client that keeps its connection, and asks for nothing, has no permit.
#[test]
fn keep_alive_holds_no_permit() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder.max_requests(1), echo_path);
        let mut clients: Vec<_> = (0..10).map(|_| served.client()).collect();
        for _ in 0..3 {
            for client in &mut clients {
                assert_eq!(client.get("/idle").text(), "/idle");
            }
        }
    });
}

#[test]
fn no_more_requests_than_allowed_are_served_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (its_now, its_most) = (now.clone(), most.clone());
    let served = serve(
        2,
        |builder| builder.max_requests(3),
        move |mut request: Request| {
            let live = its_now.fetch_add(1, Ordering::SeqCst) + 1;
            its_most.fetch_max(live, Ordering::SeqCst);
            request.body_mut().read_all().unwrap();
            greenstd::thread::sleep(Duration::from_millis(2));
            its_now.fetch_sub(1, Ordering::SeqCst);
        },
    );
    std::thread::scope(|scope| {
        for client in 0..12 {
            let served = &served;
            scope.spawn(move || {
                let mut connection = served.client();
                for _ in 0..5 {
                    let status = match client % 2 {
                        0 => connection.get("/").status,
                        _ => connection.post("/", b"body").status,
                    };
                    assert_eq!(status, 204);
                }
            });
        }
    });
    assert_eq!(now.load(Ordering::SeqCst), 0);
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

#[test]
fn handlers_can_be_tested_without_a_server() {
    let mut request = Request::new(RequestBody::from("body"));
    *request.method_mut() = Method::POST;
    assert_eq!(request.body_mut().read_all().unwrap(), "body");
    assert!(request.body().is_at_end());
    assert_eq!(ResponseBody::from("four").length(), Some(4));
}
