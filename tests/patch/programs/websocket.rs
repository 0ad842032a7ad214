//! `tungstenite`: WebSocket over a blocking socket; the server is one of the parent's.

use std::io;
use std::net::TcpStream;

use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

use crate::program::Program;
use crate::servers;

pub struct Tungstenite;

impl Program for Tungstenite {
    type Client = WebSocket<MaybeTlsStream<TcpStream>>;

    fn server() -> Option<String> {
        let address = servers::serve(|stream| {
            let mut socket = tungstenite::accept(stream).map_err(io::Error::other)?;
            loop {
                let Message::Text(question) = socket.read().map_err(io::Error::other)? else {
                    continue;
                };
                let (number, seconds) = question.split_once(' ').unwrap();
                servers::nap(seconds.parse().unwrap());
                let answer = number.parse::<usize>().unwrap() + 1;
                let answer = Message::text(answer.to_string());
                socket.send(answer).map_err(io::Error::other)?;
            }
        });
        Some(format!("ws://{address}/"))
    }

    fn connect(server: &str) -> Result<Self::Client, String> {
        tungstenite::connect(server).map(|(socket, _)| socket).map_err(|error| error.to_string())
    }

    fn ask(client: &mut Self::Client, number: usize, seconds: u32) -> Result<usize, String> {
        let mut ask = || -> Result<Message, Error> {
            client.send(Message::text(format!("{number} {seconds}")))?;
            client.read()
        };
        let answer = ask().and_then(|it| it.into_text()).map_err(|error| error.to_string())?;
        answer.parse().map_err(|error| format!("{answer}: {error}"))
    }
}

laws_of!(Tungstenite);
