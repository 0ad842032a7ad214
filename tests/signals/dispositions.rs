//! What the process does with a signal: before, while somebody listens, and after.

use crate::child;
use crate::fixture::{A_MOMENT, SOON, in_a_process, is_caught, mask, raise, send};
use greenstd::signal::{self, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, Signals};
use greenstd::{net, thread};
use std::ffi::c_int;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_signal: c_int) {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

/// Sets a handler as programs do that know nothing of us.
fn set(signal: c_int, handler: libc::sighandler_t) {
    // SAFETY: a handler that touches an atomic only, or one of the kernel's own.
    assert_ne!(unsafe { libc::signal(signal, handler) }, libc::SIG_ERR);
}

in_a_process! {
    fn nothing_is_installed_until_somebody_listens() {
        // A runtime may have a monitor, with a signal of its own.
        thread::spawn(thread::yield_now).join().unwrap();
        let before = mask("SigCgt");
        assert!(!before.contains(&SIGUSR1));
        let (mut stream, mut peer) = {
            let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
            let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (listener.accept().unwrap().0, peer)
        };
        stream.write_all(b"x").unwrap();
        peer.read_exact(&mut [0]).unwrap();
        assert_eq!(mask("SigCgt"), before);
        let signals = Signals::new([SIGUSR1]).unwrap();
        let added: Vec<_> = mask("SigCgt").into_iter().filter(|it| !before.contains(it)).collect();
        assert_eq!(added, [SIGUSR1]);
        drop(signals);
        assert_eq!(mask("SigCgt"), before);
    }

    fn listening_can_begin_again() {
        for _ in 0..5 {
            let signals = Signals::new([SIGUSR1]).unwrap();
            send(SIGUSR1);
            assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
            drop(signals);
            assert!(!is_caught(SIGUSR1));
        }
    }

    fn the_others_hear_when_one_has_gone() {
        let (gone, stays) = (Signals::new([SIGUSR1]).unwrap(), Signals::new([SIGUSR1]).unwrap());
        drop(gone);
        send(SIGUSR1);
        assert_eq!(stays.wait_timeout(SOON), Some(SIGUSR1));
    }

    fn a_handle_keeps_nothing_installed() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        let handle = signals.handle();
        drop(signals);
        assert!(handle.is_closed() && !is_caught(SIGUSR1));
        assert!(handle.add_signal(SIGUSR1).is_err());
    }

    fn closing_restores_what_was_before() {
        let signals = Signals::new([SIGUSR1, SIGHUP]).unwrap();
        signals.handle().close();
        assert!(!is_caught(SIGUSR1) && !is_caught(SIGHUP));
    }

    fn what_was_ignored_is_ignored_again() {
        set(SIGHUP, libc::SIG_IGN);
        let signals = Signals::new([SIGHUP]).unwrap();
        send(SIGHUP);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGHUP));
        drop(signals);
        assert!(mask("SigIgn").contains(&SIGHUP));
        send(SIGHUP);
    }

    fn a_handler_that_was_there_is_called_and_comes_back() {
        set(SIGUSR1, count as *const () as libc::sighandler_t);
        let signals = Signals::new([SIGUSR1]).unwrap();
        raise(SIGUSR1);
        assert_eq!((signals.wait(), CALLS.load(Ordering::Relaxed)), (Some(SIGUSR1), 1));
        drop(signals);
        raise(SIGUSR1);
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }

    fn a_handler_that_came_later_stays() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        set(SIGUSR1, count as *const () as libc::sighandler_t);
        drop(signals);
        raise(SIGUSR1);
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
        let _listens_again = Signals::new([SIGUSR1]).unwrap();
        raise(SIGUSR1);
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }

    fn a_signal_that_was_set_to_its_default_is_heard_by_the_next_listener() {
        let signals = Signals::new([SIGUSR1]).unwrap();
        set(SIGUSR1, libc::SIG_DFL);
        drop(signals);
        let signals = Signals::new([SIGUSR1]).unwrap();
        send(SIGUSR1);
        assert_eq!(signals.wait_timeout(SOON), Some(SIGUSR1));
    }

    fn children_begin_with_the_default() {
        let _signals = Signals::new([SIGTERM]).unwrap();
        let status = Command::new("sh").args(["-c", "kill -TERM $$"]).status().unwrap();
        assert_eq!(status.signal(), Some(SIGTERM));
    }

    /// `SA_RESTART`: no call fails because of a signal, ours or std's.
    fn other_calls_are_not_harmed() {
        let signals = Signals::new([SIGUSR1, SIGWINCH]).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let until = is_over.clone();
        let sender = std::thread::spawn(move || while !until.load(Ordering::Relaxed) {
            send(SIGUSR1);
            send(SIGWINCH);
            std::thread::yield_now();
        });
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let trickle = std::thread::spawn(move || for byte in 0..100 {
            std::thread::sleep(std::time::Duration::from_micros(500));
            assert_eq!(writer.write(&[byte]).unwrap(), 1);
        });
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let echo = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 100];
            while let count @ 1.. = stream.read(&mut buffer).unwrap() {
                assert!(stream.write(&buffer[..count]).unwrap() > 0);
            }
        });
        let mut stream = net::TcpStream::connect(address).unwrap();
        for _ in 0..200 {
            assert_eq!(stream.write(b"x").unwrap(), 1);
            assert_eq!(stream.read(&mut [0]).unwrap(), 1);
            thread::sleep(std::time::Duration::from_micros(50));
            assert!(File::open("/proc/self/stat").unwrap().read(&mut [0; 64]).unwrap() > 0);
        }
        drop(stream);
        echo.join().unwrap();
        // A read of std's that blocks, on a thread that signals interrupt.
        let blocked = std::thread::spawn(move || (0..100).all(|_| {
            reader.read(&mut [0]).unwrap() == 1
        }));
        assert!(blocked.join().unwrap());
        trickle.join().unwrap();
        is_over.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        assert!(signals.wait().is_some());
    }
}

fn dies_of(signal: c_int, body: impl FnOnce()) -> bool {
    child::run(body).status.signal() == Some(signal)
}

#[test]
fn the_default_action_is_back_when_the_last_listener_has_gone() {
    let is_dead = dies_of(SIGUSR1, || {
        let listeners = [(); 2].map(|()| Signals::new([SIGUSR1]).unwrap());
        raise(SIGUSR1);
        drop(listeners);
        raise(SIGUSR1);
    });
    assert!(is_dead);
}

#[test]
fn the_default_action_is_back_after_a_wait_for_one_signal() {
    let is_dead = dies_of(SIGTERM, || {
        let waiter = std::thread::spawn(|| signal::wait(SIGTERM).unwrap());
        crate::fixture::until(|| is_caught(SIGTERM));
        std::thread::sleep(A_MOMENT);
        send(SIGTERM);
        waiter.join().unwrap();
        raise(SIGTERM);
    });
    assert!(is_dead);
}

#[test]
fn the_default_action_is_back_when_a_runtime_ends_those_who_listen() {
    let is_dead = dies_of(SIGUSR2, || {
        let runtime = greenstd::runtime::Builder::new().workers(1).build().unwrap();
        runtime.run(|| {
            drop(thread::spawn(|| Signals::new([SIGUSR2]).unwrap().forever().count()));
            crate::fixture::until(|| is_caught(SIGUSR2));
        });
        runtime.shutdown();
        assert!(!is_caught(SIGUSR2));
        raise(SIGUSR2);
    });
    assert!(is_dead);
}
