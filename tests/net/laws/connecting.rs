//! C61: a connect that fails, or that is ended, leaves nothing behind.

use super::fixture::{let_others_wait, was_killed};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use crate::scenes::deaf_listener;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::time::timeout;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

laws! {
    // C61
    fn connect_to_a_closed_port_is_refused() {
        let address = closed_port();
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    // C61
    fn killed_connect_ends_at_once() {
        let (listener, address, queued) = deaf_listener();
        let connecting = greenstd::thread::spawn(move || TcpStream::connect(address));
        let_others_wait();
        assert!(connecting.kill_and_wait(Duration::from_secs(10)).unwrap());
        assert!(was_killed(connecting));
        drop((listener, queued));
    }
}

/// C61
#[test]
fn connects_that_fail_or_are_ended_leak_no_descriptor() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let (_listener, deaf, _queued) = deaf_listener();
                let cycle = |round: u64| {
                    assert!(TcpStream::connect(closed_port()).is_err());
                    let connecting = greenstd::thread::spawn(move || TcpStream::connect(deaf));
                    // Before it has begun, on its way, and while it waits.
                    greenstd::thread::sleep(Duration::from_micros(round % 3 * 500));
                    connecting.kill().unwrap();
                    assert!(was_killed(connecting));
                    let moment = Duration::from_millis(1);
                    assert!(timeout(moment, || TcpStream::connect(deaf)).is_err());
                    let error = TcpStream::connect_timeout(&deaf, moment).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::TimedOut);
                };
                cycle(0);
                let before = descriptors();
                (0..60).for_each(cycle);
                assert_eq!(descriptors(), before);
            });
        }
    });
}
