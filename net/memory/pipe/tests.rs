//! Tests of one direction, with a clock that is made up.

use super::*;

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn write(pipe: &mut Pipe, now: Instant, bytes: &[u8]) -> Option<usize> {
    match pipe.write(now, &[IoSlice::new(bytes)]) {
        Attempt::Done(outcome) => Some(outcome.unwrap()),
        Attempt::Wait(until) => {
            assert_eq!(until, None, "room comes from a reader, not with time");
            None
        }
    }
}

fn read(pipe: &mut Pipe, now: Instant, count: usize) -> Result<Vec<u8>, Option<Instant>> {
    let mut buffer = vec![0; count];
    match pipe.read(now, &mut [IoSliceMut::new(&mut buffer)], false) {
        Attempt::Done(outcome) => {
            buffer.truncate(outcome.unwrap());
            Ok(buffer)
        }
        Attempt::Wait(until) => Err(until),
    }
}

#[test]
fn bytes_come_out_in_the_order_in_which_they_went_in() {
    let (mut pipe, now) = (Pipe::new(&Link::new(7), 0), Instant::now());
    let (mut sent, mut received, mut draws) = (0_u8, 0_u8, Draws::new(5, 0));
    // Around the ring many times, in pieces of all sizes, into one buffer or two.
    for _ in 0..5000 {
        let piece: Vec<u8> =
            (0..draws.next() % 9).map(|offset| sent.wrapping_add(offset as u8)).collect();
        sent = sent.wrapping_add(write(&mut pipe, now, &piece).unwrap_or(0) as u8);
        assert!(pipe.len() <= 7);
        let (mut one, mut two) = ([0; 3], [0; 4]);
        let split = draws.next() as usize % 4;
        let mut buffers = [IoSliceMut::new(&mut one[..split]), IoSliceMut::new(&mut two)];
        if let Attempt::Done(count) = pipe.read(now, &mut buffers, false) {
            let count = count.unwrap();
            for byte in one[..split].iter().chain(&two).take(count) {
                assert_eq!(*byte, received);
                received = received.wrapping_add(1);
            }
        }
    }
    assert_eq!(pipe.len(), usize::from(sent.wrapping_sub(received)));
}

#[test]
fn capacity_bounds_what_is_on_its_way() {
    let late = Link::new(4).latency(milliseconds(10));
    let (mut pipe, now) = (Pipe::new(&late, 0), Instant::now());
    assert_eq!(write(&mut pipe, now, b"abcdef"), Some(4));
    assert_eq!(write(&mut pipe, now, b"g"), None);
    assert_eq!(write(&mut pipe, now, b""), Some(0));
    // Arriving makes no room; being read does.
    assert_eq!(write(&mut pipe, now + milliseconds(10), b"g"), None);
    assert_eq!(read(&mut pipe, now + milliseconds(10), 1), Ok(b"a".to_vec()));
    assert_eq!(write(&mut pipe, now + milliseconds(10), b"gh"), Some(1));
}

#[test]
fn latency_delays_and_keeps_the_order() {
    let late = Link::new(99).latency(milliseconds(10));
    let (mut pipe, now) = (Pipe::new(&late, 0), Instant::now());
    let at = |count| now + milliseconds(count);
    write(&mut pipe, now, b"ab");
    write(&mut pipe, at(4), b"c");
    pipe.end(at(5));
    assert_eq!(read(&mut pipe, at(9), 9), Err(Some(at(10))));
    assert_eq!(read(&mut pipe, at(10), 9), Ok(b"ab".to_vec()));
    assert_eq!(read(&mut pipe, at(10), 9), Err(Some(at(14))));
    assert_eq!(read(&mut pipe, at(14), 9), Ok(b"c".to_vec()));
    assert_eq!(read(&mut pipe, at(14), 9), Err(Some(at(15))), "the end is late, too");
    assert_eq!(read(&mut pipe, at(15), 9), Ok(Vec::new()));
}

