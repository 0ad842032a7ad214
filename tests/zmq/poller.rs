//! Waits on many sockets and descriptors.

use crate::fixture::{HUNG, SHORT, inside, pair};
use greenstd::net::zmq::{Context, PollFlags, Poller, SocketType};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    fn what_holds_is_told_as_long_as_it_does() {
        let context = Context::new();
        let (left, right) = inside(&context, SocketType::Pair, SocketType::Pair);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut poller = Poller::new();
        let socket = poller.add_socket(&left, PollFlags::IN);
        let pipe = poller.add_fd(&reader, PollFlags::IN);
        let start = Instant::now();
        assert_eq!(poller.wait(Some(SHORT)).unwrap(), 0);
        assert!((SHORT..HUNG).contains(&start.elapsed()));
        right.send("x").unwrap();
        for _ in 0..2 {
            assert_eq!(poller.wait(None).unwrap(), 1);
            assert_eq!(poller.found(socket), PollFlags::IN);
            assert!(poller.found(pipe).is_empty());
        }
        writer.write_all(b"x").unwrap();
        assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap(), 2);
        assert_eq!(poller.found(pipe), PollFlags::IN);
        left.recv().unwrap();
        assert_eq!(poller.wait(None).unwrap(), 1);
        poller.modify(pipe, PollFlags::empty());
        poller.modify(socket, PollFlags::OUT);
        assert_eq!(poller.wait(None).unwrap(), 1);
        assert_eq!(poller.found(socket), PollFlags::OUT);
    }

    fn a_message_ends_the_wait_whoever_sees_it_first() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let pull = Arc::new(pull);
        for _ in 0..100 {
            let socket = pull.clone();
            let polls = thread::spawn(move || {
                let mut poller = Poller::new();
                poller.add_socket(&socket, PollFlags::IN);
                poller.wait(None).unwrap();
                socket.recv().unwrap();
            });
            thread::yield_now();
            push.send("x").unwrap();
            for _ in 0..5 {
                pull.last_endpoint().unwrap();
                thread::yield_now();
            }
            polls.join().unwrap();
        }
    }
}
