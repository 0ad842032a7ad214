//! `copy`: std's, with its buffer on the heap.

use std::io::{self, ErrorKind, Read, Write};

/// What one call moves. Larger than std's 8 KiB, since a socket's call costs more than a file's.
const BUFFER_BYTES: usize = 64 * 1024;

/// Copies everything from a reader to a writer, and returns how many bytes that were.
///
/// As [`std::io::copy`]: until the reader is at its end, with calls that were `Interrupted`
/// repeated. It blocks where the reader and the writer do, on threads of either kind. The buffer
/// of 64 KiB is on the heap, as stacks of green threads are small.
///
/// A kill or a timeout scope that ends it in a write loses what was read and not written yet.
///
/// # Errors
///
/// The first error of the reader or of the writer; `WriteZero` if the writer takes nothing.
///
/// # Examples
///
/// ```
/// use greenstd_net::io;
///
/// let mut copied = Vec::new();
/// assert_eq!(io::copy(&mut &b"bytes"[..], &mut copied)?, 5);
/// assert_eq!(copied, b"bytes");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: Read + ?Sized,
    W: Write + ?Sized,
{
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut copied = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(count) => {
                writer.write_all(&buffer[..count])?;
                copied += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
