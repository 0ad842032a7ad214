//! Binding, connecting, accepting, and the end of a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::fixture::{each_family, let_others_wait, listener, listener_on, pair};
use super::net::{TcpListener, TcpStream};
use super::{run, thread};

#[test]
fn bind_to_a_foreign_address_is_addr_not_available() {
    run(|| {
        // Reserved for documentation: no machine has it.
        let error = TcpListener::bind("203.0.113.1:9999").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn second_bind_to_a_port_is_addr_in_use() {
    run(|| {
        each_family(|any_port| {
            let (_listener, address) = listener_on(any_port);
            assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        });
    });
}

#[test]
fn port_can_be_bound_again_at_once() {
    run(|| {
        let (first, address) = listener();
        let client = TcpStream::connect(address).unwrap();
        // The accepting side closes first, so its port is left in TIME_WAIT.
        drop(first.accept().unwrap());
        drop((client, first));
        TcpListener::bind(address).unwrap();
    });
}

/// C61
#[test]
fn connect_to_an_unbound_port_is_refused() {
    run(|| {
        let (listener, address) = listener();
        drop(listener);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let within = Duration::from_secs(5);
        let error = TcpStream::connect_timeout(&address, within).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn each_address_is_tried_and_the_last_error_wins() {
    run(|| {
        let (listener, address) = listener();
        let (unbound, refusing) = self::listener();
        drop(unbound);
        TcpStream::connect(&[refusing, address][..]).unwrap();
        listener.accept().unwrap();
        let foreign = SocketAddr::from(([203, 0, 113, 1], 9));
        TcpListener::bind(&[foreign, refusing][..]).unwrap();
        let error = TcpListener::bind(&[foreign, address][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn no_address_is_invalid_input() {
    run(|| {
        let none: &[SocketAddr] = &[];
        assert_eq!(TcpListener::bind(none).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpStream::connect(none).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn bytes_come_back_from_an_echo() {
    run(|| {
        each_family(|any_port| {
            let (listener, address) = listener_on(any_port);
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 64];
                loop {
                    let count = stream.read(&mut buffer).unwrap();
                    if count == 0 {
                        return;
                    }
                    stream.write_all(&buffer[..count]).unwrap();
                }
            });
            let mut client = TcpStream::connect(address).unwrap();
            for round in 0..100_u8 {
                client.write_all(&[round; 9]).unwrap();
                let mut back = [0; 9];
                client.read_exact(&mut back).unwrap();
                assert_eq!(back, [round; 9]);
            }
            drop(client);
            server.join().unwrap();
        });
    });
}

#[test]
fn accept_waits_for_a_connection() {
    run(|| {
        let (listener, address) = listener();
        let server = thread::spawn(move || listener.accept().unwrap().1);
        let_others_wait();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(server.join().unwrap(), client.local_addr().unwrap());
    });
}

#[test]
fn both_ends_agree_on_their_addresses() {
    run(|| {
        each_family(|any_port| {
            let (listener, address) = listener_on(any_port);
            let client = TcpStream::connect(address).unwrap();
            let (server, peer) = listener.accept().unwrap();
            assert_eq!(client.peer_addr().unwrap(), address);
            assert_eq!(server.local_addr().unwrap(), address);
            assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
            assert_eq!(peer, client.local_addr().unwrap());
        });
    });
}

#[test]
fn read_after_the_peer_has_closed_is_the_end_again_and_again() {
    run(|| {
        let (client, mut server) = pair();
        drop(client);
        for _ in 0..3 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn close_wakes_a_waiting_reader_of_the_peer() {
    run(|| {
        let (client, mut server) = pair();
        let reader = thread::spawn(move || server.read(&mut [0; 8]).unwrap());
        let_others_wait();
        drop(client);
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn write_to_a_closed_peer_becomes_an_error_and_no_signal() {
    run(|| {
        let (client, mut server) = pair();
        drop(client);
        // The first write may still be taken; the reset that it provokes fails a later one.
        let error = super::fixture::eventually("a write fails", || server.write(&[0]).err());
        let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    });
}

#[test]
fn reset_is_an_error_of_its_own_handler_only() {
    run(|| {
        let (listener, address) = listener();
        let server = thread::spawn(move || {
            let handlers = listener.incoming().take(3).map(|stream| {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read(&mut byte)? == 1 {
                        stream.write_all(&byte)?;
                    }
                    Ok::<(), std::io::Error>(())
                })
            });
            let handlers: Vec<_> = handlers.collect();
            handlers.into_iter().map(|handler| handler.join().unwrap()).collect::<Vec<_>>()
        });
        let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        let ping = |client: &mut TcpStream| {
            client.write_all(&[7]).unwrap();
            client.read_exact(&mut [0]).unwrap();
        };
        clients.iter_mut().for_each(ping);
        let reset = clients.remove(1);
        socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
        drop(reset);
        let_others_wait();
        clients.iter_mut().for_each(ping);
        drop(clients);
        let outcomes = server.join().unwrap();
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
        assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn connection_that_is_reset_before_accept_does_not_end_the_server() {
    run(|| {
        let (listener, address) = listener();
        let reset = TcpStream::connect(address).unwrap();
        socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
        drop(reset);
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&[42]).unwrap();
        let server = thread::spawn(move || {
            let mut byte = [0];
            let served = listener.incoming().any(|stream| {
                stream.is_ok_and(|mut stream| stream.read(&mut byte).is_ok_and(|count| count == 1))
            });
            assert!(served);
            byte
        });
        assert_eq!(server.join().unwrap(), [42]);
    });
}

#[test]
fn connections_one_after_the_other_are_served_in_turn() {
    run(|| {
        each_family(|any_port| {
            let (listener, address) = listener_on(any_port);
            let clients = thread::spawn(move || {
                for index in 0..10 {
                    TcpStream::connect(address).unwrap().write_all(&[index]).unwrap();
                }
            });
            for (index, stream) in listener.incoming().take(10).enumerate() {
                let mut byte = [0];
                stream.unwrap().read_exact(&mut byte).unwrap();
                assert_eq!(usize::from(byte[0]), index);
            }
            clients.join().unwrap();
        });
    });
}

#[test]
fn connections_at_once_are_served_each_by_its_handler() {
    run(|| {
        let (listener, address) = listener();
        let server = thread::spawn(move || {
            let handler = |stream: std::io::Result<TcpStream>| {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    stream.write_all(&byte).unwrap();
                })
            };
            let handlers: Vec<_> = listener.incoming().take(50).map(handler).collect();
            handlers.into_iter().for_each(|handler| handler.join().unwrap());
        });
        let mut clients: Vec<_> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
        // The last to connect writes first, so handlers must not wait for one another.
        for (index, client) in clients.iter_mut().enumerate().rev() {
            client.write_all(&[index as u8]).unwrap();
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            assert_eq!(usize::from(byte[0]), index);
        }
        server.join().unwrap();
    });
}
