//! The place of a descriptor that somebody else owns, across what it is opened for.

use crate::readiness::{Interest, Unowned};
use crate::thread;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn on_one_worker(body: impl FnOnce() + Send + 'static) {
    let runtime = crate::runtime::Builder::new().workers(1).build().unwrap();
    runtime.run(body);
}

#[test]
fn withdrawal_wakes_every_waiter_and_none_waits_afterwards() {
    on_one_worker(|| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (place, is_same) = (Arc::new(Unowned::new()), Arc::new(AtomicBool::new(true)));
        let fd = ours.as_raw_fd();
        let wait = |place: Arc<Unowned>, is_same: Arc<AtomicBool>| {
            move || place.wait(fd, Interest::Read, None, || is_same.load(Ordering::SeqCst))
        };
        let waiters: Vec<_> =
            (0..3).map(|_| thread::spawn(wait(place.clone(), is_same.clone()))).collect();
        while place.told().is_none_or(|told| told.is_ready(Interest::Read)) {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(10));
        is_same.store(false, Ordering::SeqCst);
        place.withdraw(fd);
        for waiter in waiters {
            assert!(waiter.join().unwrap().unwrap());
        }
        let error = wait(place, is_same)().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn a_number_that_names_another_descriptor_is_found_out() {
    on_one_worker(|| {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let place = Unowned::new();
        let fd = ours.as_raw_fd();
        theirs.write_all(b"!").unwrap();
        assert!(place.wait(fd, Interest::Read, None, || true).unwrap());
        assert!(place.is_registered(fd));
        ours.read_exact(&mut [0]).unwrap();
        let (_keeps, other) = UnixStream::pair().unwrap();
        let mut number = std::os::fd::OwnedFd::from(ours);
        rustix::io::dup2(&other, &mut number).unwrap();
        assert!(!place.is_registered(fd));
    });
}

#[test]
fn the_next_tenant_is_taken_for_ready_and_waits_by_itself() {
    on_one_worker(|| {
        let place = Unowned::new();
        for _ in 0..3 {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let fd = ours.as_raw_fd();
            if let Some(told) = place.told() {
                assert!(told.is_ready(Interest::Read));
                place.forget_blocked(told, Interest::Read);
            }
            let soon = Instant::now() + Duration::from_millis(10);
            while place.wait(fd, Interest::Read, Some(soon), || true).unwrap() {
                place.forget_blocked(place.told().unwrap(), Interest::Read);
            }
            theirs.write_all(b"!").unwrap();
            assert!(place.wait(fd, Interest::Read, None, || true).unwrap());
            place.withdraw(fd);
        }
    });
}
