//! How a connection ends, and what either side learns of it.

use crate::certificates::encrypt;
use crate::fixture::{
    CLOSE, FINAL, TEXT, client_and_stream, close_payload, masked, narrow, over, pair, plain, put,
    receive, server_and_stream, tcp, text,
};
use greenstd::net::io::Duplex;
use greenstd::net::ws::{Builder, CloseCode, CloseFrame, Message, Role, WebSocket};
use greenstd::net::{Shutdown, duplex};
use greenstd::thread;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

laws! {
    fn a_close_tells_code_and_reason() {
        let (client, server) = pair();
        close_tells(&client, &server);
        let (client, server) = pair();
        close_tells(&server, &client);
        let (client, server) = tcp();
        let (client, server) = over(encrypt(client, server));
        close_tells(&client, &server);
    }

    /// RFC 6455, 5.5.1: the code comes back.
    fn a_close_is_answered_with_its_code() {
        for (sent, answered) in [
            (close_payload(1000, "all said"), close_payload(1000, "all said")),
            (close_payload(1001, ""), close_payload(1001, "")),
            (close_payload(3000, ""), close_payload(3000, "")),
            (close_payload(4999, "own"), close_payload(4999, "own")),
            (Vec::new(), Vec::new()),
        ] {
            let (server, client) = server_and_stream();
            put(&client, &masked(FINAL | CLOSE, &sent));
            assert_eq!(server.read().unwrap(), None);
            assert_eq!(receive(&client).payload, answered);
            assert_eq!(server.close_frame().is_none(), sent.is_empty());
        }
    }

    fn nothing_is_read_or_sent_after_a_close() {
        let (server, client) = server_and_stream();
        put(&client, &masked(FINAL | CLOSE, b""));
        put(&client, &masked(FINAL | TEXT, b"too late"));
        for _ in 0..3 {
            assert_eq!(server.read().unwrap(), None);
            let error = server.send("too late").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        assert_eq!(server.incoming().count(), 0);
        // Closing what the peer has closed is no error, however often.
        server.close().unwrap();
        server.close().unwrap();
        assert_eq!(receive(&client).payload, b"");
        assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    }

    fn both_may_close_at_once() {
        let (client, server) = pair();
        thread::scope(|scope| {
            scope.spawn(|| client.close().unwrap());
            server.close().unwrap();
        });
    }

    /// RFC 6455, 5.5.1: the peer may send on until it answers. What nobody reads is thrown away.
    fn messages_before_the_answer_are_read_or_dropped() {
        let (client, stream) = client_and_stream();
        client.send(Message::Close(None)).unwrap();
        put(&stream, &plain(FINAL | TEXT, b"read"));
        assert_eq!(text(&client), "read");
        put(&stream, &plain(FINAL | TEXT, b"thrown away"));
        put(&stream, &plain(FINAL | CLOSE, b""));
        stream.shutdown(Shutdown::Write).unwrap();
        client.close().unwrap();
        assert_eq!(client.read().unwrap(), None);
    }

    fn a_reader_learns_of_the_close_of_another_thread() {
        let (client, server) = pair();
        thread::scope(|scope| {
            let reader = scope.spawn(|| client.read().unwrap());
            scope.spawn(|| assert_eq!(server.read().unwrap(), None));
            client.send(Message::Close(None)).unwrap();
            assert_eq!(reader.join().unwrap(), None);
        });
    }

    /// RFC 6455, 7.1.1: so that the server has the port that stays blocked for a while.
    fn the_server_ends_the_stream_first() {
        let (client, stream) = client_and_stream();
        thread::scope(|scope| {
            let close = scope.spawn(|| client.close().unwrap());
            assert_eq!(receive(&stream).code(), 1000);
            put(&stream, &plain(FINAL | CLOSE, &close_payload(1000, "")));
            thread::sleep(Duration::from_millis(5));
            assert!(!close.is_finished());
            stream.shutdown(Shutdown::Write).unwrap();
            close.join().unwrap();
        });
        let (server, stream) = server_and_stream();
        thread::scope(|scope| {
            scope.spawn(|| server.close().unwrap());
            assert_eq!(receive(&stream).code(), 1000);
            put(&stream, &masked(FINAL | CLOSE, &close_payload(1000, "")));
            assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
        });
    }

    fn a_peer_that_does_not_answer_is_cut() {
        let builder = Builder::new().close_timeout(Duration::from_millis(10));
        let (client, stream) = tcp();
        let client = builder.after_upgrade(client, Role::Client, Vec::new());
        let start = Instant::now();
        assert_eq!(client.close().unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(10));
        assert_eq!(receive(&stream).code(), 1000);
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
    }

    /// Nor does one that takes nothing keep the closer waiting.
    fn a_peer_that_takes_nothing_is_cut() {
        let (client, server) = duplex(100);
        let builder = Builder::new().close_timeout(Duration::from_millis(10));
        let client = builder.after_upgrade(client, Role::Client, Vec::new());
        thread::scope(|scope| {
            let sender = scope.spawn(|| client.send(vec![0; 1000]).is_err());
            (&server).read_exact(&mut [0; 4]).unwrap();
            assert_eq!(client.close().unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(sender.join().unwrap());
        });
        drop(server);
    }

    fn an_end_without_a_close_is_an_error() {
        let (client, server) = tcp();
        let server = Builder::new().after_upgrade(server, Role::Server, Vec::new());
        put(&client, &masked(FINAL | TEXT, b"whole"));
        put(&client, &masked(FINAL | TEXT, b"cut short")[..9]);
        drop(client);
        assert_eq!(text(&server), "whole");
        for _ in 0..2 {
            assert_eq!(server.read().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
        assert_eq!(server.incoming().count(), 1);
    }

    fn a_dropped_connection_says_that_it_goes() {
        let (client, stream) = client_and_stream();
        client.send("last words").unwrap();
        drop(client);
        assert_eq!(receive(&stream).payload, b"last words");
        assert_eq!(receive(&stream).code(), 1001);
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
    }

    fn one_that_is_dropped_by_a_panic_says_so() {
        let (client, stream) = client_and_stream();
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let _client = client;
            std::panic::resume_unwind(Box::new("as a handler does"));
        }));
        assert!(outcome.is_err());
        assert_eq!(receive(&stream).code(), 1011);
    }

    /// Without being dropped: its client need not wait for what it does else.
    fn a_server_that_has_read_the_close_ends_the_stream() {
        let (client, server) = pair();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(server.read().unwrap(), None));
            client.close().unwrap();
        });
        assert!(server.send("too late").is_err());
    }

    fn one_that_was_closed_says_nothing_more() {
        let (client, server) = pair();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(server.read().unwrap(), None));
            client.close().unwrap();
        });
        drop(client);
        let mut rest = Vec::new();
        server.get_ref().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }

    /// A drop never waits.
    fn a_drop_without_room_is_a_cut() {
        let (client, server) = narrow(100);
        let full = [0; 1000];
        let _ = greenstd::time::timeout(Duration::from_millis(2), || client.send(full.to_vec()));
        drop(client);
        assert_eq!(server.read().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    fn what_must_not_be_sent_is_the_callers_mistake() {
        let (client, server) = pair();
        let invalid = |message: Message| {
            assert_eq!(client.send(message).unwrap_err().kind(), ErrorKind::InvalidInput);
        };
        invalid(Message::Ping(vec![0; 126].into()));
        invalid(Message::Pong(vec![0; 126].into()));
        let close = |code, reason: &str| CloseFrame { code, reason: reason.into() };
        invalid(Message::Close(Some(close(CloseCode::Normal, &"x".repeat(124)))));
        for code in [CloseCode::Status, CloseCode::Abnormal, CloseCode::Tls] {
            invalid(Message::Close(Some(close(code, ""))));
        }
        client.send("unharmed").unwrap();
        assert_eq!(text(&server), "unharmed");
    }
}

fn close_tells<S: Duplex + Send + Sync>(from: &WebSocket<S>, to: &WebSocket<S>) {
    thread::scope(|scope| {
        let closing = scope.spawn(|| {
            from.send("before").unwrap();
            from.close_with(CloseCode::Library(4321), "enough").unwrap();
        });
        assert_eq!(text(to), "before");
        assert_eq!(to.read().unwrap(), None);
        let told = to.close_frame().unwrap();
        assert_eq!((u16::from(told.code), &*told.reason), (4321, "enough"));
        to.close().unwrap();
        closing.join().unwrap();
    });
    let answer = from.close_frame().unwrap();
    assert_eq!((u16::from(answer.code), &*answer.reason), (4321, "enough"));
}
