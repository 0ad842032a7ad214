//! No arm starves, and a select waits its turn among the others.

use greenstd::{channel, select};

laws! {
    fn arms_that_are_always_ready_get_their_share() {
        let (_sender, first) = channel::unbounded::<()>();
        let (second_sender, second) = channel::unbounded();
        let (sender, third) = channel::unbounded();
        let mut counts = [0; 3];
        drop(_sender);
        for _ in 0..3000 {
            second_sender.send(()).unwrap();
            select! {
                recv(first) -> _ => counts[0] += 1,
                recv(second) -> _ => counts[1] += 1,
                send(sender, ()) -> _ => counts[2] += 1,
            }
        }
        // Each expects 1000; the chance of less than 700 is nil.
        assert!(counts.iter().all(|&count| count > 700), "{counts:?}");
        assert_eq!(third.len(), counts[2]);
    }

    fn a_select_waits_its_turn_among_plain_receivers() {
        let (sender, receiver) = channel::rendezvous();
        let silence = channel::never::<i32>();
        let other = receiver.clone();
        let selecting = thread::spawn(move || {
            (0..500)
                .map(|_| select! {
                    recv(receiver) -> got => i32::from(got.is_ok()),
                    recv(silence) -> _ => 0,
                })
                .sum::<i32>()
        });
        let plain = thread::spawn(move || other.iter().count());
        // The plain one never gets ahead for good: both wait in one line.
        while !selecting.is_finished() {
            let _ = sender.send_timeout(1, std::time::Duration::from_secs(1));
        }
        drop(sender);
        assert_eq!(selecting.join().unwrap(), 500);
        let _ = plain.join().unwrap();
    }
}