#[test]
fn bandwidth_spreads_bytes_over_time() {
    // A packet each millisecond.
    let slow = Link::new(1 << 20).bandwidth(1000 * PACKET as u64).latency(milliseconds(100));
    let (mut pipe, now) = (Pipe::new(&slow, 0), Instant::now());
    let at = |count| now + milliseconds(count);
    assert_eq!(write(&mut pipe, now, &[0; 3 * PACKET]), Some(3 * PACKET));
    pipe.end(now);
    assert_eq!(read(&mut pipe, at(100), 1 << 20), Err(Some(at(101))));
    assert_eq!(read(&mut pipe, at(101), 1 << 20).unwrap().len(), PACKET);
    assert_eq!(read(&mut pipe, at(103), 1 << 20).unwrap().len(), 2 * PACKET);
    assert_eq!(read(&mut pipe, at(103), 1 << 20), Ok(Vec::new()));
}

#[test]
fn a_link_that_was_idle_saves_up_nothing() {
    let slow = Link::new(1 << 20).bandwidth(1000 * PACKET as u64);
    let (mut pipe, now) = (Pipe::new(&slow, 0), Instant::now());
    let at = |count| now + milliseconds(count);
    write(&mut pipe, now, &[0; PACKET]);
    write(&mut pipe, at(50), &[0; 2 * PACKET]);
    assert_eq!(read(&mut pipe, at(51), 1 << 20).unwrap().len(), 2 * PACKET);
    assert_eq!(read(&mut pipe, at(51), 1 << 20), Err(Some(at(52))));
}

#[test]
fn what_is_stalled_arrives_when_it_is_let() {
    let (mut pipe, now) = (Pipe::new(&Link::new(9), 0), Instant::now());
    write(&mut pipe, now, b"a");
    pipe.stall(now);
    write(&mut pipe, now, b"b");
    pipe.end(now);
    assert_eq!(read(&mut pipe, now, 9), Ok(b"a".to_vec()));
    assert_eq!(read(&mut pipe, now, 9), Err(None));
    pipe.resume();
    assert_eq!(read(&mut pipe, now, 9), Ok(b"b".to_vec()));
    assert_eq!(read(&mut pipe, now, 9), Ok(Vec::new()));
}

#[test]
fn the_same_seed_gives_the_same_counts_and_another_one_others() {
    let counts = |seed, number| {
        let (mut pipe, now) =
            (Pipe::new(&Link::new(99).short_counts(seed), number), Instant::now());
        let mut counts = Vec::new();
        for _ in 0..100 {
            counts.extend(write(&mut pipe, now, &[0; 20]));
            counts.extend(read(&mut pipe, now, 20).map(|bytes| bytes.len()));
        }
        assert!(counts.iter().all(|count| (1..=20).contains(count)));
        counts
    };
    assert_eq!(counts(1, 0), counts(1, 0));
    assert_ne!(counts(1, 0), counts(2, 0));
    assert_ne!(counts(1, 0), counts(1, 1), "each pipe has draws of its own");
}

#[test]
fn so_many_bytes_and_no_more_are_read_before_a_breakdown() {
    let (mut pipe, now) = (Pipe::new(&Link::new(99).reset_after(3), 0), Instant::now());
    write(&mut pipe, now, b"abcdef");
    assert_eq!(read(&mut pipe, now, 2), Ok(b"ab".to_vec()));
    assert!(!pipe.is_used_up());
    assert_eq!(read(&mut pipe, now, 9), Ok(b"c".to_vec()));
    assert!(pipe.is_used_up());
}

#[test]
fn times_that_no_clock_holds_never_come() {
    let never = Link::new(9).latency(Duration::MAX);
    let (mut pipe, now) = (Pipe::new(&never, 0), Instant::now());
    write(&mut pipe, now, b"a");
    assert!(read(&mut pipe, now, 9).is_err_and(|until| until > Some(now + AGES / 2)));
    pipe.end(now);
    assert!(read(&mut pipe, now, 9).is_err());
    pipe.refuse(now);
    assert_eq!(read(&mut pipe, now, 9), Ok(Vec::new()));
}
