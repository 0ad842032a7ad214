//! A connection: one green thread reads what is drawn, one writes what all have drawn.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use greenstd::io::Duplex;
use greenstd::net::http::Upgraded;
use greenstd::net::ws::{CloseCode, Message, WebSocket};
use greenstd::thread;

use crate::canvas::{Canvas, News, Place};

/// How long nothing is said before the peer is pinged. Browsers answer by themselves.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// After so long without a byte, or without room for one, the peer has gone.
pub const SILENCE: Duration = Duration::from_secs(60);

/// How often a client may draw in the long run: more than any mouse says, and what a page can
/// follow. What it sends beyond that waits in its own connection.
const PAUSE: Duration = Duration::from_millis(2);

/// Serves a connection to its end.
pub fn speak(canvas: &Canvas, socket: &WebSocket<Upgraded>) -> io::Result<()> {
    let _drawer = canvas.enter();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let outcome = write(canvas, socket);
            // Whatever ends it ends the reader, too.
            let _ = socket.get_ref().shutdown(Shutdown::Both);
            outcome
        });
        let _killed = Ended(|| {
            // Refused only where nothing can be killed: it ends with the next line there.
            let _ = writer.kill();
        });
        read(canvas, socket)
    })
}

fn read(canvas: &Canvas, socket: &WebSocket<Upgraded>) -> io::Result<()> {
    while let Some(message) = socket.read()? {
        let Message::Text(text) = message else {
            return socket.close_with(CloseCode::Unsupported, "messages are text");
        };
        if let Err(wrong) = canvas.draw(text.as_str()) {
            return socket.close_with(CloseCode::Policy, wrong);
        }
        thread::sleep(PAUSE);
    }
    // The answer to the peer's farewell, if there was no room for it.
    socket.flush()
}

fn write(canvas: &Canvas, socket: &WebSocket<Upgraded>) -> io::Result<()> {
    let mut place = Place::default();
    loop {
        match canvas.next(&mut place, PING_INTERVAL) {
            News::Batch(batch) => socket.send(batch)?,
            News::Silence => socket.ping("")?,
            News::End => return socket.close_with(CloseCode::Away, "the server stops"),
        }
    }
}

/// Does something at the end of a scope, however that comes.
struct Ended<F: FnMut()>(F);

impl<F: FnMut()> Drop for Ended<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
