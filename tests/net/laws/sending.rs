//! C59, C60: both directions at once, and a peer that does not listen.

use super::fixture::pair;
use greenstd::net::{Shutdown, TcpStream};
use greenstd::time::{TimedOut, timeout};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Far more than the buffers of a connection take. Zeroes that are never touched cost no memory.
const HUGE_BYTES: usize = 500_000_000;

const LIMIT: Duration = Duration::from_millis(100);

/// What a limit in total cannot exceed on the slowest machine, and one for each chunk would.
const IN_TOTAL: Duration = Duration::from_secs(20);

laws! {
    // C59
    fn a_hundred_kilobytes_go_both_ways_at_once() {
        const BYTES: usize = 100_000;
        let (one, other) = pair();
        let ends = [(one, 1), (other, 2)].map(|(end, mark): (TcpStream, u8)| {
            let mut reading = end.try_clone().unwrap();
            let mut writing = end;
            let writer = thread::spawn(move || {
                let bytes: Vec<u8> = (0..BYTES).map(|index| index as u8 ^ mark).collect();
                writing.write_all(&bytes).unwrap();
                writing.shutdown(Shutdown::Write).unwrap();
            });
            let reader = thread::spawn(move || {
                let mut received = Vec::new();
                reading.read_to_end(&mut received).unwrap();
                received
            });
            (writer, reader, 3 - mark)
        });
        for (writer, reader, mark) in ends {
            writer.join().unwrap();
            let received = reader.join().unwrap();
            assert_eq!(received.len(), BYTES);
            let expected = (0..BYTES).map(|index| index as u8 ^ mark);
            assert!(received.into_iter().eq(expected));
        }
    }

    // C60
    fn a_write_to_a_silent_peer_ends_with_its_scope() {
        let (mut stream, mut peer) = pair();
        let bytes = vec![0; HUGE_BYTES];
        let start = Instant::now();
        assert_eq!(timeout(LIMIT, || stream.write_all(&bytes)).map(drop), Err(TimedOut));
        assert!(LIMIT <= start.elapsed() && start.elapsed() < IN_TOTAL, "{:?}", start.elapsed());
        // The connection is as it was: what was taken is delivered, and more can be sent.
        let reader = thread::spawn(move || {
            let mut received = 0;
            let mut buffer = vec![0; 1 << 20];
            let mut last = 0;
            loop {
                match peer.read(&mut buffer).unwrap() {
                    0 => return (received, last),
                    count => (received, last) = (received + count, buffer[count - 1]),
                }
            }
        });
        stream.write_all(&[7]).unwrap();
        drop(stream);
        let (received, last) = reader.join().unwrap();
        assert!(1 < received && received < HUGE_BYTES, "{received} bytes");
        assert_eq!(last, 7);
    }

    // C60
    fn a_peer_that_listens_now_and_then_does_not_begin_the_scope_anew() {
        let (mut stream, mut peer) = pair();
        let listener = greenstd::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while peer.read(&mut buffer).is_ok_and(|count| count > 0) {
                greenstd::thread::sleep(LIMIT / 10);
            }
        });
        let bytes = vec![0; HUGE_BYTES];
        let start = Instant::now();
        // Each of the chunks is sent in far less than the limit.
        let outcome = timeout(LIMIT, || {
            bytes.chunks(1 << 16).try_for_each(|chunk| stream.write_all(chunk))
        });
        assert_eq!(outcome.map(drop), Err(TimedOut));
        assert!(LIMIT <= start.elapsed() && start.elapsed() < IN_TOTAL, "{:?}", start.elapsed());
        drop(stream);
        listener.join().unwrap();
    }
}
