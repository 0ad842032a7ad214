//! The commands of a client.

use std::io::{self, BufRead, ErrorKind, Write};

use greenstd::net::ws::{WebSocket, connect};
use greenstd::{println, thread};
use serde_json::Value;

/// Draws each line of the input, and waits until all have been drawn.
pub fn draw(url: &str) -> io::Result<()> {
    let socket = connect(url)?;
    thread::scope(|scope| {
        // What others draw is of no interest here, but it is to be taken.
        let reader = scope.spawn(|| read_on(&socket));
        let sent = greenstd::io::stdin().lock().lines().try_for_each(|line| socket.send(line?));
        // A server that refuses a line says why, by its farewell.
        let closed = sent.and_then(|()| socket.close());
        let refusal = reader.join().expect("a reader does not panic");
        match (refusal, closed) {
            (Some(reason), _) => Err(io::Error::new(ErrorKind::InvalidData, reason)),
            (None, closed) => closed,
        }
    })
}

/// Reads until the end, and returns why it has come if that is not the end of this client's making.
fn read_on<S: greenstd::io::Duplex>(socket: &WebSocket<S>) -> Option<String> {
    while let Ok(Some(_)) = socket.read() {}
    let frame = socket.close_frame()?;
    (!frame.reason.is_empty()).then(|| frame.reason.to_string())
}

/// Prints what is drawn, until there were so many lines or the server ends.
pub fn watch(url: &str, count: Option<u64>) -> io::Result<()> {
    let socket = connect(url)?;
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(message) = socket.read()? else {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server has ended"));
        };
        let batch: Vec<Value> = serde_json::from_slice(&message.into_data())?;
        for line in batch {
            // How many there are is no line.
            left = left.saturating_sub(u64::from(line[0] != "drawers"));
            println!("{line}");
        }
        io::stdout().flush()?;
    }
    socket.close()
}
