//! Several threads wait for one end, which they neither cause nor consume.

use crate::fixture::{Count, LONG, SOON, until};
use greenstd::thread::SharedJoinHandle;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    fn all_who_wait_are_woken() {
        let target = Arc::new(greenstd::thread::spawn(|| {
            greenstd::thread::sleep(Duration::from_millis(20));
            42
        }));
        let waiters = [(); 5].map(|()| {
            let target = target.clone();
            greenstd::thread::spawn(move || target.wait(None))
        });
        let from_outside = target.clone();
        let os_thread = std::thread::spawn(move || from_outside.wait(SOON));
        assert!(target.wait(None));
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
        until(|| os_thread.is_finished());
        assert!(os_thread.join().unwrap());
        let target = Arc::into_inner(target).expect("nobody waits any more");
        assert_eq!(target.join().unwrap(), 42);
    }

    fn one_who_gives_up_leaves_the_others_alone() {
        let release = Arc::new(greenstd::sync::Semaphore::new(0));
        let released = release.clone();
        let target = Arc::new(greenstd::thread::spawn(move || released.acquire()));
        let other = target.clone();
        let waiter = greenstd::thread::spawn(move || other.wait(None));
        let start = Instant::now();
        assert!(!target.wait(Duration::from_millis(10)));
        assert!(start.elapsed() >= Duration::from_millis(10));
        assert!(!target.wait(Duration::ZERO));
        release.release();
        assert!(waiter.join().unwrap());
        assert!(target.wait(Duration::ZERO));
    }

    // C19
    fn none_has_finished_while_it_runs() {
        let (sender, receiver) = std::sync::mpsc::channel::<SharedJoinHandle<()>>();
        let handle = greenstd::thread::spawn(move || {
            // Its own handle, from its very first instruction on.
            let own = loop {
                match receiver.try_recv() {
                    Ok(own) => break own,
                    Err(_) => greenstd::thread::yield_now(),
                }
            };
            for _ in 0..10 {
                assert!(!own.is_finished());
                greenstd::thread::yield_now();
            }
        })
        .share();
        sender.send(handle.clone()).unwrap();
        assert!(handle.get().is_ok());
        assert!(handle.is_finished());
    }

    fn a_timeout_scope_ends_the_wait() {
        let sleeper = greenstd::thread::spawn(|| greenstd::thread::sleep(LONG));
        let outcome = greenstd::time::timeout(Duration::from_millis(5), || sleeper.wait(None));
        assert!(outcome.is_err());
        assert!(sleeper.kill_and_wait(None).unwrap());
    }
}

laws! { green
    fn destructors_have_run_and_the_stack_is_gone_by_then() {
        let drops = Count::default();
        let guard = crate::fixture::Guard(drops.clone());
        let handle = thread::spawn(move || {
            let _guard = guard;
            thread::yield_now();
        });
        assert!(handle.wait(None));
        assert_eq!(drops.get(), 1);
    }

    fn a_local_one_can_be_waited_for_and_killed() {
        let value = std::rc::Rc::new(42);
        let other = value.clone();
        let local = greenstd::spawn_local(move || other);
        assert!(local.wait(None));
        assert_eq!(local.join().unwrap(), value);
        let local = greenstd::spawn_local(thread::park);
        assert!(local.kill_and_wait(None).unwrap());
        assert!(local.join().is_err());
    }
}
