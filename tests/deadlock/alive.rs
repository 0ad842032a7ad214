//! Waits that look like deadlocks and are none: nothing is reported, however long they last.
//!
//! Each lasts longer than a look takes to come, several times over.

use crate::found::{runtime, wait_for_ever};
use crate::{Case, cases};
use greenstd::blocking::{BlockingPool, blocking, call_from_thread};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::park::{self, ExternalWork, ServiceThread, Unparker};
use greenstd::runtime::Builder;
use greenstd::signal::{SIGUSR1, Signals};
use greenstd::sync::Semaphore;
use greenstd::{thread, time};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) const CASES: &[Case] = cases![
    a_foreign_thread_wakes_with_one_worker,
    a_foreign_thread_wakes_with_two_workers,
    a_sleeper_goes_on,
    a_wait_with_a_deadline_goes_on,
    a_timeout_scope_goes_on,
    a_connection_comes_from_outside,
    a_signal_comes_from_outside,
    a_look_up_takes_its_time,
    a_job_takes_its_time,
    queued_jobs_take_their_time,
    a_job_calls_back_late,
    work_of_a_service_thread_comes_back,
    a_scope_around_run_ends_it,
    another_runtime_wakes,
    a_run_inside_of_a_run_goes_on,
    many_short_waits_are_none,
    rests_as_long_as_a_look_takes_are_none,
    a_look_that_finds_somebody_alive_is_the_only_one,
    who_does_not_ask_is_told_nothing,
];

/// Tells a process that it is the client, and the port of its server.
pub(crate) const CLIENT: &str = "GREENSTD_DEADLOCK_CLIENT";

/// Longer than a look takes to come.
const LONG: Duration = Duration::from_millis(350);

/// C45
fn a_foreign_thread_wakes(workers: usize) {
    let runtime = runtime(workers);
    let permit = Arc::new(Semaphore::new(0));
    let release = permit.clone();
    let foreign = std::thread::spawn(move || {
        for _ in 0..3 {
            std::thread::sleep(LONG);
            release.release();
        }
    });
    let outcome = runtime.try_run(move || (0..3).for_each(|_| permit.acquire()));
    assert!(outcome.is_ok());
    foreign.join().unwrap();
}

fn a_foreign_thread_wakes_with_one_worker() {
    a_foreign_thread_wakes(1);
}

fn a_foreign_thread_wakes_with_two_workers() {
    a_foreign_thread_wakes(2);
}

fn a_sleeper_goes_on() {
    assert!(runtime(2).try_run(|| thread::sleep(LONG)).is_ok());
    let outcome = runtime(1).try_run(|| {
        let permit = Arc::new(Semaphore::new(0));
        let release = permit.clone();
        thread::spawn(move || {
            thread::sleep(LONG);
            release.release();
        });
        permit.acquire();
    });
    assert!(outcome.is_ok());
}

fn a_wait_with_a_deadline_goes_on() {
    assert_eq!(runtime(2).try_run(|| Semaphore::new(0).acquire_timeout(LONG)).ok(), Some(false));
}

fn a_timeout_scope_goes_on() {
    let outcome = runtime(2).try_run(|| time::timeout(LONG, wait_for_ever));
    assert_eq!(outcome.ok(), Some(Err(time::TimedOut)));
}

/// What the client of the next case does, in a process of its own, for the server at `port`.
pub(crate) fn be_client(port: u16) {
    std::thread::sleep(LONG);
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::thread::sleep(LONG);
    stream.write_all(b"hello").unwrap();
}

/// A single OS thread besides the workers is all there is: who connects is another process.
fn a_connection_comes_from_outside() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client =
        Command::new(env::current_exe().unwrap()).env(CLIENT, port.to_string()).spawn().unwrap();
    let listener = TcpListener::from(std::os::fd::OwnedFd::from(listener));
    let outcome = runtime(2).try_run(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut words = String::new();
        stream.read_to_string(&mut words).unwrap();
        words
    });
    assert_eq!(outcome.ok().as_deref(), Some("hello"));
    assert!(client.wait().unwrap().success());
}

