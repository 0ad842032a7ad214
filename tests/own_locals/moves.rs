//! A green thread that goes on on another OS thread finds its thread-locals as it left them.

use crate::flavour::on_workers;
use crate::own;
use greenstd::thread::{sleep, yield_now};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Far more than it takes until each has moved.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local!(static VALUE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

fn os_thread() -> i32 {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

/// Waits until another OS thread runs the caller. False if none came.
fn move_on(round: u64) -> bool {
    let (home, start) = (os_thread(), Instant::now());
    while os_thread() == home {
        if start.elapsed() > PATIENCE {
            return false;
        }
        match round % 2 {
            0 => yield_now(),
            _ => sleep(Duration::from_micros(20)),
        }
    }
    true
}

#[test]
fn a_moved_green_thread_keeps_address_value_borrow_id_and_errno() {
    on_workers(2, || {
        let wander = |number: u64| {
            own(move || {
                let id = std::thread::current().id();
                // SAFETY: no preconditions.
                let errno = unsafe { libc::__errno_location() };
                VALUE.with(|value| {
                    let address = std::ptr::from_ref(value);
                    let mut borrowed = value.borrow_mut();
                    for round in 0..10 {
                        let expected = number as i32 + round as i32;
                        // SAFETY: the green thread's own.
                        unsafe { *errno = expected };
                        borrowed.push(number * round);
                        assert!(move_on(round), "nobody took it over");
                        // SAFETY: as above.
                        assert_eq!(unsafe { *libc::__errno_location() }, expected);
                        // SAFETY: no preconditions.
                        assert_eq!(unsafe { libc::__errno_location() }, errno);
                        assert_eq!(std::thread::current().id(), id);
                        VALUE.with(|now| {
                            assert_eq!(std::ptr::from_ref(now), address);
                            assert!(now.try_borrow().is_err());
                        });
                    }
                    assert!(borrowed.iter().copied().eq((0..10).map(|round| number * round)));
                });
            })
        };
        let all: Vec<_> = (0..20).map(wander).collect();
        all.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn it_leaves_a_worker_that_a_neighbour_holds() {
    on_workers(2, || {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        // It holds a worker until the others are through, all of which share the other one.
        let hog = own(move || {
            let start = Instant::now();
            while !over.load(Ordering::Acquire) {
                assert!(start.elapsed() < PATIENCE, "the others wait for it");
                std::hint::spin_loop();
            }
        });
        let all: Vec<_> = (0..50).map(|_| own(|| (0..50).for_each(|_| yield_now()))).collect();
        all.into_iter().for_each(|one| one.join().unwrap());
        is_over.store(true, Ordering::Release);
        hog.join().unwrap();
    });
}

#[test]
fn memory_goes_from_hand_to_hand() {
    on_workers(2, || {
        let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
        let makers: Vec<_> = (0..8_usize)
            .map(|maker| {
                let sender = sender.clone();
                own(move || {
                    for round in 0..200 {
                        sender.send(vec![maker as u8; 16 + round * 7]).unwrap();
                        yield_now();
                    }
                })
            })
            .collect();
        drop(sender);
        let taker = own(move || {
            let mut bytes = 0;
            loop {
                match receiver.try_recv() {
                    Ok(piece) => {
                        assert!(piece.iter().all(|&byte| byte == piece[0]));
                        bytes += piece.len();
                    }
                    Err(std::sync::mpsc::TryRecvError::Empty) => yield_now(),
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return bytes,
                }
            }
        });
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        let of_one: usize = (0..200).map(|round| 16 + round * 7).sum();
        assert_eq!(taker.join().unwrap(), 8 * of_one);
    });
}
