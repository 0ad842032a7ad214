//! greenstd's own sockets on hooked green threads, beside those of std: their calls pass, and their
//! descriptors come and go through the same table.

use super::{hooked_on, pause};
use greenstd_net as ours;
use greenstd_runtime::thread;
use std::io::{Read, Write};
use std::net as theirs;
use std::os::fd::OwnedFd;
use std::time::Duration;

#[test]
fn sockets_of_greenstd_and_of_std_talk_and_change_hands_on_hooked_green_threads() {
    for workers in [1, 3] {
        hooked_on(workers).run(|| {
            let listener = ours::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let echoes: Vec<_> = (0..100)
                    .map(|number| {
                        let mut stream = listener.accept().unwrap().0;
                        thread::spawn(move || {
                            let mut buffer = [0; 64];
                            if number % 2 == 0 {
                                // From here on it is one of std's.
                                let mut stream = theirs::TcpStream::from(OwnedFd::from(stream));
                                stream.read_exact(&mut buffer).unwrap();
                                return stream.write_all(&buffer).unwrap();
                            }
                            stream.read_exact(&mut buffer).unwrap();
                            stream.write_all(&buffer).unwrap();
                        })
                    })
                    .collect();
                echoes.into_iter().for_each(|echo| echo.join().unwrap());
            });
            let clients: Vec<_> = (0..100_u8)
                .map(|number| {
                    thread::spawn(move || {
                        let sent = [number; 64];
                        let mut back = [0; 64];
                        if number % 3 == 0 {
                            let mut stream = ours::TcpStream::connect(address).unwrap();
                            std::thread::sleep(Duration::from_millis(1));
                            stream.write_all(&sent).unwrap();
                            stream.read_exact(&mut back).unwrap();
                        } else {
                            let mut stream = theirs::TcpStream::connect(address).unwrap();
                            stream.write_all(&sent).unwrap();
                            stream.read_exact(&mut back).unwrap();
                        }
                        assert_eq!(back, sent);
                    })
                })
                .collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
            server.join().unwrap();
        });
    }
}

#[test]
fn a_listener_of_std_that_was_hidden_goes_on_in_greenstd_and_back() {
    hooked_on(1).run(|| {
        let listener = theirs::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || drop(theirs::TcpStream::connect(address).unwrap()));
        drop(listener.accept().unwrap());
        client.join().unwrap();
        let listener = ours::TcpListener::from(OwnedFd::from(listener));
        let acceptor = thread::spawn(move || {
            drop(listener.accept().unwrap());
            let listener = theirs::TcpListener::from(OwnedFd::from(listener));
            drop(listener.accept().unwrap());
        });
        for _ in 0..2 {
            pause();
            drop(theirs::TcpStream::connect(address).unwrap());
        }
        acceptor.join().unwrap();
    });
}
