//! From a request to its handler, and back.
//!
//! # Invariants
//!
//! 1. A handler runs on a green thread on which nothing else waits for the connection: on the
//!    connection's own only if the request has no body.
//! 2. The handler's thread belongs to the connection (`Link::handlers`), so it is waited for, and
//!    killed, with it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::http::header::{CONNECTION, HOST, HeaderValue};
use ::http::{StatusCode, Version};
use greenstd_runtime::thread::{Builder, Killed};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::sync::oneshot;

use super::exchange::{Exchange, Permit};
use super::reply::{Content, IntoResponse, Response};
use super::request::RequestBody;
use super::sent_body::SentBody;
use super::shared::Link;

/// What hyper calls with the requests of one connection.
pub(super) struct Service {
    pub(super) link: Arc<Link>,
    pub(super) is_http2: bool,
}

type Received = ::http::Request<Incoming>;
type Answer = (Response, Option<Permit>);

impl hyper::service::Service<Received> for Service {
    type Response = ::http::Response<SentBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Received) -> Answering {
        let exchange = Exchange::begin(Arc::clone(&self.link), &request);
        let can_upgrade = !self.is_http2 && request.extensions().get::<OnUpgrade>().is_some();
        let state = if !names_one_host(&request) {
            refuse(&self.link, &request)
        } else if self.is_http2 {
            State::Received(Box::new(request))
        } else if request.body().is_end_stream() {
            // Here and now, so that the request is not put aside first.
            State::Answered(handle(&self.link, request))
        } else {
            start(&self.link, request)
        };
        Answering { state, exchange: Some(exchange), can_upgrade }
    }
}

/// A request of HTTP/1.1 says once whose it is: RFC 9112, section 3.2. Two servers in a row might
/// take it for requests of different sites otherwise. hyper leaves that to us.
fn names_one_host(request: &Received) -> bool {
    if request.version() != Version::HTTP_11 {
        return true;
    }
    // A look at each costs less than a look-up, as short as heads are.
    let mut hosts = request.headers().iter().filter(|(name, _)| **name == HOST);
    hosts.next().is_some() && hosts.next().is_none()
}

/// Without a handler: the connection ends with the answer.
fn refuse(link: &Link, request: &Received) -> State {
    if !request.body().is_end_stream() {
        link.note_unread();
    }
    let mut response = StatusCode::BAD_REQUEST.into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    State::Answered((response, None))
}

/// A request on its way to its response.
pub(super) struct Answering {
    state: State,
    exchange: Option<Exchange>,
    can_upgrade: bool,
}

enum State {
    /// A stream of HTTP/2, which is polled by a green thread of its own: that is to be where its
    /// handler runs.
    Received(Box<Received>),
    Answered(Answer),
    Handled(oneshot::Receiver<Answer>),
    Done,
}

impl Future for Answering {
    type Output = Result<::http::Response<SentBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, permit) = match std::mem::replace(&mut self.state, State::Done) {
            State::Received(request) => {
                let exchange = self.exchange.as_ref().expect("there is no response yet");
                let link = Arc::clone(exchange.link());
                handle(&link, *request)
            }
            State::Answered(answer) => answer,
            State::Handled(mut receiver) => {
                let outcome = Pin::new(&mut receiver).poll(context);
                if outcome.is_pending() {
                    self.state = State::Handled(receiver);
                }
                // Whoever was killed has sent nothing.
                let killed = |_| (StatusCode::INTERNAL_SERVER_ERROR.into_response(), None);
                ready!(outcome).unwrap_or_else(killed)
            }
            State::Done => unreachable!("hyper polls no future after its end"),
        };
        let exchange = self.exchange.take().expect("there was no response before");
        Poll::Ready(Ok(self.send(response, permit, exchange)))
    }
}

impl Answering {
    fn send(
        &self,
        mut response: Response,
        permit: Option<Permit>,
        mut exchange: Exchange,
    ) -> ::http::Response<SentBody> {
        if let Content::Upgrade(speak) = take_upgrade(&mut response) {
            if self.can_upgrade {
                *exchange.link().upgrade.lock() = Some(speak);
            } else {
                response = StatusCode::BAD_REQUEST.into_response();
            }
        }
        exchange.answered(response.status(), permit);
        response.map(|body| SentBody::new(body.content, exchange))
    }
}

fn take_upgrade(response: &mut Response) -> Content {
    match &mut response.body_mut().content {
        content @ Content::Upgrade(_) => std::mem::take(content),
        _ => Content::Empty,
    }
}

/// Starts the handler on a green thread of its own.
fn start(link: &Arc<Link>, request: Received) -> State {
    let (sender, receiver) = oneshot::channel();
    let mut builder = Builder::new().name(format!("{}-request", link.settings().name));
    if let Some(bytes) = link.settings().stack_size {
        builder = builder.stack_size(bytes);
    }
    let its_link = Arc::clone(link);
    let body = move || {
        // The connection may have gone meanwhile.
        let _ = sender.send(handle(&its_link, request));
    };
    match link.handlers.spawn_with(builder, body) {
        Ok(_) => State::Handled(receiver),
        Err(error) => {
            let server = link.settings().name.as_str();
            tracing::warn!(server, %error, "no green thread for a request");
            State::Answered((StatusCode::SERVICE_UNAVAILABLE.into_response(), None))
        }
    }
}

/// Calls the handler. Blocks as long as it does, and before that until there is a permit.
fn handle(link: &Arc<Link>, request: Received) -> Answer {
    let permit = Permit::take(&link.shared);
    let span = tracing::info_span!(
        target: "greenstd::http",
        "request",
        server = link.settings().name,
        peer = link.peer.map(tracing::field::display),
        method = %request.method(),
        path = request.uri().path(),
    );
    let request = {
        let (span, link) = (span.clone(), Arc::clone(link));
        request.map(|incoming| RequestBody::new(incoming, link, span))
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| (link.shared.handle)(request)));
    let response = outcome.unwrap_or_else(|payload| {
        if payload.is::<Killed>() {
            resume_unwind(payload);
        }
        // What it has said was written by the panic hook.
        tracing::error!(parent: &span, server = link.settings().name, "a handler has panicked");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    });
    (response, permit)
}
