//! HTTP servers whose handlers are plain functions on green threads (feature `http`).
//!
//! The protocols are hyper's: HTTP/1.1, and HTTP/2 by ALPN or by prior knowledge. Around them, this
//! module has what a server needs: limits, deadlines, an end in phases, bodies that are read and
//! written as any stream is. Requests and responses are those of the `http` crate.
//!
//! A connection is a green thread, which drives hyper by `block_on`. A handler of HTTP/1 whose
//! request has no body runs right there, in a poll, since nothing has to happen on the connection
//! meanwhile. All others have a green thread of their own: those with a body, since the connection
//! has to be read for them; each stream of HTTP/2; and whoever writes a response while it is sent.
//!
//! | file | what it holds |
//! |---|---|
//! | `builder`, `server` | the settings and the start; the server |
//! | `connection` | one connection from its first byte to its end |
//! | `clock`, `guarded` | its deadlines; its stream as hyper sees it |
//! | `service`, `exchange` | from a request to its handler and back; what is accounted for each |
//! | `request`, `reply`, `sent_body`, `writer` | the bodies |
//! | `upgrade` | connections that leave HTTP |
//! | `tls` | HTTPS (feature `tls`) |
//! | `files` | static files |
//! | `diagnostics` | the page that shows what the process does |
//! | `rt` | the bridge to hyper, for users too |

mod builder;
mod clock;
mod connection;
mod diagnostics;
mod drain;
mod exchange;
mod failure;
mod files;
mod guarded;
mod http1;
mod reply;
mod request;
pub mod rt;
mod sent_body;
mod server;
mod service;
mod shared;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
mod writer;

pub use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header, response,
};
pub use bytes::Bytes;

pub use self::builder::Builder;
pub use self::diagnostics::Diagnostics;
pub use self::failure::BodyError;
pub use self::files::StaticFiles;
pub use self::reply::{IntoResponse, Response, ResponseBody};
pub use self::request::{Request, RequestBody, RequestExt};
pub use self::server::HttpServer;
pub use self::upgrade::{Upgraded, upgrade};
pub use self::writer::BodyWriter;
