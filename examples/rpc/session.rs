//! A connection: one green thread reads from it, one writes to it, and each call has one, too.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use greenstd::channel::{self, Receiver, RecvTimeoutError};
use greenstd::group::Pool;
use greenstd::io::Duplex;
use greenstd::net::http::Upgraded;
use greenstd::net::ws::{CloseCode, Message, WebSocket};
use greenstd::thread;
use serde_json::{Value, json};

use crate::broker::{Broker, Letter, Outbox};
use crate::limits;

/// A client, for as long as this lives.
struct Session {
    broker: Arc<Broker>,
    id: u64,
    outbox: Outbox,
    calls: Pool,
}

/// Serves a connection to its end.
pub fn speak(broker: Arc<Broker>, socket: WebSocket<Upgraded>) -> io::Result<()> {
    let socket = Arc::new(socket);
    let (letters, inbox) = channel::bounded(limits::OUTBOX);
    let outbox = Outbox { letters, socket: Arc::clone(&socket) };
    let Some(id) = broker.enter(outbox.clone()) else {
        return socket.close_with(CloseCode::Away, "the server stops");
    };
    thread::scope(|scope| {
        // It ends the writer, however the reader ends: none is left who puts letters.
        let session = Session { broker, id, outbox, calls: Pool::new(limits::CALLS) };
        scope.spawn(|| {
            // Whatever ends it ends the reader, too.
            let _ = write(&socket, &inbox);
            let _ = socket.get_ref().shutdown(Shutdown::Both);
        });
        session.read(&socket)
    })
}

/// Sends what is put into the outbox, and a ping if nothing is.
fn write(socket: &WebSocket<Upgraded>, inbox: &Receiver<Letter>) -> io::Result<()> {
    loop {
        match inbox.recv_timeout(limits::PING_INTERVAL) {
            Ok(Letter::Text(text)) => socket.send(text)?,
            Ok(Letter::Farewell) => return socket.close_with(CloseCode::Away, "the server stops"),
            Err(RecvTimeoutError::Timeout) => socket.ping("")?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

impl Session {
    fn read(&self, socket: &WebSocket<Upgraded>) -> io::Result<()> {
        while let Some(message) = socket.read()? {
            let Message::Text(text) = message else {
                return socket.close_with(CloseCode::Unsupported, "messages are text");
            };
            match serde_json::from_str::<Value>(text.as_str()) {
                Ok(Value::Array(parts)) => self.obey(&parts),
                _ => self.put(json!(["error", null, "a message is an array in JSON"])),
            }
        }
        // The answer to the peer's farewell, if there was no room for it.
        socket.flush()
    }

    /// Does what a message says, or says what is wrong with it.
    fn obey(&self, parts: &[Value]) {
        let (kind, id) = match parts {
            [Value::String(kind), id @ (Value::Number(_) | Value::String(_)), ..] => (kind, id),
            _ => return self.put(json!(["error", null, "a message begins with a kind and an ID"])),
        };
        match (kind.as_str(), &parts[2..]) {
            ("call", [Value::String(name), Value::Array(arguments)]) => {
                self.call(id, name, arguments);
            }
            ("register", [Value::String(name)]) => {
                let answer = json!(["registered", id]);
                let register = |name| self.broker.register(self.id, name, &answer);
                self.refuse_if_failed(named(name).and_then(register), id);
            }
            ("subscribe", [Value::String(topic)]) => {
                let answer = json!(["subscribed", id]);
                let subscribe = |topic| self.broker.subscribe(self.id, topic, &answer);
                self.refuse_if_failed(named(topic).and_then(subscribe), id);
            }
            ("unsubscribe", [Value::String(topic)]) => {
                self.broker.unsubscribe(self.id, topic);
                self.put(json!(["unsubscribed", id]));
            }
            ("publish", [Value::String(topic), value]) => {
                let publish = |topic| {
                    self.put(json!(["published", id, self.broker.publish(topic, value)]));
                };
                self.refuse_if_failed(named(topic).map(publish), id);
            }
            ("yield", [value]) => self.answer(id, Ok(value.clone())),
            ("error", [Value::String(text)]) => self.answer(id, Err(text.clone())),
            _ => self.put(json!(["error", id, format!("nobody understands this {kind}")])),
        }
    }

    /// Calls a procedure on a green thread of its own, since it may take its time.
    fn call(&self, id: &Value, name: &str, arguments: &[Value]) {
        let (broker, outbox) = (Arc::clone(&self.broker), self.outbox.clone());
        let (name, arguments, its_id) = (name.to_owned(), arguments.to_vec(), id.clone());
        let call = move || {
            let message = match broker.call(&name, &arguments) {
                Ok(value) => json!(["result", its_id, value]),
                Err(text) => json!(["error", its_id, text]),
            };
            // Whose caller has gone is in nobody's way.
            let _ = outbox.letters.send(Letter::Text(message.to_string()));
        };
        // A reader that waited for room might wait for answers that it is to read itself.
        if self.calls.try_spawn(call).is_err() {
            self.put(json!(["error", id, "there are too many calls at once"]));
        }
    }

    fn answer(&self, id: &Value, outcome: Result<Value, String>) {
        if let Some(invocation) = id.as_u64() {
            self.broker.answer(self.id, invocation, outcome);
        }
    }

    fn refuse_if_failed(&self, outcome: Result<(), String>, id: &Value) {
        if let Err(text) = outcome {
            self.put(json!(["error", id, text]));
        }
    }

    /// Waits for room: a client that does not take answers is not asked for more questions.
    fn put(&self, message: Value) {
        // Its writer has gone, and its reader is about to be told.
        let _ = self.outbox.letters.send(Letter::Text(message.to_string()));
    }
}

/// A name of a procedure or a topic.
fn named(name: &str) -> Result<&str, String> {
    match name.len() {
        1..=limits::NAME_BYTES => Ok(name),
        _ => Err(format!("a name has from 1 to {} bytes", limits::NAME_BYTES)),
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.broker.leave(self.id);
        let _ = self.outbox.socket.get_ref().shutdown(Shutdown::Both);
        // Refused only where nothing can be killed: calls end by their timeouts there.
        let _ = self.calls.kill(Duration::ZERO);
    }
}
