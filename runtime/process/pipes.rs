//! The ends of the pipes to a child that stay with its parent.

use crate::io::{Stream, stream_traits};
use std::process;

/// The pipe to the standard input of a child: `std::process::ChildStdin`, whose writes park.
///
/// Dropping it is the end of the child's input. Once the child does not read any more, writes fail
/// with `BrokenPipe`. Works on green threads and on plain OS threads, and as a
/// [`PipeWriter`](crate::io::PipeWriter) otherwise.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::{Command, Stdio};
/// use std::io::Write;
///
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// child.stdin.take().expect("it is piped").write_all(b"some text")?;
/// assert_eq!(child.wait_with_output()?.stdout, b"some text");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ChildStdin {
    stream: Stream,
}

/// The pipe from the standard output of a child: `std::process::ChildStdout`, whose reads park.
///
/// It ends once everybody has closed the other end: the child, and whom that has started. As a
/// [`PipeReader`](crate::io::PipeReader) otherwise.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::process::{Command, Stdio};
/// use std::io::Read;
///
/// let child = Command::new("echo").arg("some text").stdout(Stdio::piped()).spawn()?;
/// let mut text = String::new();
/// child.stdout.expect("it is piped").read_to_string(&mut text)?;
/// assert_eq!(text, "some text\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ChildStdout {
    stream: Stream,
}

/// The pipe from the standard error of a child: `std::process::ChildStderr`, whose reads park. As
/// [`ChildStdout`].
#[derive(Debug)]
pub struct ChildStderr {
    stream: Stream,
}

stream_traits!(ChildStdin, process::ChildStdin);
stream_traits!(ChildStdout, process::ChildStdout);
stream_traits!(ChildStderr, process::ChildStderr);
stream_traits!(write ChildStdin);
stream_traits!(write & ChildStdin);
stream_traits!(read ChildStdout);
stream_traits!(read ChildStderr);

/// An end whose calls can be tried without waiting.
pub(super) trait End {
    fn stream(&self) -> &Stream;
}

impl End for ChildStdin {
    fn stream(&self) -> &Stream {
        &self.stream
    }
}

impl End for ChildStdout {
    fn stream(&self) -> &Stream {
        &self.stream
    }
}

impl End for ChildStderr {
    fn stream(&self) -> &Stream {
        &self.stream
    }
}
