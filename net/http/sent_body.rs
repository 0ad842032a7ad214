//! The body of a response as hyper takes it.

use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use greenstd_runtime::fs::File;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use super::reply::Content;
use super::writer::{Written, call_user};

/// What is read of a file at once.
const FILE_CHUNK_BYTES: u64 = 64 * 1024;

/// A body on its way. Its request is under way until it is dropped.
pub(super) struct SentBody {
    state: State,
    exchange: Exchange,
}

enum State {
    Content(Content),
    Written(Written),
    /// An item of an iterator was sent on, and is to reach the peer before the next is asked for.
    Flushing(Content),
}

impl SentBody {
    pub(super) fn new(content: Content, exchange: Exchange) -> SentBody {
        if matches!(content, Content::Chunks(_) | Content::Writer(_)) {
            exchange.link().note_streaming();
        }
        SentBody { state: State::Content(content), exchange }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Content(Content::Empty)) {
                State::Content(Content::Empty | Content::Upgrade(_)) => return Poll::Ready(None),
                State::Content(Content::Bytes(bytes)) => {
                    return Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)));
                }
                State::Content(Content::Chunks(mut chunks)) => {
                    return match call_user(|| chunks.next()).transpose() {
                        None => Poll::Ready(None),
                        Some(item) => {
                            self.state = State::Flushing(Content::Chunks(chunks));
                            Poll::Ready(Some(item.flatten()))
                        }
                    };
                }
                State::Flushing(content) => {
                    // hyper sends what it has whenever the body is pending.
                    self.state = State::Content(content);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Content(Content::File { left: 0, .. }) => return Poll::Ready(None),
                State::Content(Content::File { file, offset, left }) => {
                    let outcome = read_part(&file, offset, left);
                    if let Ok(bytes) = &outcome {
                        let count = bytes.len() as u64;
                        let (offset, left) = (offset + count, left - count);
                        self.state = State::Content(Content::File { file, offset, left });
                    }
                    return Poll::Ready(Some(outcome));
                }
                State::Content(Content::Writer(write)) => match Written::start(write) {
                    Ok(written) => self.state = State::Written(written),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                State::Written(mut written) => {
                    let outcome = written.poll_chunk(context);
                    self.state = State::Written(written);
                    return outcome;
                }
            }
        }
    }
}

fn read_part(file: &File, offset: u64, left: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; left.min(FILE_CHUNK_BYTES) as usize];
    let count = file.read_at(&mut buffer, offset)?;
    if count == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
    }
    buffer.truncate(count);
    Ok(buffer.into())
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = ready!(self.poll_chunk(context));
        if let Some(Ok(bytes)) = &chunk {
            self.exchange.sent(bytes.len());
        }
        Poll::Ready(chunk.map(|outcome| outcome.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Content(content) => content.length() == Some(0),
            State::Written(_) | State::Flushing(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let length = match &self.state {
            State::Content(content) => content.length(),
            State::Written(_) | State::Flushing(_) => None,
        };
        length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
