//! C58, as it is for threads, and not as for gevent: several may wait for the same direction, and
//! whoever goes harms nobody.

use super::fixture::{let_others_wait, pair, was_killed};
use greenstd::time::{TimedOut, timeout};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

laws! {
    // C58
    fn second_reader_and_a_writer_leave_the_first_reader_unharmed() {
        let (mut peer, stream) = pair();
        let stream = Arc::new(stream);
        let read = || {
            let stream = stream.clone();
            greenstd::thread::spawn(move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).unwrap();
                byte[0]
            })
        };
        let first = read();
        let_others_wait();
        // One that is killed, and one whose time is up.
        let second = read();
        let_others_wait();
        second.kill().unwrap();
        assert!(was_killed(second));
        let brief = timeout(Duration::from_millis(5), || (&*stream).read(&mut [0]));
        assert_eq!(brief.map(drop), Err(TimedOut));
        // Who writes meanwhile.
        (&*stream).write_all(&[1; 1000]).unwrap();
        peer.read_exact(&mut [0; 1000]).unwrap();
        assert!(!first.is_finished());
        peer.write_all(&[5]).unwrap();
        assert_eq!(first.join().unwrap(), 5);
    }

    // C58
    fn every_byte_reaches_one_of_several_readers() {
        const READERS: usize = 8;
        let (mut peer, stream) = pair();
        let stream = Arc::new(stream);
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let stream = stream.clone();
                thread::spawn(move || {
                    let mut heard = Vec::new();
                    let mut buffer = [0; 7];
                    loop {
                        match (&*stream).read(&mut buffer).unwrap() {
                            0 => return heard,
                            count => heard.extend_from_slice(&buffer[..count]),
                        }
                    }
                })
            })
            .collect();
        let sent: Vec<u8> = (0..20_000).map(|index| index as u8).collect();
        for piece in sent.chunks(100) {
            peer.write_all(piece).unwrap();
        }
        drop(peer);
        let heard = readers.into_iter().flat_map(|reader| reader.join().unwrap());
        let count = |bytes: &mut dyn Iterator<Item = u8>| {
            let mut counts = [0; 256];
            bytes.for_each(|byte| counts[usize::from(byte)] += 1);
            counts
        };
        assert_eq!(count(&mut heard.into_iter()), count(&mut sent.into_iter()));
    }
}