/// Whoever listens for signals may be sent one at any time.
fn a_signal_comes_from_outside() {
    let signals = Signals::new([SIGUSR1]).unwrap();
    let script = "sleep 0.4; kill -USR1 $PPID";
    let mut sender = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let outcome = runtime(2).try_run(move || signals.wait());
    assert_eq!(outcome.ok().flatten(), Some(SIGUSR1));
    assert!(sender.wait().unwrap().success());
}

/// Takes the place of the C library's: every look-up lasts long, and finds nothing.
#[unsafe(no_mangle)]
extern "C" fn getaddrinfo(
    name: *const libc::c_char,
    _service: *const libc::c_char,
    _hints: *const libc::addrinfo,
    _found: *mut *mut libc::addrinfo,
) -> libc::c_int {
    assert!(!name.is_null());
    std::thread::sleep(LONG);
    libc::EAI_NONAME
}

fn a_look_up_takes_its_time() {
    let start = Instant::now();
    let outcome = runtime(2).try_run(|| {
        // The second one is asked of a thread that has idled.
        for host in ["one.invalid", "two.invalid"] {
            let error = TcpStream::connect((host, 1)).unwrap_err();
            assert!(error.to_string().contains("failed to lookup"), "{error}");
        }
    });
    assert!(outcome.is_ok());
    assert!(start.elapsed() >= 2 * LONG, "it was not our own look-up");
}

fn a_job_takes_its_time() {
    for workers in [1, 2] {
        let outcome = runtime(workers).try_run(|| {
            blocking(|| std::thread::sleep(LONG));
            blocking(|| std::thread::sleep(LONG));
        });
        assert!(outcome.is_ok());
    }
}

fn queued_jobs_take_their_time() {
    let outcome = runtime(2).try_run(|| {
        let pool = BlockingPool::new(1);
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.run(|| std::thread::sleep(LONG)))
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
    assert!(outcome.is_ok());
}

fn a_job_calls_back_late() {
    let outcome = runtime(1).try_run(|| {
        blocking(|| {
            std::thread::sleep(LONG);
            call_from_thread(|| thread::sleep(LONG));
            std::thread::sleep(LONG);
            call_from_thread(|| blocking(|| std::thread::sleep(LONG)));
        });
    });
    assert!(outcome.is_ok());
}

fn work_of_a_service_thread_comes_back() {
    let (jobs, work) = std::sync::mpsc::channel::<(Unparker, ExternalWork, Arc<AtomicBool>)>();
    std::thread::spawn(move || {
        let _service = ServiceThread::new();
        for (waiter, work, is_done) in work {
            std::thread::sleep(LONG);
            is_done.store(true, Ordering::SeqCst);
            waiter.unpark();
            drop(work);
        }
    });
    let outcome = runtime(2).try_run(move || {
        for _ in 0..2 {
            let is_done = Arc::new(AtomicBool::new(false));
            jobs.send((Unparker::current(), ExternalWork::new(), is_done.clone())).unwrap();
            while !is_done.load(Ordering::SeqCst) {
                let _ = park::park();
            }
        }
    });
    assert!(outcome.is_ok());
}

fn a_scope_around_run_ends_it() {
    let runtime = runtime(1);
    let outcome = time::timeout(LONG, || runtime.try_run(wait_for_ever));
    assert!(matches!(outcome, Err(time::TimedOut)));
}

fn another_runtime_wakes() {
    let other = runtime(1);
    let permit = Arc::new(Semaphore::new(0));
    let release = permit.clone();
    other.spawn(move || {
        thread::sleep(LONG);
        release.release();
    });
    assert!(runtime(1).try_run(move || permit.acquire()).is_ok());
}

fn a_run_inside_of_a_run_goes_on() {
    let outcome = runtime(1).try_run(|| {
        runtime(1)
            .try_run(|| {
                thread::sleep(LONG);
                7
            })
            .unwrap()
    });
    assert_eq!(outcome.ok(), Some(7));
}

fn many_short_waits_are_none() {
    for workers in [1, 2] {
        let outcome = runtime(workers).try_run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut byte = [0];
                while stream.read(&mut byte).unwrap() == 1 {
                    thread::sleep(Duration::from_millis(u64::from(byte[0])));
                    stream.write_all(&byte).unwrap();
                }
            });
            let mut stream = TcpStream::connect(address).unwrap();
            // Around the time after which a worker looks, before and behind it.
            for wait in [0, 1, 98, 99, 100, 101, 102, 110] {
                let mut byte = [wait];
                stream.write_all(&byte).unwrap();
                stream.read_exact(&mut byte).unwrap();
            }
            drop(stream);
            server.join().unwrap();
        });
        assert!(outcome.is_ok());
    }
}

