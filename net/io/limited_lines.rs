//! Lines with a limit of length, which `BufRead` lacks: a peer that never ends its line must not
//! fill the memory.

use std::io::{self, BufRead, ErrorKind};

/// Reads up to a delimiter, with a limit. For everything that is [`BufRead`].
///
/// The calls block where the reader does, on threads of either kind.
///
/// # Examples
///
/// ```
/// use greenstd_net::io::{BufReadExt, ErrorKind};
///
/// let mut input = &b"GET /\r\nendless and endless"[..];
/// let mut line = String::new();
/// assert_eq!(input.read_line_limited(&mut line, 16)?, 7);
/// assert_eq!(line, "GET /\r\n");
/// let error = input.read_line_limited(&mut line, 16).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidData);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait BufReadExt: BufRead {
    /// As [`read_until`](BufRead::read_until): reads until the delimiter, which counts, or the end,
    /// and returns how many bytes were appended; `limit` at most.
    ///
    /// # Errors
    ///
    /// `InvalidData` if there is no delimiter within `limit` bytes, which are in `buffer` then; the
    /// rest is unread. Else those of the reader.
    fn read_until_limited(
        &mut self,
        delimiter: u8,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> io::Result<usize> {
        let mut taken = 0;
        loop {
            let available = match self.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            };
            let allowed = available.len().min(limit - taken);
            let end = available[..allowed].iter().position(|&byte| byte == delimiter);
            let count = end.map_or(allowed, |end| end + 1);
            let is_at_end = available.is_empty();
            buffer.extend_from_slice(&available[..count]);
            self.consume(count);
            taken += count;
            if end.is_some() || is_at_end {
                return Ok(taken);
            }
            if taken == limit {
                // Not yet: the end of the input may be what comes next.
                return if self.has_ended()? { Ok(taken) } else { Err(too_long(limit)) };
            }
        }
    }

    /// As [`read_line`](BufRead::read_line): reads until a line feed, which counts, or the end, and
    /// returns how many bytes were appended; `limit` at most.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line is longer than `limit` bytes, or not UTF-8; `line` is unchanged
    /// then, and what was read is gone. Else those of the reader, likewise.
    fn read_line_limited(&mut self, line: &mut String, limit: usize) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let count = self.read_until_limited(b'\n', &mut bytes, limit)?;
        let text = str::from_utf8(&bytes).map_err(|_| {
            io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8")
        })?;
        line.push_str(text);
        Ok(count)
    }

    /// As [`lines`](BufRead::lines), each of at most `limit` bytes, its end included. After an
    /// error there are no more.
    fn lines_limited(self, limit: usize) -> LimitedLines<Self>
    where
        Self: Sized,
    {
        LimitedLines { reader: self, limit, is_over: false }
    }

    /// Whether nothing comes any more.
    #[doc(hidden)]
    fn has_ended(&mut self) -> io::Result<bool> {
        loop {
            match self.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => return Ok(outcome?.is_empty()),
            }
        }
    }
}

impl<R: BufRead + ?Sized> BufReadExt for R {}

/// Lines of limited length, without their ends: [`BufReadExt::lines_limited`].
#[derive(Debug)]
pub struct LimitedLines<R> {
    reader: R,
    limit: usize,
    is_over: bool,
}

impl<R: BufRead> Iterator for LimitedLines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        if self.is_over {
            return None;
        }
        let mut line = String::new();
        match self.reader.read_line_limited(&mut line, self.limit) {
            Ok(0) => {
                self.is_over = true;
                None
            }
            Ok(_) => {
                if line.ends_with('\n') {
                    line.pop();
                    if line.ends_with('\r') {
                        line.pop();
                    }
                }
                Some(Ok(line))
            }
            Err(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        }
    }
}

fn too_long(limit: usize) -> io::Error {
    let message = format!("no end of the line within {limit} bytes");
    io::Error::new(ErrorKind::InvalidData, message)
}
