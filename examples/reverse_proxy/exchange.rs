//! A request, from its client to an upstream and back.
//!
//! Where an upstream cannot be reached, the next one is tried. Once it was told something, only
//! what may be repeated is: a request that is safe and has no body. A connection that was idle is
//! used for such requests only, since its upstream may be closing it at this moment.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use greenstd::io::CopyBidirectional;
use greenstd::net::http::{
    IntoResponse, Request, RequestBody, Response, ResponseBody, StatusCode, upgrade,
};

use crate::Rules;
use crate::connection::{Connection, Download};
use crate::heads::{BodySent, RequestHead, ResponseHead, wrong};
use crate::upstreams::{Route, Upstream};

/// After so long without a byte a connection that has left HTTP is cut.
const TUNNEL_IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// What stands between clients and upstreams.
pub struct Proxy {
    routes: Vec<Route>,
    rules: Rules,
}

/// Who is to blame.
#[derive(Debug)]
pub enum Fault {
    Client(io::Error),
    Upstream(io::Error),
}

impl Proxy {
    pub fn new(routes: Vec<Route>, rules: Rules) -> Proxy {
        Proxy { routes, rules }
    }

    /// Answers a request, whatever happens.
    pub fn answer(&self, request: Request) -> Response {
        let path = request.uri().path();
        let fitting = self.routes.iter().filter_map(|route| Some((route.fits(path)?, route)));
        let Some((_, route)) = fitting.max_by_key(|(length, _)| *length) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let head = RequestHead::of(&request);
        let what = format!("{} {path}", head.method);
        self.pass_on(route, &head, request.into_body()).unwrap_or_else(|fault| {
            eprintln!("reverse_proxy: {what}: {fault}");
            match fault {
                Fault::Client(error) => error.into_response(),
                Fault::Upstream(error) if error.kind() == ErrorKind::TimedOut => {
                    StatusCode::GATEWAY_TIMEOUT.into_response()
                }
                Fault::Upstream(_) => StatusCode::BAD_GATEWAY.into_response(),
            }
        })
    }

    fn pass_on(
        &self,
        route: &Route,
        head: &RequestHead,
        body: RequestBody,
    ) -> Result<Response, Fault> {
        let mut body = Some(body);
        let mut last = None;
        for upstream in route.candidates() {
            let fault = match self.ask(&upstream, head, &mut body) {
                Ok(response) => return Ok(response),
                Err(fault) => fault,
            };
            let Fault::Upstream(error) = fault else { return Err(fault) };
            upstream.has_failed();
            let text = format!("upstream {}: {error}", upstream.address);
            let error = io::Error::new(error.kind(), text);
            // Whoever waits has waited long enough; and what is gone cannot be sent again.
            let may_go_on = head.is_repeatable() && error.kind() != ErrorKind::TimedOut;
            if body.is_none() && !may_go_on {
                return Err(Fault::Upstream(error));
            }
            last = Some(error);
        }
        Err(Fault::Upstream(last.expect("a route has an upstream")))
    }

    fn ask(
        &self,
        upstream: &Arc<Upstream>,
        head: &RequestHead,
        body: &mut Option<RequestBody>,
    ) -> Result<Response, Fault> {
        if head.is_repeatable()
            && let Some(connection) = upstream.take_idle()
        {
            match exchange(upstream, connection, head, body) {
                // It may have been closed meanwhile, which says nothing about the upstream.
                Err(Fault::Upstream(error)) if error.kind() != ErrorKind::TimedOut => {}
                outcome => return outcome,
            }
        }
        let connection = Connection::open(&upstream.address, &self.rules);
        exchange(upstream, connection.map_err(Fault::Upstream)?, head, body)
    }
}

/// Sends a request and waits for the head of its response. Takes the body once it is sent.
fn exchange(
    upstream: &Arc<Upstream>,
    mut connection: Connection,
    head: &RequestHead,
    body: &mut Option<RequestBody>,
) -> Result<Response, Fault> {
    let body = body.take();
    connection.send(&head.in_bytes(&upstream.address)).map_err(Fault::Upstream)?;
    let upload = match (head.body, body) {
        (BodySent::Nothing, _) | (_, None) => None,
        (sent, Some(body)) => Some(connection.upload(body, sent == BodySent::InChunks)),
    };
    let answer = connection.receive_head(&head.method).map_err(|error| {
        let fault = upload.as_ref().and_then(|upload| upload.take_fault());
        fault.unwrap_or(Fault::Upstream(error))
    })?;
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return tunnel(connection, head, answer).map_err(Fault::Upstream);
    }
    upstream.has_succeeded();
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = answer.status;
    let download = Download::new(connection, upload, &answer, Arc::clone(upstream));
    if !download.is_empty() {
        *response.body_mut() = ResponseBody::writer(move |body| download.send(body));
    }
    *response.headers_mut() = answer.headers;
    Ok(response)
}

/// Makes the response after which bytes are passed on as they are, both ways.
fn tunnel(
    connection: Connection,
    head: &RequestHead,
    answer: ResponseHead,
) -> io::Result<Response> {
    let protocol = answer.upgrade.as_ref().and_then(|protocol| protocol.to_str().ok());
    let (Some(_), Some(protocol)) = (&head.upgrade, protocol) else {
        return Err(wrong("the upstream leaves HTTP unasked"));
    };
    // From now on silence is no failure.
    connection.stream.set_read_timeout(None)?;
    connection.stream.set_write_timeout(None)?;
    let mut response = upgrade(protocol, move |client| {
        (&client).write_all(connection.read_ahead())?;
        let copy = CopyBidirectional::new().idle_timeout(TUNNEL_IDLE_TIMEOUT);
        copy.run(&client, &*connection.stream).map(drop)
    });
    response.headers_mut().extend(answer.headers);
    Ok(response)
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Client(error) => write!(formatter, "the client: {error}"),
            Fault::Upstream(error) => error.fmt(formatter),
        }
    }
}

impl Error for Fault {}
