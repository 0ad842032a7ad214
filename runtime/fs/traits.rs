//! What std's traits say of `File`: reads, writes, seeks, offsets, conversions.

use super::descriptor::Descriptor;
use super::file::File;
use super::transfer::{self, Place};
use crate::blocking::may_block;
use crate::fd::from_raw_fd;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::process::Stdio;

/// Reads wait until there is data, or the end of the file.
impl Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if may_block() {
            return (&self.descriptor.file).read(buf);
        }
        transfer::read(&self.descriptor, &mut [IoSliceMut::new(buf)], Place::Position)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if may_block() {
            return (&self.descriptor.file).read_vectored(bufs);
        }
        transfer::read(&self.descriptor, bufs, Place::Position)
    }
}

/// Writes wait until the kernel has taken some bytes, usually into its cache.
impl Write for &File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if may_block() {
            return (&self.descriptor.file).write(buf);
        }
        transfer::write(&self.descriptor, &[IoSlice::new(buf)], Place::Position)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if may_block() {
            return (&self.descriptor.file).write_vectored(bufs);
        }
        transfer::write(&self.descriptor, bufs, Place::Position)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Seeks wait for calls on the same open file that use its position; from the end, also for a file
/// server that knows where that is.
impl Seek for &File {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        let mut file = &self.descriptor.file;
        if may_block() {
            return file.seek(pos);
        }
        if !matches!(pos, SeekFrom::End(_))
            && let Some(_turn) = self.descriptor.position.try_lock()
        {
            return file.seek(pos);
        }
        self.descriptor.run(move |descriptor| {
            let _turn = descriptor.position.lock();
            (&descriptor.file).seek(pos)
        })
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        (&*self).seek(pos)
    }
}

/// Reads and writes at an offset, which leave the position alone.
impl FileExt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if may_block() {
            return self.descriptor.file.read_at(buf, offset);
        }
        transfer::read(&self.descriptor, &mut [IoSliceMut::new(buf)], Place::Offset(offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        if may_block() {
            return self.descriptor.file.write_at(buf, offset);
        }
        transfer::write(&self.descriptor, &[IoSlice::new(buf)], Place::Offset(offset))
    }
}

impl From<std::fs::File> for File {
    /// Takes an open file over. No system call is made.
    fn from(file: std::fs::File) -> File {
        File { descriptor: Descriptor::new(file) }
    }
}

impl From<File> for std::fs::File {
    fn from(file: File) -> std::fs::File {
        file.into_std()
    }
}

impl From<OwnedFd> for File {
    /// Takes a descriptor over. No system call is made.
    fn from(fd: OwnedFd) -> File {
        File::from(std::fs::File::from(fd))
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> OwnedFd {
        file.into_std().into()
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        file.into_std().into()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.file.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.file.as_raw_fd()
    }
}

impl IntoRawFd for File {
    fn into_raw_fd(self) -> RawFd {
        self.into_std().into_raw_fd()
    }
}

from_raw_fd!(File);

// As std's: a call that unwinds leaves no half-made state behind.
impl std::panic::UnwindSafe for File {}
impl std::panic::RefUnwindSafe for File {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{runtime::Builder, thread};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    /// As by a job of the pool that waits for its disk.
    #[test]
    fn a_position_that_is_in_use_holds_no_worker() {
        let (told, tells) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new().workers(1).build().unwrap();
            runtime.run(move || {
                let file = Arc::new(File::open("/proc/self/exe").unwrap());
                let clone = file.try_clone().unwrap();
                let use_of_it = file.descriptor.position.lock();
                let (by_read, by_seek) = (file.clone(), file.clone());
                let callers = [
                    thread::spawn(move || (&*by_read).read(&mut [0; 4]).is_ok_and(|n| n == 4)),
                    thread::spawn(move || (&clone).read(&mut [0; 4]).is_ok_and(|n| n == 4)),
                    thread::spawn(move || (&*by_seek).stream_position().is_ok()),
                ];
                thread::sleep(Duration::from_millis(20));
                assert!(callers.iter().all(|caller| !caller.is_finished()));
                let mut magic = [0; 4];
                file.read_exact_at(&mut magic, 0).unwrap();
                assert_eq!(&magic, b"\x7fELF", "an offset is free");
                drop(use_of_it);
                assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
                told.send((&*file).stream_position().unwrap()).unwrap();
            });
        });
        assert_eq!(tells.recv_timeout(Duration::from_secs(10)), Ok(8));
    }
}
