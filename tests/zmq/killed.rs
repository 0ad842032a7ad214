//! A kill at any wait loses no message, cuts none, and leaves nobody behind.

use crate::fixture::{HUNG, full, pair, until};
use crate::random::Random;
use greenstd::net::zmq::{self, Context, SocketType};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PARTS: u64 = 4;

laws! { green
    fn a_killed_reader_leaves_the_message_to_the_next() {
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        let pull = Arc::new(pull);
        for _ in 0..100 {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let pull = pull.clone();
                    thread::spawn(move || pull.recv().unwrap())
                })
                .collect();
            thread::yield_now();
            push.send("one").unwrap();
            readers[0].kill().unwrap();
            // Either the killed one has it, or the other one.
            let [first, second]: [_; 2] = readers.try_into().unwrap();
            if first.join().is_ok() {
                push.send("two").unwrap();
            }
            second.join().unwrap();
            assert_eq!(pull.try_recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }

    fn a_killed_sender_has_sent_all_or_nothing() {
        let (push, pull) = full();
        let push = Arc::new(push);
        let sends = push.clone();
        let sender = thread::spawn(move || sends.send_multipart(&["a", "b", "c"]));
        thread::sleep(Duration::from_millis(5));
        assert!(sender.kill_and_wait(None).unwrap());
        while let Ok(message) = pull.try_recv_multipart() {
            assert_eq!(message, ["filling"]);
        }
        push.send_multipart(&["d", "e"]).unwrap();
        assert_eq!(pull.recv_multipart().unwrap(), ["d", "e"]);
    }

    /// Senders and receivers are killed all the time; what was acknowledged arrives, as a whole.
    fn messages_are_whole_and_none_is_lost_under_kills() {
        let mut random = Random::from_environment();
        let (pull, push) = pair(SocketType::Pull, SocketType::Push);
        push.set_send_high_water_mark(10).unwrap();
        let (pull, push) = (Arc::new(pull), Arc::new(push));
        let received = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sent = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let next = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        let mut source = random.fork();
        for _ in 0..150 {
            let (socket, list) = (pull.clone(), received.clone());
            threads.push(thread::spawn(move || {
                for _ in 0..20 {
                    let message = socket.recv_multipart().unwrap();
                    // Nothing suspends between the receive and this.
                    list.lock().unwrap().push(message);
                }
            }));
            let (socket, list, next) = (push.clone(), sent.clone(), next.clone());
            threads.push(thread::spawn(move || {
                for _ in 0..20 {
                    let number = next.fetch_add(1, Ordering::Relaxed) as u64;
                    let parts: Vec<_> =
                        (0..PARTS).map(|part| (number * PARTS + part).to_be_bytes()).collect();
                    socket.send_multipart(&parts).unwrap();
                    list.lock().unwrap().insert(number);
                }
            }));
            if source.below(2) == 0 {
                let victim = source.below(threads.len() as u64) as usize;
                threads[victim].kill().unwrap();
            }
            if source.below(4) == 0 {
                thread::sleep(Duration::from_micros(source.below(2000)));
            }
        }
        // Those who send end by themselves while somebody receives.
        let (socket, list) = (pull.clone(), received.clone());
        let drain = thread::spawn(move || loop {
            let message = socket.recv_multipart().unwrap();
            list.lock().unwrap().push(message);
        });
        let count = |sent: &std::sync::Mutex<BTreeSet<u64>>| sent.lock().unwrap().len();
        until("all that was sent is received", || {
            let got = received.lock().unwrap().len();
            let idle = threads.iter().skip(1).step_by(2).all(|sender| sender.is_finished());
            idle && got >= count(&sent)
        });
        thread::kill_all(&threads, HUNG).unwrap();
        drain.kill_and_wait(None).unwrap();
        let mut numbers = BTreeSet::new();
        for message in received.lock().unwrap().iter() {
            let parts: Vec<u64> = message
                .iter()
                .map(|part| u64::from_be_bytes(part.as_ref().try_into().unwrap()))
                .collect();
            assert_eq!(parts.len() as u64, PARTS);
            assert!(parts.iter().zip(parts[0]..).all(|(&part, number)| part == number));
            assert!(numbers.insert(parts[0] / PARTS), "a message has come twice");
        }
        // A send that was killed has sent nothing: it is in neither set.
        assert_eq!(numbers, *sent.lock().unwrap());
    }

    fn a_killed_proxy_ends_and_its_sockets_close() {
        let context = Context::new();
        let front = context.socket(SocketType::Pull).unwrap();
        let back = context.socket(SocketType::Push).unwrap();
        front.bind("inproc://front").unwrap();
        back.bind("inproc://back").unwrap();
        let proxy = thread::spawn(move || zmq::proxy(&front, &back, None).map(drop));
        thread::sleep(Duration::from_millis(5));
        assert!(proxy.kill_and_wait(HUNG).unwrap());
        assert!(context.term_timeout(HUNG));
    }
}
