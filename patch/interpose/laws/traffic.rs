//! Everything at once, at random, on several workers and beside OS threads: no byte is lost, and no
//! call blocks a worker.

use super::{hooked_on, stress::random::Random};
use greenstd_runtime::thread;
use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const TALKS: usize = 60;
const BYTES_OF_A_TALK: usize = 200_000;

/// The hooks of this part that must have parked.
const PARKING: [&str; 12] = [
    "accept", "accept4", "connect", "read", "readv", "recv", "recvfrom", "recvmsg", "send",
    "sendto", "write", "writev",
];

/// The byte that a talk has at a place.
fn byte(talk: u64, place: usize) -> u8 {
    (place as u64).wrapping_mul(talk | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]
}

/// Two ends of a connection, of a random kind: to write and to read.
fn connection(random: &mut Random) -> (Box<dyn Writing>, Box<dyn Reading>) {
    match random.below(3) {
        0 => {
            let (ours, theirs) = UnixStream::pair().unwrap();
            (Box::new(ours), Box::new(theirs))
        }
        1 => {
            let (reader, writer) = io::pipe().unwrap();
            (Box::new(writer), Box::new(reader))
        }
        _ => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (Box::new(ours), Box::new(listener.accept().unwrap().0))
        }
    }
}

trait Writing: Write + AsFd + Send {}
impl<T: Write + AsFd + Send> Writing for T {}
trait Reading: Read + AsFd + Send {}
impl<T: Read + AsFd + Send> Reading for T {}

/// Writes all bytes of a talk in random pieces, by random calls.
fn say(mut end: Box<dyn Writing>, talk: u64, mut random: Random) {
    let mut said = 0;
    while said < BYTES_OF_A_TALK {
        let wanted = (1 + random.below(30_000) as usize).min(BYTES_OF_A_TALK - said);
        let piece: Vec<u8> = (said..said + wanted).map(|place| byte(talk, place)).collect();
        said += match random.below(3) {
            0 => {
                end.write_all(&piece).unwrap();
                wanted
            }
            1 => {
                let (first, last) = piece.split_at(wanted / 2);
                end.write_vectored(&[IoSlice::new(first), IoSlice::new(last)]).unwrap()
            }
            _ => {
                // A copy that is closed at once; the other goes on.
                let copy: OwnedFd = end.as_fd().try_clone_to_owned().unwrap();
                end.write_all(&piece).unwrap();
                drop(copy);
                wanted
            }
        };
        if random.below(8) == 0 {
            std::thread::sleep(Duration::from_micros(random.below(500)));
        }
    }
}

/// Reads until the end, in random pieces.
fn hear(mut end: Box<dyn Reading>, talk: u64, mut random: Random) {
    let mut heard = 0;
    loop {
        let mut piece = vec![0; 1 + random.below(20_000) as usize];
        let count = end.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        for (place, &found) in piece[..count].iter().enumerate() {
            assert_eq!(found, byte(talk, heard + place), "talk {talk} at {}", heard + place);
        }
        heard += count;
    }
    assert_eq!(heard, BYTES_OF_A_TALK);
}

#[test]
fn random_talks_on_several_workers_and_os_threads_lose_nothing() {
    let mut random = Random::from_environment();
    hooked_on(3).run(move || {
        let mut on_threads = Vec::new();
        let mut on_green = Vec::new();
        for talk in 0..TALKS as u64 {
            let (writing, reading) = connection(&mut random);
            let (for_writing, for_reading) = (random.fork(), random.fork());
            let say = move || say(writing, talk, for_writing);
            let hear = move || hear(reading, talk, for_reading);
            match random.below(6) {
                0 => {
                    on_threads.push(std::thread::spawn(say));
                    on_green.push(thread::spawn(hear));
                }
                1 => {
                    on_green.push(thread::spawn(say));
                    on_threads.push(std::thread::spawn(hear));
                }
                _ => {
                    on_green.push(thread::spawn(say));
                    on_green.push(thread::spawn(hear));
                }
            }
        }
        on_green.into_iter().for_each(|thread| thread.join().unwrap());
        on_threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let blocked = crate::blocked_calls();
    assert!(!blocked.iter().any(|calls| PARKING.contains(&calls.symbol)), "{blocked:?}");
}

#[test]
fn closes_in_the_middle_of_waits_end_them_all_and_touch_nobody_else() {
    let mut random = Random::from_environment();
    hooked_on(3).run(move || {
        for _ in 0..100 {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let (bystander, mut friend) = UnixStream::pair().unwrap();
            let fd = ours.as_raw_fd();
            let waiters: Vec<_> = (0..3)
                .map(|_| {
                    let copy = ours.as_fd().try_clone_to_owned().unwrap();
                    thread::spawn(move || {
                        let mut byte = 0_u8;
                        // SAFETY: room for one; that the number may be closed is what is tested,
                        // and until then nobody else is given it.
                        let count = unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
                        drop(copy);
                        count
                    })
                })
                .collect();
            let other = thread::spawn(move || (&bystander).read(&mut [0; 4]).unwrap());
            if random.below(2) == 0 {
                std::thread::sleep(Duration::from_micros(random.below(300)));
            }
            // Some may come too late to wait: their number is closed by then, or another's.
            let keeps_number = std::fs::File::open("/dev/null").unwrap();
            // SAFETY: both numbers are open, and the test's own.
            assert_eq!(unsafe { libc::dup2(keeps_number.as_raw_fd(), fd) }, fd);
            for waiter in waiters {
                assert!(matches!(waiter.join().unwrap(), -1 | 0));
            }
            friend.write_all(b"fine").unwrap();
            assert_eq!(other.join().unwrap(), 4);
            // Its reader is gone, and with it the last copy.
            assert!(theirs.write_all(b"nobody").is_err());
            drop(ours);
        }
    });
}
