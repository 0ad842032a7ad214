//! The chat by WebSocket: one green thread reads, one sends.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use greenstd::net::http::{IntoResponse, Request, Response, Upgraded};
use greenstd::net::io::Duplex;
use greenstd::net::ws::{Builder, CloseCode, Message, WebSocket};
use greenstd::{thread, time};
use serde_json::json;

use crate::log::News;
use crate::message::Said;
use crate::web::{Chat, number, unpublished};

/// More than any message has, with all of it escaped.
const MESSAGE_BYTES_MAX: usize = 32 << 10;

/// A silence after which the client is pinged: the system finds out if it has vanished.
const PING_AFTER: Duration = Duration::from_secs(30);

/// How long a client may leave no room for a message, and how long it may take to say farewell.
const PATIENCE: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(2);

pub fn answer(chat: &Arc<Chat>, request: &Request) -> Response {
    let since = match number(request, "since") {
        Ok(since) => since.unwrap_or(0),
        Err(refusal) => return refusal.into_response(),
    };
    let chat = Arc::clone(chat);
    let builder = Builder::new()
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .close_timeout(FAREWELL);
    builder.upgrade(request, move |socket| converse(&chat, &socket, since))
}

fn converse(chat: &Chat, socket: &WebSocket<Upgraded>, since: u64) -> io::Result<()> {
    thread::scope(|scope| {
        let teller = scope.spawn(|| {
            let told = tell(chat, socket, since);
            if told.is_err() {
                // The reader is to end, too; the connection may have gone already.
                let _ = socket.get_ref().shutdown(Shutdown::Both);
            }
        });
        let heard = hear(chat, socket);
        // It waits for messages, and nobody is there to be told. Green threads can be killed.
        teller.kill()?;
        heard
    })
}

/// Publishes what the client says, until it leaves.
fn hear(chat: &Chat, socket: &WebSocket<Upgraded>) -> io::Result<()> {
    for message in socket.incoming() {
        let Message::Text(text) = message? else {
            return socket.close_with(CloseCode::Unsupported, "a message is text");
        };
        let complaint = match Said::parse(text.as_bytes()) {
            Ok(said) => chat.bus.publish(&said).err().map(|error| unpublished(&error)),
            Err(refusal) => Some(refusal.to_string()),
        };
        if let Some(complaint) = complaint {
            send(socket, json!({ "error": complaint }).to_string())?;
        }
        // Whoever sends much at once has it all read already. It is not to outrun those who tell.
        thread::yield_now();
    }
    Ok(())
}

/// Tells the client what others say, until the server stops.
fn tell(chat: &Chat, socket: &WebSocket<Upgraded>, mut since: u64) -> io::Result<()> {
    loop {
        match chat.log.wait_newer(since, PING_AFTER) {
            News::Messages(messages) if messages.is_empty() => {
                send(socket, Message::Ping(Vec::new().into()))?;
            }
            News::Messages(messages) => {
                for message in messages {
                    since = message.number;
                    send(socket, Message::Text(message.json))?;
                }
            }
            News::Closed => return socket.close_with(CloseCode::Away, "the server stops"),
        }
    }
}

/// A client that takes nothing for so long is cut off; what it has missed it gets when it is back.
fn send(socket: &WebSocket<Upgraded>, message: impl Into<Message>) -> io::Result<()> {
    let sent = time::timeout(PATIENCE, || socket.send(message));
    sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
