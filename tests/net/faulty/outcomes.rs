//! Where each fault shows: what std lets its callers see, they see here, and nothing else.

use greenstd::net::faults::{Fault, Plan};
use greenstd::net::{TcpListener, TcpStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A plan in which almost every call meets this fault.
fn almost_always(fault: Fault) -> Plan {
    Plan::new(1).rate(Plan::RATE_MAX_PERMILLE).only(&[fault])
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let client = TcpStream::connect(address).unwrap();
    (client, listener.accept().unwrap().0)
}

/// The errors that so many calls fail with.
fn codes<T>(mut call: impl FnMut() -> std::io::Result<T>) -> Vec<i32> {
    let errors = (0..200).filter_map(|_| call().err());
    let mut codes: Vec<_> = errors.map(|error| error.raw_os_error().unwrap()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

laws! {
    fn an_interrupted_read_or_write_is_an_error_and_an_interrupted_accept_is_not() {
        almost_always(Fault::Interrupted).scope(|| {
            let (mut client, mut server) = pair();
            assert_eq!(codes(|| client.write(&[1])), [libc::EINTR]);
            assert_eq!(codes(|| client.write_vectored(&[IoSlice::new(&[1])])), [libc::EINTR]);
            // What std's own loops repeat, they repeat here.
            client.write_all(&[7; 100]).unwrap();
            server.read_exact(&mut [0; 100]).unwrap();
            assert_eq!(codes(|| server.peek(&mut [0])), [libc::EINTR]);
            // Something is always there to be read.
            client.write_all(&[7; 500]).unwrap();
            assert_eq!(codes(|| server.read(&mut [0])), [libc::EINTR]);
            assert_eq!(codes(|| server.read_vectored(&mut [IoSliceMut::new(&mut [0])])), [
                libc::EINTR
            ]);
        });
    }

    fn spurious_readiness_is_seen_by_nobody() {
        let plan = almost_always(Fault::WouldBlock);
        plan.scope(|| {
            let (mut client, mut server) = pair();
            let reader = greenstd::thread::spawn(move || {
                for _ in 0..200 {
                    let mut byte = [0];
                    assert_eq!(server.read(&mut byte).unwrap(), 1);
                    assert_eq!(server.write(&byte).unwrap(), 1);
                }
                server
            });
            for round in 0..200 {
                assert_eq!(client.write(&[round]).unwrap(), 1);
                let mut byte = [0];
                assert_eq!(client.read(&mut byte).unwrap(), 1);
                assert_eq!(byte, [round]);
            }
            let mut server = reader.join().unwrap();
            // Who does not wait is told the truth.
            server.set_nonblocking(true).unwrap();
            client.write_all(&[1]).unwrap();
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            let error = server.read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            server.set_nonblocking(false).unwrap();
            // Neither early nor for ever.
            let timeout = Duration::from_millis(30);
            server.set_read_timeout(Some(timeout)).unwrap();
            let start = Instant::now();
            let error = server.read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            assert!(start.elapsed() >= timeout);
        });
        assert!(plan.count(Fault::WouldBlock) > 1000);
    }

    fn short_counts_are_shorter_and_lose_nothing() {
        let plan = almost_always(Fault::Short);
        plan.scope(|| {
            let (mut client, mut server) = pair();
            let sent: Vec<u8> = (0..10_000).map(|index| index as u8).collect();
            let (mut left, mut shorter) = (&sent[..], 0);
            while !left.is_empty() {
                let slices = left.chunks(3000).map(IoSlice::new).collect::<Vec<_>>();
                let count = if left.len() % 2 == 0 {
                    client.write(left).unwrap()
                } else {
                    client.write_vectored(&slices).unwrap()
                };
                assert!(count > 0);
                shorter += usize::from(count < left.len());
                left = &left[count..];
            }
            assert!(shorter > 3, "{shorter}");
            let mut received: Vec<u8> = Vec::new();
            while received.len() < sent.len() {
                let (mut head, mut tail) = ([0; 100], [0; 9900]);
                let mut buffers = [&mut [][..], &mut head, &mut tail].map(IoSliceMut::new);
                let count = server.read_vectored(&mut buffers).unwrap();
                received.extend(head.iter().chain(&tail).take(count));
            }
            assert_eq!(received, sent);
        });
        assert!(plan.count(Fault::Short) > 10);
    }

    fn descriptors_that_are_wanting_fail_what_makes_them_and_the_connection_stays_queued() {
        let exhausted = [libc::ENFILE, libc::EMFILE];
        let (listener, address) = listener();
        let client = TcpStream::connect(address).unwrap();
        almost_always(Fault::Descriptors).scope(|| {
            assert_eq!(codes(|| TcpListener::bind("127.0.0.1:0")), exhausted);
            assert_eq!(codes(|| client.try_clone()), exhausted);
            let peer = loop {
                match listener.accept() {
                    Ok((_, peer)) => break peer,
                    Err(error) => assert!(exhausted.contains(&error.raw_os_error().unwrap())),
                }
            };
            assert_eq!(peer, client.local_addr().unwrap());
        });
        // Refused in the end, and not before it was tried.
        drop(listener);
        almost_always(Fault::Descriptors).scope(|| {
            let codes = codes(|| TcpStream::connect(address));
            assert_eq!(codes, [exhausted[0], exhausted[1], libc::ECONNREFUSED]);
        });
    }

    fn want_of_memory_fails_a_write_before_it_has_moved_anything() {
        let (mut client, mut server) = pair();
        let sent = almost_always(Fault::Buffers).scope(|| {
            let mut sent = 0;
            while sent < 50 {
                match client.write(&[sent]) {
                    Ok(count) => sent += count as u8,
                    Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS)),
                }
            }
            sent
        });
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert_eq!(received, (0..sent).collect::<Vec<_>>());
    }

    fn an_aborted_connection_is_seen_by_nobody() {
        let plan = almost_always(Fault::Aborted);
        plan.scope(|| {
            let (listener, address) = listener();
            for _ in 0..50 {
                let client = TcpStream::connect(address).unwrap();
                assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
            }
            listener.set_nonblocking(true).unwrap();
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        });
        assert!(plan.count(Fault::Aborted) > 100);
    }
}
