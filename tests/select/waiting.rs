//! `wait_any` and `wait_all`.

use greenstd::channel;
use greenstd::select::{self, Waitable};
use greenstd::sync::Semaphore;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    // C22
    fn wait_any_returns_with_the_first_and_leaves_the_rest() {
        let semaphores = Arc::new([const { Semaphore::new(0) }; 3]);
        let other = semaphores.clone();
        let releaser = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            other[1].release();
        });
        assert_eq!(select::wait_any(&*semaphores), (1, ()));
        releaser.join().unwrap();
        assert!(!semaphores.iter().any(Semaphore::try_acquire));
        // No ghost waits: a permit that comes later stays.
        semaphores.iter().for_each(Semaphore::release);
        assert!(semaphores.iter().all(Semaphore::try_acquire));
    }

    fn wait_any_gives_what_the_thing_gives() {
        let (sender, full) = channel::unbounded();
        let empty = channel::never();
        sender.send("message").unwrap();
        assert_eq!(select::wait_any([&empty, &full]), (1, Ok("message")));
    }

    fn wait_all_waits_for_the_last() {
        let (receivers, senders): (Vec<_>, Vec<_>) = (0..5_u64)
            .map(|number| {
                let (sender, receiver) = channel::rendezvous();
                (receiver, thread::spawn(move || {
                    thread::sleep(Duration::from_millis(10 - 2 * number));
                    sender.send(number).unwrap();
                }))
            })
            .unzip();
        let all = select::wait_all(&receivers);
        assert!(all.into_iter().map(Result::unwrap).eq(0..5));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }

    fn things_of_several_types_are_waited_for_together() {
        let semaphore = Semaphore::new(0);
        let start = Instant::now();
        let moment = select::at(start + Duration::from_millis(4));
        let things: [&dyn Waitable<Output = ()>; 2] = [&semaphore, &moment];
        assert_eq!(select::wait_any(things), (1, ()));
        assert!(start.elapsed() >= Duration::from_millis(4));
        semaphore.release();
        assert_eq!(select::wait_all(things), [(), ()]);
    }

    fn wait_any_ends_at_its_deadline() {
        let semaphores = [Semaphore::new(0)];
        assert!(select::wait_any_timeout(&semaphores, Duration::from_millis(2)).is_none());
        assert!(select::wait_any_deadline(&semaphores, Instant::now()).is_none());
        semaphores[0].release();
        assert!(select::wait_any_deadline(&semaphores, Instant::now()).is_some());
    }
}

/// C39
#[test]
fn one_who_is_killed_in_a_select_passes_its_permit_on() {
    for _ in 0..50 {
        let semaphore = Arc::new(Semaphore::new(0));
        let runtime = greenstd::runtime::Builder::new().workers(1).build().unwrap();
        let other = semaphore.clone();
        let silence = channel::never::<()>();
        let (here, arrived) = channel::unbounded();
        drop(runtime.spawn(move || {
            here.send(()).unwrap();
            greenstd::select! {
                wait(other) => (),
                recv(silence) -> _ => (),
            }
            // Had it gone on it would have used the permit up.
            other.release();
        }));
        arrived.recv().unwrap();
        let releaser = {
            let semaphore = semaphore.clone();
            std::thread::spawn(move || semaphore.release())
        };
        runtime.shutdown();
        releaser.join().unwrap();
        assert!(semaphore.try_acquire(), "the permit is lost");
    }
}
