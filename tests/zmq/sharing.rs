//! Threads that share a socket: none misses what another one has heard of.

use crate::fixture::{SHORT, full, inside, pair};
use greenstd::net::zmq::{Context, SocketType};
use std::sync::Arc;
use std::time::Duration;

type Body = Box<dyn FnOnce() + Send>;

/// A thread that can be waited for, by a green thread or an OS thread.
type End = Box<dyn FnOnce() + Send>;

fn on_green(body: Body) -> End {
    let handle = greenstd::thread::spawn(body);
    Box::new(move || handle.join().unwrap())
}

fn on_os(body: Body) -> End {
    let handle = std::thread::spawn(body);
    Box::new(move || greenstd::blocking(move || handle.join().unwrap()))
}

/// One receives, one sends, and the answers come back only if both are woken.
fn echo_by_two(spawn: fn(Body) -> End, partner: fn(Body) -> End) {
    let (dealer, other) = pair(SocketType::Dealer, SocketType::Dealer);
    let dealer = Arc::new(dealer);
    let (receives, sends) = (dealer.clone(), dealer);
    const COUNT: u32 = 5000;
    let receiver = spawn(Box::new(move || {
        for number in 0..COUNT {
            assert_eq!(receives.recv().unwrap(), number.to_be_bytes());
        }
    }));
    let echo = partner(Box::new(move || {
        for _ in 0..COUNT {
            let message = other.recv().unwrap();
            other.send(message).unwrap();
        }
    }));
    let sender = spawn(Box::new(move || {
        for number in 0..COUNT {
            sends.send(number.to_be_bytes()).unwrap();
        }
    }));
    sender();
    echo();
    receiver();
}

laws! {
    fn a_reader_and_a_writer_share_a_socket() {
        echo_by_two(on_green, on_green);
    }

    fn os_threads_share_a_socket() {
        echo_by_two(on_os, on_green);
        echo_by_two(on_green, on_os);
    }

    fn what_another_call_has_heard_of_is_told() {
        let (left, right) = inside(&Context::new(), SocketType::Pair, SocketType::Pair);
        let left = Arc::new(left);
        for spawn in [on_green, on_os] {
            for _ in 0..300 {
                let receives = left.clone();
                let received = spawn(Box::new(move || {
                    assert_eq!(receives.recv().unwrap(), "news");
                }));
                thread::yield_now();
                right.send("news").unwrap();
                // Eats the edge, whoever comes first.
                for _ in 0..3 {
                    left.last_endpoint().unwrap();
                    left.poll(greenstd::net::zmq::PollFlags::OUT, None).unwrap();
                }
                received();
            }
        }
    }

    fn each_of_many_readers_gets_its_share_and_none_is_forgotten() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let pull = Arc::new(pull);
        let readers: Vec<_> = (0..10)
            .map(|number| {
                let pull = pull.clone();
                let spawn = if number % 2 == 0 { on_green } else { on_os };
                spawn(Box::new(move || drop(pull.recv().unwrap())))
            })
            .collect();
        thread::sleep(SHORT);
        for _ in 0..10 {
            push.send("one for each").unwrap();
        }
        for reader in readers {
            reader();
        }
    }

    fn room_is_told_to_all_who_wait_to_send() {
        let (push, pull) = full();
        let push = Arc::new(push);
        let senders: Vec<_> = (0..6)
            .map(|number| {
                let push = push.clone();
                let spawn = if number % 2 == 0 { on_green } else { on_os };
                spawn(Box::new(move || push.send("waited").unwrap()))
            })
            .collect();
        thread::sleep(SHORT);
        let mut waited = 0;
        while waited < 6 {
            waited += u32::from(pull.recv().unwrap() == "waited");
        }
        for sender in senders {
            sender();
        }
    }

    fn a_mandatory_router_waits_for_one_peer_though_there_is_room_at_another() {
        let context = Context::new();
        let router = context.socket(SocketType::Router).unwrap();
        router.set_router_mandatory(true).unwrap();
        router.set_send_high_water_mark(1).unwrap();
        router.bind("inproc://mandatory").unwrap();
        let dealers = ["slow", "idle"].map(|name| {
            let dealer = context.socket(SocketType::Dealer).unwrap();
            dealer.set_identity(name.as_bytes()).unwrap();
            dealer.set_receive_high_water_mark(1).unwrap();
            dealer.connect("inproc://mandatory").unwrap();
            dealer.send("here").unwrap();
            router.recv_multipart().unwrap();
            dealer
        });
        let mut sent = 0;
        while router.try_send_multipart(&["slow", "x"]).is_ok() {
            sent += 1;
        }
        let sends =
            thread::spawn(move || router.send_multipart(&["slow", "last"]).map(|()| router));
        thread::sleep(Duration::from_millis(5));
        assert!(!sends.is_finished());
        for _ in 0..sent {
            assert_eq!(dealers[0].recv().unwrap(), "x");
        }
        assert_eq!(dealers[0].recv().unwrap(), "last");
        sends.join().unwrap().unwrap();
    }
}
