//! Laws of bodies, in both directions.

use crate::fixture::{for_each_flavour, serve};
use greenstd::net::http::{
    BodyError, Bytes, IntoResponse, Request, Response, ResponseBody, StatusCode,
};
use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn echo(mut request: Request) -> io::Result<Response> {
    let mut bytes = Vec::new();
    request.body_mut().read_to_end(&mut bytes)?;
    Ok(bytes.into_response())
}

#[test]
fn a_body_with_a_length_is_read_to_its_end_and_no_further() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo);
        let mut client = served.client();
        for length in [1, 10, 70_000, 1 << 20] {
            let body: Vec<u8> = (0..length).map(|n| n as u8).collect();
            assert_eq!(client.post("/", &body).body, body);
        }
        // The next request is in the same segment as the body.
        client.send(
            "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\nabc\
             GET / HTTP/1.1\r\nhost: t\r\n\r\n",
        );
        assert_eq!(client.answer().text(), "abc");
        assert_eq!(client.answer().text(), "");
    });
}

#[test]
fn a_chunked_body_is_put_together() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder, echo);
        let mut client = served.client();
        for _ in 0..3 {
            client.send("POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n");
            client.send("3\r\nabc\r\n");
            client.send("A;extension=1\r\n0123456789\r\n0\r\n\r\n");
            assert_eq!(client.answer().text(), "abc0123456789");
        }
    });
}

/// C73: one 100 at the first read; none if the handler answers without reading.
#[test]
fn the_peer_is_told_to_continue_at_the_first_read_and_only_then() {
    for_each_flavour(|workers| {
        let served = serve(
            workers,
            |builder| builder,
            |request: Request| match request.uri().path() {
                "/read" => echo(request),
                _ => Ok(StatusCode::FORBIDDEN.into_response()),
            },
        );
        let head = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: t\r\n\
                 content-length: 5\r\nexpect: 100-continue\r\n\r\n"
            )
        };
        let mut client = served.client();
        client.send(head("/read"));
        assert_eq!(client.head().status, 100);
        client.send("hello");
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        client.send(head("/refused"));
        assert_eq!(client.answer().status, 403);
        // What would have been the body is no request.
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        client.assert_closed();
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    for_each_flavour(|workers| {
        let served = serve(workers, |builder| builder.max_body_bytes(10), echo);
        let mut client = served.client();
        assert_eq!(client.post("/", b"0123456789").status, 200);
        client.send(
            "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\n",
        );
        assert_eq!(client.answer().status, 413);
        let mut client = served.client();
        client.send(
            "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
        );
        assert_eq!(client.answer().status, 413);
        client.assert_closed();
    });
}

#[test]
fn a_refused_body_does_not_take_the_answer_from_the_peer() {
    let served = serve(1, |builder| builder.max_body_bytes(10), echo);
    for _ in 0..20 {
        // More than the buffers of both sides hold at first.
        let mut client = served.client();
        let body = vec![0; 300_000];
        assert_eq!(client.post("/", &body).status, 413);
    }
}

#[test]
fn a_handler_may_change_the_limit() {
    let served = serve(
        1,
        |builder| builder.max_body_bytes(1),
        |mut request: Request| {
            request.body_mut().set_limit(None);
            echo(request)
        },
    );
    assert_eq!(served.client().post("/", b"larger").text(), "larger");
}

#[test]
fn a_body_that_does_not_come_is_answered_by_408() {
    let patience = Duration::from_millis(20);
    let served = serve(1, move |builder| builder.body_timeout(patience), echo);
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nhel");
    assert_eq!(client.answer().status, 408);
    client.assert_closed();
}

#[test]
fn a_body_that_is_cut_short_is_an_error_of_the_read() {
    for_each_flavour(|workers| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let served = serve(
            workers,
            |builder| builder,
            move |mut request: Request| {
                let error = request.body_mut().read_all().unwrap_err();
                tell.lock().unwrap().send(BodyError::of(&error)).unwrap();
            },
        );
        let mut client = served.client();
        client.send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nhel");
        drop(client);
        assert_eq!(told.recv().unwrap(), Some(BodyError::Incomplete));
    });
}

