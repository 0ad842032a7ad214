//! UDP: questions that get lost, and are asked again.

use super::std::{self, println};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

const CLIENTS: u32 = 22;
const QUESTIONS: u32 = 8;

pub fn main() -> io::Result<()> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = server.local_addr()?;
    let stopper = server.try_clone()?;
    let forgetful = thread::spawn(move || answer(&server));
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| thread::spawn(move || ask(address, number))).collect();
    crate::crowd::is_here(0);
    let mut sum = 0;
    let mut asked = 0;
    for client in clients {
        let (answers, asks) = client.join().expect("it does not panic")?;
        sum += answers;
        asked += asks;
    }
    stopper.send_to(b"stop", address)?;
    let answered = forgetful.join().expect("it does not panic")?;
    println!("{sum}; each asked twice at least: {}", asked >= 2 * CLIENTS * QUESTIONS);
    println!("answered each: {}", answered >= CLIENTS * QUESTIONS);
    options()
}

/// Answers each question the second time that it hears it.
fn answer(socket: &UdpSocket) -> io::Result<u32> {
    let mut heard = HashSet::new();
    let mut buffer = [0; 64];
    let mut answered = 0;
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let Ok(question) = <[u8; 8]>::try_from(&buffer[..length]) else {
            assert_eq!(&buffer[..length], b"stop");
            return Ok(answered);
        };
        if !heard.insert(question) {
            let (number, question) = question.split_at(4);
            let parts = [number, question].map(|part| u32::from_be_bytes(part.try_into().unwrap()));
            socket.send_to(&(parts[0] * 100 + parts[1]).to_be_bytes(), from)?;
            answered += 1;
        }
    }
}

fn ask(server: SocketAddr, number: u32) -> io::Result<(u32, u32)> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    let (mut sum, mut asks) = (0, 0);
    let mut buffer = [0; 4];
    for question in 0..QUESTIONS {
        let request = [number.to_be_bytes(), question.to_be_bytes()].concat();
        loop {
            socket.send(&request)?;
            asks += 1;
            match socket.recv(&mut buffer) {
                Ok(_) if u32::from_be_bytes(buffer) == number * 100 + question => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        sum += u32::from_be_bytes(buffer);
    }
    Ok((sum, asks))
}

fn options() -> io::Result<()> {
    let one = UdpSocket::bind("127.0.0.1:0")?;
    let two = UdpSocket::bind("127.0.0.1:0")?;
    one.set_broadcast(true)?;
    one.set_ttl(7)?;
    one.set_multicast_loop_v4(false)?;
    println!("{} {} {}", one.broadcast()?, one.ttl()?, one.multicast_loop_v4()?);
    one.send_to(b"peek at me", two.local_addr()?)?;
    let mut buffer = [0; 4];
    let (length, from) = two.peek_from(&mut buffer)?;
    println!("{length} {}", from == one.local_addr()?);
    println!("{:?} {buffer:?}", two.recv_from(&mut buffer).map(|(length, _)| length)?);
    two.set_nonblocking(true)?;
    println!("{:?}", two.recv_from(&mut buffer).unwrap_err().kind());
    println!("{:?}", two.peer_addr().unwrap_err().kind());
    two.connect(one.local_addr()?)?;
    println!("{}", two.peer_addr()? == one.local_addr()?);
    Ok(())
}
