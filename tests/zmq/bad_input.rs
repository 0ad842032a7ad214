//! Peers that speak something else, or too much.

use crate::fixture::{HUNG, bound, connected};
use crate::random::Random;
use greenstd::net::TcpStream;
use greenstd::net::zmq::{Context, MonitorEventKind, SocketType};
use std::io::{Read, Write};
use std::net::Shutdown;

laws! {
    fn a_peer_that_speaks_http_is_cut_off_and_harms_nobody() {
        let context = Context::new();
        let rep = context.socket(SocketType::Rep).unwrap();
        let monitor = rep.monitor(&[MonitorEventKind::HandshakeFailedProtocol]).unwrap();
        rep.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = rep.last_endpoint().unwrap();
        let address = endpoint.strip_prefix("tcp://").unwrap();
        let neighbour = connected(&context, SocketType::Req, &endpoint);
        for noise in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 64], &[0; 200]] {
            let mut peer = TcpStream::connect(address).unwrap();
            peer.set_read_timeout(Some(HUNG)).unwrap();
            // It may be cut off in the middle of this; then comes the end, in one way or another.
            let _ = peer.write_all(noise).and_then(|()| peer.shutdown(Shutdown::Write));
            while matches!(peer.read(&mut [0; 256]), Ok(1..)) {}
            neighbour.send("still there?").unwrap();
            assert_eq!(rep.recv().unwrap(), "still there?");
            rep.send("yes").unwrap();
            assert_eq!(neighbour.recv().unwrap(), "yes");
        }
        drop(monitor);
    }

    fn a_message_beyond_the_limit_ends_its_connection_only() {
        let context = Context::new();
        let pull = context.socket(SocketType::Pull).unwrap();
        pull.set_max_message_size(Some(1000)).unwrap();
        let monitor = pull.monitor(&[MonitorEventKind::Disconnected]).unwrap();
        monitor.set_receive_timeout(Some(HUNG));
        pull.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = pull.last_endpoint().unwrap();
        let large = connected(&context, SocketType::Push, &endpoint);
        large.send([0; 1001]).unwrap();
        monitor.recv().unwrap();
        drop(large);
        let small = connected(&context, SocketType::Push, &endpoint);
        small.send([1; 1000]).unwrap();
        assert_eq!(pull.recv().unwrap(), [1; 1000]);
    }

    fn a_slow_stranger_delays_nobody() {
        let context = Context::new();
        let (pull, endpoint) = bound(&context, SocketType::Pull);
        let address = endpoint.strip_prefix("tcp://").unwrap();
        let strangers: Vec<_> = (0..50)
            .map(|_| {
                let mut stranger = TcpStream::connect(address).unwrap();
                stranger.write_all(&[0xff]).unwrap();
                stranger
            })
            .collect();
        let push = connected(&context, SocketType::Push, &endpoint);
        push.send("served").unwrap();
        pull.set_receive_timeout(Some(HUNG));
        assert_eq!(pull.recv().unwrap(), "served");
        drop(strangers);
    }

    /// Greetings of ZMTP 3 with something turned at random, and what may follow: the peer is cut
    /// off or ignored, and everybody else is served.
    fn bent_greetings_harm_nobody() {
        let context = Context::new();
        let (pull, endpoint) = bound(&context, SocketType::Pull);
        pull.set_receive_timeout(Some(HUNG));
        let address = endpoint.strip_prefix("tcp://").unwrap();
        let push = connected(&context, SocketType::Push, &endpoint);
        let mut greeting = [&[0xff][..], &[0; 8], &[0x7f, 3, 0], b"NULL"].concat();
        greeting.resize(64, 0);
        // The command READY, as a socket that pushes says it, and a message.
        greeting.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x04PUSH\0\x05hello");
        let mut random = Random::from_environment();
        for round in 0..100_u32 {
            let mut bent = greeting.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bent.len() as u64) as usize;
                bent[at] = random.next() as u8;
            }
            bent.truncate(random.below(bent.len() as u64 + 1) as usize);
            let mut peer = TcpStream::connect(address).unwrap();
            // It may be cut off in the middle of this.
            let _ = peer.write_all(&bent);
            push.send(round.to_be_bytes()).unwrap();
            // What a peer says whose greeting was good enough is a message as any other.
            while pull.recv().unwrap() != round.to_be_bytes() {}
        }
    }
}
