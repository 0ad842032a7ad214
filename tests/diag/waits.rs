//! What a green thread waits for is told, whatever it is, on one worker and on two.

use crate::fixture::waiting;
use greenstd::diag::{Interest, Wait};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::sync::{Barrier, Event, Mutex, RwLock, Semaphore};
use greenstd::{blocking, channel, io, select};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

/// Far beyond what any test takes.
const LONG: Duration = Duration::from_secs(1000);

laws! { green
    fn a_socket_with_its_peer_and_direction() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = thread::spawn(move || listener.accept().unwrap().0);
        let report = waiting(acceptor.thread().id(), |wait| wait.kind() == "descriptor");
        let listens = &report.wait().unwrap().descriptors()[0];
        assert_eq!(listens.local(), Some(&*address.to_string()));
        assert_eq!((listens.peer(), listens.interest()), (None, Interest::Read));
        let mut near = TcpStream::connect(address).unwrap();
        let mut far = acceptor.join().unwrap();
        let peer = near.local_addr().unwrap().to_string();
        let reader = thread::spawn(move || {
            far.read_exact(&mut [0; 1]).unwrap();
            far
        });
        let report = waiting(reader.thread().id(), |wait| wait.kind() == "descriptor");
        let reads = &report.wait().unwrap().descriptors()[0];
        assert_eq!((reads.peer(), reads.interest()), (Some(&*peer), Interest::Read));
        assert!(report.to_string().contains(&format!("(peer {peer})")), "{report}");
        near.write_all(b"x").unwrap();
        drop(reader.join().unwrap());
    }

    fn a_pipe_by_what_the_kernel_calls_it_and_writing() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let thread = thread::spawn(move || writer.write_all(&[0; 1 << 20]).unwrap());
        let report = waiting(thread.thread().id(), |wait| wait.kind() == "descriptor");
        let writes = &report.wait().unwrap().descriptors()[0];
        assert_eq!(writes.interest(), Interest::Write);
        assert!(writes.file().is_some_and(|file| file.starts_with("pipe:")), "{writes:?}");
        io::copy(&mut reader, &mut io::sink()).unwrap();
        thread.join().unwrap();
    }

    fn a_timer_with_the_time_that_is_left() {
        let sleeper = thread::spawn(|| thread::sleep(LONG));
        let report = waiting(sleeper.thread().id(), |wait| *wait == Wait::Timer);
        let left = report.time_left().unwrap();
        assert!(left <= LONG && left > LONG / 2, "{left:?}");
        sleeper.thread().kill().unwrap();
        assert!(sleeper.join().is_err());
    }

    /// C64
    fn a_mutex_with_the_name_of_who_holds_it() {
        let mutex = Arc::new(Mutex::new(()));
        let (release, is_released) = channel::bounded::<()>(0);
        let (held, is_held) = channel::bounded::<()>(0);
        let its = mutex.clone();
        let holder = thread::Builder::new().name("holder".to_owned()).spawn(move || {
            let _guard = its.lock().unwrap();
            held.send(()).unwrap();
            is_released.recv().unwrap();
        });
        let holder = holder.unwrap();
        is_held.recv().unwrap();
        let other = mutex.clone();
        let waiter = thread::spawn(move || drop(other.lock().unwrap()));
        let report = waiting(waiter.thread().id(), |wait| wait.kind() == "lock");
        let Some(Wait::Lock { call, holder: Some(found), .. }) = report.wait() else {
            panic!("{report}");
        };
        assert_eq!((*call, found.id(), found.name()), (
            "Mutex::lock", holder.thread().id(), Some("holder"),
        ));
        release.send(()).unwrap();
        holder.join().unwrap();
        waiter.join().unwrap();
    }

    fn a_read_write_lock_with_its_writer_and_without_its_readers() {
        let lock = Arc::new(RwLock::new(()));
        let writer = lock.write().unwrap();
        let other = lock.clone();
        let waiter = thread::spawn(move || drop(other.read().unwrap()));
        let report = waiting(waiter.thread().id(), |wait| wait.call() == "RwLock::read");
        let Some(Wait::Lock { holder: Some(holder), .. }) = report.wait() else {
            panic!("{report}");
        };
        assert_eq!(holder.id(), thread::current().id());
        drop(writer);
        waiter.join().unwrap();
        let reader = lock.read().unwrap();
        let other = lock.clone();
        let waiter = thread::spawn(move || drop(other.write().unwrap()));
        let report = waiting(waiter.thread().id(), |wait| wait.call() == "RwLock::write");
        assert!(matches!(report.wait(), Some(Wait::Lock { holder: None, .. })), "{report}");
        drop(reader);
        waiter.join().unwrap();
    }

    fn both_sides_of_a_channel() {
        let (sender, receiver) = channel::bounded::<u32>(0);
        let receives = thread::spawn(move || {
            let first = receiver.recv();
            (first, receiver)
        });
        waiting(receives.thread().id(), |wait| {
            wait.kind() == "channel" && wait.call() == "Receiver::recv"
        });
        sender.send(1).unwrap();
        let receiver = receives.join().unwrap().1;
        let sends = thread::spawn(move || sender.send(2));
        waiting(sends.thread().id(), |wait| {
            wait.kind() == "channel" && wait.call() == "Sender::send"
        });
        assert_eq!(receiver.recv(), Ok(2));
        sends.join().unwrap().unwrap();
    }

    fn a_join_with_its_target() {
        let target = thread::spawn(thread::park);
        let (target_thread, id) = (target.thread().clone(), target.thread().id());
        let joiner = thread::spawn(move || target.join().unwrap());
        let report = waiting(joiner.thread().id(), |wait| wait.kind() == "join");
        assert!(matches!(report.wait(), Some(Wait::Join { thread, .. }) if *thread == Some(id)));
        target_thread.unpark();
        joiner.join().unwrap();
    }

    fn a_job_of_a_pool() {
        let (end, is_ended) = mpsc::channel::<()>();
        let caller = thread::spawn(move || blocking(move || is_ended.recv().unwrap()));
        waiting(caller.thread().id(), |wait| wait.kind() == "job");
        end.send(()).unwrap();
        caller.join().unwrap();
    }

    fn a_select_with_its_arms() {
        let (sender, receiver) = channel::bounded::<u32>(0);
        let event = Arc::new(Event::new());
        let its_event = event.clone();
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let selects = thread::spawn(move || {
            select! {
                recv(receiver) -> _ => 1,
                wait(select::readable(&near)) -> _ => 2,
                wait(its_event) -> _ => 3,
                default(LONG) => 4,
            }
        });
        let report = waiting(selects.thread().id(), |wait| wait.kind() == "select");
        let Some(Wait::Select { arms, count, descriptors, .. }) = report.wait() else {
            panic!("{report}");
        };
        assert_eq!(*count, 3);
        assert_eq!(arms[..], ["Receiver::recv", "read", "Event::wait"]);
        assert_eq!(descriptors.len(), 1, "{report}");
        assert!(report.time_left().is_some());
        event.set();
        assert_eq!(selects.join().unwrap(), 3);
        drop(sender);
    }

    fn events_semaphores_barriers_and_parks_by_their_calls() {
        let event = Arc::new(Event::new());
        let semaphore = Arc::new(Semaphore::new(0));
        let barrier = Arc::new(Barrier::new(2));
        let (its_event, its_semaphore, its_barrier) =
            (event.clone(), semaphore.clone(), barrier.clone());
        let waiters = [
            ("Event::wait", thread::spawn(move || its_event.wait())),
            ("Semaphore::acquire", thread::spawn(move || its_semaphore.acquire())),
            ("Barrier::wait", thread::spawn(move || { let _ = its_barrier.wait(); })),
            ("thread::park", thread::spawn(thread::park)),
        ];
        for (call, waiter) in &waiters {
            let report = waiting(waiter.thread().id(), |wait| wait.call() == *call);
            assert!(matches!(report.wait(), Some(Wait::Other { .. })), "{report}");
        }
        event.set();
        semaphore.release();
        barrier.wait();
        waiters[3].1.thread().unpark();
        waiters.into_iter().for_each(|(_, waiter)| waiter.join().unwrap());
    }

    fn a_bare_park_has_no_name() {
        let waiter = thread::spawn(|| {
            while greenstd::park::park() != greenstd::park::Outcome::Killed {}
            let _ = greenstd::park::unwind_killed();
        });
        waiting(waiter.thread().id(), |wait| *wait == Wait::Unnamed);
        waiter.thread().kill().unwrap();
        assert!(waiter.join().is_err());
    }
}
