//! Timeouts, the nonblocking mode, and several who wait.

use super::{Stream, pair, run, thread};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(40);

/// The kernel counts in ticks, so std may be early by the fraction of one.
const TICK: Duration = Duration::from_millis(10);

#[test]
fn timeouts_are_read_back_and_shared_with_clones() {
    run(|| {
        let (stream, _peer) = pair();
        assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (None, None));
        let (read, write) = (Duration::from_millis(400), Duration::from_secs(20));
        stream.set_read_timeout(Some(read)).unwrap();
        let clone = stream.try_clone().unwrap();
        clone.set_write_timeout(Some(write)).unwrap();
        for handle in [&stream, &clone] {
            assert_eq!(handle.read_timeout().unwrap(), Some(read));
            assert_eq!(handle.write_timeout().unwrap(), Some(write));
        }
        clone.set_read_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
    });
}

#[test]
fn zero_is_no_timeout() {
    run(|| {
        let (stream, _peer) = pair();
        let before = Some(Duration::from_secs(1));
        stream.set_read_timeout(before).unwrap();
        for outcome in [
            stream.set_read_timeout(Some(Duration::ZERO)),
            stream.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(stream.read_timeout().unwrap(), before);
        stream.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
        assert!(stream.read_timeout().unwrap().is_some());
    });
}

#[test]
fn an_expired_wait_is_would_block_and_the_stream_goes_on() {
    run(|| {
        let (mut one, mut other) = pair();
        other.set_read_timeout(Some(SHORT)).unwrap();
        one.set_write_timeout(Some(SHORT)).unwrap();
        let start = Instant::now();
        let error = other.read(&mut [0]).unwrap_err();
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::WouldBlock, Some(11)));
        assert!(start.elapsed() >= SHORT - TICK, "early: {:?}", start.elapsed());
        let (start, chunk) = (Instant::now(), vec![7; 1 << 20]);
        let mut written = 0;
        let error = loop {
            match one.write(&chunk) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= SHORT - TICK, "early: {:?}", start.elapsed());
        other.read_exact(&mut vec![0; written]).unwrap();
        one.write_all(&[9]).unwrap();
        let mut byte = [0];
        other.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [9]);
    });
}

#[test]
fn nonblocking_calls_are_would_block_at_once_on_all_handles() {
    run(|| {
        let (mut one, mut other) = pair();
        let clone = other.try_clone().unwrap();
        clone.set_nonblocking(true).unwrap();
        one.set_nonblocking(true).unwrap();
        assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        while one.write(&[0; 65536]).is_ok() {}
        assert_eq!(one.write(&[0; 65536]).unwrap_err().kind(), ErrorKind::WouldBlock);
        while other.read(&mut [0; 65536]).is_ok() {}
        assert!(one.write(&[0]).unwrap() == 1);
        other.set_nonblocking(false).unwrap();
        assert_eq!((&clone).read(&mut [0]).unwrap(), 1);
        let reader = thread::spawn(move || (&clone).read(&mut [0]).unwrap());
        thread::sleep(Duration::from_millis(10));
        one.write_all(&[0]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn several_readers_each_get_their_byte() {
    run(|| {
        let (mut one, other) = pair();
        let other = Arc::new(other);
        let read = |stream: Arc<Stream>| {
            thread::spawn(move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).unwrap();
                byte[0]
            })
        };
        let readers: Vec<_> = (0..5).map(|_| read(other.clone())).collect();
        thread::sleep(Duration::from_millis(10));
        for byte in 0..5 {
            one.write_all(&[byte]).unwrap();
        }
        let bytes: BTreeSet<u8> =
            readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(bytes, BTreeSet::from([0, 1, 2, 3, 4]));
    });
}

#[test]
fn several_writers_lose_no_byte() {
    run(|| {
        let (one, mut other) = pair();
        let one = Arc::new(one);
        let writers: Vec<_> = (0..4_u8)
            .map(|writer| {
                let one = one.clone();
                thread::spawn(move || {
                    for _ in 0..10 {
                        (&*one).write_all(&vec![writer; 65_537]).unwrap();
                    }
                })
            })
            .collect();
        drop(one);
        let mut counts = [0_usize; 4];
        let mut buffer = vec![0; 100_000];
        loop {
            let count = other.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            buffer[..count].iter().for_each(|writer| counts[usize::from(*writer)] += 1);
        }
        assert_eq!(counts, [655_370; 4]);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}
