//! Peers that do not speak TLS, or not as they should: a clear error, a closed connection, and
//! neighbours that notice nothing.

use crate::certificates::{NAME, acceptor, connector};
use crate::fixture::{expect, reason, tcp, tls_over_tcp};
use crate::random::Random;
use greenstd::net::TcpStream;
use greenstd::net::io::Duplex;
use greenstd::net::server::StreamServer;
use greenstd::net::tls::PlainHttp;
use greenstd::net::tls::rustls::{AlertDescription, Error, InvalidMessage};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

/// What an acceptor says to a client that sends this and then nothing, and what the client hears.
fn accept(sent: &[u8]) -> (io::Error, Vec<u8>) {
    let (mut client, server) = tcp();
    client.write_all(sent).unwrap();
    let accepting = greenstd::spawn(move || acceptor().accept(server).unwrap_err());
    let error = accepting.join().unwrap();
    let mut heard = Vec::new();
    // What the acceptor has left unread resets the connection after its answer.
    let _ = client.read_to_end(&mut heard);
    (error, heard)
}

#[track_caller]
fn assert_plain_http(error: &io::Error) {
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.get_ref().unwrap().is::<PlainHttp>(), "{error}");
    assert_eq!(error.to_string(), "the peer speaks plain HTTP where TLS was expected");
}

laws! {
    fn http_to_a_tls_port_is_named_and_answered() {
        let (error, heard) = accept(b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n");
        assert_plain_http(&error);
        let heard = String::from_utf8(heard).unwrap();
        assert!(heard.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{heard}");
        assert!(heard.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{heard}");
        for method in ["POST", "HEAD", "CONNECT"] {
            assert_plain_http(&accept(format!("{method} / HTTP/1.1\r\n\r\n").as_bytes()).0);
        }
    }

    fn tls_to_an_http_port_is_named() {
        let (client, mut server) = tcp();
        server.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let error = connector().connect(NAME, client).unwrap_err();
        assert_plain_http(&error);
    }

    fn garbage_is_an_error_with_an_alert() {
        for garbage in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], &[0; 64], &[0xff; 64], &[22, 3, 1, 0, 0]] {
            let (error, heard) = accept(garbage);
            reason(&error);
            // An alert, fatal.
            assert_eq!((heard.first(), heard.get(5)), (Some(&21), Some(&2)), "{heard:?}");
        }
    }

    fn a_record_that_is_too_long_is_refused_at_its_head() {
        let (error, _) = accept(&[22, 3, 1, 0xff, 0xff, 1]);
        let too_long = Error::InvalidMessage(InvalidMessage::MessageTooLarge);
        assert_eq!(*reason(&error), too_long);
    }

    /// Both sides know that the stream is broken, for good; what came before is read.
    fn a_forged_record_ends_the_stream_on_both_sides() {
        let (client, server) = tls_over_tcp();
        (&client).write_all(b"genuine").unwrap();
        let mut forged = vec![23, 3, 3, 0, 40];
        forged.extend([1; 40]);
        client.get_ref().write_to(&forged).unwrap();
        expect(&server, b"genuine");
        for _ in 0..2 {
            let error = (&server).read(&mut [0]).unwrap_err();
            assert_eq!(*reason(&error), Error::DecryptError);
        }
        let error = (&client).read(&mut [0]).unwrap_err();
        assert_eq!(*reason(&error), Error::AlertReceived(AlertDescription::BadRecordMac));
    }

    fn random_bytes_never_panic_or_hang() {
        let mut random = Random::from_environment();
        for _ in 0..100 {
            let (mut client, server) = tcp();
            let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.next() as u8).collect();
            // Some begin as a record of a handshake does.
            let head: &[u8] = if random.below(2) == 0 { &[22, 3, 1, 0, 90] } else { &[] };
            client.write_all(head).unwrap();
            client.write_all(&bytes).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let error = acceptor().accept(server).unwrap_err();
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof), "{error}");
        }
    }

    /// Bits that flip on the way are never passed on as data.
    fn a_flipped_bit_is_never_read() {
        let mut random = Random::from_environment();
        for _ in 0..50 {
            let (client, server) = tls_over_tcp();
            // A record of the client's, caught on its way.
            (&client).write_all(&[7; 50]).unwrap();
            let mut record = [0; 50 + 5 + 17];
            (&mut server.get_ref()).read_exact(&mut record).unwrap();
            let at = 5 + random.below(record.len() as u64 - 5) as usize;
            record[at] ^= 1 << random.below(8);
            client.get_ref().write_to(&record).unwrap();
            assert_eq!(*reason(&(&server).read(&mut [0; 99]).unwrap_err()), Error::DecryptError);
        }
    }

    fn bad_clients_do_not_touch_their_neighbours() {
        let server = StreamServer::builder()
            .tls(acceptor())
            .start("127.0.0.1:0", |mut connection| {
                let mut buffer = [0; 100];
                while let count @ 1.. = connection.read(&mut buffer)? {
                    connection.write_all(&buffer[..count])?;
                }
                Ok(())
            })
            .unwrap();
        let connect = || TcpStream::connect(server.local_addr()).unwrap();
        let neighbour = connector().connect(NAME, connect()).unwrap();
        for bad in [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0; 30], &[22, 3, 1, 255, 255], b""] {
            for _ in 0..5 {
                let mut client = connect();
                client.write_all(bad).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let _ = client.read_to_end(&mut Vec::new());
                (&neighbour).write_all(b"well?").unwrap();
                expect(&neighbour, b"well?");
            }
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while server.statistics().failed < 20 {
            assert!(std::time::Instant::now() < deadline, "{:?}", server.statistics());
            thread::yield_now();
        }
        assert_eq!(server.statistics().panicked, 0);
    }
}
