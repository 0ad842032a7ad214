//! Laws of what tokio awaits of ours, and of what we await of tokio.

use crate::polls::tokio_runtime;
use crate::random::Random;
use crate::{A_MOMENT, flavour};
use greenstd::{block_on, channel, future};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! {
    fn tasks_of_tokio_await_green_threads_and_channels() {
        let runtime = tokio_runtime();
        let (requests, inbox) = channel::bounded::<(u64, channel::Sender<u64>)>(8);
        let servers: Vec<_> = (0..4)
            .map(|_| {
                let inbox = inbox.clone();
                greenstd::spawn(move || {
                    let mut count = 0;
                    for (number, answer) in inbox {
                        if number % 16 == 0 {
                            greenstd::thread::sleep(Duration::from_micros(50));
                        }
                        answer.send(number * 2).unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        drop(inbox);
        let tasks: Vec<_> = (0..20)
            .map(|task| {
                let requests = requests.clone();
                runtime.spawn(async move {
                    for number in task * 100..(task + 1) * 100 {
                        let (answer, answers) = channel::bounded(1);
                        requests.send_async((number, answer)).await.unwrap();
                        assert_eq!(answers.recv_async().await, Ok(number * 2));
                    }
                })
            })
            .collect();
        drop(requests);
        let count = block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
            let mut count = 0;
            for server in servers {
                count += server.await.unwrap();
            }
            count
        });
        assert_eq!(count, 2000);
        runtime.shutdown_background();
    }

    // Every message arrives once, whatever gives up meanwhile.
    fn futures_that_give_up_lose_no_message() {
        const MESSAGES: usize = 3000;
        let mut random = Random::from_environment();
        let runtime = tokio_runtime();
        let capacity = random.below(4) as usize;
        let (sender, receiver) = channel::bounded(capacity);
        let (seen, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (receiver, seen, drops) = (receiver.clone(), seen.clone(), drops.clone());
                let patience = Duration::from_micros(random.below(60));
                runtime.spawn(async move {
                    loop {
                        tokio::select! {
                            biased;
                            () = async {
                                if patience.is_zero() { tokio::task::yield_now().await }
                                else { tokio::time::sleep(patience).await }
                            } => { drops.fetch_add(1, Ordering::Relaxed); }
                            message = receiver.recv_async() => match message {
                                Ok(number) => { seen.fetch_add(number, Ordering::Relaxed); }
                                Err(_) => return,
                            },
                        }
                    }
                })
            })
            .collect();
        drop(receiver);
        for number in 0..MESSAGES {
            sender.send(number).unwrap();
            if number % 64 == 0 {
                greenstd::thread::sleep(Duration::from_micros(200));
            }
        }
        drop(sender);
        for task in tasks {
            block_on(task).unwrap();
        }
        assert_eq!(seen.load(Ordering::Relaxed), MESSAGES * (MESSAGES - 1) / 2);
        assert!(drops.load(Ordering::Relaxed) > 0);
        runtime.shutdown_background();
    }

    fn a_context_is_entered_for_the_polls_and_the_drop_only() {
        thread_local!(static DEPTH: AtomicUsize = const { AtomicUsize::new(0) });
        struct Entered;
        impl Drop for Entered {
            fn drop(&mut self) {
                DEPTH.with(|depth| depth.fetch_sub(1, Ordering::Relaxed));
            }
        }
        let is_inside = || DEPTH.with(|depth| depth.load(Ordering::Relaxed) == 1);
        let enter = || {
            DEPTH.with(|depth| assert_eq!(depth.fetch_add(1, Ordering::Relaxed), 0));
            Entered
        };
        struct IsInside<F: Fn() -> bool>(F);
        impl<F: Fn() -> bool> Drop for IsInside<F> {
            fn drop(&mut self) {
                assert!((self.0)());
            }
        }
        let (sender, receiver) = channel::bounded(1);
        let producer = greenstd::spawn(move || {
            for number in 0..10 {
                greenstd::thread::sleep(Duration::from_micros(300));
                assert!(!is_inside());
                sender.send(number).unwrap();
            }
        });
        let last = future::block_on_with(enter, async {
            let _dropped = IsInside(is_inside);
            let mut last = None;
            while let Ok(number) = receiver.recv_async().await {
                assert!(is_inside());
                last = Some(number);
            }
            last
        });
        assert!(!is_inside());
        assert_eq!(last, Some(9));
        producer.join().unwrap();
        let outcome = greenstd::time::timeout(A_MOMENT, || {
            future::block_on_with(enter, async {
                let _dropped = IsInside(is_inside);
                std::future::pending::<()>().await;
            });
        });
        assert!(outcome.is_err() && !is_inside());
    }

    fn with_its_handle_futures_of_tokio_run_on_a_thread_that_blocks() {
        let runtime = tokio_runtime();
        let handle = runtime.handle();
        let start = Instant::now();
        let answer = future::block_on_with(|| handle.enter(), async {
            tokio::time::sleep(A_MOMENT).await;
            tokio::spawn(async { 5 }).await.unwrap()
        });
        assert_eq!(answer, 5);
        assert!(start.elapsed() >= A_MOMENT);
        assert!(tokio::runtime::Handle::try_current().is_err());
        runtime.shutdown_background();
    }
}

/// Two green threads of one worker are in the context of one runtime in turns, and leave it in
/// another order than they have come.
#[test]
fn neighbours_wait_for_futures_of_tokio_in_any_order() {
    flavour::on_workers(1, || {
        let runtime = tokio_runtime();
        let waiting: Vec<_> = (0..10)
            .map(|number| {
                let handle = runtime.handle().clone();
                greenstd::spawn(move || {
                    future::block_on_with(|| handle.enter(), async {
                        tokio::time::sleep(Duration::from_millis(20 - number)).await;
                    });
                })
            })
            .collect();
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
        runtime.shutdown_background();
    });
}
