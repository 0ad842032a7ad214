//! What fails: handlers, replies, and the socket itself. Only the last ends the server.

use super::{LONG, ask, assert_free, client, echo, echo_server, eventually};
use crate::child;
use crate::flavour::on_workers;
use greenstd::net::UdpSocket;
use greenstd::net::server::{Datagram, DatagramServer};
use greenstd::sync::Semaphore;
use greenstd::thread;
use std::fmt::{self, Write as _};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Fails in the way it is asked to.
fn fail(datagram: Datagram) -> io::Result<()> {
    match datagram.bytes() {
        b"error" => Err(io::Error::other("on purpose")),
        // No hook is called, so no test prints it.
        b"panic" => std::panic::resume_unwind(Box::new("on purpose")),
        b"kill" => {
            thread::current().kill()?;
            thread::park();
            unreachable!("it unwinds")
        }
        b"too long" => datagram.reply(&[0; 65_508]),
        bytes => datagram.reply(bytes),
    }
}

laws! {
    fn errors_and_panics_of_handlers_are_counted_and_touch_nobody() {
        let server = DatagramServer::builder().start("127.0.0.1:0", fail).unwrap();
        let client = client(server.local_addr());
        for _ in 0..3 {
            for question in ["error", "panic", "kill", "too long"] {
                client.send(question.as_bytes()).unwrap();
            }
            assert_eq!(ask(&client, b"fine"), b"fine");
        }
        assert!(server.stop(None).is_clean());
        let statistics = server.statistics();
        assert_eq!((statistics.failed, statistics.panicked), (6, 3));
        assert_eq!((statistics.killed, statistics.finished), (3, 3));
        assert_eq!((statistics.received, statistics.live), (15, 0));
    }

    fn replies_that_find_nobody_are_no_news() {
        let server = echo_server();
        // Before the others, or it could have the port of one of them, and the reply for that.
        let last = client(server.local_addr());
        for _ in 0..20 {
            client(server.local_addr()).send(b"nobody waits for this").unwrap();
        }
        assert_eq!(ask(&last, b"fine"), b"fine");
        assert!(server.stop(None).is_clean());
        let statistics = server.statistics();
        assert_eq!((statistics.finished, statistics.receive_errors), (21, 0));
    }

    // A connected socket is told what others are not (ICMP port unreachable).
    fn refusals_of_which_the_socket_is_told_stop_nothing() {
        // Where no other test takes the port meanwhile.
        let peer = client("127.9.9.9:9".parse().unwrap());
        let peer_address = peer.local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(peer_address).unwrap();
        let gone = Arc::new(Semaphore::new(0));
        let handler_gone = gone.clone();
        let server = DatagramServer::builder()
            .start(socket, move |datagram| {
                handler_gone.acquire();
                let replies = usize::from(datagram.bytes()[0]);
                (0..replies).try_for_each(|_| datagram.reply(datagram.bytes()))
            })
            .unwrap();
        let mut peer = Some(peer);
        for replies in [1, 5, 1] {
            let asker = peer.take().unwrap();
            asker.connect(server.local_addr()).unwrap();
            asker.send(&[replies]).unwrap();
            eventually("it is received", || server.statistics().live == 1);
            drop(asker);
            let errors = server.statistics().receive_errors;
            gone.release();
            eventually("it was handled", || server.statistics().live == 0);
            if replies == 1 {
                // Whoever replies next is told, too, so with more of them it may be a handler.
                let told = || server.statistics().receive_errors > errors;
                eventually("the receiver is told", told);
            }
            let again = UdpSocket::bind(peer_address).unwrap();
            again.set_read_timeout(Some(LONG)).unwrap();
            again.connect(server.local_addr()).unwrap();
            gone.release();
            assert_eq!(ask(&again, &[1]), [1]);
            peer = Some(again);
        }
        assert!(server.stop(None).is_clean());
        let statistics = server.statistics();
        assert_eq!((statistics.finished, statistics.failed), (6, 0));
    }
}

/// What was reported: target, level, and fields as text.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Subscriber for Reports {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);

        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }

        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn errors_and_panics_of_handlers_are_reported_with_server_and_peer() {
    child::succeed(|| {
        let reports = Reports::default();
        tracing::subscriber::set_global_default(reports.clone()).unwrap();
        on_workers(2, move || {
            let builder = DatagramServer::builder().name("fussy");
            let server = builder.start("127.0.0.1:0", fail).unwrap();
            let client = client(server.local_addr());
            let peer = client.local_addr().unwrap();
            client.send(b"error").unwrap();
            client.send(b"panic").unwrap();
            eventually("both are reported", || reports.0.lock().unwrap().len() == 2);
            let mut reports = std::mem::take(&mut *reports.0.lock().unwrap());
            reports.sort();
            let [panicked, failed] = &reports[..] else { panic!("{reports:?}") };
            assert!(panicked.starts_with("ERROR"), "{panicked}");
            assert!(panicked.contains(&format!("fussy-{peer}")), "{panicked}");
            assert!(panicked.contains("on purpose"), "{panicked}");
            assert!(failed.starts_with("WARN"), "{failed}");
            let expected = [r#"server="fussy""#, &format!("peer={peer}"), "error=on purpose"];
            assert!(expected.iter().all(|part| failed.contains(part)), "{failed}");
        });
    });
}

#[test]
#[allow(unsafe_code, reason = "only the C library breaks a descriptor behind its owner's back")]
fn broken_socket_ends_the_server_and_is_told() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let (raw, same) = (socket.as_raw_fd(), socket.try_clone().unwrap());
                let server = DatagramServer::builder().start(socket, echo).unwrap();
                let client = client(server.local_addr());
                assert_eq!(ask(&client, b"works"), b"works");
                let null = std::fs::File::open("/dev/null").unwrap();
                // SAFETY: both are open; the number now stands for a file, which nobody expects.
                assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), raw) }, raw);
                client.send(b"wakes it").unwrap();
                for _ in 0..2 {
                    let error = server.wait().unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
                }
                assert_eq!(server.statistics().receive_errors, 1);
                assert!(server.stop(None).is_clean());
                drop(same);
                assert_free(server.local_addr());
            });
        }
    });
}
