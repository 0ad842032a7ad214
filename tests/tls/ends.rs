//! Ends: said by `close_notify`, or not; of one direction, or of both.

use crate::certificates::{acceptor, connector};
use crate::fixture::{expect, message, send, tcp, tls_in_memory, tls_over_tcp};
use greenstd::net::io::Duplex;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::panic::{self, AssertUnwindSafe};

laws! {
    fn an_end_that_was_said_reads_as_zero() {
        let (client, server) = tls_over_tcp();
        (&client).write_all(b"last words").unwrap();
        client.close().unwrap();
        let mut words = String::new();
        assert_eq!((&server).read_to_string(&mut words).unwrap(), 10);
        assert_eq!((&server).read(&mut [0]).unwrap(), 0, "again and again");
    }

    fn a_truncated_stream_is_an_error() {
        let (client, server) = tls_over_tcp();
        (&client).write_all(b"first half").unwrap();
        client.get_ref().shutdown(Shutdown::Write).unwrap();
        expect(&server, b"first half");
        let error = (&server).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let error = (&server).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "again and again");
    }

    fn a_stream_cut_inside_of_a_record_is_an_error() {
        let (client, server) = tls_in_memory();
        // The head of a record that promises a hundred bytes.
        client.get_ref().write_to(&[23, 3, 3, 0, 100, 1, 2, 3]).unwrap();
        client.get_ref().shutdown(Shutdown::Write).unwrap();
        let error = (&server).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    fn a_drop_says_the_end() {
        let (client, server) = tls_over_tcp();
        drop(client);
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        let (client, server) = tls_in_memory();
        drop(client);
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
    }

    /// Whoever panics has not said all: its peer must not take it for a whole message.
    fn a_drop_by_a_panic_does_not_say_the_end() {
        let (client, server) = tls_over_tcp();
        let unwinding = panic::catch_unwind(AssertUnwindSafe(move || {
            (&client).write_all(b"half a mess").unwrap();
            let _client = client;
            panic::resume_unwind(Box::new(()));
        }));
        assert!(unwinding.is_err());
        expect(&server, b"half a mess");
        assert_is_cut((&server).read(&mut [0]));
    }

    /// The peer reads nothing, so there is no room for a farewell.
    fn a_drop_never_waits() {
        let (client, server) = tls_in_memory();
        while client.try_write_to(&[0; 1000]).is_ok() {}
        drop(client);
        assert_is_cut((&server).read_to_end(&mut Vec::new()));
    }

    fn after_its_end_a_side_goes_on_reading() {
        let (client, server) = tls_over_tcp();
        let long = message(1, 300_000);
        client.shutdown(Shutdown::Write).unwrap();
        greenstd::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!((&server).read(&mut [0]).unwrap(), 0);
                send(&server, &long);
            });
            expect(&client, &long);
        });
        let error = (&client).write(b"more").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        client.shutdown(Shutdown::Write).unwrap();
        server.close().unwrap();
        assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    }

    fn the_end_waits_for_what_was_written() {
        let (client, server) = tls_in_memory();
        let long = message(2, 300_000);
        greenstd::thread::scope(|scope| {
            scope.spawn(|| {
                send(&client, &long);
                client.close().unwrap();
            });
            expect(&server, &long);
            assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        });
    }

    fn a_shutdown_wakes_a_reader() {
        for how in [Shutdown::Read, Shutdown::Both] {
            let (client, server) = tls_over_tcp();
            greenstd::thread::scope(|scope| {
                let reader = scope.spawn(|| (&client).read(&mut [0]).unwrap());
                greenstd::thread::sleep(std::time::Duration::from_millis(5));
                client.shutdown(how).unwrap();
                assert_eq!(reader.join().unwrap(), 0);
            });
            drop(server);
        }
    }

    fn a_shutdown_of_both_wakes_a_writer() {
        let (client, server) = tls_over_tcp();
        greenstd::thread::scope(|scope| {
            let writer = scope.spawn(|| (&client).write_all(&vec![0; 64 << 20]).unwrap_err());
            greenstd::thread::sleep(std::time::Duration::from_millis(5));
            client.shutdown(Shutdown::Both).unwrap();
            assert_eq!(writer.join().unwrap().kind(), ErrorKind::BrokenPipe);
        });
        drop(server);
    }

    fn a_half_that_is_dropped_says_the_end() {
        let (client, server) = tls_over_tcp();
        let (reader, mut writer) = client.into_split();
        writer.write_all(b"x").unwrap();
        drop(writer);
        expect(&server, b"x");
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        (&server).write_all(b"still heard").unwrap();
        expect(&reader, b"still heard");
    }

    fn a_peer_that_leaves_during_the_handshake_is_an_error() {
        let (client, server) = tcp();
        drop(client);
        let error = acceptor().accept(server).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        let (client, server) = tcp();
        server.shutdown(Shutdown::Write).unwrap();
        let error = connector().connect("server.test", client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    }
}

/// Whoever leaves with its server's tickets unread resets the connection.
#[track_caller]
fn assert_is_cut(outcome: io::Result<usize>) {
    let kind = outcome.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{kind:?}");
}
