//! Sockets as arms of a select.

use crate::fixture::{SHORT, inside, pair};
use greenstd::net::zmq::{Context, PollFlags, SocketType};
use greenstd::{channel, select};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

laws! {
    fn the_arm_that_wins_gives_a_whole_message_and_the_others_have_taken_none() {
        let context = Context::new();
        let pairs: Vec<_> =
            (0..3).map(|_| inside(&context, SocketType::Pair, SocketType::Pair)).collect();
        for (_, right) in &pairs {
            right.send_multipart(&["a", "b"]).unwrap();
        }
        for _ in 0..3 {
            let message = select! {
                wait(pairs[0].0) -> message => message,
                wait(pairs[1].0) -> message => message,
                wait(pairs[2].0) -> message => message,
            };
            assert_eq!(message.unwrap(), ["a", "b"]);
        }
        for (left, _) in &pairs {
            assert_eq!(left.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }

    fn a_message_that_comes_later_ends_the_wait() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let (silent, _other) = inside(&Context::new(), SocketType::Pair, SocketType::Pair);
        let sends = thread::spawn(move || {
            for _ in 0..200 {
                thread::sleep(Duration::from_micros(200));
                push.send("later").unwrap();
            }
            push
        });
        let never = channel::never::<()>();
        for _ in 0..200 {
            select! {
                wait(silent) => panic!("nobody has sent"),
                wait(pull) -> message => assert_eq!(message.unwrap(), ["later"]),
                recv(never) => unreachable!(),
            }
        }
        drop(sends.join().unwrap());
    }

    fn an_edge_that_another_call_eats_is_told() {
        let (left, right) = inside(&Context::new(), SocketType::Pair, SocketType::Pair);
        let left = Arc::new(left);
        for _ in 0..300 {
            let socket = left.clone();
            let waits = thread::spawn(move || {
                select! {
                    wait(socket) -> message => assert_eq!(message.unwrap(), ["news"]),
                    recv(channel::never::<()>()) => unreachable!(),
                }
            });
            thread::yield_now();
            right.send("news").unwrap();
            for _ in 0..3 {
                left.poll(PollFlags::OUT, None).unwrap();
            }
            waits.join().unwrap();
        }
    }

    fn a_select_without_a_message_takes_none() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let timed_out = select! {
            wait(pull) => false,
            default(SHORT) => true,
        };
        assert!(timed_out);
        let nothing = select! { wait(pull) => false, default => true };
        assert!(nothing);
        push.send("kept").unwrap();
        assert_eq!(pull.recv().unwrap(), "kept");
    }

    fn an_error_of_the_socket_is_the_arms() {
        let (_rep, req) = pair(SocketType::Rep, SocketType::Req);
        let error = select! { wait(req) -> message => message.unwrap_err() };
        assert_ne!(error.kind(), ErrorKind::WouldBlock);
    }
}

laws! { green
    fn a_killed_select_has_taken_nothing() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let pull = Arc::new(pull);
        let socket = pull.clone();
        let waits = thread::spawn(move || select! { wait(socket) => {} });
        thread::sleep(Duration::from_millis(2));
        assert!(waits.kill_and_wait(None).unwrap());
        push.send("kept").unwrap();
        assert_eq!(pull.recv().unwrap(), "kept");
    }
}
