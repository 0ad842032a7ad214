//! Signals as arms, beside channels and timers.

use crate::fixture::{A_MOMENT, SOON, in_a_process, raise, send};
use greenstd::signal::{SIGTERM, SIGUSR1, SIGUSR2, Signals};
use greenstd::{channel, select, thread};
use std::sync::Arc;
use std::time::Duration;

in_a_process! {
    fn a_select_gives_the_signal_that_has_come() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let (_sender, receiver) = channel::unbounded::<()>();
        raise(SIGUSR1);
        select! {
            wait(signals) -> signal => assert_eq!(signal, Some(SIGUSR1)),
            recv(receiver) => panic!("nobody has sent"),
            recv(channel::after(SOON)) => panic!("it was there"),
        }
    }

    fn a_select_waits_for_the_signal() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let never = channel::never::<()>();
        for _ in 0..20 {
            let sender = std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(2));
                send(SIGUSR1);
            });
            select! {
                wait(signals) -> signal => assert_eq!(signal, Some(SIGUSR1)),
                recv(never) => unreachable!(),
                recv(channel::after(SOON)) => panic!("it was sent"),
            }
            sender.join().unwrap();
        }
        assert_eq!(signals.pending().next(), None);
    }

    fn a_listener_can_be_made_for_one_select() {
        select! {
            wait(Signals::new([SIGUSR1]).unwrap()) => panic!("nobody has sent"),
            default(Duration::from_millis(2)) => {}
        }
        assert!(!crate::fixture::is_caught(SIGUSR1));
    }

    fn an_arm_that_loses_takes_nothing() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let (sender, receiver) = channel::unbounded();
        let (mut messages, mut heard) = (0, 0);
        for _ in 0..100 {
            raise(SIGUSR1);
            sender.send(()).unwrap();
            for _ in 0..2 {
                select! {
                    wait(signals) -> signal => heard += signal.into_iter().count(),
                    recv(receiver) -> message => messages += message.into_iter().count(),
                }
            }
            select! {
                wait(signals) => panic!("there was one"),
                recv(receiver) => panic!("there was one"),
                default => {}
            }
        }
        assert_eq!((messages, heard), (100, 100));
    }

    fn a_timer_ends_a_select_and_the_signal_stays() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        select! {
            wait(signals) => panic!("nobody has sent"),
            recv(channel::after(Duration::from_millis(5))) => {}
        }
        send(SIGUSR1);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
    }

    fn the_first_of_several_listeners_is_told() {
        let listeners = [SIGUSR1, SIGUSR2, SIGTERM].map(|it| Signals::new([it]).unwrap());
        assert_eq!(select::wait_any_timeout(&listeners, A_MOMENT), None);
        send(SIGTERM);
        assert_eq!(select::wait_any(&listeners), (2, Some(SIGTERM)));
        raise(SIGUSR1);
        raise(SIGUSR2);
        let mut both = select::wait_some(&listeners, 2);
        both.sort_unstable();
        assert_eq!(both, [(0, Some(SIGUSR1)), (1, Some(SIGUSR2))]);
    }

    fn selects_and_waits_for_one_listener_share_its_signals() {
        let signals = Arc::new(Signals::new([SIGUSR1, SIGUSR2, SIGTERM]).unwrap());
        for _ in 0..50 {
            let selecting = [(); 2].map(|()| {
                let signals = signals.clone();
                thread::spawn(move || {
                    select::wait_any_timeout([&*signals], SOON).expect("one for each").1.unwrap()
                })
            });
            let other = signals.clone();
            let waiting = thread::spawn(move || other.wait_timeout(SOON).expect("one for each"));
            thread::sleep(Duration::from_millis(1));
            [SIGUSR1, SIGUSR2, SIGTERM].into_iter().for_each(send);
            let [first, second] = selecting.map(|thread| thread.join().unwrap());
            let mut heard = [first, second, waiting.join().unwrap()];
            heard.sort_unstable();
            let mut sent = [SIGUSR1, SIGUSR2, SIGTERM];
            sent.sort_unstable();
            assert_eq!(heard, sent);
        }
    }

    fn closing_ends_a_select() {
        let signals = Arc::new(Signals::new([SIGUSR1]).unwrap());
        let other = signals.clone();
        let waiter = thread::spawn(move || select::wait_any([&*other]));
        thread::sleep(Duration::from_millis(5));
        signals.handle().close();
        assert_eq!(waiter.join().unwrap(), (0, None));
        assert_eq!(select::wait_any([&*signals]), (0, None));
    }
}
