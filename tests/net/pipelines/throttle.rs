//! `Throttled`: so many bytes a second and no more, and not one lost. How exact the account is, is
//! shown in virtual time beside the account itself.

use super::fixture::{Scene, bytes, receive, send};
use greenstd::io::{CopyBidirectional, RateLimiter, Read, Throttled, Write, pipe_in_memory};
use greenstd::time;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn limiter(rate: u64, burst: u64) -> Arc<RateLimiter> {
    let figure = |figure| NonZeroU64::new(figure).unwrap();
    Arc::new(RateLimiter::with_burst(figure(rate), figure(burst)))
}

laws! {
    fn bytes_beyond_the_burst_take_their_time() {
        let sent = bytes(10, 30_000);
        // A tenth of a second for what is beyond the burst, at least.
        let limiter = limiter(200_000, 10_000);
        let start = Instant::now();
        let mut slow = Throttled::new(sent.as_slice()).reads(limiter);
        let mut received = Vec::new();
        slow.read_to_end(&mut received).unwrap();
        assert!(received == sent);
        assert!(start.elapsed() >= Duration::from_millis(100));
    }

    fn writes_are_cut_to_what_is_allowed_and_none_is_lost() {
        let sent = bytes(11, 20_000);
        let mut slow = Throttled::new(Vec::new()).writes(limiter(200_000, 1_000));
        let start = Instant::now();
        assert!(slow.write(&sent).unwrap() <= 1_000);
        let mut slow = Throttled::new(Vec::new()).writes(limiter(200_000, 1_000));
        slow.write_all(&sent).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(95));
        assert!(*slow.get_ref() == sent);
        assert!(slow.into_inner() == sent);
    }

    fn streams_that_share_a_limiter_share_its_rate() {
        let limiter = limiter(200_000, 2_000);
        let start = Instant::now();
        let writers: Vec<_> = (0..4).map(|_| {
            let mut slow = Throttled::new(std::io::sink()).writes(limiter.clone());
            thread::spawn(move || slow.write_all(&[0; 8_000]).unwrap())
        }).collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // Each but the last may have run ahead by a burst.
        assert!(start.elapsed() >= Duration::from_millis((32_000 - 4 * 2_000) / 200 - 10));
    }

    fn limit_of_one_direction_leaves_the_other_alone() {
        let hour = limiter(1, 1);
        let scene = Scene::new();
        let mut slow = Throttled::new(&scene.a).reads(hour);
        slow.write_all(&[0; 100_000]).unwrap();
        assert_eq!(slow.read(&mut []).unwrap(), 0);
    }

    fn wait_that_is_ended_by_a_scope_takes_no_byte() {
        let limiter = limiter(1, 4);
        let (reader, mut writer) = pipe_in_memory(100);
        writer.write_all(b"01234567").unwrap();
        let mut slow = Throttled::new(reader).reads(limiter);
        let mut received = [0; 4];
        slow.read_exact(&mut received).unwrap();
        let late = time::timeout(Duration::from_millis(20), || slow.read(&mut [0; 4]));
        assert!(late.is_err());
        let mut rest = String::new();
        drop(writer);
        slow.into_inner().read_to_string(&mut rest).unwrap();
        assert_eq!((&received, rest.as_str()), (b"0123", "4567"));
    }

    fn pair_is_copied_at_its_speed() {
        let Scene { client, a, b, server } = Scene::new();
        let (request, answer) = (bytes(12, 30_000), bytes(13, 60_000));
        let peers = (
            send(&client, request.clone()),
            send(&server, answer.clone()),
            receive(&client),
            receive(&server),
        );
        let (reads, writes) = (limiter(300_000, 3_000), limiter(600_000, 6_000));
        let slow = Throttled::new(&a).reads(reads).writes(writes);
        let start = Instant::now();
        let counts = CopyBidirectional::new().run(&slow, &b).unwrap();
        assert_eq!(counts, (30_000, 60_000));
        assert!(start.elapsed() >= Duration::from_millis(90));
        peers.0.join().unwrap();
        peers.1.join().unwrap();
        assert!(peers.2.join().unwrap() == answer);
        assert!(peers.3.join().unwrap() == request);
    }
}
