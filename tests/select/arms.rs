//! What each arm of `select!` does, and how arms are written.

use greenstd::channel::{self, RecvError, SendError};
use greenstd::select;
use greenstd::sync::Semaphore;
use greenstd::time;
use std::time::{Duration, Instant};

laws! {
    fn the_arm_that_can_go_on_is_done() {
        let (sender, receiver) = channel::bounded(1);
        let silence = channel::never::<i32>();
        let sent = select! {
            send(sender, 3) -> sent => sent,
            recv(silence) -> _ => unreachable!(),
        };
        assert_eq!(sent, Ok(()));
        let got = select! {
            recv(silence) -> _ => unreachable!(),
            recv(receiver) -> got => got,
        };
        assert_eq!(got, Ok(3));
    }

    fn default_is_for_when_nothing_can_go_on() {
        let (sender, receiver) = channel::bounded(0);
        let done = select! {
            send(sender, 1) -> _ => "sent",
            recv(receiver) -> _ => "received",
            default => "nothing",
        };
        assert_eq!(done, "nothing", "a select does not meet itself");
    }

    fn default_with_a_timeout_waits_for_it() {
        let (sender, receiver) = channel::bounded::<()>(0);
        let start = Instant::now();
        let wait = Duration::from_millis(5);
        let done = select! {
            recv(receiver) -> _ => false,
            default(wait) => true,
        };
        assert!(done && start.elapsed() >= wait);
        drop(sender);
    }

    fn a_select_without_operations_does_its_default() {
        assert_eq!(select! { default => 5 }, 5);
        assert_eq!(select! { default(Duration::from_millis(1)) => 6 }, 6);
    }

    fn a_waiting_receive_is_handed_its_message() {
        let (sender, receiver) = channel::rendezvous();
        let silence = channel::never::<i32>();
        let putter = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            sender.send(7)
        });
        let got = select! {
            recv(silence) -> got => got,
            recv(receiver) -> got => got,
        };
        assert_eq!(got, Ok(7));
        putter.join().unwrap().unwrap();
    }

    fn a_waiting_send_is_relieved_of_its_message() {
        let (sender, receiver) = channel::rendezvous();
        let silence = channel::never::<i32>();
        let getter = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            receiver.recv()
        });
        let sent = select! {
            recv(silence) -> _ => unreachable!(),
            send(sender, String::from("over")) -> sent => sent.is_ok(),
        };
        assert!(sent);
        assert_eq!(getter.join().unwrap().as_deref(), Ok("over"));
    }

    fn two_selects_meet() {
        for _ in 0..50 {
            let (ping, pinged) = channel::rendezvous();
            let (pong, ponged) = channel::rendezvous();
            let other = thread::spawn(move || {
                select! {
                    send(ping, 1) -> sent => sent.is_ok(),
                    recv(ponged) -> got => got == Ok(2),
                }
            });
            let met = select! {
                recv(pinged) -> got => got == Ok(1),
                send(pong, 2) -> sent => sent.is_ok(),
            };
            assert!(met && other.join().unwrap());
        }
    }

    fn a_disconnected_arm_is_ready() {
        let (sender, receiver) = channel::bounded::<i32>(0);
        let silence = channel::never::<i32>();
        drop(sender);
        let got = select! { recv(receiver) -> got => got, recv(silence) -> got => got };
        assert_eq!(got, Err(RecvError));
        let (sender, receiver) = channel::bounded(0);
        drop(receiver);
        let sent = select! { send(sender, 8) -> sent => sent, recv(silence) -> _ => Ok(()) };
        assert_eq!(sent, Err(SendError(8)));
    }

    fn a_disconnection_wakes_a_waiting_arm() {
        let silence = channel::never::<i32>();
        let (sender, receiver) = channel::bounded::<i32>(0);
        let dropper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            drop(sender);
        });
        let got = select! { recv(silence) -> got => got, recv(receiver) -> got => got };
        assert_eq!(got, Err(RecvError));
        dropper.join().unwrap();
        let (sender, receiver) = channel::bounded(0);
        let dropper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            drop(receiver);
        });
        let sent = select! { recv(silence) -> _ => Ok(()), send(sender, 9) -> sent => sent };
        assert_eq!(sent, Err(SendError(9)));
        dropper.join().unwrap();
    }

    fn timers_are_arms() {
        let start = Instant::now();
        let ticks = channel::tick(Duration::from_millis(2));
        let mut seen = 0;
        let end = channel::after(Duration::from_millis(40));
        loop {
            select! {
                recv(ticks) -> _ => seen += 1,
                recv(end) -> _ => break,
            }
        }
        assert!(start.elapsed() >= Duration::from_millis(40) && seen > 0);
    }

    fn a_timer_made_on_the_spot_lives_as_long_as_the_select() {
        let (_sender, receiver) = channel::bounded::<()>(0);
        let is_late = select! {
            recv(&receiver) -> _ => false,
            recv(channel::after(Duration::from_millis(1))) -> _ => true,
        };
        assert!(is_late);
    }

    fn a_semaphore_gives_its_permit_to_the_winner() {
        let (full, empty) = (Semaphore::new(1), Semaphore::new(0));
        let which = select! { wait(full) => 'f', wait(empty) => 'e' };
        assert_eq!(which, 'f');
        assert!(!full.try_acquire());
        empty.release();
        let which = select! { wait(&full) => 'f', wait(&empty) -> () => 'e' };
        assert_eq!(which, 'e');
    }

    fn bodies_may_leave_loops_and_functions() {
        fn first(receiver: &channel::Receiver<i32>) -> Result<i32, RecvError> {
            loop {
                select! {
                    recv(receiver) -> got => {
                        let got = got?;
                        if got > 1 {
                            return Ok(got);
                        }
                        continue;
                    }
                    default => break,
                }
            }
            Ok(0)
        }
        let (sender, receiver) = channel::unbounded();
        assert_eq!(first(&receiver), Ok(0));
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert_eq!(first(&receiver), Ok(2));
        drop(sender);
        assert_eq!(first(&receiver), Err(RecvError));
    }

    // C24, C27
    fn an_expired_scope_ends_the_wait() {
        let semaphore = Semaphore::new(0);
        let (sender, receiver) = channel::rendezvous();
        let outcome = time::timeout(Duration::from_millis(2), || {
            select! {
                wait(semaphore) => 1,
                recv(receiver) -> got => got.unwrap(),
                default(Duration::from_secs(100)) => 2,
            }
        });
        assert_eq!(outcome, Err(time::TimedOut));
        semaphore.release();
        assert!(semaphore.try_acquire() && sender.try_send(3).is_err());
    }
}

#[test]
fn sixteen_arms_are_possible() {
    let (sender, r) = channel::unbounded();
    sender.send(1).unwrap();
    let n = channel::never::<i32>();
    let got = select! {
        recv(n) -> _ => 0, recv(n) -> _ => 1, recv(n) -> _ => 2, recv(n) -> _ => 3,
        recv(n) -> _ => 4, recv(n) -> _ => 5, recv(n) -> _ => 6, recv(n) -> _ => 7,
        recv(n) -> _ => 8, recv(n) -> _ => 9, recv(n) -> _ => 10, recv(n) -> _ => 11,
        recv(n) -> _ => 12, recv(n) -> _ => 13, recv(n) -> _ => 14, recv(r) -> _ => 15,
        default => 16,
    };
    assert_eq!(got, 15);
}
