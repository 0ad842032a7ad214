//! A wait for messages that do not come costs nothing: nobody wakes up to look.

use crate::child;
use crate::fixture::{HUNG, LONG, bound};
use crate::flavour::on_workers;
use greenstd::net::zmq::{Context, PollFlags, Poller, SocketType};
use greenstd::{channel, select, thread};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// How often the threads of this process have gone to sleep, and been woken, so far.
fn switches() -> u64 {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
        .flat_map(|status| {
            let lines = status.lines().filter(|line| line.starts_with("voluntary_ctxt_switches"));
            lines
                .filter_map(|line| line.split_once(':')?.1.trim().parse::<u64>().ok())
                .collect::<Vec<_>>()
        })
        .sum()
}

#[test]
fn idle_sockets_wake_nobody() {
    child::succeed(|| {
        on_workers(2, || {
            let context = Context::new();
            let sockets: Vec<_> =
                (0..30).map(|_| Arc::new(bound(&context, SocketType::Dealer).0)).collect();
            let waits = sockets.iter().cloned().enumerate().map(|(number, socket)| {
                thread::spawn(move || match number % 5 {
                    0 => drop(socket.recv()),
                    1 => drop(socket.send("there is nobody")),
                    2 => drop(socket.poll(PollFlags::IN, Some(LONG))),
                    3 => {
                        let mut poller = Poller::new();
                        poller.add_socket(&socket, PollFlags::IN);
                        drop(poller.wait(None));
                    }
                    _ => select! {
                        wait(socket) => {},
                        recv(channel::never::<()>()) => {},
                    },
                })
            });
            let waits: Vec<_> = waits.collect();
            let shared = sockets[0].clone();
            let beside = std::thread::spawn(move || shared.recv().unwrap().to_vec());
            thread::sleep(Duration::from_millis(300));
            let before = switches();
            thread::sleep(Duration::from_secs(2));
            let woken = switches() - before;
            // Our own sleep, and what the kernel counts for whom it moves. A safety poll of each of
            // the 30 sockets would be 30 at least.
            assert!(woken < 15, "{woken} switches while nothing happened");
            assert!(thread::kill_all(&waits, HUNG).unwrap());
            let endpoint = sockets[0].last_endpoint().unwrap();
            let client = crate::fixture::connected(&context, SocketType::Dealer, &endpoint);
            client.send("awake").unwrap();
            assert_eq!(greenstd::blocking(move || beside.join().unwrap()), b"awake");
        });
    });
}
