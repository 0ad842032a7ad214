//! Responses: their bodies, and what can be made one.

use std::error::Error;
use std::fmt;
use std::io;

use ::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use greenstd_runtime::fs::File;

use super::failure::BodyError;
use super::upgrade::Upgrade;
use super::writer::BodyWriter;

/// What a handler returns, or what it returns is made.
pub type Response = ::http::Response<ResponseBody>;

/// The body of a response.
///
/// Bytes and strings are one (`From`), and are sent with their length. So is a
/// [`file`](ResponseBody::file). [`chunks`](ResponseBody::chunks) and what a
/// [`writer`](ResponseBody::writer) writes are sent as they come.
///
/// # Examples
///
/// ```
/// use greenstd_net::http::{Response, ResponseBody};
/// use std::io::Write;
///
/// let short = Response::new(ResponseBody::from("hello"));
/// let long = Response::new(ResponseBody::writer(|body| {
///     for number in 0..1_000_000 {
///         writeln!(body, "{number}")?;
///     }
///     Ok(())
/// }));
/// # drop((short, long));
/// ```
#[derive(Default)]
pub struct ResponseBody {
    pub(super) content: Content,
}

type Chunks = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;
type Writing = Box<dyn FnOnce(&mut BodyWriter) -> io::Result<()> + Send>;

#[derive(Default)]
pub(super) enum Content {
    #[default]
    Empty,
    Bytes(Bytes),
    Chunks(Chunks),
    File {
        file: File,
        offset: u64,
        left: u64,
    },
    Writer(Writing),
    Upgrade(Upgrade),
}

impl ResponseBody {
    /// Makes an empty body.
    #[must_use]
    pub fn empty() -> ResponseBody {
        ResponseBody::default()
    }

    /// Makes a body of what an iterator gives, each item sent before the next is asked for.
    ///
    /// The iterator runs on a green thread, and may block. If it gives an error, or panics, the
    /// connection is cut short, which tells the peer that the body is incomplete.
    pub fn chunks<I>(chunks: I) -> ResponseBody
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        ResponseBody { content: Content::Chunks(Box::new(chunks.into_iter())) }
    }

    /// Makes a body of a file from its begin, as long as the file is now.
    ///
    /// # Errors
    ///
    /// That of `fstat(2)`.
    pub fn file(file: File) -> io::Result<ResponseBody> {
        let length = file.metadata()?.len();
        Ok(ResponseBody::part_of_file(file, 0, length))
    }

    /// Makes a body of `length` bytes of a file, from `offset` on.
    ///
    /// If the file turns out to be shorter the connection is cut short.
    #[must_use]
    pub fn part_of_file(file: File, offset: u64, length: u64) -> ResponseBody {
        ResponseBody { content: Content::File { file, offset, left: length } }
    }

    /// Makes a body that `write` writes while it is sent, on a green thread of its own.
    ///
    /// Writes park while the peer is slow. If it has gone, they fail with `BrokenPipe`, and a
    /// `write` that waits for something else meanwhile is killed, so none is left behind. If
    /// `write` returns an error, or panics, the connection is cut short.
    pub fn writer<F>(write: F) -> ResponseBody
    where
        F: FnOnce(&mut BodyWriter) -> io::Result<()> + Send + 'static,
    {
        ResponseBody { content: Content::Writer(Box::new(write)) }
    }

    /// How long it is, if that is known before it is sent.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.content.length()
    }
}

impl Content {
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Content::Empty | Content::Upgrade(_) => Some(0),
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::File { left, .. } => Some(*left),
            Content::Chunks(_) | Content::Writer(_) => None,
        }
    }
}

macro_rules! body_from_bytes {
    ($($bytes:ty)*) => {$(
        impl From<$bytes> for ResponseBody {
            fn from(bytes: $bytes) -> ResponseBody {
                ResponseBody { content: Content::Bytes(bytes.into()) }
            }
        }
    )*};
}

body_from_bytes!(Bytes Vec<u8> String &'static str &'static [u8]);

impl From<()> for ResponseBody {
    fn from((): ()) -> ResponseBody {
        ResponseBody::empty()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("length", &self.length()).finish_non_exhaustive()
    }
}

/// What a handler may return.
///
/// | what | response |
/// |---|---|
/// | [`Response`], with any body that can be made a [`ResponseBody`] | that |
/// | a string | 200, `text/plain; charset=utf-8` |
/// | bytes | 200, `application/octet-stream` |
/// | a [`StatusCode`] | that, with its name as text |
/// | a status, and any of these | this, with that status |
/// | `()` | 204 |
/// | [`io::Error`] and boxed errors | what stands at [`BodyError`]; else 500, and a report |
/// | `http::Error` | 500, and a report |
/// | a `Result` | whichever it is |
pub trait IntoResponse {
    /// Makes the response.
    fn into_response(self) -> Response;
}

impl<B: Into<ResponseBody>> IntoResponse for ::http::Response<B> {
    fn into_response(self) -> Response {
        self.map(Into::into)
    }
}

/// A body with its media type.
fn typed(kind: &'static str, body: impl Into<ResponseBody>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

macro_rules! typed_responses {
    ($($kind:literal: $($body:ty)*;)*) => {$($(
        impl IntoResponse for $body {
            fn into_response(self) -> Response {
                typed($kind, self)
            }
        }
    )*)*};
}

typed_responses! {
    "text/plain; charset=utf-8": &'static str String;
    "application/octet-stream": Bytes Vec<u8> &'static [u8];
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        let mut response = match self.canonical_reason() {
            Some(reason) if may_have_body(self) => format!("{reason}\n").into_response(),
            _ => Response::new(ResponseBody::empty()),
        };
        *response.status_mut() = self;
        response
    }
}

/// Whether the protocol allows a response with this status to have a body.
fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        *response.status_mut() = self.0;
        response
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl IntoResponse for io::Error {
    fn into_response(self) -> Response {
        match BodyError::of(&self) {
            Some(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Some(BodyError::TimedOut) => StatusCode::REQUEST_TIMEOUT.into_response(),
            Some(BodyError::Incomplete | BodyError::Malformed) => {
                StatusCode::BAD_REQUEST.into_response()
            }
            None => failed(&self),
        }
    }
}

impl IntoResponse for Box<dyn Error + Send + Sync> {
    fn into_response(self) -> Response {
        match self.downcast::<io::Error>() {
            Ok(error) => error.into_response(),
            Err(other) => failed(&*other),
        }
    }
}

impl IntoResponse for ::http::Error {
    fn into_response(self) -> Response {
        failed(&self)
    }
}

/// What the error says is for the log; a stranger is told nothing of it.
fn failed(error: &(impl Error + ?Sized)) -> Response {
    tracing::error!(%error, "a handler has failed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
