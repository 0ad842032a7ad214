//! The way from a request of HTTP to a WebSocket, and what tells that its peer has gone.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use greenstd::io::Duplex;
use greenstd::net::http::{IntoResponse, Request, Response, StatusCode, Upgraded, header, upgrade};
use greenstd::net::ws::tungstenite::handshake::server::create_response;
use greenstd::net::ws::{self, Builder, Role, WebSocket};
use greenstd::time;

/// How long nothing is said before the peer is pinged. Browsers answer by themselves.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);

/// After so long without a byte, or without room for one, the peer has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// A connection that has left HTTP, with the timeouts that it had there.
pub struct Patient(Upgraded);

/// Answers a request for a WebSocket: with an upgrade after which `speak` has the connection, or
/// with what is wrong with the request.
///
/// A browser that runs another site's page says so by `Origin`, and is refused.
pub fn answer(
    request: &Request,
    builder: Builder,
    speak: impl FnOnce(WebSocket<Patient>) -> io::Result<()> + Send + 'static,
) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let site = origin.and_then(|origin| origin.split_once("://")).map(|(_, site)| site);
    if origin.is_some() && site != host {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut asked = ws::Request::new(());
    *asked.method_mut() = request.method().clone();
    *asked.version_mut() = request.version();
    *asked.headers_mut() = headers.clone();
    let agreed = match create_response(&asked) {
        Ok(agreed) => agreed,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let mut response = upgrade("websocket", move |stream| {
        speak(builder.after_upgrade(Patient(stream), Role::Server, Vec::new()))
    });
    if let Some(key) = agreed.headers().get(header::SEC_WEBSOCKET_ACCEPT) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, key.clone());
    }
    response
}

impl Duplex for Patient {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        within(|| self.0.read_from(buffer))
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        within(|| self.0.write_to(bytes))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn try_write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write_to(bytes)
    }
}

/// No timeout to the WebSocket, which would go on after one, but an end.
fn within(wait: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
    time::timeout(SILENCE, wait).unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the peer has kept still for too long",
        ))
    })
}
