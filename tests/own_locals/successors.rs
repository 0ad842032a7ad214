//! Thread-locals that were used before are as new: who gets them next learns nothing of the former
//! green thread.

use crate::own;
use std::cell::Cell;
use std::net::ToSocketAddrs;
use std::ptr;

/// Some more than a worker keeps for later ones.
const GREEN_THREADS: usize = 200;

thread_local! {
    static ZERO: Cell<u64> = const { Cell::new(0) };
    static PATTERN: Cell<u64> = const { Cell::new(0x5af3_107a_4000_1234) };
    static MADE: Cell<Option<Box<u64>>> = Cell::new(Some(Box::new(17)));
}

fn look_and_spoil() {
    assert_eq!((ZERO.replace(1), PATTERN.replace(2)), (0, 0x5af3_107a_4000_1234));
    assert_eq!(MADE.take().as_deref(), Some(&17));
    MADE.set(Some(Box::new(18)));
    // SAFETY: the green thread's own; a locale that is never freed, and the loader's last error,
    // which is left behind.
    unsafe {
        let errno = libc::__errno_location();
        assert_eq!(errno.replace(libc::EDOM), 0);
        assert_eq!(libc::uselocale(ptr::null_mut()).addr(), usize::MAX, "the global locale");
        let locale = libc::newlocale(libc::LC_ALL_MASK, c"C".as_ptr(), ptr::null_mut());
        libc::uselocale(locale);
        assert!(libc::dlerror().is_null());
        assert!(libc::dlopen(c"/nowhere/at/all.so".as_ptr(), libc::RTLD_NOW).is_null());
    }
}

laws! { green
    fn a_successor_finds_everything_as_new() {
        for _ in 0..3 {
            let all: Vec<_> = (0..GREEN_THREADS).map(|_| own(look_and_spoil)).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        }
    }

    fn the_c_library_is_set_up_for_each() {
        let use_it = || {
            // SAFETY: takes characters.
            assert!(unsafe { libc::isalpha(c_int('x')) != 0 && libc::isalpha(c_int('1')) == 0 });
            // The resolver has a state of its own for each thread.
            assert!(("127.0.0.1", 80).to_socket_addrs().unwrap().next().is_some());
            assert!(("localhost", 80).to_socket_addrs().unwrap().next().is_some());
            // SAFETY: no preconditions.
            let processor = unsafe { libc::sched_getcpu() };
            // SAFETY: as above.
            let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
            assert!((0..processors).contains(&i64::from(processor)), "{processor}");
        };
        for _ in 0..2 {
            let all: Vec<_> = (0..5).map(|_| own(use_it)).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        }
    }
}

fn c_int(character: char) -> i32 {
    character as i32
}
