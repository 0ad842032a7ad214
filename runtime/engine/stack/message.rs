//! A line of text that a signal handler can write: a fixed buffer, no allocation, no locks.

use std::fmt;
use std::io;

/// Bytes of a line; what is longer is cut.
const CAPACITY: usize = 512;

/// Bytes kept free for what the fault handler adds after the description.
const TAIL: usize = 64;

/// Text under construction.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: [u8; CAPACITY],
    length: usize,
    length_max: usize,
}

impl Message {
    /// An empty message.
    pub(super) const fn new() -> Message {
        Message { bytes: [0; CAPACITY], length: 0, length_max: CAPACITY - TAIL }
    }

    /// Adds text, as much of it as there is room for, cut between characters.
    pub(crate) fn push_str(&mut self, text: &str) {
        let room = self.length_max - self.length;
        let taken = &text.as_bytes()[..text.floor_char_boundary(room)];
        self.bytes[self.length..][..taken.len()].copy_from_slice(taken);
        self.length += taken.len();
    }

    /// Adds a number in decimal.
    pub(crate) fn push_number(&mut self, number: usize) {
        // 20 digits hold any 64-bit number.
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push_str(str::from_utf8(&digits[first..]).expect("digits are ASCII"));
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Opens the room that was kept free.
    pub(super) fn open_tail(&mut self) {
        self.length_max = CAPACITY;
    }

    /// Writes the text to standard error by `write(2)` alone. Async-signal-safe.
    pub(super) fn write_to_stderr(&self) {
        let mut rest = &self.bytes[..self.length];
        while !rest.is_empty() {
            // SAFETY: `rest` is readable for its length.
            let written =
                unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(0) => return,
                Ok(written) => rest = &rest[written.min(rest.len())..],
                // Looking at errno allocates nothing.
                Err(_) if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
                // Nowhere to say it, and the process is about to end.
                Err(_) => return,
            }
        }
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Message {
        fn as_str(&self) -> &str {
            str::from_utf8(&self.bytes[..self.length]).unwrap()
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 256, usize::MAX] {
            let mut message = Message::new();
            message.push_number(number);
            assert_eq!(message.as_str(), number.to_string());
        }
    }

    #[test]
    fn long_text_is_cut_between_characters_and_leaves_the_tail_room() {
        let mut message = Message::new();
        message.push_str("a");
        for _ in 0..CAPACITY {
            message.push_str("é");
        }
        assert_eq!(message.as_str().len(), CAPACITY - TAIL - 1);
        assert!(message.as_str().ends_with("é"));
        message.open_tail();
        message.push_str(" overflowed");
        assert!(message.as_str().ends_with("é overflowed"));
    }
}
