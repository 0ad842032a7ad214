//! What ends a wait from outside (a kill, a timeout scope, the end of a runtime) takes no datagram
//! with it and leaves the socket as it was.

use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use greenstd::net::UdpSocket;
use greenstd::runtime::Builder;
use greenstd::thread::{self, JoinHandle, Killed};
use greenstd::time::{TimedOut, timeout};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(5);

fn socket() -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap())
}

fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// A socket that has no room for another datagram, its other side, and how many it holds.
fn full_pair() -> (Arc<UdpSocket>, UdpSocket, usize) {
    let (one, other) = UnixDatagram::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let queued = (0..).find(|_| one.send(&[0; 1024]).is_err()).unwrap();
    one.set_nonblocking(false).unwrap();
    (Arc::new(OwnedFd::from(one).into()), OwnedFd::from(other).into(), queued)
}

laws! { green
    fn killed_receiver_leaves_the_datagram_to_the_next() {
        let receiver = socket();
        let address = receiver.local_addr().unwrap();
        for round in 0..20 {
            let waiting = receiver.clone();
            let killed = thread::spawn(move || waiting.recv_from(&mut [0]));
            // Before its start, on its way, or in its wait.
            if round % 2 == 0 {
                thread::sleep(Duration::from_millis(round / 4));
            }
            assert!(killed.kill_and_wait(Duration::from_secs(10)).unwrap());
            assert!(was_killed(killed));
            receiver.send_to(&[round as u8], address).unwrap();
            let mut byte = [0];
            assert_eq!(receiver.recv_from(&mut byte).unwrap(), (1, address));
            assert_eq!(u64::from(byte[0]), round);
        }
    }

    fn timeout_scope_ends_a_receive_and_the_socket_goes_on() {
        let receiver = socket();
        let address = receiver.local_addr().unwrap();
        for byte in 0..10 {
            let outcome = timeout(SOON, || receiver.recv_from(&mut [0]).is_ok());
            assert_eq!(outcome, Err(TimedOut));
            receiver.send_to(&[byte], address).unwrap();
            let outcome = timeout(Duration::from_secs(10), || receiver.recv(&mut [0]).unwrap());
            assert_eq!(outcome, Ok(1));
        }
        // A scope beats the longer timeout of the socket, which is there afterwards.
        receiver.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(timeout(SOON, || receiver.recv(&mut [0]).is_ok()), Err(TimedOut));
        receiver.set_read_timeout(Some(SOON)).unwrap();
        let outcome = timeout(Duration::from_secs(60), || receiver.recv(&mut [0]));
        assert_eq!(outcome.unwrap().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    fn killed_sender_has_sent_nothing() {
        let (sender, receiver, queued) = full_pair();
        let waiting = sender.clone();
        let killed = thread::spawn(move || waiting.send(b"never sent"));
        thread::sleep(SOON);
        assert!(killed.kill_and_wait(Duration::from_secs(10)).unwrap());
        assert!(was_killed(killed));
        let outcome = timeout(SOON, || sender.send(b"nor this").is_ok());
        assert_eq!(outcome, Err(TimedOut));
        for _ in 0..queued {
            assert_eq!(receiver.recv(&mut [0; 2048]).unwrap(), 1024);
        }
        sender.send(b"sent").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(receiver.recv(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"sent");
    }
}

/// Of several receivers some are killed while datagrams come in, again and again: whatever was
/// taken was also returned, each datagram once, in the order in which it was sent to each of them.
#[test]
fn no_datagram_is_lost_among_receivers_that_are_killed() {
    const DATAGRAMS: u32 = 3_000;
    const RECEIVERS: usize = 4;
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let mut random = random.fork();
        on_workers(workers, move || {
            let socket = socket();
            let address = socket.local_addr().unwrap();
            let received = Arc::new(Mutex::new(Vec::new()));
            let receive = || {
                let (socket, received) = (socket.clone(), received.clone());
                thread::spawn(move || {
                    loop {
                        let mut buffer = [0; 8];
                        let (count, sender) = socket.recv_from(&mut buffer).unwrap();
                        assert_eq!((count, sender), (4, address));
                        let number = u32::from_ne_bytes(buffer[..4].try_into().unwrap());
                        received.lock().unwrap().push(number);
                    }
                })
            };
            let mut receivers: Vec<_> = (0..RECEIVERS).map(|_| receive()).collect();
            let mut kills = 0;
            for number in 0..DATAGRAMS {
                socket.send_to(&number.to_ne_bytes(), address).unwrap();
                if random.below(3) == 0 {
                    let index = random.below(RECEIVERS as u64) as usize;
                    let killed = std::mem::replace(&mut receivers[index], receive());
                    killed.kill().unwrap();
                    kills += 1;
                }
                // Never more on their way than the socket's buffer holds.
                while received.lock().unwrap().len() + 64 <= number as usize {
                    thread::yield_now();
                }
                if random.below(4) == 0 {
                    thread::sleep(Duration::from_micros(random.below(100)));
                }
            }
            while received.lock().unwrap().len() < DATAGRAMS as usize {
                thread::sleep(Duration::from_millis(1));
            }
            let mut received = std::mem::take(&mut *received.lock().unwrap());
            received.sort_unstable();
            assert!(received.into_iter().eq(0..DATAGRAMS), "each once, after {kills} kills");
            thread::kill_all(&receivers, None).unwrap();
        });
    }
}

#[test]
fn end_of_the_runtime_ends_a_receive_and_closes_the_socket() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let receiver = runtime.spawn(move || socket.recv_from(&mut [0]).map(drop));
        std::thread::sleep(SOON);
        assert_eq!(UdpSocket::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        runtime.shutdown();
        assert!(was_killed(receiver));
        UdpSocket::bind(address).unwrap();
    }
}

#[test]
fn killed_receiver_that_owns_its_socket_closes_it() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            let receiver = thread::spawn(move || socket.recv_from(&mut [0]).map(drop));
            thread::sleep(SOON);
            assert!(receiver.kill_and_wait(Duration::from_secs(10)).unwrap());
            UdpSocket::bind(address).unwrap();
        });
    }
}
