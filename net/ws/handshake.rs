//! The handshakes of both sides, in HTTP/1.1.

use std::io;

use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{
    ErrorResponse, Request, Response, create_response, write_response,
};
use tungstenite::http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use tungstenite::http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use tungstenite::http::{StatusCode, Uri};
use tungstenite::protocol::WebSocketConfig;

use super::head::{Heads, read_head, write_all};
use super::wrong;
use crate::io::Duplex;

/// What a handshake has agreed on.
pub(super) struct Agreed {
    pub(super) subprotocol: Option<String>,
    /// What came after it.
    pub(super) leftover: Vec<u8>,
}

/// Asks for the upgrade.
pub(super) fn ask<S: Duplex>(
    stream: &S,
    uri: &Uri,
    headers: &HeaderMap,
    subprotocols: &[String],
) -> io::Result<Agreed> {
    let mut request = uri.into_client_request().map_err(wrong)?;
    request.headers_mut().extend(headers.clone());
    if !subprotocols.is_empty() {
        let offer = HeaderValue::try_from(subprotocols.join(", "))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer);
    }
    // Nothing is read by what tungstenite returns, so it needs no buffers.
    let config = WebSocketConfig::default().read_buffer_size(0);
    let handshake = ClientHandshake::start(Heads::new(stream), request, Some(config));
    let (mut socket, response) =
        handshake.map_err(wrong)?.handshake().map_err(|error| match error {
            HandshakeError::Failure(error) => wrong(error),
            HandshakeError::Interrupted(_) => io::ErrorKind::TimedOut.into(),
        })?;
    Ok(Agreed {
        subprotocol: subprotocol(response.headers()),
        leftover: std::mem::take(&mut socket.get_mut().leftover),
    })
}

/// Answers a request for the upgrade; `choose` may refuse it.
pub(super) fn answer<S: Duplex>(
    stream: &S,
    subprotocols: &[String],
    choose: impl FnOnce(&Request, Response) -> Result<Response, Box<ErrorResponse>>,
) -> io::Result<Agreed> {
    let (head, leftover) = read_head(stream)?;
    let parsed = Request::try_parse(&head).and_then(|parsed| {
        let (_, request) = parsed.ok_or(ProtocolError::HandshakeIncomplete)?;
        let response = create_response(&request)?;
        Ok((request, response))
    });
    let (request, mut response) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Not if the client is slow to take it: it is the one who is wrong.
            let _ = stream.try_write_to(&in_bytes(refusal(&error))?);
            return Err(wrong(error));
        }
    };
    if let Some(chosen) = choose_subprotocol(request.headers(), subprotocols) {
        let chosen = HeaderValue::try_from(chosen)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    match choose(&request, response) {
        Ok(response) => {
            let mut bytes = Vec::new();
            write_response(&mut bytes, &response).map_err(wrong)?;
            write_all(stream, &bytes)?;
            Ok(Agreed { subprotocol: subprotocol(response.headers()), leftover })
        }
        Err(response) => {
            let message = format!("the WebSocket was refused: {}", response.status());
            write_all(stream, &in_bytes(*response)?)?;
            Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
        }
    }
}

/// The first of ours that a client offers.
pub(super) fn choose_subprotocol<'s>(
    headers: &HeaderMap,
    subprotocols: &'s [String],
) -> Option<&'s String> {
    subprotocols.iter().find(|ours| offers(headers, ours))
}

/// Whether a client offers that one.
fn offers(headers: &HeaderMap, subprotocol: &str) -> bool {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == subprotocol)
}

fn subprotocol(headers: &HeaderMap) -> Option<String> {
    headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok().map(str::to_owned)
}

/// What a client is told whose request is none for a WebSocket.
fn refusal(error: &tungstenite::Error) -> ErrorResponse {
    use tungstenite::error::ProtocolError as Wrong;
    let mut response = ErrorResponse::new(Some(format!("{error}\n")));
    *response.status_mut() = match error {
        tungstenite::Error::Protocol(Wrong::MissingSecWebSocketVersionHeader) => {
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            StatusCode::UPGRADE_REQUIRED
        }
        tungstenite::Error::Protocol(Wrong::WrongHttpMethod) => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::BAD_REQUEST,
    };
    response
}

/// An answer after which the connection ends.
fn in_bytes(mut response: ErrorResponse) -> io::Result<Vec<u8>> {
    let body = response.body_mut().take().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response).map_err(wrong)?;
    bytes.extend_from_slice(body.as_bytes());
    Ok(bytes)
}
