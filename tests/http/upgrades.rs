//! Laws of connections that leave HTTP.

use crate::fixture::{for_each_flavour, serve};
use greenstd::net::http::{Request, upgrade};
use std::io::{BufRead, BufReader, Read, Write};

#[test]
fn an_upgraded_connection_is_the_raw_stream_with_what_came_early() {
    for_each_flavour(|workers| {
        let served = serve(
            workers,
            |builder| builder,
            |_: Request| {
                upgrade("shouting", |stream| {
                    let mut lines = BufReader::new(&stream);
                    let mut line = String::new();
                    while lines.read_line(&mut line)? > 0 {
                        (&stream).write_all(line.to_uppercase().as_bytes())?;
                        line.clear();
                    }
                    (&stream).write_all(b"bye")
                })
            },
        );
        let mut client = served.client();
        // The first line is in the same segment as the head.
        client.send(
            "GET / HTTP/1.1\r\nhost: t\r\nupgrade: shouting\r\nconnection: upgrade\r\n\r\nhello\n",
        );
        let answer = client.head();
        assert_eq!((answer.status, answer.header("upgrade")), (101, Some("shouting")));
        client.send("world\n");
        client.end_sending();
        assert_eq!(client.rest(), b"HELLO\nWORLD\nbye");
    });
}

#[test]
fn who_has_not_asked_for_an_upgrade_gets_none() {
    let served = serve(1, |builder| builder, |_: Request| upgrade("any", |_| unreachable!()));
    let mut client = served.client();
    assert_eq!(client.get("/").status, 400);
    assert_eq!(client.get("/").status, 400);
}

#[test]
fn a_reader_and_a_writer_use_it_at_once() {
    for_each_flavour(|workers| {
        let served = serve(
            workers,
            |builder| builder,
            |_: Request| {
                upgrade("both", |stream| {
                    greenstd::thread::scope(|scope| {
                        scope.spawn(|| (&stream).write_all(&[7; 1 << 20]));
                        let mut bytes = [0; 1 << 10];
                        (&stream).read_exact(&mut bytes)
                    })
                })
            },
        );
        let mut client = served.client();
        client.send("GET / HTTP/1.1\r\nhost: t\r\nupgrade: both\r\nconnection: upgrade\r\n\r\n");
        assert_eq!(client.head().status, 101);
        client.send([1; 1 << 10]);
        assert_eq!(client.rest().len(), 1 << 20);
    });
}
