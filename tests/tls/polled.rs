//! Laws of encrypted streams in futures.

use crate::fixture::{message, tls_over_tcp};
use greenstd::block_on;
use greenstd::io::PollDuplex;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, Read, Write};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

async fn read(stream: &impl PollDuplex, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|context| stream.poll_read_from(context, buffer, None)).await
}

async fn write_all(stream: &impl PollDuplex, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let (first, second) = bytes.split_at(bytes.len().min(100) / 2);
        let buffers = [IoSlice::new(first), IoSlice::new(second)];
        bytes = &bytes[poll_fn(|context| stream.poll_write_to(context, &buffers, None)).await?..];
    }
    poll_fn(|context| stream.poll_flush(context, None)).await
}

async fn expect(stream: &impl PollDuplex, message: &[u8]) {
    let mut buffer = vec![0; 30_000];
    let mut at = 0;
    while at < message.len() {
        let count = read(stream, &mut buffer).await.unwrap();
        assert_ne!(count, 0, "the end comes after {at} bytes");
        assert!(buffer[..count] == message[at..at + count], "wrong bytes after {at}");
        at += count;
    }
}

/// Both to their ends, both polled at each wake-up.
async fn both(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut is_one_over, mut is_other_over) = (false, false);
    poll_fn(|context| {
        is_one_over = is_one_over || one.as_mut().poll(context).is_ready();
        is_other_over = is_other_over || other.as_mut().poll(context).is_ready();
        if is_one_over && is_other_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

laws! {
    fn one_thread_serves_both_ends_of_a_full_connection() {
        let (client, server) = tls_over_tcp();
        let bytes = message(1, 6 << 20);
        block_on(async {
            for (one, other) in [(&client, &server), (&server, &client)] {
                let write = async { write_all(one, &bytes).await.unwrap() };
                both(write, expect(other, &bytes)).await;
            }
            // The farewells of both.
            poll_fn(|context| client.poll_end_writes(context, None)).await.unwrap();
            assert_eq!(read(&server, &mut [0]).await.unwrap(), 0);
            assert_eq!(read(&server, &mut [0]).await.unwrap(), 0);
            write_all(&server, b"afterwards").await.unwrap();
            expect(&client, b"afterwards").await;
            poll_fn(|context| server.poll_end_writes(context, None)).await.unwrap();
            assert_eq!(read(&client, &mut [0]).await.unwrap(), 0);
            let error = write_all(&client, b"x").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    }

    fn calls_that_block_and_futures_take_turns() {
        let (client, server) = tls_over_tcp();
        let bytes = message(2, 300_000);
        let its_bytes = bytes.clone();
        let peer = thread::spawn(move || {
            let mut received = vec![0; its_bytes.len() * 2];
            (&server).read_exact(&mut received).unwrap();
            assert!(received[..its_bytes.len()] == its_bytes && received.ends_with(&its_bytes));
            (&server).write_all(&its_bytes).unwrap();
            (&server).write_all(&its_bytes).unwrap();
        });
        block_on(write_all(&client, &bytes)).unwrap();
        (&client).write_all(&bytes).unwrap();
        block_on(expect(&client, &bytes));
        let mut received = vec![0; bytes.len()];
        (&client).read_exact(&mut received).unwrap();
        assert!(received == bytes);
        peer.join().unwrap();
    }

    fn what_was_taken_is_sent_by_the_flush() {
        let (client, server) = tls_over_tcp();
        let bytes = message(3, 16 << 20);
        let mut taken = 0;
        // Until the transport has no room.
        block_on(poll_fn(|context| {
            while let Poll::Ready(count) = {
                let rest = [IoSlice::new(&bytes[taken..])];
                client.poll_write_to(context, &rest, None)
            } {
                taken += count.unwrap();
            }
            Poll::Ready(())
        }));
        assert!(0 < taken && taken < bytes.len());
        let flush = async {
            poll_fn(|context| client.poll_flush(context, None)).await.unwrap();
        };
        block_on(both(flush, expect(&server, &bytes[..taken])));
        // All of it has left.
        let soon = Instant::now() + Duration::from_millis(20);
        let more = block_on(poll_fn(|context| {
            server.poll_read_from(context, &mut [0], Some(soon))
        }));
        assert_eq!(more.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    fn a_deadline_ends_a_wait_and_loses_nothing() {
        let (client, server) = tls_over_tcp();
        let mut buffer = [0; 8];
        for round in 0..3_u8 {
            let deadline = Instant::now() + Duration::from_millis(10);
            let timed_out = block_on(poll_fn(|context| {
                server.poll_read_from(context, &mut buffer, Some(deadline))
            }));
            assert_eq!(timed_out.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(Instant::now() >= deadline);
            (&client).write_all(&[round; 8]).unwrap();
            (&server).read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, [round; 8]);
        }
    }

    fn a_transport_that_ends_without_a_farewell_is_an_error() {
        let (client, server) = tls_over_tcp();
        client.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
        let error = block_on(read(&server, &mut [0])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}

/// A future that is dropped at a wait has taken nothing.
#[test]
fn a_read_that_is_given_up_leaves_its_bytes_to_the_next() {
    let (client, server) = tls_over_tcp();
    for byte in 0..5 {
        let mut buffer = [99];
        block_on(poll_fn(|context: &mut Context<'_>| {
            let mut reading = pin!(read(&server, &mut buffer));
            assert!(reading.as_mut().poll(context).is_pending());
            Poll::Ready(())
        }));
        (&client).write_all(&[byte]).unwrap();
        assert_eq!(block_on(read(&server, &mut buffer)).unwrap(), 1);
        assert_eq!(buffer, [byte]);
    }
}
