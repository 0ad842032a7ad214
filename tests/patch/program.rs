//! What every program has to do, and the laws that hold for each of them.
//!
//! A program is a driver as users have it, and a server that answers late. Everything in here and
//! in a program names std alone, except where a green thread is killed or limited.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::census::{Census, SOON, sockets, until};
use crate::child::{Child, text};
use crate::kind::{Handle, Kind};
use crate::throwaway::Server;

/// Tells a child where its server is.
pub const SERVER: &str = "GREENSTD_TEST_SERVER";

/// How many threads wait at once.
const CROWD: usize = 100;

/// What a wait of one second may take for all of them together.
const LIMIT: Duration = Duration::from_secs(2);

/// What a wait takes that nobody is meant to sit out.
const FOR_LONG_SECONDS: u32 = 60;

/// OS threads that a runtime with one worker may have: the worker, what watches it, a spare one
/// where it is stuck, and the pools for names and files.
const OURS: usize = 24;

/// A driver, and what it is asked.
pub trait Program: 'static {
    /// One client, of one thread.
    type Client;

    /// Finds the server, or starts one that ends with this process. Called in the parent; none, and
    /// it is said, if there is none.
    fn server() -> Option<String>;

    /// Connects to `server`.
    fn connect(server: &str) -> Result<Self::Client, String>;

    /// Asks for one more than `number`, which the server answers so many seconds later.
    fn ask(client: &mut Self::Client, number: usize, seconds: u32) -> Result<usize, String>;
}

/// Runs a child that was prepared, beside a server. One at a time: a crowd fills the machine.
pub fn succeed<P: Program>(child: Child) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(server) = P::server() else { return };
    let output = child.env(SERVER, &server).output();
    println!("{}", text(&output.stdout));
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
}

/// Where the server is, in a child.
fn server() -> String {
    std::env::var(SERVER).expect("the parent names the server")
}

/// What it took a crowd.
#[derive(Debug)]
struct Outcome {
    took: Duration,
    /// While all of them waited.
    census: Census,
}

/// Has a crowd connect, wait for each other, and then wait for a second each.
fn crowd<P: Program>(kind: Kind) -> Outcome {
    let (took, census) = kind.run(move || {
        let all_are_there = Arc::new(Barrier::new(CROWD + 1));
        let members = (0..CROWD).map(|number| {
            let all_are_there = all_are_there.clone();
            kind.spawn(move || {
                let mut client = or_end(P::connect(&server()));
                all_are_there.wait();
                let begun = Instant::now();
                let answer = P::ask(&mut client, number, 1);
                (answer, begun, Instant::now())
            })
        });
        let members: Vec<Handle<_>> = members.collect();
        all_are_there.wait();
        thread::sleep(Duration::from_millis(500));
        let census = Census::take();
        let (mut first, mut last) = (Instant::now(), Instant::now());
        for (number, member) in members.into_iter().enumerate() {
            let (answer, begun, ended) = member.join().expect("a member does not panic");
            assert_eq!(answer, Ok(number + 1));
            assert!(ended - begun >= Duration::from_millis(900), "the server has not waited");
            (first, last) = (first.min(begun), last.max(ended));
        }
        (last - first, census)
    });
    Outcome { took, census }
}

/// A client that is not there would make the others wait for ever.
fn or_end<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("no connection: {error}");
        std::process::exit(1)
    })
}

/// A hundred threads wait for a second at once: all have ended after two.
pub fn a_hundred_wait_at_once<P: Program>(kind: Kind) {
    // What a driver makes once for the whole process is not the crowd's.
    drop(or_end(P::connect(&server())));
    let before = Census::take();
    let outcome = crowd::<P>(kind);
    println!("{outcome:?}");
    if outcome.took > LIMIT {
        // On a machine that has other things to do, OS threads tell what can be had.
        let again = crowd::<P>(kind).took;
        let beside = crowd::<P>(Kind::OsThreads).took;
        let limit = LIMIT.max(beside + Duration::from_secs(1));
        assert!(again <= limit, "{again:?} after {:?}; OS threads took {beside:?}", outcome.took);
    }
    let census = &outcome.census;
    if kind == Kind::OsThreads {
        assert!(census.others() >= before.others() + CROWD, "{census:?}");
    } else {
        assert_eq!(census.others(), before.others(), "the driver has threads: {census:?}");
        assert!(census.ours() <= OURS, "more than a worker and its pools: {census:?}");
        let blocked = greenstd::patch::blocked_calls();
        assert!(blocked.is_empty(), "calls have blocked the worker: {blocked:?}");
    }
}

