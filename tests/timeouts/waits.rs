//! The table of all calls that block: a new one is a line here.

use greenstd::net::{TcpListener, TcpStream};
use greenstd::sync::{AsyncResult, BoundedSemaphore, Event, GetError, Semaphore, WaitGroup};
use greenstd::time::Ticker;
use greenstd::{park, thread, wait_readable, wait_writable};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A call that blocks.
pub struct Wait {
    pub name: &'static str,
    /// Blocks for ever.
    pub forever: fn(),
    /// Blocks for so long by its own timeout, and says whether that is what has ended it.
    pub timed: Option<fn(Duration) -> bool>,
}

/// A wait without a timeout of its own.
const fn plain(name: &'static str, forever: fn()) -> Wait {
    Wait { name, forever, timed: None }
}

const fn wait(name: &'static str, forever: fn(), timed: fn(Duration) -> bool) -> Wait {
    Wait { name, forever, timed: Some(timed) }
}

/// Longer than any test takes.
const AGES: Duration = Duration::from_secs(100_000);

/// Everything that blocks. `thread::scope` is not among them: it waits for its threads whatever
/// happens, since they borrow from it (`scopes`).
pub const WAITS: &[Wait] = &[
    wait("thread::sleep", || thread::sleep(AGES), |time| is_over(time, || thread::sleep(time))),
    wait(
        "thread::sleep_until",
        || thread::sleep_until(Instant::now() + AGES),
        |time| is_over(time, || thread::sleep_until(Instant::now() + time)),
    ),
    wait(
        "thread::park",
        || again_and_again(thread::park),
        |time| {
            let end = Instant::now() + time;
            is_over(time, || again_until(end, || thread::park_timeout(end - Instant::now())))
        },
    ),
    plain("JoinHandle::join", || drop(thread::spawn(|| thread::sleep(AGES)).join())),
    wait(
        "park::park",
        || again_and_again(|| park_or_unwind(None)),
        |time| {
            let end = Instant::now() + time;
            is_over(time, || again_until(end, || park_or_unwind(Some(end))))
        },
    ),
    wait(
        "Semaphore::acquire",
        || Semaphore::new(0).acquire(),
        |time| !Semaphore::new(0).acquire_timeout(time),
    ),
    plain("Semaphore::acquire_many", || Semaphore::new(2).acquire_many(3)),
    wait("BoundedSemaphore::acquire", || taken().acquire(), |time| !taken().acquire_timeout(time)),
    wait("Event::wait", || Event::new().wait(), |time| !Event::new().wait_timeout(time)),
    wait(
        "AsyncResult::wait",
        || AsyncResult::<()>::new().wait(),
        |time| !AsyncResult::<()>::new().wait_timeout(time),
    ),
    wait(
        "AsyncResult::get",
        || drop(AsyncResult::<()>::new().get()),
        |time| AsyncResult::<(), ()>::new().get_timeout(time) == Err(GetError::TimedOut),
    ),
    wait("WaitGroup::wait", || never_done().wait(), |time| !never_done().wait_timeout(time)),
    wait(
        "Ticker::tick",
        || drop(Ticker::new(AGES).tick()),
        |time| Ticker::new(AGES).tick_timeout(time).is_none(),
    ),
    wait("TcpStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("TcpStream::peek", || peek(None), |time| is_over(time, || peek(Some(time)))),
    wait("TcpStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("TcpStream::connect", || connect(None), |time| is_over(time, || connect(Some(time)))),
    plain("TcpListener::accept", || drop(listener().accept())),
    plain("TcpListener::incoming", || drop(listener().incoming().next())),
    wait("wait_readable", || readable(None), |time| is_over(time, || readable(Some(time)))),
    wait("wait_writable", || writable(None), |time| is_over(time, || writable(Some(time)))),
];

/// Whether `call` has taken that long at least.
fn is_over(time: Duration, call: impl FnOnce()) -> bool {
    let start = Instant::now();
    call();
    start.elapsed() >= time
}

fn again_and_again(call: fn()) {
    loop {
        call();
    }
}

fn again_until(end: Instant, mut call: impl FnMut()) {
    while Instant::now() < end {
        call();
    }
}

fn park_or_unwind(deadline: Option<Instant>) {
    if park::park_until(deadline) == park::Outcome::Killed {
        let _ = park::unwind_killed();
    }
}

fn taken() -> BoundedSemaphore {
    let semaphore = BoundedSemaphore::new(1);
    semaphore.acquire();
    semaphore
}

fn never_done() -> WaitGroup {
    let group = WaitGroup::new();
    group.add(1);
    group
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Both ends of a connection.
fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client.into(), listener.accept().unwrap().0)
}

/// Nobody sends, so this ends by its own timeout if at all.
fn read(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_read_timeout(timeout).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn peek(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    stream.set_read_timeout(timeout).unwrap();
    assert_eq!(stream.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Nobody reads.
fn write(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_write_timeout(timeout).unwrap();
    let error = loop {
        if let Err(error) = stream.write(&[0; 65536]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Connects to a listener whose queue is full: the kernel drops every further SYN.
fn connect(timeout: Option<Duration>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();
    let outcome = match timeout {
        None => TcpStream::connect(address),
        Some(timeout) => TcpStream::connect_timeout(&address, timeout),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

fn readable(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    let outcome = wait_readable(&stream, timeout.map(|timeout| Instant::now() + timeout));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

fn writable(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[0; 65536]).is_ok() {}
    let outcome = wait_writable(&stream, timeout.map(|timeout| Instant::now() + timeout));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}
