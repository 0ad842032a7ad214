//! The end of sockets and contexts blocks no worker, and loses nothing that is to be sent.

use crate::fixture::{HUNG, SHORT, bound, connected, until};
use crate::{child, descriptors};
use greenstd::net::zmq::{Context, SocketType};
use greenstd::thread;
use std::time::Duration;

laws! {
    fn what_was_sent_before_the_end_arrives() {
        let context = Context::new();
        let (pull, endpoint) = bound(&Context::new(), SocketType::Pull);
        let push = connected(&context, SocketType::Push, &endpoint);
        push.set_linger(None).unwrap();
        for number in 0..900_u32 {
            push.send(number.to_be_bytes()).unwrap();
        }
        drop(push);
        let term = thread::spawn(move || context.term());
        for number in 0..900_u32 {
            assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
        }
        term.join().unwrap();
    }

    fn an_end_waits_for_sockets_and_clones() {
        let context = Context::new();
        let socket = context.socket(SocketType::Rep).unwrap();
        assert!(!context.clone().term_timeout(SHORT));
        drop(socket);
        assert!(context.term_timeout(HUNG));
    }
}

#[test]
fn sockets_that_linger_hold_no_worker() {
    crate::flavour::on_workers(1, || {
        let context = Context::new();
        let sockets: Vec<_> = (0..10)
            .map(|_| {
                // Nobody is there.
                let push = connected(&context, SocketType::Push, "tcp://127.0.0.1:1");
                push.set_linger(Some(Duration::from_secs(2))).unwrap();
                push.send("never arrives").unwrap();
                push
            })
            .collect();
        let ticks = thread::spawn(|| {
            (0..10)
                .map(|_| {
                    let start = std::time::Instant::now();
                    thread::sleep(Duration::from_millis(1));
                    start.elapsed()
                })
                .max()
        });
        drop(sockets);
        let end = thread::spawn(move || context.term());
        let longest = ticks.join().unwrap().unwrap();
        assert!(longest < Duration::from_millis(1900), "held for {longest:?}");
        end.join().unwrap();
    });
}

#[test]
fn a_killed_wait_for_an_end_leaves_it_to_itself() {
    crate::flavour::on_workers(1, || {
        let context = Context::new();
        let socket = context.socket(SocketType::Push).unwrap();
        let clone = context.clone();
        let ends = thread::spawn(move || context.term());
        thread::sleep(Duration::from_millis(5));
        assert!(ends.kill_and_wait(HUNG).unwrap());
        drop(socket);
        assert!(clone.term_timeout(HUNG));
    });
}

#[test]
fn nothing_is_left_of_ended_contexts() {
    child::succeed(|| {
        let round = || {
            let context = Context::new();
            let (pull, endpoint) = bound(&context, SocketType::Pull);
            let push = connected(&context, SocketType::Push, &endpoint);
            let sent = thread::spawn(move || push.send("x").map(|()| push));
            assert_eq!(pull.recv().unwrap(), "x");
            drop((pull, sent.join().unwrap().unwrap()));
            assert!(context.term_timeout(HUNG));
        };
        round();
        let before = descriptors::descriptors();
        (0..20).for_each(|_| round());
        // This thread's bell may be new: it is made for the first wait, and stays. A leak would be
        // one for each round at least.
        until("the descriptors are closed", || descriptors::descriptors() < before + 10);
    });
}
