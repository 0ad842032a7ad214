//! Look-ups by hickory-resolver, of a name server that the tests run themselves on loopback.

use super::{A_WHILE, eventually};
use greenstd::net::resolver::{self, HickoryBuilder, HickoryResolver, Resolve};
use greenstd::time::{Duration, Instant, TimedOut, timeout};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// A name server that knows the names under `test.`: each has the address `192.0.2.9`, and `both`
/// also `2001:db8::9`. Names that begin with `no` do not exist.
struct NameServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The questions for IPv4 addresses so far.
    asked: AtomicUsize,
    ttl_seconds: AtomicU32,
    is_silent: AtomicBool,
    has_ended: AtomicBool,
}

impl NameServer {
    fn new() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(State { ttl_seconds: AtomicU32::new(60), ..State::default() });
        let serving = state.clone();
        std::thread::spawn(move || serving.serve(&socket));
        NameServer { address, state }
    }

    fn resolver(&self) -> HickoryBuilder {
        HickoryResolver::builder().name_servers([self.address]).hosts_file(false)
    }

    fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    fn set_silent(&self, is_silent: bool) {
        self.state.is_silent.store(is_silent, Ordering::SeqCst);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.state.has_ended.store(true, Ordering::SeqCst);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[], self.address).unwrap();
    }
}

impl State {
    fn serve(&self, socket: &UdpSocket) {
        let mut packet = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut packet).unwrap();
            if self.has_ended.load(Ordering::SeqCst) {
                return;
            }
            let question = packet[..length].to_vec();
            let is_v4 = question[end_of_question(&question) - 3] == 1;
            if is_v4 {
                self.asked.fetch_add(1, Ordering::SeqCst);
            }
            if self.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            socket.send_to(&self.answer(&question), from).unwrap();
        }
    }

    /// The answer of RFC 1035 to a message with one question.
    fn answer(&self, message: &[u8]) -> Vec<u8> {
        let end = end_of_question(message);
        let label = &message[13..13 + usize::from(message[12])];
        let is_v4 = message[end - 3] == 1;
        let data: Vec<u8> = match label.to_ascii_lowercase().as_slice() {
            name if name.starts_with(b"no") => vec![],
            _ if is_v4 => vec![192, 0, 2, 9],
            b"both" => "2001:db8::9".parse::<std::net::Ipv6Addr>().unwrap().octets().into(),
            _ => vec![],
        };
        let does_not_exist = label.to_ascii_lowercase().starts_with(b"no");
        let mut answer = message[..end].to_vec();
        // A response, recursion available, and whether there is such a name; then the counts.
        answer[2] |= 0x80;
        answer[3] = 0x80 | if does_not_exist { 3 } else { 0 };
        answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
        if !data.is_empty() {
            answer.extend([0xc0, 12, 0, message[end - 3], 0, 1]);
            answer.extend(self.ttl_seconds.load(Ordering::SeqCst).to_be_bytes());
            answer.extend((data.len() as u16).to_be_bytes());
            answer.extend(data);
        }
        answer
    }
}

/// Where the question ends, which begins after the header of 12 bytes: labels, type and class.
fn end_of_question(message: &[u8]) -> usize {
    let mut at = 12;
    while message[at] != 0 {
        at += usize::from(message[at]) + 1;
    }
    at + 5
}

fn v4() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9], 0))
}

