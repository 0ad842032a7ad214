//! What ends a copy from outside: kills and timeout scopes leave nothing behind.

use super::fixture::{Scene, WAYS, Way, assert_is_over, copy, outside};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use greenstd::io::{Read, Write};
use greenstd::thread::Killed;
use greenstd::time;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Whether the open file description says that calls fail instead of blocking.
fn is_nonblocking(stream: &impl AsRawFd) -> bool {
    let text =
        std::fs::read_to_string(format!("/proc/self/fdinfo/{}", stream.as_raw_fd())).unwrap();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    i32::from_str_radix(flags, 8).unwrap() & libc::O_NONBLOCK != 0
}

/// Sends and never stops, until nobody takes it any more.
fn talk(mut stream: &TcpStream) {
    while stream.write_all(&[9; 100_000]).is_ok() {}
}

laws! {
    fn timeout_scope_ends_a_copy_in_either_state() {
        for way in WAYS {
            for talks in [false, true] {
                let Scene { client, a, b, mut server } = Scene::new();
                let talker = client.try_clone().unwrap();
                let peers = talks.then(|| (
                    std::thread::spawn(move || talk(&talker)),
                    std::thread::spawn(move || while let Ok(1..) = server.read(&mut [0; 65536]) {}),
                ));
                let copied = time::timeout(Duration::from_millis(60), || copy(way, &a, &b));
                assert!(copied.is_err(), "{way:?}: it ended by itself: {copied:?}");
                // The streams are their owner's, as they were: blocking, and open.
                assert!(!is_nonblocking(&a) && !is_nonblocking(&b));
                assert!(a.peer_addr().is_ok());
                drop((a, b));
                assert_is_over(&client);
                if let Some((talker, listener)) = peers {
                    talker.join().unwrap();
                    listener.join().unwrap();
                }
            }
        }
    }
}

#[test]
fn killed_copy_closes_what_it_owned_and_leaks_nothing() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let round = |way: Way, talks: bool| {
                    let Scene { client, a, b, mut server } = Scene::new();
                    let copier = greenstd::thread::spawn(move || copy(way, &a, &b).map(drop));
                    let talker = client.try_clone().unwrap();
                    let talking = talks.then(|| std::thread::spawn(move || talk(&talker)));
                    if talks {
                        outside(|| server.read_exact(&mut vec![0; 3_000_000]).unwrap());
                    } else {
                        greenstd::thread::sleep(Duration::from_millis(20));
                    }
                    assert!(copier.kill_and_wait(None).unwrap());
                    let payload = copier.join().unwrap_err();
                    assert!(payload.is::<Killed>());
                    outside(|| assert_is_over(&server));
                    if let Some(talking) = talking {
                        talking.join().unwrap();
                    }
                    outside(|| assert_is_over(&client));
                };
                for way in WAYS {
                    round(way, true);
                    // One pipe for each direction may be kept for the next one.
                    let before = descriptors();
                    for talks in [false, true, false, true] {
                        round(way, talks);
                    }
                    assert!(descriptors() <= before + 4, "{way:?}: descriptors are lost");
                }
            });
        }
    });
}

#[test]
fn spliced_streams_are_blocking_again_and_their_clones_never_notice() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let Scene { client, a, b, mut server } = Scene::new();
            let (near, far) = (a.try_clone().unwrap(), b.try_clone().unwrap());
            let copier = greenstd::thread::spawn(move || copy(Way::Spliced, &a, &b));
            let talker = client.try_clone().unwrap();
            let talking = std::thread::spawn(move || talk(&talker));
            outside(|| server.read_exact(&mut vec![0; 8_000_000]).unwrap());
            assert!(is_nonblocking(&near) && is_nonblocking(&far), "nothing was spliced");
            // A change of the mode meanwhile does not take the flag from under the copy.
            near.set_nonblocking(true).unwrap();
            near.set_nonblocking(false).unwrap();
            assert!(is_nonblocking(&near));
            // A clone's own read still parks: nobody sends in that direction until later.
            let reader = greenstd::thread::spawn(move || {
                far.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                (&far).read(&mut [0]).unwrap_err()
            });
            assert_eq!(reader.join().unwrap().kind(), std::io::ErrorKind::WouldBlock);
            assert!(copier.kill_and_wait(None).unwrap());
            assert!(!is_nonblocking(&near));
            drop((near, copier));
            outside(|| assert_is_over(&server));
            talking.join().unwrap();
        });
    }
}
