//! Laws of the waist whose tests need what stands above it: threads and runtimes.

use crate::fd::{Fd, Interest, wait_for_any};
use crate::thread;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

fn pair() -> (Fd, UnixStream) {
    let (near, far) = UnixStream::pair().expect("there are descriptors left");
    near.set_nonblocking(true).expect("it is open");
    (Fd::new(near.into()), far)
}

fn try_read(fd: &Fd) -> io::Result<usize> {
    let copy = fd.as_fd().try_clone_to_owned()?;
    fd.try_bytes(Interest::Read, Some(0), || UnixStream::from(copy).read(&mut [0; 8]))
}

fn whichever_is_ready_ends_the_wait() {
    let ((first, mut to_first), (second, mut to_second)) = (pair(), pair());
    let waits = [(&first, Interest::Read), (&second, Interest::Read)];
    for round in 0..20 {
        let soon = Instant::now() + Duration::from_millis(1);
        while wait_for_any(&waits, Some(soon)).expect("they are open") {
            // A wake-up for nothing; the tries are what counts.
            assert!(try_read(&first).is_err() && try_read(&second).is_err());
        }
        let sender = if round % 2 == 0 { &mut to_first } else { &mut to_second };
        let mut sender = sender.try_clone().expect("there are descriptors left");
        let sending = thread::spawn(move || sender.write_all(b"x"));
        let receiver = if round % 2 == 0 { &first } else { &second };
        let received = loop {
            match try_read(receiver) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    assert!(wait_for_any(&waits, None).expect("they are open"));
                }
                outcome => break outcome,
            }
        };
        assert_eq!(received.expect("a byte"), 1);
        assert!(sending.join().expect("it does not panic").is_ok());
    }
    // Who gives up is in no list: both are free to be waited for alone.
    to_second.write_all(b"y").expect("there is room");
    second.wait(Interest::Read, None).expect("a byte has come");
}

#[test]
fn wait_for_several_ends_with_the_first_on_threads_of_either_kind() {
    whichever_is_ready_ends_the_wait();
    for workers in [1, 2] {
        let runtime = crate::runtime::Builder::new().workers(workers).build();
        let runtime = runtime.expect("threads can be had");
        runtime.run(whichever_is_ready_ends_the_wait);
    }
}

#[test]
fn killed_wait_for_several_leaves_no_waiter_behind() {
    let runtime = crate::runtime::Builder::new().workers(1).build();
    runtime.expect("threads can be had").run(|| {
        let ((first, _to_first), (second, mut to_second)) = (pair(), pair());
        let both = std::sync::Arc::new((first, second));
        let waiting = both.clone();
        let waiter = thread::spawn(move || {
            let waits = [(&waiting.0, Interest::Read), (&waiting.1, Interest::Read)];
            loop {
                wait_for_any(&waits, None).expect("they are open");
                assert!(try_read(&waiting.0).is_err() && try_read(&waiting.1).is_err());
            }
        });
        thread::sleep(Duration::from_millis(5));
        assert!(waiter.kill_and_wait(None).expect("it can be killed"));
        to_second.write_all(b"x").expect("there is room");
        assert_eq!(
            try_read(&both.1).ok().or_else(|| {
                both.1.wait(Interest::Read, None).ok()?;
                try_read(&both.1).ok()
            }),
            Some(1)
        );
    });
}

/// The place of a descriptor that somebody else owns, across what it is opened for.
mod unowned {
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
}
