//! `pipe_in_memory`: as a pipe of the system, in this process.

use super::fixture::bytes;
use crate::random::Random;
use greenstd::io::{ErrorKind, MemoryPipeReader, MemoryPipeWriter, Read, Write, pipe_in_memory};
use greenstd::time;
use std::sync::Arc;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

fn is_ended_by_a_scope<T>(call: impl FnOnce() -> T) -> bool {
    time::timeout(SHORT, call).is_err()
}

laws! {
    fn bytes_come_out_as_they_went_in() {
        let mut random = Random::from_environment();
        for limit in [1, 7, 4096, 1 << 20] {
            let sent = bytes(random.next(), if limit == 1 { 2_000 } else { 200_000 });
            let (mut reader, mut writer) = pipe_in_memory(limit);
            let copy = sent.clone();
            let mut pieces = random.fork();
            let writing = thread::spawn(move || {
                let mut rest = copy.as_slice();
                while !rest.is_empty() {
                    let piece = rest.len().min(1 + pieces.below(10_000) as usize);
                    let count = writer.write(&rest[..piece]).unwrap();
                    assert!(0 < count && count <= limit);
                    rest = &rest[count..];
                }
            });
            let mut received = Vec::new();
            let mut buffer = vec![0; 5_000];
            loop {
                let wanted = 1 + random.below(5_000) as usize;
                match reader.read(&mut buffer[..wanted]).unwrap() {
                    0 => break,
                    count => received.extend_from_slice(&buffer[..count]),
                }
            }
            writing.join().unwrap();
            assert!(received == sent);
            assert_eq!(reader.read(&mut buffer).unwrap(), 0, "the end stays");
        }
    }

    fn full_pipe_takes_no_more_and_empty_one_gives_nothing() {
        let (mut reader, mut writer) = pipe_in_memory(10);
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert!(is_ended_by_a_scope(|| reader.read(&mut [0])));
        assert_eq!(writer.write(&[1; 25]).unwrap(), 10);
        assert_eq!(writer.write(&[]).unwrap(), 0);
        assert!(is_ended_by_a_scope(|| writer.write(&[2])));
        let mut received = [0; 20];
        assert_eq!(reader.read(&mut received).unwrap(), 10);
        assert_eq!(received[..10], [1; 10], "who gave up has left nothing");
        assert!(is_ended_by_a_scope(|| reader.read(&mut [0])));
    }

    fn writer_that_is_gone_is_the_end_after_its_bytes() {
        let (mut reader, mut writer) = pipe_in_memory(10);
        writer.write_all(b"bytes").unwrap();
        drop(writer);
        let mut text = String::new();
        assert_eq!(reader.read_to_string(&mut text).unwrap(), 5);
        assert_eq!(text, "bytes");
    }

    fn writer_that_goes_wakes_a_reader_that_waits() {
        let (mut reader, writer) = pipe_in_memory(10);
        let reading = thread::spawn(move || reader.read(&mut [0]).unwrap());
        thread::sleep(SHORT);
        drop(writer);
        assert_eq!(reading.join().unwrap(), 0);
    }

    fn reader_that_goes_breaks_writes_those_that_wait_too() {
        let (reader, mut writer) = pipe_in_memory(10);
        let writing = thread::spawn(move || {
            let error = writer.write_all(&[0; 11]).unwrap_err();
            assert_eq!(writer.write(&[]).unwrap_err().kind(), error.kind());
            error.kind()
        });
        thread::sleep(SHORT);
        drop(reader);
        assert_eq!(writing.join().unwrap(), ErrorKind::BrokenPipe);
    }

    fn several_readers_and_writers_share_the_bytes() {
        let (reader, writer): (MemoryPipeReader, MemoryPipeWriter) = pipe_in_memory(3);
        let (reader, writer) = (Arc::new(reader), Arc::new(writer));
        let writers: Vec<_> = (1..=4_u8).map(|number| {
            let writer = writer.clone();
            thread::spawn(move || (&*writer).write_all(&[number; 500]).unwrap())
        }).collect();
        drop(writer);
        let readers: Vec<_> = (0..3).map(|_| {
            let reader = reader.clone();
            thread::spawn(move || {
                let mut received = Vec::new();
                (&*reader).read_to_end(&mut received).unwrap();
                received
            })
        }).collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let all: Vec<u8> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
        for number in 1..=4 {
            assert_eq!(all.iter().filter(|&&byte| byte == number).count(), 500);
        }
    }
}

#[test]
fn killed_ends_lose_no_byte_and_wake_the_other_side() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            let (mut reader, mut writer) = pipe_in_memory(10);
            let writing = greenstd::thread::spawn(move || writer.write_all(&[1; 1000]));
            greenstd::thread::sleep(SHORT);
            assert!(writing.kill_and_wait(None).unwrap());
            // What was written before is there; then comes the end.
            let mut received = Vec::new();
            reader.read_to_end(&mut received).unwrap();
            assert_eq!(received, [1; 10]);

            let (mut reader, mut writer) = pipe_in_memory(10);
            let reading = greenstd::thread::spawn(move || reader.read_exact(&mut [0; 100]));
            greenstd::thread::sleep(SHORT);
            assert!(reading.kill_and_wait(None).unwrap());
            assert_eq!(writer.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        });
    }
}

#[test]
#[should_panic(expected = "a pipe without room")]
fn pipe_without_room_is_refused() {
    let _ = pipe_in_memory(0);
}
