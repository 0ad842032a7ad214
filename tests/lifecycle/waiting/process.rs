//! Waits for pipes and for child processes.

use super::{Both, Grants, Row, Scene, apply, ignore, locked};
use greenstd::io::{PipeReader, PipeWriter, pipe};
use greenstd::process::{Child, Command};
use greenstd::sync::Mutex;
use greenstd::{wait_readable, wait_writable};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

pub const WAITING: &[Row] = lines! {
    row("PipeReader::read", pipe().unwrap(), |p| (&p.0).read_exact(&mut [0]).unwrap(),
        |p| (&p.1).write_all(b"x").unwrap(),
        |p| wait_readable(&p.0, now()).is_ok() && (&p.0).read_exact(&mut [0]).is_ok()),
    row("PipeWriter::write", full_pipe(), |p| (&p.1).write_all(&PAGE).unwrap(),
        |p| (&p.0).read_exact(&mut { PAGE }).unwrap(),
        |p| wait_writable(&p.1, now()).is_ok() && (&p.1).write_all(&PAGE).is_ok()),
    row("Child::wait", waiting_child(), |c| ignore(locked(&c.0).wait().unwrap()),
        |c| drop(locked(&c.1).take())),
};

/// What a write of a full pipe waits for, and a read makes room for.
const PAGE: [u8; 4096] = [0; 4096];

fn now() -> Option<Instant> {
    Some(Instant::now())
}

fn full_pipe() -> Both<PipeReader, PipeWriter> {
    let (reader, writer) = pipe().unwrap();
    while wait_writable(&writer, now()).is_ok() {
        (&writer).write_all(&PAGE).unwrap();
    }
    (reader, writer)
}

/// A child that ends with its input.
fn waiting_child() -> Both<Mutex<Child>, Mutex<Option<PipeWriter>>> {
    let (reader, writer) = pipe().unwrap();
    let child = Command::new("cat").stdin(reader).spawn().unwrap();
    (Mutex::new(child), Mutex::new(Some(writer)))
}
