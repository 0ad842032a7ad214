//! The rival: the same chat on hyper and tokio, a task for each connection, woken by `watch`.
//!
//! It does what the measured part of the example does: a bounded history, each message made JSON
//! once, polls with a deadline, WebSockets that are read while they are told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use crate::log::MESSAGES_MAX;
use crate::message::{Message, Said};
use crate::support::contender::System;
use crate::support::on_tokio;

/// As the example.
const POLL_MAX: Duration = Duration::from_secs(30);

/// Enough for what anybody types; tungstenite's own 128 KiB would be most of its memory.
const READ_BUFFER_BYTES: usize = 4 << 10;

#[derive(Default)]
struct Chat {
    messages: Mutex<VecDeque<Message>>,
    newest: watch::Sender<u64>,
}

/// Serves for ever.
pub fn serve(
    system: System,
    workers: usize,
    announce: impl FnOnce(u16) + Send + 'static,
) -> io::Result<()> {
    on_tokio::run(system, workers, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?.port());
        let chat = Arc::new(Chat::default());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let chat = Arc::clone(&chat);
            let service = service_fn(move |request| answer(Arc::clone(&chat), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A reset is the client's way to leave.
            tokio::spawn(async { connection.with_upgrades().await.is_ok() });
        }
    })
}

async fn answer(
    chat: Arc<Chat>,
    request: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    Ok(match request.uri().path() {
        "/wait" => chat.wait(since(&request)).await,
        "/send" => chat.send(request.into_body()).await,
        "/ws" => upgrade(chat, request),
        _ => status(StatusCode::NOT_FOUND),
    })
}

fn status(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    response
}

fn since(request: &Request<Incoming>) -> u64 {
    let query = request.uri().query().unwrap_or_default();
    query.strip_prefix("since=").and_then(|since| since.parse().ok()).unwrap_or(0)
}

impl Chat {
    fn newer(&self, since: u64) -> Vec<Message> {
        let messages = self.messages.lock();
        let first = messages.partition_point(|message| message.number <= since);
        messages.range(first..).cloned().collect()
    }

    async fn wait(&self, since: u64) -> Response<String> {
        let mut newest = self.newest.subscribe();
        let is_newer = newest.wait_for(|&newest| newest > since);
        // The answer is empty if the time is up.
        let _ = tokio::time::timeout(POLL_MAX, is_newer).await;
        let messages = self.newer(since);
        let newest = messages.last().map_or(since, |message| message.number);
        let texts: Vec<&str> = messages.iter().map(|message| message.json.as_str()).collect();
        let json = format!(r#"{{"newest":{newest},"messages":[{}]}}"#, texts.join(","));
        Response::new(json)
    }

    async fn send(&self, mut body: Incoming) -> Response<String> {
        let mut bytes = Vec::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => bytes.extend_from_slice(&data),
                _ => return status(StatusCode::BAD_REQUEST),
            }
        }
        let Ok(said) = Said::parse(&bytes) else { return status(StatusCode::BAD_REQUEST) };
        let number = *self.newest.borrow() + 1;
        {
            let mut messages = self.messages.lock();
            if messages.len() == MESSAGES_MAX {
                messages.pop_front();
            }
            messages.push_back(Message::new(number, &said));
        }
        self.newest.send_replace(number);
        status(StatusCode::NO_CONTENT)
    }
}

fn upgrade(chat: Arc<Chat>, mut request: Request<Incoming>) -> Response<String> {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let accept = derive_accept_key(key.as_bytes());
    let since = since(&request);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let stream = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        // A reset is the client's way to leave.
        let _ = converse(&chat, socket, since).await;
    });
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, "upgrade".parse().expect("a word is a header's value"));
    headers.insert(UPGRADE, "websocket".parse().expect("a word is a header's value"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.parse().expect("Base64 is a header's value"));
    response
}

async fn converse(
    chat: &Chat,
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
    mut since: u64,
) -> tungstenite::Result<()> {
    let mut newest = chat.newest.subscribe();
    // There may be messages already.
    newest.mark_changed();
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(message) => drop(message?),
                None => return Ok(()),
            },
            _ = newest.changed() => {
                for message in chat.newer(since) {
                    since = message.number;
                    socket.send(Frame::Text(message.json)).await?;
                }
            }
        }
    }
}
