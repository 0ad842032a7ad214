//! While something outside may wake somebody, the clock goes on as fast as the system's.

use crate::flavour::Watchdog;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::park::ExternalWork;
use greenstd::time::{self, Duration, Instant};
use greenstd::{channel, test, thread};
use std::io::{ErrorKind, Read, Write};

const HOUR: Duration = Duration::from_secs(3600);
const WHILE: Duration = Duration::from_millis(50);

#[test]
fn loopback_works_and_no_timeout_beside_it_fires() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for _ in 0..20 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = [0; 4];
                stream.read_exact(&mut bytes).unwrap();
                stream.write_all(&bytes).unwrap();
            }
        });
        for _ in 0..20 {
            let start = time::now();
            let answer = time::timeout(HOUR, || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(b"ping").unwrap();
                let mut bytes = [0; 4];
                stream.read_exact(&mut bytes).unwrap();
                bytes
            });
            assert_eq!(&answer.unwrap(), b"ping");
            assert!(time::now() - start < HOUR / 2);
        }
        server.join().unwrap();
    });
}

#[test]
fn a_sleep_beside_an_awaited_descriptor_takes_its_time_and_no_more() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || drop(listener.accept().unwrap()));
        let (start, real) = (time::now(), Instant::now());
        thread::sleep(WHILE);
        // To the nanosecond: a deadline is never passed before it was fired.
        assert_eq!(time::now() - start, WHILE);
        assert!(real.elapsed() >= WHILE);
        TcpStream::connect(address).unwrap();
        server.join().unwrap();
        // Nobody waits for a descriptor any more.
        thread::sleep(1000 * HOUR);
        assert_eq!(time::now() - start, WHILE + 1000 * HOUR);
    });
}

#[test]
fn timeouts_of_sockets_are_those_of_the_system() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(WHILE)).unwrap();
        let (start, real) = (time::now(), Instant::now());
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(time::now() - start, WHILE);
        assert!(real.elapsed() >= WHILE);
    });
}

#[test]
fn a_job_of_a_pool_holds_the_clock_up() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (sender, receiver) = channel::bounded(1);
        let job = thread::spawn(move || {
            greenstd::blocking(|| std::thread::sleep(WHILE));
            sender.send(()).unwrap();
        });
        assert!(receiver.recv_timeout(HOUR).is_ok());
        job.join().unwrap();
        let start = time::now();
        thread::sleep(1000 * HOUR);
        assert_eq!(time::now() - start, 1000 * HOUR);
    });
}

#[test]
fn an_announced_os_thread_is_waited_for() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (sender, receiver) = channel::bounded(1);
        let work = ExternalWork::new();
        let other = std::thread::spawn(move || {
            std::thread::sleep(4 * WHILE);
            sender.send(()).unwrap();
            drop(work);
        });
        assert!(receiver.recv().is_ok());
        other.join().unwrap();
    });
}
