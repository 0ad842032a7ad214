//! A client that speaks by WebSocket (RFC 6455), what its input says and no more.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

/// Speaks by WebSocket (RFC 6455) until the server closes; the end of the input is no end.
pub fn speak(stream: &TcpStream, address: &str, path: &str) -> io::Result<()> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    { stream }.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        if reader.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // What belongs to that key, by the RFC's own example.
    if !answer.starts_with("HTTP/1.1 101 ") || !answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, answer));
    }
    let writer = stream.try_clone()?;
    thread::spawn(move || -> io::Result<()> {
        for line in io::stdin().lines() {
            { &writer }.write_all(&client_frame(0x81, line?.as_bytes()))?;
        }
        Ok(())
    });
    loop {
        let (kind, payload) = match read_frame(&mut reader) {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                println!("cut");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match kind {
            0x81 => println!("{}", String::from_utf8_lossy(&payload)),
            0x88 => {
                println!(
                    "closed {}",
                    payload.iter().take(2).fold(0, |code, &byte| { code * 256 + u32::from(byte) })
                );
                return { stream }.write_all(&client_frame(0x88, &payload));
            }
            0x89 => { stream }.write_all(&client_frame(0x8a, &payload))?,
            other => return Err(io::Error::other(format!("a frame that begins with {other:#x}"))),
        }
    }
}

/// With a mask, as a client has to send it.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        count @ ..126 => frame.push(0x80 | count as u8),
        count @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(count as u16).to_be_bytes());
        }
        count => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(count as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0xfe, 0x33, 0x80];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The first byte of a server's frame, and its payload.
fn read_frame(reader: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    reader.read_exact(&mut head)?;
    let count = match head[1] {
        126 => {
            let mut bytes = [0; 2];
            reader.read_exact(&mut bytes)?;
            u16::from_be_bytes(bytes).into()
        }
        127 => {
            let mut bytes = [0; 8];
            reader.read_exact(&mut bytes)?;
            u64::from_be_bytes(bytes)
        }
        count => count.into(),
    };
    let mut payload = Vec::new();
    if reader.take(count).read_to_end(&mut payload)? as u64 != count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((head[0], payload))
}
