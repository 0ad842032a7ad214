//! `pipeline`: all bytes or the first error, and never half of them as if they were all.

use super::fixture::bytes;
use greenstd::io::{self, ErrorKind, PipelineError, Read, Write, pipeline};
use greenstd::time;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Adds one to each byte.
fn add_one(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let mut buffer = [0; 1000];
    loop {
        let count = input.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        buffer[..count].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        output.write_all(&buffer[..count])?;
    }
}

/// Gives so many bytes and then an error.
struct FailsAfter(usize);

impl Read for FailsAfter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "no more"));
        }
        let count = buffer.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }
}

/// Takes so many bytes and then fails.
struct FullAfter(usize);

impl Write for FullAfter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(ErrorKind::StorageFull, "full"));
        }
        let count = bytes.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the stages that are there.
struct Present(Arc<AtomicUsize>);

impl Present {
    fn new(count: &Arc<AtomicUsize>) -> Present {
        count.fetch_add(1, Ordering::SeqCst);
        Present(count.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn assert_is(error: &PipelineError, stage: usize, name: &str, kind: ErrorKind) {
    assert_eq!((error.stage(), error.name(), error.error().kind()), (stage, name, kind), "{error}");
}

laws! {
    fn every_byte_goes_through_every_stage() {
        for stages in 0..4_u8 {
            for capacity in [1_000, 65_536] {
                let sent = bytes(9, 500_000);
                let mut received = Vec::new();
                let mut line = pipeline(sent.as_slice()).capacity(capacity);
                for stage in 0..stages {
                    line = line.stage(format!("stage {stage}"), add_one);
                }
                assert_eq!(line.run(&mut received).unwrap(), 500_000);
                let expected: Vec<u8> = sent.iter().map(|byte| byte.wrapping_add(stages)).collect();
                assert!(received == expected);
            }
        }
    }

    fn empty_source_is_an_empty_result() {
        let mut received = Vec::new();
        assert_eq!(pipeline(io::empty()).stage("one", add_one).run(&mut received).unwrap(), 0);
        assert!(received.is_empty());
    }

    fn error_of_each_stage_ends_all_and_is_told_with_its_stage() {
        let error = pipeline(FailsAfter(100_000)).stage("a", add_one).stage("b", add_one)
            .run(io::sink()).unwrap_err();
        assert_is(&error, 0, "source", ErrorKind::PermissionDenied);
        let error = pipeline(io::repeat(1)).stage("a", add_one).stage("b", add_one)
            .run(FullAfter(100_000)).unwrap_err();
        assert_is(&error, 3, "sink", ErrorKind::StorageFull);
        for failing in 1..=3 {
            let mut line = pipeline(io::repeat(1));
            for stage in 1..=3 {
                line = line.stage(format!("number {stage}"), move |input, output| {
                    if stage != failing {
                        return add_one(input, output);
                    }
                    input.read_exact(&mut [0; 10_000])?;
                    output.write_all(&[0; 10_000])?;
                    Err(io::Error::new(ErrorKind::InvalidData, "enough"))
                });
            }
            let error = line.run(io::sink()).unwrap_err();
            assert_is(&error, failing, &format!("number {failing}"), ErrorKind::InvalidData);
            assert_eq!(error.to_string(), format!("stage {failing} (number {failing}): enough"));
            assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidData);
        }
    }

    fn stage_after_one_that_failed_never_sees_an_end() {
        for _ in 0..50 {
            let saw_end = Arc::new(AtomicUsize::new(0));
            let saw = saw_end.clone();
            let error = pipeline(FailsAfter(3)).stage("looks", move |input, _| {
                let mut all = Vec::new();
                input.read_to_end(&mut all)?;
                saw.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }).run(io::sink()).unwrap_err();
            assert_is(&error, 0, "source", ErrorKind::PermissionDenied);
            assert_eq!(saw_end.load(Ordering::SeqCst), 0);
        }
    }

    fn stage_that_has_enough_ends_those_before_it_without_an_error() {
        for endless in [true, false] {
            let mut received = Vec::new();
            let head = |input: &mut dyn Read, output: &mut dyn Write| {
                let mut bytes = [0; 5];
                input.read_exact(&mut bytes)?;
                output.write_all(&bytes)
            };
            let moved = if endless {
                pipeline(io::repeat(1)).stage("a", add_one).stage("head", head).run(&mut received)
            } else {
                // Nothing comes after the five bytes, not even the end.
                let (reader, mut writer) = io::pipe_in_memory(100);
                writer.write_all(&[1; 5]).unwrap();
                let moved =
                    pipeline(reader).stage("a", add_one).stage("head", head).run(&mut received);
                drop(writer);
                moved
            };
            assert_eq!(moved.unwrap(), 5);
            assert_eq!(received, [2; 5]);
        }
    }

    fn what_a_stage_makes_of_a_killed_neighbour_is_no_error_once_the_sink_has_ended() {
        // The source waits for ever, so it is killed, which fails the read of the stage after it.
        let (reader, writer) = io::pipe_in_memory(100);
        let mut received = Vec::new();
        let moved = pipeline(reader).stage("survives its kill", |input, output| {
            output.write_all(&[1; 5])?;
            greenstd::thread::shield(|| input.read(&mut [0; 5])).map(drop)
        }).stage("head", |input, output| {
            let mut bytes = [0; 5];
            input.read_exact(&mut bytes)?;
            output.write_all(&bytes)
        }).run(&mut received);
        drop(writer);
        assert_eq!(moved.unwrap(), 5);
        assert_eq!(received, [1; 5]);
    }

    fn panic_of_a_stage_is_the_callers() {
        let caught = std::panic::catch_unwind(|| {
            pipeline(io::repeat(1)).stage("a", add_one).stage("panics", |input, _| {
                input.read_exact(&mut [0; 100])?;
                std::panic::resume_unwind(Box::new("as planned"))
            }).run(io::sink())
        });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"as planned"));
    }

    fn timeout_scope_ends_every_stage() {
        let stages = Arc::new(AtomicUsize::new(0));
        let mut line = pipeline(io::repeat(1));
        for stage in 0..3 {
            let stages = stages.clone();
            line = line.stage(format!("{stage}"), move |input, output| {
                let _present = Present::new(&stages);
                add_one(input, output)
            });
        }
        let late = time::timeout(Duration::from_millis(30), || line.run(io::sink()));
        assert!(late.is_err());
        assert_eq!(stages.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn killed_caller_takes_every_stage_along() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            let stages = Arc::new(AtomicUsize::new(0));
            let counted = stages.clone();
            let caller = greenstd::thread::spawn(move || {
                let (reader, _writer) = io::pipe_in_memory(1);
                pipeline(reader)
                    .stage("waits", move |input, output| {
                        let _present = Present::new(&counted);
                        add_one(input, output)
                    })
                    .run(io::sink())
                    .map_err(|error| error.to_string())
            });
            while stages.load(Ordering::SeqCst) == 0 {
                greenstd::thread::sleep(Duration::from_millis(1));
            }
            assert!(caller.kill_and_wait(None).unwrap());
            assert_eq!(stages.load(Ordering::SeqCst), 0);
        });
    }
}
