//! A request of this crate's HTTP server that becomes a WebSocket (feature `http`).

use std::io;

use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::create_response_with_body;
use tungstenite::http::header::{
    ALLOW, CONNECTION, HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tungstenite::http::{StatusCode, Version};
use tungstenite::protocol::Role;

use super::builder::Builder;
use super::handshake::{Agreed, choose_subprotocol};
use super::socket::WebSocket;
use crate::http::{self, IntoResponse, Upgraded};

/// Answers a request of an [`HttpServer`](crate::http::HttpServer) by an upgrade to a WebSocket,
/// with the defaults of [`Builder`]: see [`Builder::upgrade`].
///
/// # Examples
///
/// ```
/// use greenstd_net::{http::{HttpServer, Request}, ws};
///
/// let server = HttpServer::builder().start("127.0.0.1:0", |request: Request| {
///     ws::upgrade(&request, |socket| {
///         while let Some(message) = socket.read()? {
///             socket.send(message)?;
///         }
///         Ok(())
///     })
/// })?;
/// let socket = ws::connect(&format!("ws://{}/", server.local_addr()))?;
/// socket.send("round trip")?;
/// assert_eq!(socket.read()?.unwrap().into_text().unwrap(), "round trip");
/// socket.close()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn upgrade<F>(request: &http::Request, speak: F) -> http::Response
where
    F: FnOnce(WebSocket<Upgraded>) -> io::Result<()> + Send + 'static,
{
    Builder::new().upgrade(request, speak)
}

impl Builder {
    /// Answers a request of an [`HttpServer`](crate::http::HttpServer) by an upgrade to a WebSocket
    /// with these settings, after which `speak` has it, on the connection's green thread.
    ///
    /// The subprotocol is the first of [`subprotocols`](Builder::subprotocols) that the client
    /// offers; none of them is no reason to refuse. The connection is closed when `speak` returns,
    /// with a close frame unless there was one. A stop of the server waits for it, and kills it in
    /// the end: [`HttpServer::stopping`](crate::server::StreamServer::stopping) tells when to say
    /// farewell.
    ///
    /// A request that cannot be answered so gets a response that says why: 426 if it asks for no
    /// upgrade to a WebSocket, or for another version; 405 if it is no GET; 403 if it comes from a
    /// page of another site, unless [`any_origin`](Builder::any_origin) is set; else 400. Never
    /// blocks.
    ///
    /// The semantics are those of RFC 6455, section 4.2; the check of the origin is that of Go's
    /// gorilla/websocket.
    ///
    /// # Panics
    ///
    /// If the subprotocol that was chosen cannot stand in a header.
    pub fn upgrade<F>(&self, request: &http::Request, speak: F) -> http::Response
    where
        F: FnOnce(WebSocket<Upgraded>) -> io::Result<()> + Send + 'static,
    {
        if request.version() == Version::HTTP_2 {
            return refuse(StatusCode::BAD_REQUEST, "a WebSocket needs HTTP/1.1 here");
        }
        if !self.takes_any_origin && is_foreign(request.headers()) {
            return refuse(StatusCode::FORBIDDEN, "this page is of another site");
        }
        let agreed = match create_response_with_body(request, || ()) {
            Ok(agreed) => agreed,
            Err(error) => return refusal(&error),
        };
        let subprotocol = choose_subprotocol(request.headers(), &self.subprotocols).cloned();
        let builder = self.clone();
        let its_subprotocol = subprotocol.clone();
        let mut response = http::upgrade("websocket", move |mut stream| {
            stream.set_silence_limit(builder.silence_limit);
            let agreed = Agreed { subprotocol: its_subprotocol, leftover: Vec::new() };
            speak(builder.agreed(stream, Role::Server, agreed))
        });
        let headers = response.headers_mut();
        headers.extend(agreed.headers().clone());
        if let Some(chosen) = subprotocol {
            let chosen = HeaderValue::try_from(chosen);
            let chosen = chosen.expect("the name of a subprotocol is a header's value");
            headers.insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        response
    }
}

/// Whether a browser asks on behalf of a page from elsewhere. Other programs name no origin.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let site = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (site, text(HOST)) {
        (Some((_, site)), Some(host)) => !site.eq_ignore_ascii_case(host),
        _ => true,
    }
}

/// What a client is told whose request is none for a WebSocket.
fn refusal(error: &tungstenite::Error) -> http::Response {
    use ProtocolError as Wrong;
    let tungstenite::Error::Protocol(wrong) = error else {
        return refuse(StatusCode::BAD_REQUEST, &error.to_string());
    };
    let status = match wrong {
        Wrong::WrongHttpMethod => StatusCode::METHOD_NOT_ALLOWED,
        Wrong::MissingConnectionUpgradeHeader
        | Wrong::MissingUpgradeWebSocketHeader
        | Wrong::MissingSecWebSocketVersionHeader => StatusCode::UPGRADE_REQUIRED,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = refuse(status, &error.to_string());
    let headers = response.headers_mut();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        _ => {}
    }
    response
}

fn refuse(status: StatusCode, why: &str) -> http::Response {
    (status, format!("{why}\n")).into_response()
}
