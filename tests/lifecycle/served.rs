//! A server to wait for.

use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, StreamServer};
use greenstd::sync::Event;
use greenstd::{channel, thread};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// A server with a handler that does not end by itself, and the connection of another one.
pub struct Served {
    pub server: StreamServer,
    pub connection: Connection,
    client: TcpStream,
    end: Arc<Event>,
}

impl Served {
    pub fn new() -> Served {
        let (sender, receiver) = channel::bounded(1);
        let end = Arc::new(Event::new());
        let is_stuck = Arc::new(Event::new());
        let (its_end, gets_stuck) = (end.clone(), is_stuck.clone());
        let handle = move |connection| {
            // The second one finds the channel full.
            if sender.try_send(connection).is_err() {
                gets_stuck.set();
                its_end.wait();
            }
            Ok(())
        };
        let server = StreamServer::builder().start("127.0.0.1:0", handle).unwrap();
        let client = TcpStream::connect(server.local_addr()).unwrap();
        while server.statistics().finished == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        let _stuck = TcpStream::connect(server.local_addr()).unwrap();
        // Before the channel is emptied.
        is_stuck.wait();
        Served { server, connection: receiver.recv().unwrap(), client, end }
    }

    pub fn write(&self) {
        (&self.client).write_all(&[1]).unwrap();
    }

    pub fn end(&self) {
        self.end.set();
        self.server.stop(None);
    }
}
