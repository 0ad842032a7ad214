//! Reads and writes on green threads: one way for both, of any number of buffers, at the position
//! of the file or at an offset.
//!
//! First the call is made with `RWF_NOWAIT`, on the caller's own memory: what lies in the page
//! cache is read by that one system call. Where it would wait, the class of the file says how: on a
//! thread of the pool, through a buffer that the job owns, or parked on the reactor. What the
//! kernel refuses to do without waiting is not tried again.
//!
//! A call moves [`CHUNK_BYTES`] at most, so that no copy keeps the neighbours waiting for long.

use super::buffer::{Buffer, CHUNK_BYTES};
use super::class::Class;
use super::descriptor::{Descriptor, Refusals};
use super::stream::Stream;
use crate::fd::{Fd, Interest};
use crate::park;
use crate::park::MutexGuard;
use rustix::io::{Errno, ReadWriteFlags};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `preadv2(2)` takes for the position of the file.
const CURRENT_POSITION: u64 = u64::MAX;

/// What the kernel's list of buffers holds: `UIO_MAXIOV`.
const BUFFERS_AT_MOST: usize = 1024;

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At its position, which moves.
    Position,
    /// At an offset from its start.
    Offset(u64),
}

/// Reads into the buffers, the first ones first.
///
/// # Errors
///
/// Those of `read(2)`.
pub(super) fn read(
    descriptor: &Arc<Descriptor>,
    buffers: &mut [IoSliceMut<'_>],
    place: Place,
) -> io::Result<usize> {
    let from = leading_empty(buffers.iter().map(|buffer| buffer.len()));
    let buffers = &mut buffers[from..];
    match buffers {
        [first, ..] if first.len() > CHUNK_BYTES => {
            let mut one = [IoSliceMut::new(&mut first[..CHUNK_BYTES])];
            transfer(descriptor, &mut Reading(&mut one), place)
        }
        _ => {
            let until = within_a_chunk(buffers.iter().map(|buffer| buffer.len()));
            transfer(descriptor, &mut Reading(&mut buffers[..until]), place)
        }
    }
}

/// Writes the buffers, the first ones first.
///
/// # Errors
///
/// Those of `write(2)`.
pub(super) fn write(
    descriptor: &Arc<Descriptor>,
    buffers: &[IoSlice<'_>],
    place: Place,
) -> io::Result<usize> {
    let from = leading_empty(buffers.iter().map(|buffer| buffer.len()));
    let buffers = &buffers[from..];
    match buffers {
        [first, ..] if first.len() > CHUNK_BYTES => {
            let one = [IoSlice::new(&first[..CHUNK_BYTES])];
            transfer(descriptor, &mut Writing(&one), place)
        }
        _ => {
            let until = within_a_chunk(buffers.iter().map(|buffer| buffer.len()));
            transfer(descriptor, &mut Writing(&buffers[..until]), place)
        }
    }
}

/// Buffers without room in front of the first that has some. Were they all that is passed on, the
/// kernel's 0 would look like the end of the file.
fn leading_empty(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.take_while(|&length| length == 0).count()
}

/// How many buffers one call takes, none of them in part.
fn within_a_chunk(lengths: impl Iterator<Item = usize>) -> usize {
    let mut total = 0_usize;
    let fitting = lengths.take(BUFFERS_AT_MOST).take_while(|&length| {
        total = total.saturating_add(length);
        total <= CHUNK_BYTES
    });
    fitting.count()
}

/// Bytes to be moved in one direction.
trait Transfer {
    const INTEREST: Interest;

    fn len(&self) -> usize;

    /// Whether the kernel has refused to do it without waiting.
    fn is_refused(refusals: &Refusals) -> &AtomicBool;

    /// The call that does not wait.
    fn nowait(&mut self, fd: BorrowedFd<'_>, offset: u64) -> rustix::io::Result<usize>;

    /// The call as it is.
    fn plain(&mut self, fd: BorrowedFd<'_>, place: Place) -> rustix::io::Result<usize>;

    /// The call on a thread of the pool.
    fn on_the_pool(&mut self, descriptor: &Arc<Descriptor>, place: Place) -> io::Result<usize>;
}

fn transfer<T: Transfer>(
    descriptor: &Arc<Descriptor>,
    bytes: &mut T,
    place: Place,
) -> io::Result<usize> {
    // Before the call: what it has moved must not be lost if this is where a kill ends it.
    park::spend_budget();
    let moved = move_bytes(descriptor, bytes, place)?;
    if moved >= park::BYTES_PER_IO_CALL {
        park::spend_bytes(moved);
    }
    Ok(moved)
}

#[inline]
fn move_bytes<T: Transfer>(
    descriptor: &Arc<Descriptor>,
    bytes: &mut T,
    place: Place,
) -> io::Result<usize> {
    if let Some(stream) = descriptor.stream.get() {
        return on_stream(descriptor, stream, bytes, place);
    }
    let is_in_memory = descriptor.known_class() == Some(Class::Memory);
    if !is_in_memory
        && let Some(_turn) = turn(descriptor, place)
        && let Some(moved) = try_nowait(descriptor, bytes, place)?
    {
        return Ok(moved);
    }
    match descriptor.class()? {
        Class::Storage => bytes.on_the_pool(descriptor, place),
        Class::Memory => match turn(descriptor, place) {
            Some(_turn) => Ok(bytes.plain(descriptor.file.as_fd(), place)?),
            None => bytes.on_the_pool(descriptor, place),
        },
        Class::Nonblocking => Ok(bytes.plain(descriptor.file.as_fd(), place)?),
        class @ (Class::Pipe | Class::Terminal | Class::Device) => {
            match Stream::of(descriptor, class)? {
                Some(stream) => {
                    let stream = descriptor.stream.get_or_init(|| stream);
                    on_stream(descriptor, stream, bytes, place)
                }
                None => bytes.on_the_pool(descriptor, place),
            }
        }
    }
}

fn on_stream<T: Transfer>(
    descriptor: &Descriptor,
    stream: &Stream,
    bytes: &mut T,
    place: Place,
) -> io::Result<usize> {
    // Two closures take turns with the one memory.
    let (wanted, bytes) = (bytes.len(), std::cell::RefCell::new(bytes));
    stream.transfer(
        T::INTEREST,
        wanted,
        || try_nowait(descriptor, &mut **bytes.borrow_mut(), place),
        |fd: &Fd| Ok(bytes.borrow_mut().plain(fd.as_fd(), place)?),
    )
}

/// The right to use the position, if that is asked for. `None` if somebody else has it: the kernel
/// would wait for him, too.
fn turn(descriptor: &Descriptor, place: Place) -> Option<Option<MutexGuard<'_, ()>>> {
    match place {
        Place::Position => descriptor.position.try_lock().map(Some),
        Place::Offset(_) => Some(None),
    }
}

/// Makes the call if that takes no wait; `None` if it would, or if the kernel cannot tell.
#[inline]
fn try_nowait<T: Transfer>(
    descriptor: &Descriptor,
    bytes: &mut T,
    place: Place,
) -> io::Result<Option<usize>> {
    let is_refused = T::is_refused(&descriptor.refuses);
    let offset = match place {
        Place::Position => CURRENT_POSITION,
        // Beyond what a file can have; and the last of them would mean something else.
        Place::Offset(offset) if i64::try_from(offset).is_err() => return Ok(None),
        Place::Offset(offset) => offset,
    };
    // Relaxed: a flag that only saves calls.
    if is_refused.load(Ordering::Relaxed) {
        return Ok(None);
    }
    match bytes.nowait(descriptor.file.as_fd(), offset) {
        Ok(moved) => Ok(Some(moved)),
        Err(Errno::AGAIN) => Ok(None),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            is_refused.store(true, Ordering::Relaxed);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

struct Reading<'c, 'b>(&'c mut [IoSliceMut<'b>]);

impl Transfer for Reading<'_, '_> {
    const INTEREST: Interest = Interest::Read;

    fn len(&self) -> usize {
        self.0.iter().map(|buffer| buffer.len()).sum()
    }

    fn is_refused(refusals: &Refusals) -> &AtomicBool {
        &refusals.reads
    }

    fn nowait(&mut self, fd: BorrowedFd<'_>, offset: u64) -> rustix::io::Result<usize> {
        rustix::io::preadv2(fd, self.0, offset, ReadWriteFlags::NOWAIT)
    }

    fn plain(&mut self, fd: BorrowedFd<'_>, place: Place) -> rustix::io::Result<usize> {
        match place {
            Place::Position => rustix::io::readv(fd, self.0),
            Place::Offset(offset) => rustix::io::preadv(fd, self.0, offset),
        }
    }

    fn on_the_pool(&mut self, descriptor: &Arc<Descriptor>, place: Place) -> io::Result<usize> {
        let mut buffer = Buffer::new(self.len());
        let (buffer, count) = descriptor.run(move |descriptor| {
            let bytes = buffer.bytes_mut();
            let count = match place {
                Place::Position => {
                    let _turn = descriptor.position.lock();
                    (&descriptor.file).read(bytes)?
                }
                Place::Offset(offset) => descriptor.file.read_at(bytes, offset)?,
            };
            Ok((buffer, count))
        })?;
        buffer.scatter(count, self.0);
        Ok(count)
    }
}

struct Writing<'c, 'b>(&'c [IoSlice<'b>]);

impl Transfer for Writing<'_, '_> {
    const INTEREST: Interest = Interest::Write;

    fn len(&self) -> usize {
        self.0.iter().map(|buffer| buffer.len()).sum()
    }

    fn is_refused(refusals: &Refusals) -> &AtomicBool {
        &refusals.writes
    }

    fn nowait(&mut self, fd: BorrowedFd<'_>, offset: u64) -> rustix::io::Result<usize> {
        rustix::io::pwritev2(fd, self.0, offset, ReadWriteFlags::NOWAIT)
    }

    fn plain(&mut self, fd: BorrowedFd<'_>, place: Place) -> rustix::io::Result<usize> {
        match place {
            Place::Position => rustix::io::writev(fd, self.0),
            Place::Offset(offset) => rustix::io::pwritev(fd, self.0, offset),
        }
    }

    fn on_the_pool(&mut self, descriptor: &Arc<Descriptor>, place: Place) -> io::Result<usize> {
        let buffer = Buffer::gather(self.0);
        descriptor.run(move |descriptor| match place {
            Place::Position => {
                let _turn = descriptor.position.lock();
                (&descriptor.file).write(buffer.bytes())
            }
            Place::Offset(offset) => descriptor.file.write_at(buffer.bytes(), offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_whole_buffers_of_one_chunk() {
        assert_eq!(leading_empty([0, 0, 3, 0].into_iter()), 2);
        assert_eq!(within_a_chunk([1, 0, CHUNK_BYTES - 1, 0, 1].into_iter()), 4);
        assert_eq!(within_a_chunk([usize::MAX, usize::MAX].into_iter()), 0);
        assert_eq!(within_a_chunk(std::iter::repeat_n(1, 5000)), BUFFERS_AT_MOST);
    }
}
