//! What a listener hears, and how often.

use crate::fixture::{A_MOMENT, SOON, in_a_process, raise, send, until};
use greenstd::signal::{
    self, SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, Signals,
};
use greenstd::thread;
use std::collections::BTreeSet;
use std::process::{self, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

in_a_process! {
    fn a_signal_is_heard_once() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        assert_eq!(signals.pending().next(), None);
        send(SIGUSR1);
        assert_eq!(signals.wait(), Some(SIGUSR1));
        assert_eq!(signals.wait_timeout(A_MOMENT), None);
        assert_eq!(signals.pending().next(), None);
    }

    fn a_wait_ends_when_the_signal_comes() {
        let signals = Signals::new([SIGTERM]).unwrap();
        let sender = std::thread::spawn(|| {
            std::thread::sleep(A_MOMENT);
            send(SIGTERM);
        });
        assert_eq!(signals.wait_timeout(SOON), Some(SIGTERM));
        sender.join().unwrap();
    }

    fn signals_of_one_kind_are_one_until_it_is_taken() {
        let signals = Signals::new([SIGUSR1, SIGUSR2]).unwrap();
        for _ in 0..3 {
            (0..5).for_each(|_| raise(SIGUSR1));
            assert_eq!(signals.wait(), Some(SIGUSR1));
            assert_eq!(signals.pending().next(), None);
        }
        raise(SIGUSR1);
        raise(SIGUSR2);
        raise(SIGUSR1);
        assert_eq!(signals.pending().collect::<BTreeSet<_>>(), [SIGUSR1, SIGUSR2].into());
    }

    fn signals_of_each_kind_are_heard() {
        let real_time = libc::SIGRTMIN() + 3;
        let all = [SIGUSR1, SIGHUP, SIGWINCH, SIGCHLD, SIGTERM, SIGINT, SIGALRM, real_time, 64];
        let signals = Signals::new(all).unwrap();
        all.into_iter().for_each(raise);
        let mut heard: Vec<_> = signals.forever().take(all.len()).collect();
        assert_eq!(signals.pending().next(), None);
        heard.sort_unstable();
        let mut sent = all;
        sent.sort_unstable();
        assert_eq!(heard, sent);
    }

    fn a_frequent_signal_does_not_starve_a_rare_one() {
        let signals = Signals::new([SIGHUP, SIGUSR2, SIGTERM]).unwrap();
        for rare in [SIGHUP, SIGUSR2, SIGTERM] {
            raise(rare);
            let before = (0..10).take_while(|_| {
                [SIGHUP, SIGUSR2, SIGTERM].into_iter().filter(|&it| it != rare).for_each(raise);
                signals.wait() != Some(rare)
            });
            assert!(before.count() <= 2);
            signals.pending().for_each(drop);
        }
    }

    fn each_listener_hears_the_signal() {
        let listeners = [(); 3].map(|()| Arc::new(Signals::new([SIGUSR1]).unwrap()));
        let waiters = listeners.clone().map(|signals| thread::spawn(move || signals.wait()));
        thread::sleep(A_MOMENT);
        raise(SIGUSR1);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(SIGUSR1));
        }
        assert!(listeners.iter().all(|signals| signals.pending().next().is_none()));
    }

    fn nothing_is_lost_between_two_waits() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        for _ in 0..1000 {
            raise(SIGUSR1);
            assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
        }
    }

    /// The sender waits for each signal to be heard, so that none is one with the next.
    fn a_thousand_signals_come_to_a_busy_process() {
        let (heard, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let signals = Signals::new([SIGUSR1]).unwrap();
        let busy = [(); 3].map(|()| {
            let is_over = is_over.clone();
            thread::spawn(move || while !is_over.load(Ordering::Relaxed) { thread::yield_now() })
        });
        let seen = heard.clone();
        let sender = std::thread::spawn(move || for sent in 1..=1000 {
            send(SIGUSR1);
            while seen.load(Ordering::Relaxed) < sent {
                std::thread::yield_now();
            }
        });
        for _ in 0..1000 {
            assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
            heard.fetch_add(1, Ordering::Relaxed);
        }
        sender.join().unwrap();
        assert_eq!(signals.wait_timeout(A_MOMENT), None);
        is_over.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn the_last_signal_of_a_burst_is_heard() {
        let signals = Signals::new([SIGUSR1, SIGTERM]).unwrap();
        let sender = std::thread::spawn(|| {
            (0..1000).for_each(|_| send(SIGUSR1));
            send(SIGTERM);
        });
        let mut count = 0;
        while signals.wait_timeout(SOON).expect("the last one comes") == SIGUSR1 {
            count += 1;
        }
        sender.join().unwrap();
        count += signals.wait_timeout(A_MOMENT).into_iter().count();
        assert!((1..=1000).contains(&count), "{count}");
    }

    fn threads_that_wait_for_one_listener_share_its_signals() {
        let signals = Arc::new(Signals::new([SIGUSR1, SIGUSR2, SIGHUP]).unwrap());
        for _ in 0..100 {
            let waiters = [(); 3].map(|()| {
                let signals = signals.clone();
                thread::spawn(move || signals.wait_timeout(SOON).expect("one for each"))
            });
            thread::yield_now();
            [SIGUSR1, SIGUSR2, SIGHUP].into_iter().for_each(send);
            let heard = waiters.map(|waiter| waiter.join().unwrap());
            assert_eq!(BTreeSet::from(heard), [SIGUSR1, SIGUSR2, SIGHUP].into());
        }
    }

    /// They wait in `poll`, which tells each of them of one ring, until one has silenced it.
    fn os_threads_share_the_signals_of_a_listener() {
        let signals = Arc::new(Signals::new([SIGUSR1, SIGUSR2, SIGHUP]).unwrap());
        for _ in 0..100 {
            let waiters = [(); 3].map(|()| {
                let signals = signals.clone();
                std::thread::spawn(move || signals.wait_timeout(SOON).expect("one for each"))
            });
            [SIGUSR1, SIGUSR2, SIGHUP].into_iter().for_each(send);
            let heard = waiters.map(|waiter| waiter.join().unwrap());
            assert_eq!(BTreeSet::from(heard), [SIGUSR1, SIGUSR2, SIGHUP].into());
        }
    }

    fn a_signal_tells_who_has_sent_it() {
        let signals = Signals::new([SIGUSR1, SIGCHLD, SIGALRM]).unwrap();
        send(SIGUSR1);
        let info = signals.wait_info(SOON).unwrap();
        let sender = info.process.unwrap();
        // SAFETY: takes nothing.
        let uid = unsafe { libc::getuid() };
        assert_eq!((info.signal, sender.pid, sender.uid), (SIGUSR1, process::id(), uid));

        let mut child = Command::new("true").spawn().unwrap();
        let info = signals.wait_info(SOON).unwrap();
        assert_eq!((info.signal, info.process.unwrap().pid), (SIGCHLD, child.id()));
        child.wait().unwrap();

        let mut timer = libc::itimerval {
            it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
            it_value: libc::timeval { tv_sec: 0, tv_usec: 1000 },
        };
        // SAFETY: a timer that outlives the call.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw mut timer, std::ptr::null_mut()) };
        let info = signals.wait_info(SOON).unwrap();
        assert_eq!((info.signal, info.process), (SIGALRM, None));
        assert_eq!(signals.wait_info(Duration::ZERO), None);
    }

    fn a_wait_gives_up_in_time_and_not_early() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let start = Instant::now();
        assert_eq!(signals.wait_timeout(Duration::from_millis(5)), None);
        assert_eq!(signals.wait_until(start + Duration::from_millis(10)), None);
        assert_eq!(signals.wait_info(Duration::from_millis(5)), None);
        assert!(start.elapsed() >= Duration::from_millis(15));
        assert!(!signals.is_closed());
        raise(SIGUSR1);
        assert_eq!(signals.wait_timeout(Duration::ZERO), Some(SIGUSR1));
    }

    fn a_signal_can_be_added_while_somebody_waits() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let handle = signals.handle();
        let waiter = thread::spawn(move || signals.wait());
        thread::sleep(Duration::from_millis(5));
        handle.add_signal(SIGUSR2).unwrap();
        handle.add_signal(SIGUSR2).unwrap();
        send(SIGUSR2);
        assert_eq!(waiter.join().unwrap(), Some(SIGUSR2));
        // The listener was dropped with its thread.
        assert!(handle.is_closed());
    }

    fn closing_ends_all_waits() {
        let signals = Arc::new(Signals::new([SIGUSR1]).unwrap());
        let green = [(); 3].map(|()| {
            let signals = signals.clone();
            thread::spawn(move || signals.forever().count())
        });
        let foreign = [(); 3].map(|()| {
            let signals = signals.clone();
            std::thread::spawn(move || signals.forever().count())
        });
        thread::sleep(A_MOMENT);
        signals.handle().close();
        assert!(green.into_iter().all(|waiter| waiter.join().unwrap() == 0));
        assert!(foreign.into_iter().all(|waiter| waiter.join().unwrap() == 0));
        assert!(signals.is_closed());
        assert_eq!(signals.wait(), None);
        let error = signals.add_signal(SIGUSR2).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }

    fn what_was_heard_before_the_end_is_given_away_first() {
        let signals = Signals::new([SIGUSR1, SIGHUP]).unwrap();
        raise(SIGUSR1);
        raise(SIGHUP);
        signals.handle().close();
        let heard: BTreeSet<_> = signals.into_iter().collect();
        assert_eq!(heard, [SIGUSR1, SIGHUP].into());
    }

    fn a_wait_for_one_signal_ends_with_it() {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = is_over.clone();
        let waiter = thread::spawn(move || {
            signal::wait(SIGUSR1).unwrap();
            seen.store(true, Ordering::Relaxed);
        });
        until(|| crate::fixture::is_caught(SIGUSR1));
        thread::sleep(A_MOMENT);
        assert!(!is_over.load(Ordering::Relaxed));
        send(SIGUSR1);
        waiter.join().unwrap();
        let waiter = thread::spawn(|| signal::ctrl_c().unwrap());
        until(|| crate::fixture::is_caught(SIGINT));
        send(SIGINT);
        waiter.join().unwrap();
        assert!(!crate::fixture::is_caught(SIGINT));
    }
}
