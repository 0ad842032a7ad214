//! Whatever ends a dial, at whichever point, leaves no descriptor and no registration behind.

use super::{AGES, Silent, descriptors, listener, refusing};
use crate::child;
use crate::flavour::{Watchdog, on_workers};
use greenstd::net::Dialer;
use greenstd::net::resolver::{self, Resolve};
use greenstd::runtime::Builder;
use greenstd::thread::Killed;
use greenstd::time::{Duration, Instant, timeout};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

/// Where a dial is when it is ended.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// The name is being looked up.
    LookUp,
    /// The only address is silent.
    Only,
    /// The first of several is silent, and the next is not due.
    First,
    /// Several are under way.
    Several,
    /// The last of many is under way, and more than there may be were before it.
    Many,
    /// Some have refused, and one that is left is silent.
    AfterRefusals,
}

const POINTS: [Point; 6] =
    [Point::LookUp, Point::Only, Point::First, Point::Several, Point::Many, Point::AfterRefusals];

/// What ends it.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    Scope,
    Deadline,
    Shutdown,
}

/// Never answers in the time of a test, and blocks no OS thread for it.
struct NeverAnswers;

impl Resolve for NeverAnswers {
    fn resolve(&self, _: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + AGES);
        greenstd::thread::sleep_until(deadline);
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Point {
    fn dial(self, silent: &Silent, time: Option<Duration>) {
        let dialer = Dialer::new().timeout(time);
        let quick = dialer.clone().attempt_delay(Duration::ZERO);
        let outcome = match self {
            Point::LookUp => dialer.dial("silent.test:1"),
            Point::Only => dialer.dial(&silent.addresses(1)[..]),
            Point::First => dialer.attempt_delay(AGES).dial(&silent.addresses(5)[..]),
            Point::Several => quick.dial(&silent.addresses(5)[..]),
            Point::Many => quick.dial(&silent.addresses(70)[..]),
            Point::AfterRefusals => {
                quick.dial(&[refusing(5), silent.addresses(1), refusing(2)].concat()[..])
            }
        };
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

/// Begins a dial, ends it after `pause`, and waits until it has ended.
fn end(point: Point, end: End, workers: usize, pause: Duration) {
    let silent = Silent::new();
    let runtime = Builder::new().workers(workers).build().unwrap();
    let (entered, has_entered) = mpsc::channel();
    let dialing = runtime.spawn(move || {
        entered.send(()).unwrap();
        end_itself(point, end, &silent, pause);
    });
    has_entered.recv().unwrap();
    if matches!(end, End::Kill | End::Shutdown) {
        std::thread::sleep(pause);
    }
    let outcome = match end {
        End::Shutdown => {
            runtime.shutdown();
            dialing.join()
        }
        _ => {
            if matches!(end, End::Kill) {
                dialing.thread().kill().unwrap();
            }
            let outcome = dialing.join();
            runtime.shutdown();
            outcome
        }
    };
    match end {
        End::Kill | End::Shutdown => assert!(outcome.is_err_and(|payload| payload.is::<Killed>())),
        End::Scope | End::Deadline => outcome.unwrap(),
    }
}

/// Dials, and ends that after `pause` if that is the way.
fn end_itself(point: Point, end: End, silent: &Silent, pause: Duration) {
    match end {
        End::Scope => drop(timeout(pause, || point.dial(silent, None))),
        End::Deadline => point.dial(silent, Some(pause)),
        End::Kill | End::Shutdown => point.dial(silent, None),
    }
}

/// C61, and the same for whatever else ends a dial.
#[test]
fn whatever_ends_a_dial_at_whichever_point_leaves_nothing_behind() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        resolver::set_default(Arc::new(NeverAnswers));
        for point in POINTS {
            for way in [End::Kill, End::Scope, End::Deadline, End::Shutdown] {
                for (workers, pause_ms) in [(1, 0), (1, 1), (1, 40), (2, 0), (2, 20)] {
                    println!("{point:?}, {way:?}, {workers} workers, {pause_ms} ms");
                    let before = descriptors();
                    end(point, way, workers, Duration::from_millis(pause_ms));
                    assert_eq!(descriptors(), before);
                }
            }
        }
    });
}

#[test]
fn what_ends_a_dial_of_an_os_thread_leaves_nothing_behind() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        resolver::set_default(Arc::new(NeverAnswers));
        let silent = Silent::new();
        for round in 0..2 {
            // The first round makes what is made once.
            let before = descriptors();
            for point in POINTS {
                for way in [End::Scope, End::Deadline] {
                    for pause_ms in [0, 1, 40] {
                        end_itself(point, way, &silent, Duration::from_millis(pause_ms));
                    }
                }
            }
            assert!(round == 0 || descriptors() == before);
        }
    });
}

#[test]
fn losers_are_closed_before_the_winner_is_handed_out() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
                let addresses = [silent.addresses(20), vec![good]].concat();
                let dialer = Dialer::new().attempt_delay(Duration::ZERO);
                let before = descriptors();
                let stream = dialer.dial(&addresses[..]).unwrap();
                assert_eq!(descriptors(), before + 1);
                drop(stream);
                assert_eq!(descriptors(), before);
            });
        }
    });
}