#[test]
fn an_iterator_is_sent_chunk_by_chunk_as_it_goes() {
    for_each_flavour(|workers| {
        let (give, given) = mpsc::channel::<&'static str>();
        let given = Mutex::new(Some(given));
        let served = serve(
            workers,
            |builder| builder,
            move |_: Request| {
                let given = given.lock().unwrap().take().unwrap();
                // Blocks its worker, which has nothing else to do; the test waits for each chunk.
                let chunks = std::iter::from_fn(move || {
                    loop {
                        match given.try_recv() {
                            Ok(text) => return Some(Ok(Bytes::from_static(text.as_bytes()))),
                            Err(mpsc::TryRecvError::Disconnected) => return None,
                            Err(mpsc::TryRecvError::Empty) => {
                                greenstd::thread::sleep(Duration::from_millis(1));
                            }
                        }
                    }
                });
                Response::new(ResponseBody::chunks(chunks))
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        give.send("first").unwrap();
        assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
        assert_eq!(client.chunk().unwrap(), b"first");
        give.send("second").unwrap();
        assert_eq!(client.chunk().unwrap(), b"second");
        drop(give);
        assert_eq!(client.chunk(), None);
    });
}

#[test]
fn an_iterator_that_fails_or_panics_cuts_the_connection_short() {
    for_each_flavour(|workers| {
        let served = serve(
            workers,
            |builder| builder,
            |request: Request| {
                let panics = request.uri().path() == "/panic";
                let chunks = (0..).map(move |number| match (number, panics) {
                    (0, _) => Ok(Bytes::from_static(b"good")),
                    (_, false) => Err(io::Error::other("on purpose")),
                    (_, true) => std::panic::resume_unwind(Box::new("on purpose")),
                });
                Response::new(ResponseBody::chunks(chunks))
            },
        );
        for path in ["/error", "/panic"] {
            let mut client = served.client();
            client.send(format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n"));
            client.head();
            assert_eq!(client.chunk().unwrap(), b"good");
            client.assert_closed();
        }
        let mut client = served.client();
        client.send("GET /error HTTP/1.1\r\nhost: t\r\n\r\n");
        assert_eq!(client.head().status, 200);
    });
}

#[test]
fn a_writer_is_read_while_it_writes() {
    for_each_flavour(|workers| {
        let event = Arc::new(greenstd::sync::Event::new());
        let go_on = event.clone();
        let served = serve(
            workers,
            |builder| builder,
            move |_: Request| {
                let event = event.clone();
                Response::new(ResponseBody::writer(move |body| {
                    body.write_all(b"first")?;
                    body.flush()?;
                    event.wait();
                    for number in 0..100_000 {
                        writeln!(body, "{number}")?;
                    }
                    Ok(())
                }))
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        client.head();
        assert_eq!(client.chunk().unwrap(), b"first");
        go_on.set();
        let mut rest = Vec::new();
        while let Some(chunk) = client.chunk() {
            rest.extend(chunk);
        }
        let expected: String = (0..100_000).map(|number| format!("{number}\n")).collect();
        assert_eq!(rest, expected.as_bytes());
    });
}

#[test]
fn a_writer_waits_for_a_slow_peer_and_ends_when_it_has_gone() {
    for_each_flavour(|workers| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let written = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = written.clone();
        let served = serve(
            workers,
            |builder| builder,
            move |_: Request| {
                let (tell, counted) = (tell.lock().unwrap().clone(), counted.clone());
                Response::new(ResponseBody::writer(move |body| {
                    loop {
                        if let Err(error) = body.write_all(&[0; 1024]) {
                            tell.send(error.kind()).unwrap();
                            return Err(error);
                        }
                        counted.fetch_add(1024, std::sync::atomic::Ordering::Relaxed);
                    }
                }))
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        client.head();
        // It stops once all buffers are full: the kernel's and ours.
        let mut last = 0;
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = written.load(std::sync::atomic::Ordering::Relaxed);
            if now == last && now > 0 {
                break;
            }
            last = now;
            assert!(now < 64 << 20, "nothing holds the writer back");
        }
        drop(client);
        assert_eq!(told.recv().unwrap(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_writer_that_waits_for_something_else_is_ended_when_its_peer_has_gone() {
    struct Tells(mpsc::Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    for_each_flavour(|workers| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let served = serve(
            workers,
            |builder| builder,
            move |_: Request| {
                let tells = Tells(tell.lock().unwrap().clone());
                Response::new(ResponseBody::writer(move |body| {
                    let _tells = tells;
                    body.write_all(b"hello")?;
                    body.flush()?;
                    greenstd::sync::Event::new().wait();
                    Ok(())
                }))
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
        client.head();
        assert_eq!(client.chunk().unwrap(), b"hello");
        drop(client);
        told.recv_timeout(Duration::from_secs(20)).expect("the writer was left behind");
    });
}

#[test]
fn a_file_is_sent_with_its_length() {
    let path = std::env::temp_dir().join(format!("greenstd-http-{}", std::process::id()));
    let content: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let sent = path.clone();
    let served = serve(
        1,
        |builder| builder,
        move |_: Request| {
            greenstd::fs::File::open(&sent).and_then(ResponseBody::file).map(Response::new)
        },
    );
    let answer = served.client().get("/");
    std::fs::remove_file(path).unwrap();
    assert_eq!(answer.header("content-length"), Some("300000"));
    assert!(answer.body == content);
}
