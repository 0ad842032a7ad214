//! A green thread that goes on on another OS thread finds its thread-locals as it left them.

use crate::flavour::{Watchdog, on_workers};
use crate::own;
use greenstd::runtime::Builder;
use greenstd::thread::{ThreadLocals, yield_now};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Far more than any of these waits takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the caller of `move_on` waits to be moved by one hog.
const HOG_MAY_TAKE: Duration = Duration::from_millis(20);

thread_local!(static VALUE: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) });

fn os_thread() -> i32 {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

/// Holds a worker until it is over.
fn hog(is_over: &AtomicBool) {
    let start = Instant::now();
    while !is_over.load(Ordering::Acquire) {
        assert!(start.elapsed() < PATIENCE, "whoever shares its worker waits for it");
        std::hint::spin_loop();
    }
}

/// Moves the caller, of a runtime with two workers, to the other one: a new hog takes the worker of
/// the caller and lets the former hog go, if there is one. Where another worker was faster to take
/// the hog, the next hog does it.
fn move_on(mut former: Option<Arc<AtomicBool>>) -> Arc<AtomicBool> {
    let (home, start) = (os_thread(), Instant::now());
    loop {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        drop(own(move || {
            if let Some(former) = former {
                former.store(true, Ordering::Release);
            }
            hog(&over);
        }));
        let spawned = Instant::now();
        while spawned.elapsed() < HOG_MAY_TAKE {
            if os_thread() != home {
                return is_over;
            }
            yield_now();
        }
        assert!(start.elapsed() < PATIENCE, "nobody takes the caller over");
        former = Some(is_over);
    }
}

#[test]
fn a_moved_green_thread_keeps_address_value_borrow_id_and_errno() {
    let wander = || {
        let id = std::thread::current().id();
        // SAFETY: no preconditions.
        let errno = unsafe { libc::__errno_location() };
        VALUE.with(|value| {
            let address = std::ptr::from_ref(value);
            let mut borrowed = value.borrow_mut();
            let mut hog = None;
            for round in 0..20 {
                // SAFETY: the green thread's own.
                unsafe { *errno = round };
                borrowed.push(round);
                hog = Some(move_on(hog));
                // SAFETY: as above.
                assert_eq!(unsafe { *libc::__errno_location() }, round);
                // SAFETY: no preconditions.
                assert_eq!(unsafe { libc::__errno_location() }, errno);
                assert_eq!(std::thread::current().id(), id);
                VALUE.with(|now| {
                    assert_eq!(std::ptr::from_ref(now), address);
                    assert!(now.try_borrow().is_err());
                });
            }
            hog.expect("the last one").store(true, Ordering::Release);
            assert!(borrowed.iter().copied().eq(0..20));
        });
    };
    on_workers(2, move || own(wander).join().unwrap());
}

#[test]
fn it_leaves_a_worker_that_a_neighbour_holds() {
    let _watchdog = Watchdog::new();
    // Of all of them, so that nobody is bound to the worker that is held.
    let builder = Builder::new().workers(2).thread_locals(ThreadLocals::Own);
    builder.build().unwrap().run(|| {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let hog = own(move || hog(&over));
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
