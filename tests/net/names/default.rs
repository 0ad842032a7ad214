//! The resolver that a process asks. Each test has a process of its own, since it has one.

use super::{A_WHILE, FOUND, Gate, Refuses};
use crate::child;
use crate::flavour::{Watchdog, on_workers};
use greenstd::net::resolver::{self, PooledResolver};
use greenstd::net::{Dialer, TcpListener, TcpStream, ToSocketAddrs};
use greenstd::thread;
use greenstd::time::Instant;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

#[test]
fn a_look_up_under_way_ends_with_the_resolver_that_it_began_with() {
    child::succeed(|| {
        let (gate, ask) = Gate::new();
        on_workers(1, move || {
            resolver::set_default(Arc::new(PooledResolver::new(ask)));
            let old = thread::spawn(|| "name.test:7".to_socket_addrs().unwrap().next());
            gate.wait_for_asked(1);
            let others: SocketAddr = "198.51.100.9:0".parse().unwrap();
            let other = PooledResolver::new(move |_| Ok(vec![others]));
            let former = resolver::set_default(Arc::new(other));
            let new = "name.test:7".to_socket_addrs().unwrap().next();
            assert_eq!(new, Some("198.51.100.9:7".parse().unwrap()));
            gate.open();
            assert_eq!(old.join().unwrap(), Some("192.0.2.1:7".parse().unwrap()));
            assert_eq!(former.resolve("b.test", None).unwrap(), [FOUND]);
            let there = resolver::default_resolver().resolve("c.test", None).unwrap();
            assert_eq!(there, [others]);
        });
    });
}

#[test]
fn whatever_takes_a_name_asks_the_default_and_numbers_ask_nobody() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        resolver::set_default(Arc::new(Refuses));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        TcpStream::connect(address.to_string()).unwrap();
        TcpStream::connect(("127.0.0.1", address.port())).unwrap();
        Dialer::new().dial(("127.0.0.1".to_owned(), address.port())).unwrap();
        let table = PooledResolver::new(|host| match host {
            "here.test" => Ok(vec!["127.0.0.1:0".parse().expect("it is an address")]),
            _ => Err(ErrorKind::NotFound.into()),
        });
        resolver::set_default(Arc::new(table));
        let name = ("here.test", address.port());
        assert_eq!(TcpStream::connect(name).unwrap().peer_addr().unwrap(), address);
        assert_eq!(Dialer::new().dial(name).unwrap().peer_addr().unwrap(), address);
        assert_eq!(
            TcpListener::bind("here.test:0").unwrap().local_addr().unwrap().ip(),
            address.ip()
        );
        assert_eq!(TcpStream::connect("no.test:1").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Dialer::new().dial("no.test:1").unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn deadlines_reach_the_look_up_however_it_is_asked_for() {
    child::succeed(|| {
        let (gate, ask) = Gate::new();
        resolver::set_default(Arc::new(PooledResolver::new(ask)));
        for workers in [1, 2] {
            on_workers(workers, || {
                let name = "slow.test:1".to_owned();
                let soon = || Instant::now() + A_WHILE;
                let mut kinds = vec![
                    resolver::lookup_host_timeout(&name, A_WHILE).map(drop),
                    resolver::lookup_host_until(&*name, soon()).map(drop),
                    ("slow.test", 1).to_socket_addrs_until(Some(soon())).map(drop),
                    ("slow.test".to_owned(), 1).to_socket_addrs_until(Some(soon())).map(drop),
                    Dialer::new().timeout(A_WHILE).dial(&name).map(drop),
                ];
                for outcome in kinds.drain(..) {
                    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
                }
            });
        }
        assert_eq!(gate.asked(), 1, "one look-up, joined by all");
        gate.open();
    });
}