/// A ring hands a permit around, over both workers, and each rests before it hands it on: for
/// nothing, or for about as long as a worker sleeps before it looks.
fn rests_as_long_as_a_look_takes_are_none() {
    const RING: usize = 8;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut seed = now.as_nanos() as u64 | 1;
    eprintln!("seed {seed}");
    let outcome = runtime(2).try_run(move || {
        let permits: Vec<_> = (0..RING).map(|_| Arc::new(Semaphore::new(0))).collect();
        let ring: Vec<_> = (0..RING)
            .map(|place| {
                let (mine, next) = (permits[place].clone(), permits[(place + 1) % RING].clone());
                let rests: Vec<Duration> = (0..6)
                    .map(|_| {
                        // xorshift64
                        seed ^= seed << 13;
                        seed ^= seed >> 7;
                        seed ^= seed << 17;
                        let is_long = seed >> 40 & 1 == 1;
                        let micros = if is_long { 99_500 + (seed >> 20) % 1000 } else { 0 };
                        Duration::from_micros(micros)
                    })
                    .collect();
                thread::spawn(move || {
                    for rest in rests {
                        mine.acquire();
                        thread::sleep(rest);
                        next.release();
                    }
                })
            })
            .collect();
        permits[0].release();
        ring.into_iter().for_each(|one| one.join().unwrap());
    });
    assert!(outcome.is_ok());
}

/// How often each thread of this process's runtime has fallen asleep.
fn sleeps() -> BTreeMap<String, String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let read = |path| fs::read_to_string(path).unwrap();
    tasks
        .filter(|task| read(task.join("comm")).starts_with("greenstd-"))
        .map(|task| {
            let status = read(task.join("status"));
            let count = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
            (task.display().to_string(), count.to_owned())
        })
        .collect()
}

fn a_look_that_finds_somebody_alive_is_the_only_one() {
    let runtime = runtime(2);
    let permit = Arc::new(Semaphore::new(0));
    let release = permit.clone();
    let foreign = std::thread::spawn(move || {
        // The look is over by then, and so is the release of what the start has used.
        std::thread::sleep(Duration::from_secs(7));
        let before = sleeps();
        // The workers, and the watchdog that debug builds have.
        assert_eq!(before.len(), 2 + usize::from(cfg!(debug_assertions)));
        std::thread::sleep(Duration::from_secs(2));
        let after = sleeps();
        release.release();
        assert_eq!(before, after);
    });
    assert!(runtime.try_run(move || permit.acquire()).is_ok());
    foreign.join().unwrap();
}

fn who_does_not_ask_is_told_nothing() {
    // Without the detector the process waits until something from outside ends it: the kernel.
    let runtime = Builder::new().workers(1).detect_deadlocks(false).build().unwrap();
    // SAFETY: sets an alarm whose handler ends the process, with success.
    unsafe {
        extern "C" fn succeed(_: libc::c_int) {
            // SAFETY: async-signal-safe, and never returns.
            unsafe { libc::_exit(0) }
        }
        libc::signal(libc::SIGALRM, succeed as *const () as libc::sighandler_t);
        libc::alarm(1);
    }
    let _ = runtime.try_run(wait_for_ever);
    panic!("nobody has asked for this");
}
