//! What was received.

use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

/// One part of a message, in the memory in which libzmq has received it. A slice of bytes.
///
/// Sends take whatever is bytes, so they take this as well.
pub struct Message {
    raw: ::zmq::Message,
}

impl Message {
    pub(super) fn new(raw: ::zmq::Message) -> Message {
        Message { raw }
    }

    /// Whether this is not the last part of its message.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.raw.get_more()
    }

    /// The bytes as text.
    ///
    /// # Errors
    ///
    /// If they are not UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self)
    }
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.raw
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Vec<u8> {
        message.to_vec()
    }
}

impl<B: AsRef<[u8]> + ?Sized> PartialEq<B> for Message {
    fn eq(&self, other: &B) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("bytes", &&**self).field("more", &self.has_more()).finish()
    }
}
