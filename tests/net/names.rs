//! Host names: who is asked, for how long one waits for it, and whom that delays.

mod default;
#[cfg(feature = "hickory")]
mod hickory;
mod limits;
mod stress;

use crate::flavour::on_workers;
use greenstd::net::resolver::{self, PooledResolver, Resolve, SystemResolver};
use greenstd::thread;
use greenstd::time::{Duration, Instant, TimedOut, timeout};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What all look-ups of these tests find.
const FOUND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0);

/// Long enough for whoever is to wait to be waiting, on most machines most of the time; the laws
/// hold if he is not.
const A_WHILE: Duration = Duration::from_millis(30);

/// A door that holds look-ups back, as OS threads are held back, until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    /// How many have come to it.
    asked: AtomicUsize,
}

impl Gate {
    /// The gate, and what asks through it.
    fn new() -> (Arc<Gate>, impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync) {
        let gate = Arc::new(Gate::default());
        let asking = gate.clone();
        (gate, move |_: &str| asking.pass())
    }

    fn pass(&self) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        Ok(vec![FOUND])
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until so many have come.
    fn wait_for_asked(&self, count: usize) {
        eventually("the look-ups begin", || self.asked.load(Ordering::SeqCst) >= count);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Looks again and again, from a thread of either kind.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

/// Knows no host, and fails whoever asks it for one.
struct Refuses;

impl Resolve for Refuses {
    fn resolve(&self, host: &str, _: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        panic!("{host} was looked up");
    }
}

laws! {
    fn numeric_hosts_ask_nobody() {
        for address in ["127.0.0.1:80", "[::1]:443", "0.0.0.0:0", "[fe80::1%7]:9"] {
            let found = resolver::lookup_host_with(Refuses, address, None).unwrap();
            assert_eq!(found, [address.parse().unwrap()], "{address}");
        }
        assert_eq!(resolver::lookup_host_with(Refuses, "::1:80", None).unwrap().len(), 1);
        for wrong in ["host", "host:", "host:65536", "", "[::1]"] {
            let error = resolver::lookup_host_with(Refuses, wrong, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
        }
    }

    fn the_system_finds_what_it_finds_for_std() {
        let std: Vec<_> = "localhost:80".to_socket_addrs().unwrap().collect();
        let found: Vec<_> = resolver::lookup_host("localhost:80").unwrap().collect();
        assert_eq!(found, std);
        let found = resolver::lookup_host_timeout(("localhost", 80), Duration::from_secs(10));
        assert_eq!(found.unwrap().collect::<Vec<_>>(), std);
        let soon = Instant::now() + Duration::from_secs(10);
        let found = resolver::lookup_host_until("localhost:80".to_owned(), soon);
        assert_eq!(found.unwrap().collect::<Vec<_>>(), std);
        let found = resolver::lookup_host_with(SystemResolver::new(), "localhost:80", None);
        assert_eq!(found.unwrap(), std);
        let error = resolver::lookup_host("a\0b:80").map(drop).unwrap_err();
        assert_eq!(error.kind(), "a\0b:80".to_socket_addrs().unwrap_err().kind());
    }

    fn the_port_is_that_of_the_one_who_asks() {
        let (gate, ask) = Gate::new();
        gate.open();
        let resolver = PooledResolver::new(ask);
        let found = resolver::lookup_host_with(&resolver, "a.test:5432", None).unwrap();
        assert_eq!(found, ["192.0.2.1:5432".parse().unwrap()]);
    }

    fn a_deadline_ends_one_wait_and_the_look_up_goes_on_for_the_others() {
        let (gate, ask) = Gate::new();
        let resolver = Arc::new(PooledResolver::new(ask));
        let patient = resolver.clone();
        let patient = thread::spawn(move || patient.resolve("a.test", None));
        gate.wait_for_asked(1);
        let start = Instant::now();
        let error = resolver.resolve("a.test", Some(start + A_WHILE)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= A_WHILE);
        let passed = resolver.resolve("a.test", Some(start)).unwrap_err();
        assert_eq!(passed.kind(), ErrorKind::TimedOut);
        gate.open();
        assert_eq!(patient.join().unwrap().unwrap(), [FOUND]);
        assert_eq!(gate.asked(), 1);
    }

    fn a_timeout_scope_ends_the_wait() {
        let (gate, ask) = Gate::new();
        let resolver = PooledResolver::new(ask);
        assert_eq!(timeout(A_WHILE, || resolver.resolve("a.test", None).is_ok()), Err(TimedOut));
        gate.open();
        assert_eq!(resolver.resolve("a.test", None).unwrap(), [FOUND]);
    }

    fn a_look_up_that_panics_is_an_error_for_each_that_waits() {
        let resolver = PooledResolver::new(|host| match host {
            "bad" => std::panic::resume_unwind(Box::new("on purpose")),
            _ => Ok(vec![FOUND]),
        });
        assert_eq!(resolver.resolve("bad", None).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(resolver.resolve("good", None).unwrap(), [FOUND]);
    }
}

laws! { green
    fn a_kill_ends_the_wait_and_the_look_up_goes_on_for_the_others() {
        let (gate, ask) = Gate::new();
        let resolver = Arc::new(PooledResolver::new(ask));
        let [one, other] = [(); 2].map(|()| {
            let resolver = resolver.clone();
            thread::spawn(move || resolver.resolve("a.test", None))
        });
        gate.wait_for_asked(1);
        thread::sleep(A_WHILE);
        one.thread().kill().unwrap();
        assert!(one.join().is_err_and(|payload| payload.is::<thread::Killed>()));
        gate.open();
        assert_eq!(other.join().unwrap().unwrap(), [FOUND]);
        assert_eq!(gate.asked(), 1);
    }
}

/// C71.
#[test]
fn timers_of_the_same_worker_fire_while_a_look_up_blocks() {
    on_workers(1, || {
        let (gate, ask) = Gate::new();
        let resolver = PooledResolver::new(ask);
        let looking = thread::spawn(move || resolver.resolve("slow.test", None));
        gate.wait_for_asked(1);
        for _ in 0..50 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!looking.is_finished());
        gate.open();
        assert_eq!(looking.join().unwrap().unwrap(), [FOUND]);
    });
}

/// C71.
#[test]
fn a_look_up_of_two_seconds_delays_nobody() {
    on_workers(1, || {
        let resolver = PooledResolver::new(|_| {
            std::thread::sleep(Duration::from_secs(2));
            Ok(vec![FOUND])
        });
        let start = Instant::now();
        let looking = thread::spawn(move || resolver.resolve("slow.test", None));
        let mut fired = 0;
        while !looking.is_finished() {
            thread::sleep(Duration::from_millis(10));
            fired += 1;
        }
        assert!(start.elapsed() >= Duration::from_secs(2));
        // Of 200: most of them may be late on a machine that has much else to do.
        assert!(fired > 50, "{fired} timers of 10 ms fired in two seconds");
        assert_eq!(looking.join().unwrap().unwrap(), [FOUND]);
    });
}
