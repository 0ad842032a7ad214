//! Options beyond std: each is set by its builder and read back from the kernel.

use greenstd::net::{
    TcpConnector, TcpKeepalive, TcpListener, TcpListenerBuilder, TcpOptions, TcpStream,
};
use greenstd::time::{Duration, Instant};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

/// A number that the kernel keeps for a socket.
#[allow(unsafe_code, reason = "no crate of ours reads these options")]
fn number(socket: &impl AsFd, level: i32, name: i32) -> i32 {
    let (mut value, mut length) = (0i32, 4);
    let start = (&raw mut value).cast();
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: room for a number, and its length.
    let outcome = unsafe { libc::getsockopt(fd, level, name, start, &raw mut length) };
    assert_eq!((outcome, length), (0, 4));
    value
}

const SECOND: Duration = Duration::from_secs(1);

/// A connection of this connector, and its other end.
fn connected(connector: &TcpConnector, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let stream = connector.connect(listener.local_addr().unwrap()).unwrap();
    let (peer, from) = listener.accept().unwrap();
    assert_eq!(from, stream.local_addr().unwrap());
    (stream, peer)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn probes() -> TcpKeepalive {
    TcpKeepalive::new().time(61 * SECOND).interval(7 * SECOND).retries(4)
}

laws! {
    fn a_connector_sets_what_it_is_told_to_before_it_connects() {
        let from: SocketAddr = "127.0.0.33:0".parse().unwrap();
        let connector = TcpConnector::new()
            .local_address(from)
            .bind_device("lo")
            .recv_buffer_size(100_000)
            .send_buffer_size(50_000)
            .nodelay(true)
            .keepalive(probes())
            .linger(3 * SECOND)
            .user_timeout(Duration::from_millis(12_345));
        let (stream, _peer) = connected(&connector, &listener());
        let kernel = SockRef::from(&stream);
        assert_eq!(stream.local_addr().unwrap().ip(), from.ip());
        assert_eq!(kernel.device().unwrap().as_deref(), Some(&b"lo"[..]));
        // The kernel doubles them.
        assert_eq!(kernel.recv_buffer_size().unwrap(), 200_000);
        assert_eq!(kernel.send_buffer_size().unwrap(), 100_000);
        assert!(kernel.tcp_nodelay().unwrap());
        assert!(kernel.keepalive().unwrap());
        assert_eq!(kernel.tcp_keepalive_time().unwrap(), 61 * SECOND);
        assert_eq!(kernel.tcp_keepalive_interval().unwrap(), 7 * SECOND);
        assert_eq!(kernel.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(kernel.linger().unwrap(), Some(3 * SECOND));
        assert_eq!(kernel.tcp_user_timeout().unwrap(), Some(Duration::from_millis(12_345)));
        assert_eq!(number(&stream, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT), 1);
        assert!(!kernel.nonblocking().unwrap());
    }

    fn what_a_connector_is_not_told_is_as_in_std() {
        let listener = listener();
        let (stream, _peer) = connected(&TcpConnector::new(), &listener);
        let std = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let [ours, std] = [SockRef::from(&stream), SockRef::from(&std)].map(|kernel| {
            let flags = [kernel.tcp_nodelay(), kernel.keepalive(), kernel.nonblocking()];
            let sizes = [kernel.recv_buffer_size(), kernel.send_buffer_size()];
            let times = [kernel.linger(), kernel.tcp_user_timeout(), kernel.read_timeout()];
            let device = kernel.device().unwrap();
            let (flags, sizes) = (flags.map(Result::unwrap), sizes.map(Result::unwrap));
            (flags, sizes, times.map(Result::unwrap), device, kernel.mark().unwrap())
        });
        assert_eq!(ours, std);
    }

    fn a_mark_is_set_for_those_who_may() {
        let connector = TcpConnector::new().mark(42);
        let listener = listener();
        match connector.connect(listener.local_addr().unwrap()) {
            Ok(stream) => assert_eq!(SockRef::from(&stream).mark().unwrap(), 42),
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        }
    }

    fn a_connector_binds_to_the_very_port_that_it_is_told() {
        let free = listener().local_addr().unwrap();
        let from = SocketAddr::new("127.0.0.34".parse().unwrap(), free.port());
        let connector = TcpConnector::new().local_address(from);
        let (stream, _peer) = connected(&connector, &listener());
        assert_eq!(stream.local_addr().unwrap(), from);
    }

    fn what_the_kernel_refuses_is_an_error_of_the_connect() {
        let address = listener().local_addr().unwrap();
        let foreign = "192.0.2.77:0".parse().unwrap();
        let error = TcpConnector::new().local_address(foreign).connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = TcpConnector::new().bind_device("none9").connect(address).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        let endless = TcpKeepalive::new().retries(1000);
        let error = TcpConnector::new().keepalive(endless).connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = TcpConnector::new().connect_timeout(&address, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    fn connects_of_a_connector_have_their_timeout() {
        let silent = TcpListenerBuilder::new().backlog(0).bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let _queued = TcpStream::connect(address).unwrap();
        let (start, time) = (Instant::now(), Duration::from_millis(40));
        let error = TcpConnector::new().connect_timeout(&address, time).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= time);
    }

    fn a_stream_takes_options_beyond_those_of_std() {
        let (stream, _peer) = connected(&TcpConnector::new(), &listener());
        assert_eq!(stream.keepalive().unwrap(), None);
        stream.set_keepalive(Some(probes())).unwrap();
        assert_eq!(stream.keepalive().unwrap(), Some(probes()));
        stream.set_keepalive(Some(TcpKeepalive::new().time(SECOND / 10))).unwrap();
        assert_eq!(stream.keepalive().unwrap(), Some(probes().time(SECOND)), "the rest stays");
        stream.set_keepalive(None).unwrap();
        assert_eq!(stream.keepalive().unwrap(), None);
        assert_eq!(stream.user_timeout().unwrap(), None);
        stream.set_user_timeout(Some(9 * SECOND)).unwrap();
        assert_eq!(stream.user_timeout().unwrap(), Some(9 * SECOND));
        stream.set_user_timeout(None).unwrap();
        assert_eq!(stream.user_timeout().unwrap(), None);
        stream.set_recv_buffer_size(70_000).unwrap();
        assert_eq!(stream.recv_buffer_size().unwrap(), 140_000);
        stream.set_send_buffer_size(60_000).unwrap();
        assert_eq!(stream.send_buffer_size().unwrap(), 120_000);
        let kernel = SockRef::from(&stream);
        assert_eq!(kernel.recv_buffer_size().unwrap(), 140_000);
        assert_eq!(kernel.send_buffer_size().unwrap(), 120_000);
    }

    fn a_listener_has_its_options_and_hands_those_of_a_connection_down() {
        let listener = TcpListenerBuilder::new()
            .bind_device("lo")
            .recv_buffer_size(90_000)
            .send_buffer_size(40_000)
            .ttl(77)
            .nodelay(true)
            .keepalive(probes())
            .bind("127.0.0.1:0")
            .unwrap();
        let (_client, accepted) = connected(&TcpConnector::new(), &listener);
        for kernel in [SockRef::from(&listener), SockRef::from(&accepted)] {
            assert_eq!(kernel.device().unwrap().as_deref(), Some(&b"lo"[..]));
            assert_eq!(kernel.recv_buffer_size().unwrap(), 180_000);
            assert_eq!(kernel.send_buffer_size().unwrap(), 80_000);
            assert_eq!(kernel.ttl_v4().unwrap(), 77);
            assert!(kernel.tcp_nodelay().unwrap());
            assert!(kernel.keepalive().unwrap());
            assert_eq!(kernel.tcp_keepalive_time().unwrap(), 61 * SECOND);
            assert_eq!(kernel.tcp_keepalive_interval().unwrap(), 7 * SECOND);
            assert_eq!(kernel.tcp_keepalive_retries().unwrap(), 4);
        }
        assert_eq!(accepted.keepalive().unwrap(), Some(probes()));
    }

    fn what_a_listener_is_not_told_is_as_in_std() {
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for ours in [listener(), TcpListenerBuilder::default().bind("127.0.0.1:0").unwrap()] {
            let [ours, std] = [SockRef::from(&ours), SockRef::from(&std)].map(|kernel| {
                let flags = [kernel.reuse_address(), kernel.reuse_port(), kernel.tcp_nodelay()];
                let sizes = [kernel.recv_buffer_size(), kernel.send_buffer_size()];
                let (flags, sizes) = (flags.map(Result::unwrap), sizes.map(Result::unwrap));
                (flags, sizes, kernel.ttl_v4().unwrap(), kernel.keepalive().unwrap())
            });
            assert_eq!(ours, std);
            assert!(ours.0[0] && !ours.0[1]);
        }
    }

    fn listeners_share_a_port_if_all_say_so() {
        let shared = TcpListenerBuilder::new().reuse_port(true);
        let first = shared.bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        let second = shared.bind(address).unwrap();
        assert!(SockRef::from(&second).reuse_port().unwrap());
        let error = TcpListener::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let strict = TcpListenerBuilder::new().reuse_address(false).bind("127.0.0.1:0").unwrap();
        assert!(!SockRef::from(&strict).reuse_address().unwrap());
    }

    fn an_ipv6_listener_serves_ipv4_or_refuses_it() {
        let both = TcpListenerBuilder::new().only_v6(false).ttl(33).bind("[::]:0").unwrap();
        assert!(!SockRef::from(&both).only_v6().unwrap());
        assert_eq!(SockRef::from(&both).unicast_hops_v6().unwrap(), 33);
        let port = both.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_, from) = both.accept().unwrap();
        assert_eq!(from.ip().to_canonical(), client.local_addr().unwrap().ip());
        let strict = TcpListenerBuilder::new().only_v6(true).bind("[::1]:0").unwrap();
        assert!(SockRef::from(&strict).only_v6().unwrap());
        let strict = TcpListenerBuilder::new().only_v6(true).bind("[::]:0").unwrap();
        let port = strict.local_addr().unwrap().port();
        let error = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        TcpStream::connect(("::1", port)).unwrap();
        // It means nothing to an IPv4 listener.
        TcpListenerBuilder::new().only_v6(true).bind("127.0.0.1:0").unwrap();
    }

    fn so_many_connections_wait_to_be_accepted() {
        let listener = TcpListenerBuilder::new().backlog(20).bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let time = Duration::from_secs(10);
        // The kernel takes one more than it is told.
        let queued: Vec<_> = (0..21)
            .map(|_| TcpStream::connect_timeout(&address, time).unwrap())
            .collect();
        let late = TcpStream::connect_timeout(&address, Duration::from_millis(50)).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        drop(queued);
        TcpListenerBuilder::new().backlog(u32::MAX).bind("127.0.0.1:0").unwrap();
    }

    fn a_connection_is_accepted_when_it_has_spoken() {
        let patience = Duration::from_secs(20);
        let listener =
            TcpListenerBuilder::new().defer_accept(patience).bind("127.0.0.1:0").unwrap();
        let kernel = number(&listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
        assert!((20..120).contains(&kernel), "{kernel} s");
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        listener.set_nonblocking(false).unwrap();
        client.write_all(b"hello").unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let mut word = [0; 5];
        accepted.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"hello");
    }

    fn builders_can_be_used_again_and_take_names() {
        let builder = TcpListenerBuilder::new().nodelay(true);
        let listeners = [(); 2].map(|()| builder.bind("localhost:0").unwrap());
        let connector = TcpConnector::new();
        for listener in &listeners {
            let (_stream, accepted) = connected(&connector, listener);
            assert!(accepted.nodelay().unwrap());
        }
        let nothing: &[SocketAddr] = &[];
        assert_eq!(builder.bind(nothing).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(connector.connect(nothing).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
