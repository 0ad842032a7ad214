//! `ureq`: requests over HTTP, a connection for each; the server is a plain one of the parent's.

use std::io::{BufRead, BufReader, Write};

use crate::program::Program;
use crate::servers;

pub struct Ureq;

impl Program for Ureq {
    type Client = String;

    fn server() -> Option<String> {
        let address = servers::serve(|stream| {
            let mut reader = BufReader::new(&stream);
            let mut request = String::new();
            reader.read_line(&mut request)?;
            // `GET /number/seconds HTTP/1.1`, and fields that say nothing.
            let mut parts = request.split(['/', ' ']).filter(|part| !part.is_empty()).skip(1);
            let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
            let (number, seconds) = next().zip(next()).unwrap();
            let mut field = String::new();
            while reader.read_line(&mut field)? > 2 {
                field.clear();
            }
            servers::nap(seconds);
            let body = (number + 1).to_string();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
            write!(&stream, "{head} {}\r\n\r\n{body}", body.len())
        });
        Some(format!("http://{address}"))
    }

    fn connect(server: &str) -> Result<String, String> {
        Ok(server.to_owned())
    }

    fn ask(server: &mut String, number: usize, seconds: u32) -> Result<usize, String> {
        let url = format!("{server}/{number}/{seconds}");
        let mut response = ureq::get(url).call().map_err(|error| error.to_string())?;
        let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        body.parse().map_err(|error| format!("{body}: {error}"))
    }
}

laws_of!(Ureq);
