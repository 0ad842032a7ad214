//! Host names and the other forms of an address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::fixture::listener;
use super::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use super::net::{TcpStream, ToSocketAddrs};
use super::{run, thread};

fn all(addresses: impl ToSocketAddrs) -> Vec<SocketAddr> {
    addresses.to_socket_addrs().unwrap().collect()
}

#[test]
fn every_form_of_an_address_is_taken() {
    run(|| {
        let v4 = Ipv4Addr::new(192, 0, 2, 7);
        let expected = vec![SocketAddr::from((v4, 80))];
        assert_eq!(all(expected[0]), expected);
        assert_eq!(all(SocketAddrV4::new(v4, 80)), expected);
        assert_eq!(all((v4, 80)), expected);
        assert_eq!(all((IpAddr::V4(v4), 80)), expected);
        assert_eq!(all(("192.0.2.7", 80)), expected);
        assert_eq!(all(("192.0.2.7".to_owned(), 80)), expected);
        assert_eq!(all("192.0.2.7:80"), expected);
        assert_eq!(all("192.0.2.7:80".to_owned()), expected);
        assert_eq!(all(&expected[..]), expected);
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
        let expected = vec![SocketAddr::from((v6, 80))];
        assert_eq!(all(SocketAddrV6::new(v6, 80, 0, 0)), expected);
        assert_eq!(all((v6, 80)), expected);
        assert_eq!(all(("2001:db8::7", 80)), expected);
        assert_eq!(all("[2001:db8::7]:80"), expected);
    });
}

#[test]
fn host_names_resolve() {
    run(|| {
        let found = all("localhost:80");
        assert!(!found.is_empty());
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        assert_eq!(all(("localhost", 80)), found);
        assert_eq!(all(("localhost".to_owned(), 80)), found);
    });
}

#[test]
fn connect_takes_a_host_name() {
    run(|| {
        let (listener, address) = listener();
        let client = TcpStream::connect(("localhost", address.port())).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn bad_names_fail_as_they_fail_in_std() {
    run(|| {
        let bad = ["", "localhost", "localhost:http", "localhost:99999", "nul\0byte:1", "a b:1"];
        for name in bad {
            let ours = name.to_socket_addrs().map(drop).unwrap_err();
            let std: io::Result<_> = std::net::ToSocketAddrs::to_socket_addrs(name);
            assert_eq!(ours.kind(), std.map(drop).unwrap_err().kind(), "{name:?}");
        }
    });
}

#[test]
fn others_run_while_a_name_is_looked_up() {
    run(|| {
        let (ticks, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let ticker = thread::spawn({
            let (ticks, done) = (Arc::clone(&ticks), Arc::clone(&done));
            move || {
                while !done.load(Ordering::Relaxed) {
                    ticks.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                }
            }
        });
        // On a single worker the ticker runs only while a look-up is waiting: there is no other
        // wait in this loop.
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut look_ups = 0;
        while ticks.load(Ordering::Relaxed) == 0 || look_ups < 20 {
            assert!(Instant::now() < deadline, "no tick in {look_ups} look-ups");
            all("localhost:1");
            look_ups += 1;
        }
        done.store(true, Ordering::Relaxed);
        ticker.join().unwrap();
    });
}

#[test]
fn many_look_ups_at_once_are_all_answered() {
    run(|| {
        let askers: Vec<_> = (0..100)
            .map(|port| thread::spawn(move || (port, all(("localhost", port)))))
            .collect();
        for asker in askers {
            let (port, found) = asker.join().unwrap();
            assert!(!found.is_empty() && found.iter().all(|address| address.port() == port));
        }
    });
}
