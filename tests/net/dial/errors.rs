//! What a dial tells that has failed.

use super::{AGES, Silent, descriptors, listener, refusing};
use crate::child;
use crate::flavour::on_workers;
use greenstd::net::{DialError, Dialer, FamilyOrder, dial};
use greenstd::thread;
use greenstd::time::{Duration, Instant, TimedOut, timeout};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::iter;
use std::net::SocketAddr;

fn outcomes(error: &io::Error) -> Vec<(SocketAddr, ErrorKind)> {
    let error = DialError::of(error).expect("it tells of each attempt");
    error.attempts().map(|(address, error)| (address, error.kind())).collect()
}

laws! {
    fn every_attempt_is_told() {
        let addresses = refusing(3);
        let error = dial(&addresses[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let mut outcomes = outcomes(&error);
        outcomes.sort();
        let refused = addresses.iter().map(|address| (*address, ErrorKind::ConnectionRefused));
        assert_eq!(outcomes, refused.collect::<Vec<_>>());
        for address in addresses {
            assert!(error.to_string().contains(&address.to_string()), "{error}");
        }
        let told = DialError::of(&error).unwrap();
        assert!(!told.is_out_of_time() && told.untried().is_empty());
    }

    fn the_deadline_ends_all_attempts_and_names_what_was_not_tried() {
        let silent = Silent::new();
        let addresses = [silent.addresses(2), refusing(2)].concat();
        let (silents, refusing) = addresses.split_at(2);
        let time = Duration::from_millis(60);
        let start = Instant::now();
        let dialer = Dialer::new().attempt_delay(AGES).timeout(time);
        let error = dialer.dial(&addresses[..]).unwrap_err();
        assert!(start.elapsed() >= time);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(outcomes(&error), [(silents[0], ErrorKind::TimedOut)]);
        let told = DialError::of(&error).unwrap();
        assert!(told.is_out_of_time());
        assert_eq!(told.untried(), &addresses[1..]);

        let order = [refusing[0], silents[0], refusing[1], silents[1]];
        let dialer = dialer.attempt_delay(Duration::from_millis(10)).timeout(time * 10);
        let error = dialer.dial(&order[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let told = outcomes(&error);
        assert_eq!(told.len(), 4);
        assert_eq!(told[0], (refusing[0], ErrorKind::ConnectionRefused));
        assert!(told.contains(&(silents[1], ErrorKind::TimedOut)));
    }

    fn a_single_address_has_the_same_deadlines() {
        let silent = Silent::new().addresses(1)[0];
        let short = Duration::from_millis(20);
        let silent_too = Silent::new();
        for (dialer, is_out_of_time) in [
            (Dialer::new().timeout(short), true),
            (Dialer::new().attempt_timeout(short), false),
        ] {
            let start = Instant::now();
            let error = dialer.dial(&silent_too.addresses(1)[..]).unwrap_err();
            assert!(start.elapsed() >= short);
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(DialError::of(&error).unwrap().is_out_of_time(), is_out_of_time);
        }
        // The listener of this one is gone.
        assert_eq!(dial(silent).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }

    fn no_time_at_all_tries_nothing() {
        let (_listener, good) = listener("127.0.0.1:0");
        let error = Dialer::new().timeout(Duration::ZERO).dial(good).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(DialError::of(&error).unwrap().untried(), [good]);
    }

    fn no_address_and_none_of_the_wanted_family_are_mistakes() {
        let nothing: &[SocketAddr] = &[];
        assert_eq!(dial(nothing).unwrap_err().kind(), ErrorKind::InvalidInput);
        let dialer = Dialer::new().family_order(FamilyOrder::Ipv6Only);
        let error = dialer.dial(&refusing(2)[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(dial("127.0.0.1").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    fn a_timeout_scope_ends_a_dial() {
        let silent = Silent::new();
        for count in [1, 2, 9] {
            let addresses = silent.addresses(count);
            let dialer = Dialer::new().attempt_delay(Duration::ZERO).timeout(None);
            let scope = timeout(Duration::from_millis(40), || dialer.dial(&addresses[..]).is_ok());
            assert_eq!(scope, Err(TimedOut), "{count} addresses");
        }
    }
}

/// Sets how many descriptors this process may have, and returns how many it might have before.
#[allow(unsafe_code, reason = "limits are set by the C library alone")]
pub fn limit_descriptors(soft: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for a limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    let before = limit.rlim_cur;
    limit.rlim_cur = soft;
    // SAFETY: a limit of this process, which runs this one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    before
}

/// Calls `body` while this process can have just so many descriptors more.
fn with_room_for<T>(descriptors: usize, body: impl FnOnce() -> T) -> T {
    let unlimited = limit_descriptors(256);
    let mut taken: Vec<File> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len() - descriptors);
    let value = body();
    drop(taken);
    limit_descriptors(unlimited);
    value
}

#[test]
fn want_of_descriptors_is_told_and_leaves_nothing_behind() {
    child::succeed(|| {
        on_workers(1, || {
            let (_listener, good) = listener("127.0.0.1:0");
            let addresses = [refusing(1), vec![good]].concat();
            // Everything is there that is made once.
            drop(dial(&addresses[..]).unwrap());
            let before = descriptors();
            let error = with_room_for(0, || dial(&addresses[..]).unwrap_err());
            let codes: Vec<_> = DialError::of(&error)
                .unwrap()
                .attempts()
                .map(|(_, error)| error.raw_os_error())
                .collect();
            assert_eq!(codes, [Some(libc::EMFILE); 2]);
            assert_eq!(descriptors(), before);
            drop(dial(&addresses[..]).unwrap());
            assert_eq!(descriptors(), before);
        });
    });
}

#[test]
fn attempts_have_a_limit_beyond_which_the_oldest_makes_way() {
    child::succeed(|| {
        on_workers(1, || {
            let (silent, (_listener, good)) = (Silent::new(), listener("127.0.0.1:0"));
            drop(dial(good).unwrap());
            thread::sleep(Duration::from_millis(10));
            let mut addresses = silent.addresses(80);
            addresses.push(good);
            // Room for 64 and the one that is begun beside them.
            let dialer = Dialer::new().attempt_delay(Duration::ZERO);
            let stream = with_room_for(65, || dialer.dial(&addresses[..]).unwrap());
            assert_eq!(stream.peer_addr().unwrap(), good);
        });
    });
}
