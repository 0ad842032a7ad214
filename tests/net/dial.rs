//! Dialing: many addresses, of which some refuse, some are silent, and one answers.

mod cancelled;
mod crowd;
mod errors;

use crate::descriptors::descriptors;
use greenstd::net::{DialError, Dialer, FamilyOrder, TcpConnector, dial};
use greenstd::time::{Duration, Instant};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Longer than any test: what waits for it counts as hung.
const AGES: Duration = Duration::from_secs(100_000);

/// A port on every address of 127.0.0.0/8 where connects hang: the queue of its listener is full,
/// so that the kernel drops every further SYN.
struct Silent {
    port: u16,
    _listener: TcpListener,
    _queued: TcpStream,
}

impl Silent {
    fn new() -> Silent {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let queued = TcpStream::connect(("127.0.0.1", port)).unwrap();
        Silent { port, _listener: listener, _queued: queued }
    }

    /// So many of its addresses.
    fn addresses(&self, count: u8) -> Vec<SocketAddr> {
        (1..=count).map(|last| SocketAddr::from(([127, 0, 0, last], self.port))).collect()
    }
}

/// A listener with room for many.
fn listener(address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    socket2::SockRef::from(&listener).listen(4096).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens: of a network of 127.0.0.0/8 that nothing else uses.
fn refusing(count: u8) -> Vec<SocketAddr> {
    (1..=count).map(|last| SocketAddr::from(([127, 77, 77, last], 9))).collect()
}

laws! {
    fn the_one_that_answers_wins_and_carries_bytes() {
        let (listener, address) = listener("127.0.0.1:0");
        let mut stream = dial(address).unwrap();
        let (mut peer, from) = listener.accept().unwrap();
        assert_eq!(from, stream.local_addr().unwrap());
        stream.write_all(b"ping").unwrap();
        let mut word = [0; 4];
        peer.read_exact(&mut word).unwrap();
        peer.write_all(b"pong").unwrap();
        stream.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"pong");
        let is_nonblocking = socket2::SockRef::from(&stream).nonblocking().unwrap();
        assert!(!is_nonblocking, "as the kernel sees it, a stream is blocking");
    }

    fn a_silent_address_costs_the_delay_and_no_more() {
        let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
        let delay = Duration::from_millis(50);
        let addresses = [silent.addresses(1)[0], good];
        let start = Instant::now();
        let mut stream = Dialer::new().attempt_delay(delay).dial(&addresses[..]).unwrap();
        assert!(start.elapsed() >= delay, "the first had its time");
        assert_eq!(stream.peer_addr().unwrap(), good);
        stream.write_all(b"x").unwrap();
    }

    fn an_address_that_refuses_costs_no_time() {
        let (_listener, good) = listener("127.0.0.1:0");
        let mut addresses = refusing(20);
        addresses.push(good);
        let dialer = Dialer::new().attempt_delay(AGES).timeout(None);
        assert_eq!(dialer.dial(&addresses[..]).unwrap().peer_addr().unwrap(), good);
    }

    fn a_refusal_begins_the_next_attempt_while_an_older_one_goes_on() {
        let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
        let delay = Duration::from_millis(20);
        let mut addresses = silent.addresses(1);
        addresses.extend(refusing(10));
        addresses.push(good);
        let dialer = Dialer::new().attempt_delay(delay).timeout(None);
        assert_eq!(dialer.dial(&addresses[..]).unwrap().peer_addr().unwrap(), good);
    }

    fn fifty_addresses_of_which_the_last_answers() {
        let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
        let mut addresses = silent.addresses(49);
        addresses.push(good);
        let dialer = Dialer::new().attempt_delay(Duration::ZERO);
        assert_eq!(dialer.dial(&addresses[..]).unwrap().peer_addr().unwrap(), good);
    }

    fn an_attempt_that_takes_too_long_makes_way_for_the_next() {
        let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
        let mut addresses = silent.addresses(3);
        addresses.push(good);
        let short = Duration::from_millis(20);
        let dialer = Dialer::new().attempt_delay(AGES).attempt_timeout(short).timeout(None);
        let start = Instant::now();
        assert_eq!(dialer.dial(&addresses[..]).unwrap().peer_addr().unwrap(), good);
        assert!(start.elapsed() >= short * 3);
    }

    fn the_family_that_is_preferred_wins_and_the_other_is_the_way_out() {
        let (_v6_listener, v6) = listener("[::1]:0");
        let (_v4_listener, v4) = listener("127.0.0.1:0");
        let rows = [
            (FamilyOrder::Interleaved, [v4, v6], v4),
            (FamilyOrder::Interleaved, [v6, v4], v6),
            (FamilyOrder::AsGiven, [v6, v4], v6),
            (FamilyOrder::Ipv6First, [v4, v6], v6),
            (FamilyOrder::Ipv4First, [v6, v4], v4),
            (FamilyOrder::Ipv6Only, [v4, v6], v6),
            (FamilyOrder::Ipv4Only, [v6, v4], v4),
        ];
        for (order, addresses, winner) in rows {
            let dialer = Dialer::new().family_order(order).attempt_delay(AGES);
            let stream = dialer.dial(&addresses[..]).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), winner, "{order:?}");
        }
        // The same port of the other family, where nobody listens.
        let nobody = SocketAddr::new("::1".parse().unwrap(), v4.port());
        let dialer = Dialer::new().attempt_delay(AGES);
        assert_eq!(dialer.dial(&[nobody, v4][..]).unwrap().peer_addr().unwrap(), v4);
    }

    fn the_connector_makes_the_sockets_and_its_address_chooses_the_family() {
        let (_v6_listener, v6) = listener("[::1]:0");
        let (_v4_listener, v4) = listener("127.0.0.1:0");
        let from: SocketAddr = "127.0.0.44:0".parse().unwrap();
        let connector = TcpConnector::new().local_address(from).nodelay(true);
        let dialer = Dialer::new().connector(connector).family_order(FamilyOrder::Ipv6First);
        let stream = dialer.dial(&[v6, v4][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), v4);
        assert_eq!(stream.local_addr().unwrap().ip(), from.ip());
        assert!(stream.nodelay().unwrap());
        let error = dialer.dial(v6).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(DialError::of(&error).is_none(), "there is nothing to be tried");
    }

    fn a_socket_that_meets_itself_is_refused() {
        for others in [0, 2] {
            // A port that was free just now, on an address of its own.
            let own = TcpListener::bind("127.0.0.45:0").unwrap().local_addr().unwrap();
            let dialer = Dialer::new().connector(TcpConnector::new().local_address(own));
            let addresses = [refusing(others), vec![own]].concat();
            let error = dialer.dial(&addresses[..]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert!(DialError::of(&error).is_some(), "{error:?}");
        }
    }

    fn names_are_looked_up_and_every_address_of_theirs_is_tried() {
        let (_listener, good) = listener("127.0.0.1:0");
        // Of `localhost`, whichever families it has here.
        let stream = dial(("localhost", good.port())).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }
}
