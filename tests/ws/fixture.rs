//! Connections, and frames by hand.

use greenstd::net::io::Duplex;
use greenstd::net::ws::{Builder, Message, Role, WebSocket};
use greenstd::net::{DuplexStream, TcpListener, TcpStream, duplex};
use std::io::{Read, Write};

pub const FINAL: u8 = 0x80;
pub const CONTINUED: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

pub fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Both ends of a WebSocket over both ends of a connection, without a handshake.
pub fn over<S: Duplex>((client, server): (S, S)) -> (WebSocket<S>, WebSocket<S>) {
    let builder = Builder::new();
    (
        builder.after_upgrade(client, Role::Client, Vec::new()),
        builder.after_upgrade(server, Role::Server, Vec::new()),
    )
}

pub fn pair() -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
    over(tcp())
}

/// With room for so many bytes on the way, in each direction.
pub fn narrow(room: usize) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    over(duplex(room))
}

/// A server, and the bare stream of its client.
pub fn server_and_stream() -> (WebSocket<TcpStream>, TcpStream) {
    let (client, server) = tcp();
    (Builder::new().after_upgrade(server, Role::Server, Vec::new()), client)
}

/// A client, and the bare stream of its server.
pub fn client_and_stream() -> (WebSocket<TcpStream>, TcpStream) {
    let (client, server) = tcp();
    (Builder::new().after_upgrade(client, Role::Client, Vec::new()), server)
}

/// A frame as a server sends it.
pub fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

/// A frame as a client sends it.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0xfe, 0x33, 0x80];
    let mut frame = head(first, payload.len(), 0x80);
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

pub fn head(first: u8, length: usize, mask_bit: u8) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(mask_bit | length as u8),
        126..0x10000 => {
            head.push(mask_bit | 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(mask_bit | 127);
            head.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    head
}

pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// A frame that has come: its first byte, its mask, its payload without it.
pub struct Received {
    pub first: u8,
    pub mask: Option<[u8; 4]>,
    pub payload: Vec<u8>,
}

impl Received {
    /// The code of a close frame.
    #[track_caller]
    pub fn code(&self) -> u16 {
        assert_eq!(self.first, FINAL | CLOSE);
        u16::from_be_bytes([self.payload[0], self.payload[1]])
    }
}

/// Parses a frame in the most naive way.
pub fn receive(mut stream: impl Read) -> Received {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            u64::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length).unwrap();
            u64::from_be_bytes(length)
        }
        length => u64::from(length),
    };
    let mask = (head[1] & 0x80 != 0).then(|| {
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).unwrap();
        mask
    });
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).unwrap();
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask.map_or(0, |mask| mask[at % 4]);
    }
    Received { first: head[0], mask, payload }
}

pub fn put(mut stream: impl Write, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

/// The next message, which is a text.
#[track_caller]
pub fn text<S: Duplex>(socket: &WebSocket<S>) -> String {
    match socket.read().unwrap() {
        Some(Message::Text(text)) => text.to_string(),
        other => panic!("not a text: {other:?}"),
    }
}

/// The next message, which is binary.
#[track_caller]
pub fn binary<S: Duplex>(socket: &WebSocket<S>) -> Vec<u8> {
    match socket.read().unwrap() {
        Some(Message::Binary(bytes)) => bytes.to_vec(),
        other => panic!("not binary: {other:?}"),
    }
}