/// Whoever is killed in the midst of a call is told by the driver, and nothing of him is left.
pub fn a_kill_ends_a_call_with_an_error<P: Program>() {
    Kind::Own.run(|| {
        drop(or_end(P::connect(&server())));
        let before = sockets();
        let (tells, hears) = mpsc::channel();
        let victim = greenstd::thread::spawn(move || {
            let client = or_end(P::connect(&server()));
            tells.send(None).unwrap();
            tells.send(Some(error_of::<P>(client))).unwrap();
            // The kill is sticky: it unwinds the next call that blocks.
            greenstd::thread::sleep(SOON);
            tells.send(None).unwrap();
        });
        assert_eq!(hears.recv(), Ok(None));
        thread::sleep(Duration::from_millis(200));
        assert!(victim.kill_and_wait(SOON).unwrap(), "the killed one goes on");
        let error = hears.recv().unwrap().expect("it has told of its end");
        println!("{error}");
        assert!(hears.recv().is_err(), "it has gone on after the kill");
        assert!(victim.join().is_err());
        until("its sockets are closed", || sockets() <= before);
        let mut client = or_end(P::connect(&server()));
        assert_eq!(P::ask(&mut client, 1, 0), Ok(2), "everything is as before");
    });
}

/// A scope that expires during a call ends it, and the same green thread goes on afterwards.
pub fn a_timeout_ends_a_call_with_an_error<P: Program>() {
    Kind::Own.run(|| {
        drop(or_end(P::connect(&server())));
        let before = sockets();
        let client = or_end(P::connect(&server()));
        let begun = Instant::now();
        let limit = Duration::from_millis(300);
        let late = greenstd::time::timeout(limit, || error_of::<P>(client));
        println!("{late:?}");
        assert!(begun.elapsed() >= limit, "too early: {late:?}");
        assert!(begun.elapsed() < SOON, "too late: {late:?}");
        until("its sockets are closed", || sockets() <= before);
        let mut client = or_end(P::connect(&server()));
        assert_eq!(P::ask(&mut client, 1, 1), Ok(2), "everything is as before");
    });
}

/// What the driver says of a call that was ended, and of the end of the client. It may not like the
/// error and panic: tokio does, and then its runtime cannot be dropped in peace either.
fn error_of<P: Program>(mut client: P::Client) -> String {
    let call = AssertUnwindSafe(|| P::ask(&mut client, 1, FOR_LONG_SECONDS));
    let error = match catch_unwind(call) {
        Ok(answer) => answer.expect_err("the call has come to its end"),
        Err(payload) => format!("panicked: {}", message(payload)),
    };
    match catch_unwind(AssertUnwindSafe(|| drop(client))) {
        Ok(()) => error,
        Err(payload) => format!("{error}; when it was dropped: {}", message(payload)),
    }
}

/// What a panic says. One that says nothing is a kill: it does not come out of a driver.
fn message(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().expect("it is no kill").to_string(),
    }
}

/// A server that crashes is an error for each who asks, and no more than that.
pub fn a_crash_is_an_error_and_then_all_is_well<P: Program>(script: &str, kind: Kind) {
    let server = Server::start(script);
    let url = server.url();
    drop(or_end(P::connect(&url)));
    let before = sockets();
    let ask = |seconds| {
        let url = url.clone();
        move || {
            let members = (0..CROWD).map(|number| {
                let url = url.clone();
                let ask = move || P::ask(&mut P::connect(&url)?, number, seconds);
                kind.spawn(move || ask() == Ok(number + 1))
            });
            let members: Vec<Handle<_>> = members.collect();
            members.into_iter().map(|member| member.join().unwrap()).filter(|is| *is).count()
        }
    };
    assert_eq!(kind.run(ask(0)), CROWD);
    let late = ask(FOR_LONG_SECONDS);
    let users = thread::spawn(move || kind.run(late));
    thread::sleep(Duration::from_millis(500));
    server.crash();
    assert_eq!(users.join().unwrap(), 0, "nobody is answered");
    assert_eq!(kind.run(ask(0)), 0, "it is away");
    until("all sockets are closed", || sockets() <= before);
    server.resume();
    assert_eq!(kind.run(ask(0)), CROWD, "everything is as before");
}
