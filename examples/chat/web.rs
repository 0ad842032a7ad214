//! What is asked for by HTTP, and the answers.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenstd::net::http::{
    HeaderValue, IntoResponse, Method, Request, Response, StatusCode, header,
};

use crate::bus::Bus;
use crate::log::{Log, News};
use crate::message::Said;
use crate::web_socket;

const PAGE: &str = include_str!("page.html");

/// How long a poll may wait. A client that has left is found out by then, when it is answered.
const POLL_MAX: Duration = Duration::from_secs(30);

pub struct Chat {
    pub log: Arc<Log>,
    pub bus: Bus,
}

pub fn answer(chat: &Arc<Chat>, request: Request) -> Response {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => page(),
        (&Method::GET, "/wait") => wait(chat, &request).into_response(),
        (&Method::POST, "/send") => send(chat, request).into_response(),
        (&Method::GET, "/ws") => web_socket::answer(chat, &request),
        (_, "/" | "/wait" | "/send" | "/ws") => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn page() -> Response {
    with_type("text/html; charset=utf-8", PAGE.into_response())
}

/// What is newer than `since`, as soon as there is any.
fn wait(chat: &Chat, request: &Request) -> Result<Response, (StatusCode, String)> {
    let since = number(request, "since")?.unwrap_or(0);
    let timeout = number(request, "timeout")?.map_or(POLL_MAX, Duration::from_secs);
    let messages = match chat.log.wait_newer(since, timeout.min(POLL_MAX)) {
        News::Messages(messages) => messages,
        // The client finds out when it asks again.
        News::Closed => Vec::new(),
    };
    let newest = messages.last().map_or(since, |message| message.number);
    let mut json = format!(r#"{{"newest":{newest},"messages":["#);
    for (index, message) in messages.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(json, "{comma}{}", message.json).expect("a string takes what it is given");
    }
    json.push_str("]}");
    Ok(with_type("application/json", json.into_response()))
}

fn send(chat: &Chat, mut request: Request) -> io::Result<Response> {
    if is_foreign(&request) {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let said = match Said::parse(&request.body_mut().read_all()?) {
        Ok(said) => said,
        Err(refusal) => return Ok((StatusCode::BAD_REQUEST, refusal.to_string()).into_response()),
    };
    Ok(match chat.bus.publish(&said) {
        Ok(()) => ().into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, unpublished(&error)).into_response(),
    })
}

/// What a client is told of a bus that fails; why it does is for the log.
pub fn unpublished(error: &redis::RedisError) -> String {
    eprintln!("chat: a message was not published: {error}");
    "the message could not be handed on; try again".to_owned()
}

/// Whether a browser asks for the page of somebody else, who is not to talk in its user's name.
fn is_foreign(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    origin.split_once("://").map(|(_, host)| host) != text(header::HOST)
}

/// A number in the query.
pub fn number(request: &Request, name: &str) -> Result<Option<u64>, (StatusCode, String)> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = |_| (StatusCode::BAD_REQUEST, format!("`{name}` is no number: {value:?}"));
    value.parse().map(Some).map_err(wrong)
}

fn with_type(name: &'static str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
