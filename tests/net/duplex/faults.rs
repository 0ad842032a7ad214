//! What a link can be told to do: be late, be slow, cut counts short, break down, stall.

use greenstd::net::duplex::{Builder, Link, duplex};
use greenstd::net::{DuplexStream, Shutdown};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(15);

fn reset(outcome: std::io::Result<usize>) {
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

laws! {
    fn a_late_link_keeps_the_order_and_is_never_early() {
        let late = Link::new(1 << 16).latency(SOON);
        let (mut one, mut other) = Builder::new().forth(late).build();
        let start = Instant::now();
        let writer = thread::spawn(move || {
            for byte in 0..50 {
                one.write_all(&[byte]).unwrap();
                thread::yield_now();
            }
        });
        let mut bytes = Vec::new();
        other.read_to_end(&mut bytes).unwrap();
        assert!(start.elapsed() >= SOON);
        assert_eq!(bytes, (0..50).collect::<Vec<u8>>());
        writer.join().unwrap();
    }

    fn a_late_link_is_late_in_one_direction_only() {
        let late = Link::new(64).latency(Duration::from_secs(3600));
        let (mut one, mut other) = Builder::new().forth(late).build();
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();
        one.write_all(b"x").unwrap();
        other.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    fn capacity_and_latency_limit_how_fast_bytes_pass() {
        let late = Link::new(10).latency(Duration::from_millis(3));
        let (mut one, mut other) = Builder::new().forth(late).build();
        let start = Instant::now();
        let writer = thread::spawn(move || one.write_all(&[7; 50]).unwrap());
        other.read_exact(&mut [0; 50]).unwrap();
        // Five loads, each of which is late.
        assert!(start.elapsed() >= Duration::from_millis(15));
        writer.join().unwrap();
    }

    fn a_slow_link_takes_its_time() {
        let slow = Link::new(1 << 20).bandwidth(1_000_000);
        let (mut one, mut other) = Builder::new().forth(slow).build();
        let start = Instant::now();
        one.write_all(&[7; 20_000]).unwrap();
        other.read_exact(&mut [0; 20_000]).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20) - Duration::from_micros(1));
    }

    fn nothing_beyond_the_capacity_is_taken() {
        let (mut one, mut other) = duplex(5);
        one.set_nonblocking(true).unwrap();
        assert_eq!(one.write(&[7; 9]).unwrap(), 5);
        assert_eq!(one.write(&[7; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
        other.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(one.write(&[7; 9]).unwrap(), 2);
    }

    fn short_counts_are_the_seeds() {
        let counts = |seed| {
            let link = Link::new(1000).short_counts(seed);
            let (mut one, mut other) = Builder::new().both(link).build();
            let mut counts = Vec::new();
            for _ in 0..50 {
                let written = one.write(&[7; 20]).unwrap();
                counts.push(written);
                counts.push(other.read(&mut [0; 20]).unwrap());
                one.write_all(&[1; 5]).unwrap();
                counts.push(other.read(&mut [0; 1000]).unwrap());
                other.set_nonblocking(true).unwrap();
                while other.read(&mut [0; 1000]).is_ok() {}
                other.set_nonblocking(false).unwrap();
            }
            counts
        };
        assert_eq!(counts(7), counts(7));
        assert_ne!(counts(7), counts(8));
    }

    fn a_breakdown_comes_after_so_many_bytes() {
        for limit in [0, 1, 1000] {
            let link = Link::new(64).reset_after(limit);
            let (mut one, mut other) = Builder::new().back(link).build();
            let writer = thread::spawn(move || {
                let error = other.write_all(&[7; 5000]).unwrap_err();
                (error.kind(), other)
            });
            let mut bytes = Vec::new();
            let error = one.read_to_end(&mut bytes).unwrap_err();
            assert_eq!((bytes.len() as u64, error.kind()), (limit, ErrorKind::ConnectionReset));
            let (kind, mut other) = writer.join().unwrap();
            assert_eq!(kind, ErrorKind::ConnectionReset);
            reset(other.read(&mut [0]));
            reset(one.write(&[0]));
        }
    }

    fn a_reset_fails_all_calls_and_loses_what_was_not_read() {
        let (mut one, mut other) = duplex(64);
        one.write_all(b"lost").unwrap();
        let reader = {
            let one = one.try_clone().unwrap();
            thread::spawn(move || (&one).read(&mut [0]))
        };
        let writer = {
            let other = other.try_clone().unwrap();
            thread::spawn(move || (&other).write_all(&[0; 1000]).map(|()| 0))
        };
        thread::sleep(SOON);
        let keeper = other.try_clone().unwrap();
        keeper.reset();
        drop(reader.join().unwrap());
        reset(writer.join().unwrap());
        for stream in [&mut one, &mut other] {
            reset(stream.read(&mut [0]));
            reset(stream.peek(&mut [0]));
            reset(stream.write(&[0]));
            assert!(stream.shutdown(Shutdown::Both).is_err());
        }
    }

    fn what_is_stalled_comes_when_it_is_resumed() {
        let (mut one, mut other) = duplex(8);
        one.stall();
        one.write_all(b"kept").unwrap();
        other.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        // The other direction goes on.
        other.write_all(b"x").unwrap();
        one.read_exact(&mut [0]).unwrap();
        other.set_read_timeout(None).unwrap();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            other.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let keeper = one.try_clone().unwrap();
        one.write_all(b"more").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        thread::sleep(SOON);
        keeper.resume();
        assert_eq!(reader.join().unwrap(), b"keptmore");
    }
}

#[test]
#[should_panic(expected = "capacity")]
fn a_pair_without_capacity_is_a_mistake() {
    let _: (DuplexStream, DuplexStream) = duplex(0);
}

#[test]
#[should_panic(expected = "bandwidth")]
fn a_link_without_bandwidth_is_a_mistake() {
    let _ = Link::new(1).bandwidth(0);
}
