//! A TCP proxy: two threads copy for each connection, one in each direction; and what else a
//! stream can do.

use super::std::{self, println};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 20;
const BYTES: usize = 150_000;

pub fn main() -> io::Result<()> {
    let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let front = TcpListener::bind("localhost:0")?;
    let (behind, address) = (upstream.local_addr()?, front.local_addr()?);
    let server = thread::spawn(move || serve(&upstream));
    let proxy = thread::spawn(move || forward(&front, behind));

    let all_here = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let all_here = Arc::clone(&all_here);
            thread::spawn(move || client(address, number, &all_here))
        })
        .collect();
    let sums: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().expect("no panic"))
        .collect::<Result<_, _>>()?;
    println!("{sums:?}");
    server.join().expect("it does not panic")?;
    println!("{} bytes there and back", proxy.join().expect("it does not panic")?);
    options()?;
    names();
    Ok(())
}

/// Answers each byte by the next one.
fn serve(listener: &TcpListener) -> io::Result<()> {
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        let (mut stream, peer) = listener.accept()?;
        assert!(peer.ip().is_loopback());
        sessions.push(thread::spawn(move || -> io::Result<()> {
            let mut buffer = vec![0; 4096];
            loop {
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    return stream.shutdown(Shutdown::Write);
                }
                buffer[..count].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
                stream.write_all(&buffer[..count])?;
            }
        }));
    }
    sessions.into_iter().try_for_each(|session| session.join().expect("it does not panic"))
}

fn forward(listener: &TcpListener, behind: SocketAddr) -> io::Result<u64> {
    let pairs: Vec<_> = listener
        .incoming()
        .take(CLIENTS)
        .map(|client| {
            thread::spawn(move || -> io::Result<u64> {
                let client = client?;
                let server = TcpStream::connect(behind)?;
                let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
                let up = thread::spawn(move || -> io::Result<u64> {
                    let copied = io::copy(&mut from, &mut to)?;
                    to.shutdown(Shutdown::Write)?;
                    Ok(copied)
                });
                let down = io::copy(&mut &server, &mut &client)?;
                client.shutdown(Shutdown::Write)?;
                Ok(down + up.join().expect("it does not panic")?)
            })
        })
        .collect();
    pairs.into_iter().map(|pair| pair.join().expect("it does not panic")).sum()
}

fn client(address: SocketAddr, number: usize, all_here: &Barrier) -> io::Result<u64> {
    let stream = TcpStream::connect(address)?;
    all_here.wait();
    crate::crowd::is_here(CLIENTS);
    all_here.wait();
    let byte = u8::try_from(number).expect("there are few");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(&vec![byte; BYTES])?;
            stream.shutdown(Shutdown::Write)
        });
        let mut back = Vec::new();
        (&stream).read_to_end(&mut back)?;
        writer.join().expect("it does not panic")?;
        assert_eq!(back.len(), BYTES);
        Ok(back.iter().map(|byte| u64::from(*byte)).sum())
    })
}

fn options() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut one = TcpStream::connect(address)?;
    let (two, peer) = listener.accept()?;
    println!("{}", one.local_addr()? == peer && one.peer_addr()? == two.local_addr()?);
    one.set_nodelay(true)?;
    one.set_ttl(33)?;
    println!("{} {} {:?}", one.nodelay()?, one.ttl()?, one.take_error()?.is_none());
    one.set_write_timeout(Some(Duration::from_millis(250)))?;
    println!("{:?} {:?}", one.write_timeout()?, one.read_timeout()?);
    println!("{:?}", one.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind());
    one.write_all(b"peeked")?;
    let mut buffer = [0; 6];
    while two.peek(&mut buffer)? < 6 {}
    println!("{:?} {:?}", two.peek(&mut buffer[..3])?, (&two).read(&mut buffer)?);
    two.set_nonblocking(true)?;
    println!("{:?}", (&two).read(&mut buffer).unwrap_err().kind());
    listener.set_nonblocking(true)?;
    println!("{:?}", listener.accept().unwrap_err().kind());
    // A reader is woken by the end of its own stream.
    let reader = one.try_clone()?;
    let waits = thread::spawn(move || (&reader).read(&mut [0]));
    thread::sleep(Duration::from_millis(5));
    one.shutdown(Shutdown::Read)?;
    println!("{:?}", waits.join().expect("it does not panic")?);
    drop(listener);
    let refused = TcpStream::connect(address).unwrap_err().kind();
    println!("{}", refused == ErrorKind::ConnectionRefused);
    Ok(())
}

fn names() {
    fn first(name: impl ToSocketAddrs) -> Result<SocketAddr, ErrorKind> {
        let mut addresses = name.to_socket_addrs().map_err(|error| error.kind())?;
        addresses.find(SocketAddr::is_ipv4).ok_or(ErrorKind::NotFound)
    }
    println!("{:?} {:?}", first("127.0.0.1:80"), first(("localhost", 443)));
    println!("{:?} {:?}", first("no port"), first(String::from("127.0.0.1:x")));
}
