//! Pipes, and child processes.

use super::{Wait, is_over, plain, wait};
use greenstd::io::{PipeWriter, pipe};
use greenstd::process::{Child, Command, Stdio};
use std::io::{Read, Write};

pub const WAITS: &[Wait] = &[
    plain("PipeReader::read", || {
        let (mut reader, _writer) = pipe().unwrap();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }),
    plain("PipeWriter::write", || {
        let (_reader, mut writer) = pipe().unwrap();
        while writer.write(&[0; 65536]).is_ok() {}
    }),
    wait(
        "Child::wait",
        || {
            let (mut child, _input) = child();
            drop(child.wait());
        },
        |time| {
            let (mut child, _input) = child();
            child.wait_timeout(time).unwrap().is_none()
        },
    ),
    wait(
        "Communication::finish",
        || {
            let (child, _input) = child();
            drop(child.communicate("").finish());
        },
        |time| {
            let (child, _input) = child();
            is_over(time, || drop(child.communicate("").finish_timeout(time)))
        },
    ),
];

/// A child that ends with its input, which nobody writes to.
fn child() -> (Child, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let child = Command::new("cat").stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
    (child, writer)
}
