//! Sockets that are shared and moved: between green threads, OS threads and runtimes. Wherever a
//! socket is waited for, its datagrams get there.

use crate::child;
use crate::flavour::{Watchdog, on_workers};
use greenstd::net::UdpSocket;
use greenstd::runtime::Builder;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn socket() -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap())
}

/// In may the second one overwrites the first, which then waits for ever.
#[test]
fn two_green_threads_that_receive_on_one_socket_both_get_theirs() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let receiver = socket();
            let (sender, address) = (socket(), receiver.local_addr().unwrap());
            for round in 0..50 {
                let receivers = [(); 2].map(|()| {
                    let receiver = receiver.clone();
                    greenstd::thread::spawn(move || {
                        let mut byte = [0];
                        assert_eq!(receiver.recv_from(&mut byte).unwrap().0, 1);
                        byte[0]
                    })
                });
                if round % 2 == 0 {
                    greenstd::thread::sleep(Duration::from_millis(1));
                }
                sender.send_to(&[1], address).unwrap();
                sender.send_to(&[2], address).unwrap();
                let bytes = receivers.map(|receiver| receiver.join().unwrap());
                assert_eq!(BTreeSet::from(bytes), BTreeSet::from([1, 2]));
            }
        });
    }
}

#[test]
fn receivers_of_all_kinds_share_a_socket_and_each_datagram_reaches_one() {
    const DATAGRAMS: u32 = 5_000;
    const GREEN: usize = 6;
    const OS: usize = 2;
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let receiver = socket();
        let (sender, address) = (socket(), receiver.local_addr().unwrap());
        let runtime = Builder::new().workers(workers).build().unwrap();
        let (received, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let receive_all = || {
            let (receiver, received, count) = (receiver.clone(), received.clone(), count.clone());
            move || loop {
                let mut buffer = [0; 8];
                if receiver.recv(&mut buffer).unwrap() == 0 {
                    return;
                }
                let number = u32::from_ne_bytes(buffer[..4].try_into().unwrap());
                received.lock().unwrap().push(number);
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let green: Vec<_> = (0..GREEN).map(|_| runtime.spawn(receive_all())).collect();
        let os: Vec<_> = (0..OS).map(|_| thread::spawn(receive_all())).collect();
        for number in 0..DATAGRAMS {
            sender.send_to(&number.to_ne_bytes(), address).unwrap();
            // Never more on their way than the socket's buffer holds; often none at all.
            while count.load(Ordering::SeqCst) + 50 <= number as usize {
                thread::yield_now();
            }
            if number % 100 == 0 {
                thread::sleep(Duration::from_micros(200));
            }
        }
        while count.load(Ordering::SeqCst) < DATAGRAMS as usize {
            thread::sleep(Duration::from_millis(1));
        }
        // An empty datagram is the end for whoever takes it.
        for _ in 0..GREEN + OS {
            sender.send_to(&[], address).unwrap();
        }
        green.into_iter().for_each(|receiver| receiver.join().unwrap());
        os.into_iter().for_each(|receiver| receiver.join().unwrap());
        let mut received = std::mem::take(&mut *received.lock().unwrap());
        received.sort_unstable();
        assert!(received.into_iter().eq(0..DATAGRAMS));
    }
}

#[test]
fn socket_outlives_the_runtimes_it_was_used_in() {
    let _watchdog = Watchdog::new();
    let (peer, own) = (socket(), socket());
    let echo = thread::spawn({
        let peer = peer.clone();
        move || loop {
            let mut byte = [0];
            match peer.recv_from(&mut byte).unwrap() {
                (0, _) => return,
                (_, sender) => assert_eq!(peer.send_to(&byte, sender).unwrap(), 1),
            }
        }
    });
    own.connect(peer.local_addr().unwrap()).unwrap();
    let ask = |own: Arc<UdpSocket>, byte: u8| {
        own.send(&[byte]).unwrap();
        let mut answer = [0];
        own.recv(&mut answer).unwrap();
        assert_eq!(answer, [byte]);
        own
    };
    let mut own = own;
    for round in 0..10 {
        let runtime = Builder::new().workers(1 + usize::from(round) % 2).build().unwrap();
        own = runtime.run(move || (0..12).fold(own, ask));
        // Two live runtimes take turns, and so does an OS thread.
        let other = Builder::new().workers(1).build().unwrap();
        own = other.run(move || (0..12).fold(own, ask));
        own = runtime.run(move || (0..12).fold(own, ask));
        own = thread::spawn(move || ask(own, round)).join().unwrap();
    }
    own.send(&[]).unwrap();
    echo.join().unwrap();
}

#[test]
fn thousand_sockets_wait_at_once_and_each_gets_its_datagram() {
    const SOCKETS: usize = 1_000;
    child::succeed(|| {
        raise_file_limit();
        for workers in [1, 2] {
            on_workers(workers, || {
                let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                let addresses = Arc::new(Mutex::new(Vec::new()));
                let receivers: Vec<_> = (0..SOCKETS)
                    .map(|index| {
                        let addresses = addresses.clone();
                        greenstd::thread::spawn(move || {
                            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                            addresses.lock().unwrap().push((index, socket.local_addr().unwrap()));
                            let mut buffer = [0; 16];
                            assert_eq!(socket.recv_from(&mut buffer).unwrap().0, 8);
                            usize::from_ne_bytes(buffer[..8].try_into().unwrap())
                        })
                    })
                    .collect();
                while addresses.lock().unwrap().len() < SOCKETS {
                    greenstd::thread::sleep(Duration::from_millis(1));
                }
                for (index, address) in std::mem::take(&mut *addresses.lock().unwrap()) {
                    sender.send_to(&index.to_ne_bytes(), address).unwrap();
                }
                for (index, receiver) in receivers.into_iter().enumerate() {
                    assert_eq!(receiver.join().unwrap(), index);
                }
            });
        }
    });
}

/// To what this process may have: the usual soft limit is near a thousand.
#[allow(unsafe_code, reason = "limits are set by the C library alone")]
fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for a limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: a limit of this process, which runs this one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// C81: what never has to wait gives its worker back all the same.
#[test]
fn green_thread_that_never_has_to_wait_lets_its_neighbours_run() {
    let never_waiting: [fn(&UdpSocket); 3] = [
        |own| drop(own.send_to(&[1], own.local_addr().unwrap()).map(drop)),
        |own| {
            own.send_to(&[1], own.local_addr().unwrap()).unwrap();
            assert_eq!(own.recv_from(&mut [0; 8]).unwrap().0, 1);
        },
        |own| assert_eq!(own.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock),
    ];
    for (index, call) in never_waiting.into_iter().enumerate() {
        on_workers(1, move || {
            let ticker = greenstd::thread::spawn(|| {
                for _ in 0..50 {
                    greenstd::thread::sleep(Duration::from_micros(100));
                }
            });
            let own = UdpSocket::bind("127.0.0.1:0").unwrap();
            own.set_nonblocking(index == 2).unwrap();
            while !ticker.is_finished() {
                call(&own);
            }
        });
    }
}