laws! {
    fn addresses_of_both_families_are_found_ipv6_first() {
        let server = NameServer::new();
        let resolver = server.resolver().build().unwrap();
        assert_eq!(resolver.resolve("one.test.", None).unwrap(), [v4()]);
        let found = resolver::lookup_host_with(&resolver, "both.test.:80", None).unwrap();
        let ips: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
        let both: [IpAddr; 2] = ["2001:db8::9".parse().unwrap(), v4().ip()];
        assert_eq!(ips, both);
        assert!(found.iter().all(|address| address.port() == 80));
        let error = resolver.resolve("no.test.", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }

    fn answers_are_kept_for_as_long_as_the_name_server_says() {
        let server = NameServer::new();
        let resolver = server.resolver().build().unwrap();
        for _ in 0..3 {
            assert_eq!(resolver.resolve("one.test.", None).unwrap(), [v4()]);
        }
        assert_eq!(server.asked(), 1);
        server.state.ttl_seconds.store(0, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(resolver.resolve("two.test.", None).unwrap(), [v4()]);
        }
        assert_eq!(server.asked(), 4);
        let forgetful = server.resolver().cache_entries(0).build().unwrap();
        server.state.ttl_seconds.store(60, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(forgetful.resolve("one.test.", None).unwrap(), [v4()]);
        }
        assert_eq!(server.asked(), 7);
        let hasty = server.resolver().cache_time(Duration::ZERO).build().unwrap();
        for _ in 0..2 {
            assert_eq!(hasty.resolve("one.test.", None).unwrap(), [v4()]);
        }
        assert_eq!(server.asked(), 9);
    }

    fn a_silent_name_server_is_asked_again_and_then_given_up() {
        let server = NameServer::new();
        server.set_silent(true);
        let resolver = server.resolver().timeout(A_WHILE).retries(1).build().unwrap();
        let error = resolver.resolve("one.test.", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(server.asked() >= 2);
        server.set_silent(false);
        // It may still be too slow for so short a timeout, now and then.
        eventually("it answers", || resolver.resolve("one.test.", None).is_ok());
    }

    fn deadlines_and_scopes_end_the_wait_and_equal_look_ups_share_one_answer() {
        let server = NameServer::new();
        server.set_silent(true);
        let long = Duration::from_millis(500);
        let resolver = Arc::new(server.resolver().timeout(long).retries(20).build().unwrap());
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let resolver = resolver.clone();
                thread::spawn(move || resolver.resolve("one.test.", None))
            })
            .collect();
        eventually("it is asked", || server.asked() > 0);
        let deadline = Some(Instant::now() + A_WHILE);
        let error = resolver.resolve("one.test.", deadline).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let scope = timeout(A_WHILE, || resolver.resolve("one.test.", None).is_ok());
        assert_eq!(scope, Err(TimedOut));
        assert!(server.asked() < 10, "asked once, and again now and then");
        server.set_silent(false);
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap().unwrap(), [v4()]);
        }
    }

    fn who_wants_to_know_one_name_too_many_waits() {
        let server = NameServer::new();
        server.set_silent(true);
        let long = Duration::from_millis(200);
        let resolver = server.resolver().timeout(long).retries(50).look_ups(1);
        let resolver = Arc::new(resolver.build().unwrap());
        let first = resolver.clone();
        let first = thread::spawn(move || first.resolve("one.test.", None));
        eventually("it is asked", || server.asked() > 0);
        let deadline = Some(Instant::now() + A_WHILE);
        let error = resolver.resolve("two.test.", deadline).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        server.set_silent(false);
        assert_eq!(first.join().unwrap().unwrap(), [v4()]);
        assert_eq!(resolver.resolve("two.test.", None).unwrap(), [v4()]);
    }
}

laws! { green
    fn a_kill_ends_the_wait() {
        let server = NameServer::new();
        server.set_silent(true);
        let resolver = Arc::new(server.resolver().timeout(A_WHILE).retries(100).build().unwrap());
        let waiting = resolver.clone();
        let waiting = thread::spawn(move || waiting.resolve("one.test.", None));
        eventually("it is asked", || server.asked() > 0);
        waiting.thread().kill().unwrap();
        assert!(waiting.join().is_err_and(|payload| payload.is::<thread::Killed>()));
        server.set_silent(false);
        assert_eq!(resolver.resolve("one.test.", None).unwrap(), [v4()]);
    }
}

#[test]
fn a_resolver_without_name_server_is_refused() {
    let error = HickoryResolver::builder().name_servers([]).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_hosts_file_counts_unless_it_is_not_to() {
    let server = NameServer::new();
    let resolver = server.resolver().hosts_file(true).build().unwrap();
    let found = resolver.resolve("localhost", None).unwrap();
    assert!(found.iter().all(|address| address.ip().is_loopback()) && !found.is_empty());
    assert_eq!(server.asked(), 0);
}
