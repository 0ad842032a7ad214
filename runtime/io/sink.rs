//! How bytes get to a stream to which std writes as well: standard output and standard error.
//!
//! std's `println!` holds a lock of the process while it writes, and blocks in the kernel when the
//! reader is slow. A green thread that waited with that lock in its hands would block every OS
//! thread that prints, its own worker too. So whoever writes waits until the stream is writable
//! without the lock, takes it, writes what cannot block, and gives it back, all in one go:
//!
//! | the stream is | how a piece is written |
//! |---|---|
//! | a pipe, the piece at most `PIPE_BUF` | with `RWF_NOWAIT`: as a whole or not at all |
//! | a file | in place: it does not wait for a reader |
//! | anything else, or a longer line | by a thread of the pool, which may block with the lock |
//!
//! In each case the piece is made of whole lines, and std's lock is held from its first byte to its
//! last, so neither std's lines nor those of others come in between.

use super::way::{self, PIPE_BUF};
use crate::blocking::blocking;
use crate::engine::is_on_green_thread;
use crate::park::Mutex;
use crate::readiness;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A stream of the process that std writes to.
pub(super) trait Sink: 'static {
    fn fd() -> BorrowedFd<'static>;

    /// Calls `body` with std's lock held.
    fn locked<R>(body: impl FnOnce(&mut dyn Write) -> R) -> R;
}

/// Writes all of `bytes`, a piece of whole lines at a time. `written` counts what cannot be taken
/// back any more, however this ends.
pub(super) fn write<S: Sink>(bytes: &[u8], written: &Cell<usize>) -> io::Result<()> {
    if !is_on_green_thread() {
        let outcome = S::locked(|std| std.write_all(bytes).and_then(|()| std.flush()));
        // How much of it was written before an error, std does not say.
        written.set(bytes.len());
        return outcome;
    }
    while written.get() < bytes.len() {
        let rest = &bytes[written.get()..];
        write_piece::<S>(&rest[..piece(rest)], written)?;
    }
    Ok(())
}

/// Passes on what std has in its own buffer.
pub(super) fn flush<S: Sink>() -> io::Result<()> {
    if is_on_green_thread() {
        write_piece::<S>(&[], &Cell::new(0))
    } else {
        S::locked(|std| std.flush())
    }
}

/// Writes a text in one piece, where std writes its parts one by one: who is killed meanwhile has
/// not written half of it.
pub(super) fn write_formatted(to: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    match text.as_str() {
        Some(text) => to.write_all(text.as_bytes()),
        None => {
            let mut whole = Vec::new();
            whole.write_fmt(text)?;
            to.write_all(&whole)
        }
    }
}

/// How much of `bytes` is written at once: as many lines as a pipe takes as a whole, or the one
/// that it does not.
fn piece(bytes: &[u8]) -> usize {
    let after = |found: usize| found + 1;
    let head = &bytes[..bytes.len().min(PIPE_BUF)];
    if head.len() == bytes.len() {
        return bytes.len();
    }
    let is_end = |&byte: &u8| byte == b'\n';
    let last_in_time = head.iter().rposition(is_end);
    last_in_time.or_else(|| bytes.iter().position(is_end)).map_or(bytes.len(), after)
}

fn write_piece<S: Sink>(piece: &[u8], written: &Cell<usize>) -> io::Result<()> {
    let Ok(status) = rustix::fs::fstat(S::fd()) else {
        // Closed: what is written there is gone, as in std.
        written.set(written.get() + piece.len());
        return Ok(());
    };
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Fifo if piece.len() <= PIPE_BUF => {
            if !write_to_pipe::<S>(piece)? {
                return write_by_pool::<S>(piece, written);
            }
        }
        FileType::RegularFile => {
            S::locked(|std| std.write_all(piece).and_then(|()| std.flush()))?;
        }
        _ => return write_by_pool::<S>(piece, written),
    }
    written.set(written.get() + piece.len());
    Ok(())
}

/// Writes to a pipe once there is room. False if it does not know how to refuse.
fn write_to_pipe<S: Sink>(piece: &[u8]) -> io::Result<bool> {
    loop {
        readiness::wait_writable(S::fd(), None)?;
        let outcome = S::locked(|std| {
            // The beginning of a line, of somebody who does not end his: there is room for it.
            std.flush()?;
            match way::try_write(S::fd(), &[IoSlice::new(piece)]) {
                // Not a pipe's habit, but then the rest must not be torn off.
                Ok(count) => std.write_all(&piece[count..]).and_then(|()| std.flush()),
                Err(error) => Err(error),
            }
        });
        match outcome {
            // Somebody else has taken the room.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {
                return Ok(true);
            }
            Err(error) if way::is_unsupported(&error) => return Ok(false),
            Err(error) => return Err(error),
            Ok(()) => return Ok(true),
        }
    }
}

/// Has a thread of the pool write. Whoever is killed meanwhile leaves the piece written as a whole
/// or not at all.
fn write_by_pool<S: Sink>(piece: &[u8], written: &Cell<usize>) -> io::Result<()> {
    readiness::wait_writable(S::fd(), None)?;
    let handed = Arc::new(Mutex::new(Some(piece.to_vec())));
    let _count = CountTaken { handed: &handed, written, bytes: piece.len() };
    let taken = handed.clone();
    blocking(move || {
        let Some(piece) = taken.lock().take() else { return Ok(()) };
        S::locked(|std| std.write_all(&piece).and_then(|()| std.flush()))
    })
}

/// Counts a piece as written if the pool has taken it, however the wait has ended.
struct CountTaken<'w> {
    handed: &'w Mutex<Option<Vec<u8>>>,
    written: &'w Cell<usize>,
    bytes: usize,
}

impl Drop for CountTaken<'_> {
    fn drop(&mut self) {
        // Taken away from a job that has not started, too: nobody waits for it any more.
        if self.handed.lock().take().is_none() {
            self.written.set(self.written.get() + self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PIPE_BUF, piece};

    #[test]
    fn pieces_are_whole_lines_that_a_pipe_takes_at_once() {
        assert_eq!(piece(b"a\nb\nrest"), 8);
        let long = [[b'x'; 3000].as_slice(), b"\n", &[b'y'; 3000], b"\n"].concat();
        assert_eq!(piece(&long), 3001);
        assert_eq!(piece(&long[3001..]), 3001);
        let longer = [[b'x'; PIPE_BUF + 1].as_slice(), b"\nnext\n"].concat();
        assert_eq!(piece(&longer), PIPE_BUF + 2);
        assert_eq!(piece(&longer[..PIPE_BUF + 1]), PIPE_BUF + 1);
    }
}
