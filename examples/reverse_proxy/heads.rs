//! Heads of requests and responses: what is changed on the way, and how they are written.
//!
//! Fields that concern one connection only (RFC 9110, section 7.6.1) are not passed on. How long
//! the body of a response is, is told by RFC 9112, section 6.3; a response that leaves room for two
//! opinions is refused, since whoever is of the other one reads the rest as another response.

use std::io::{self, ErrorKind};

use greenstd::net::http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE, VIA,
};
use greenstd::net::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, RequestExt, StatusCode, Version,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Of one connection, besides those that its `Connection` names.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// As the server's limit for requests.
const HEADERS_MAX: usize = 100;

/// A request as an upstream gets it.
pub struct RequestHead {
    pub method: Method,
    target: String,
    headers: HeaderMap,
    pub body: BodySent,
    /// What it wants the connection to become.
    pub upgrade: Option<HeaderValue>,
}

/// How the body of a request is sent.
#[derive(Clone, Copy, PartialEq)]
pub enum BodySent {
    Nothing,
    WithLength,
    InChunks,
}

/// A response as an upstream gives it.
pub struct ResponseHead {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Framing,
    /// Whether the connection goes on after it.
    pub keeps_alive: bool,
    pub upgrade: Option<HeaderValue>,
}

/// Where the body of a response ends.
#[derive(Clone, Copy)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// Where the chunks do: so much of one is left.
    Chunk(u64),
    /// Where the connection does.
    Connection,
}

impl RequestHead {
    pub fn of(request: &Request) -> RequestHead {
        let (uri, body) = (request.uri(), request.body());
        let mut headers = request.headers().clone();
        // Each of HTTP/2 is a stream of a connection that others use.
        let can_upgrade = request.version() == Version::HTTP_11 && body.is_at_end();
        let upgrade = take_upgrade(&headers).filter(|_| can_upgrade);
        remove_hop_by_hop(&mut headers);
        // Its answer comes from the server, with the first read.
        headers.remove(EXPECT);
        let authority = uri.authority().and_then(|name| HeaderValue::from_str(name.as_str()).ok());
        if let Some(host) = authority.or_else(|| headers.get(HOST).cloned()) {
            headers.insert(FORWARDED_HOST, host.clone());
            headers.insert(HOST, host);
        }
        if let Some(peer) = request.peer_addr() {
            append(&mut headers, FORWARDED_FOR, &peer.ip().to_string());
        }
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
        append(&mut headers, VIA, "1.1 reverse_proxy");
        let body = match (body.is_at_end(), headers.contains_key(CONTENT_LENGTH)) {
            (true, _) => BodySent::Nothing,
            (false, true) => BodySent::WithLength,
            (false, false) => BodySent::InChunks,
        };
        if body == BodySent::InChunks {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if let Some(protocol) = &upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        RequestHead { method: request.method().clone(), target, headers, body, upgrade }
    }

    /// Whether it may be sent again when nobody knows what became of it.
    pub fn is_repeatable(&self) -> bool {
        self.method.is_safe() && self.body == BodySent::Nothing && self.upgrade.is_none()
    }

    pub fn in_bytes(&self, upstream: &str) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if !self.headers.contains_key(HOST) {
            bytes.extend_from_slice(format!("host: {upstream}\r\n").as_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

impl ResponseHead {
    /// Parses what was received up to the empty line, as the answer to a request.
    pub fn parse(bytes: &[u8], method: &Method) -> io::Result<ResponseHead> {
        let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut fields);
        let status = parsed.parse(bytes).map_err(wrong)?;
        let (httparse::Status::Complete(_), Some(code), Some(minor)) =
            (status, parsed.code, parsed.version)
        else {
            return Err(wrong("the head of the response is not whole"));
        };
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(wrong)?;
            headers.append(name, HeaderValue::from_bytes(field.value).map_err(wrong)?);
        }
        let status = StatusCode::from_u16(code).map_err(wrong)?;
        let body = framing(status, &headers, method)?;
        let keeps_alive = minor == 1
            && !tokens(&headers, CONNECTION).any(|token| token == "close")
            && !matches!(body, Framing::Connection);
        let upgrade = take_upgrade(&headers);
        remove_hop_by_hop(&mut headers);
        if has_no_body(status) {
            headers.remove(CONTENT_LENGTH);
        }
        Ok(ResponseHead { status, headers, body, keeps_alive, upgrade })
    }
}

fn framing(status: StatusCode, headers: &HeaderMap, method: &Method) -> io::Result<Framing> {
    let is_in_chunks = headers.contains_key(TRANSFER_ENCODING);
    if is_in_chunks {
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(wrong("the response has a length and chunks"));
        }
        if !tokens(headers, TRANSFER_ENCODING).eq(["chunked"]) {
            return Err(wrong("the response has a transfer encoding that was not asked for"));
        }
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if length.is_some_and(|length| lengths.any(|other| other != length)) {
        return Err(wrong("the response has two lengths"));
    }
    let length = length.map(|length| {
        let digits = length.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| wrong("no length is that"))
    });
    let length = length.transpose()?;
    if method == Method::HEAD || has_no_body(status) {
        return Ok(Framing::Length(0));
    }
    Ok(match length {
        _ if is_in_chunks => Framing::Chunk(0),
        Some(length) => Framing::Length(length),
        None => Framing::Connection,
    })
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn take_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let is_asked = tokens(headers, CONNECTION).any(|token| token == "upgrade");
    headers.get(UPGRADE).filter(|_| is_asked).cloned()
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<String> = tokens(headers, CONNECTION).collect();
    for name in named.iter().map(String::as_str).chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// The elements of a list, which may stand in several fields, in lower case.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase())
}

/// Adds an element to the end of a list.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let mut list: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    list.push(element.as_bytes());
    let value = HeaderValue::from_bytes(&list.join(&b", "[..]));
    let value = value.expect("values and an address are joined by what may stand in a value");
    headers.insert(name, value);
}

pub fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
