//! Green threads, channels and primitives that tasks of any executor await.

use crate::random::Random;
use crate::{A_MOMENT, Counted, flavour};
use greenstd::blocking::default_pool;
use greenstd::sync::{AsyncResult, Event, Semaphore, WaitGroup, mpsc};
use greenstd::thread::Killed;
use greenstd::{block_on, channel, future};
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

const AGES: Duration = Duration::from_secs(1000);

/// Counts how often it is called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Whether nobody but the test has it: no waker was left anywhere.
    fn is_alone(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}

fn poll_with<F: Future>(future: Pin<&mut F>, calls: &Arc<Calls>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(calls));
    future.poll(&mut Context::from_waker(&waker))
}

/// Waits, for at most ten seconds, for what another thread is about to do.
fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not come");
        greenstd::thread::sleep(Duration::from_micros(200));
    }
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn what_is_awaited_may_go_from_thread_to_thread() {
    fn sends<T: Send>(_: &T) {}
    let (sender, receiver) = channel::bounded(1);
    sends(&receiver.recv_async());
    sends(&sender.send_async(Box::new(1)));
    sends(&mpsc::channel::<u8>().1.recv_async());
    sends(&Event::new().wait_async());
    sends(&AsyncResult::<u8>::new().get_async());
    sends(&Semaphore::new(1).access_async());
    sends(&WaitGroup::new().wait_async());
    sends(&greenstd::spawn(|| ()));
    sends(&(&greenstd::spawn(|| ()).share()).into_future());
}

/// A handle, its panic, its kill: whatever polls it.
#[test]
fn a_handle_gives_what_a_join_gives() {
    for workers in [1, 2] {
        flavour::on_workers(workers, || {
            let value = greenstd::thread::spawn(|| 40 + 2);
            assert_eq!(block_on(value).unwrap(), 42);
            let late = greenstd::thread::spawn(|| greenstd::thread::sleep(A_MOMENT));
            block_on(late).unwrap();
            let panicking = greenstd::thread::spawn(|| std::panic::panic_any("on purpose"));
            assert_eq!(block_on(panicking).unwrap_err().downcast_ref(), Some(&"on purpose"));
            let parked = greenstd::thread::spawn(greenstd::thread::park);
            parked.kill().unwrap();
            assert!(block_on(parked).unwrap_err().is::<Killed>());
            let local = greenstd::spawn_local(|| std::rc::Rc::new(7));
            assert_eq!(*block_on(local).unwrap(), 7);
        });
    }
}

laws! {
    fn every_kind_of_handle_is_a_future() {
        assert_eq!(block_on(greenstd::spawn(|| 1)).unwrap(), 1);
        let text = String::from("borrowed");
        let length = greenstd::thread::scope(|scope| {
            let first = scope.spawn(|| { greenstd::thread::sleep(A_MOMENT); text.len() });
            let second = scope.spawn(|| -> () { std::panic::panic_any(3) });
            block_on(async {
                assert_eq!(second.await.unwrap_err().downcast_ref(), Some(&3));
                first.await.unwrap()
            })
        });
        assert_eq!(length, text.len());
        let shared = greenstd::spawn(|| { greenstd::thread::sleep(A_MOMENT); 5 }).share();
        let (one, other) = (shared.clone(), shared.clone());
        block_on(async {
            assert_eq!((&one).await.unwrap(), &5);
            assert_eq!((&other).await.unwrap(), &5);
        });
        let job = default_pool().spawn(|| std::thread::sleep(A_MOMENT));
        block_on(job.into_future()).unwrap();
        let job = default_pool().spawn(|| -> () { std::panic::panic_any(4) });
        assert_eq!(block_on(job.into_future()).unwrap_err().downcast_ref(), Some(&4));
    }

    fn a_handle_wakes_whoever_polled_it_last_and_nobody_after_a_drop() {
        let (calls, others) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
        let (end, is_over) = channel::bounded::<()>(1);
        let mut handle = greenstd::spawn(move || is_over.recv().unwrap());
        assert!(poll_with(Pin::new(&mut handle), &others).is_pending());
        assert!(poll_with(Pin::new(&mut handle), &calls).is_pending());
        assert!(others.is_alone());
        end.send(()).unwrap();
        until(|| calls.count() == 1);
        assert!(matches!(poll_with(Pin::new(&mut handle), &calls), Poll::Ready(Ok(()))));
        assert_eq!(others.count(), 0);
        drop(handle);

        let (end, is_over) = channel::bounded::<()>(1);
        let mut handle = greenstd::spawn(move || is_over.recv());
        assert!(poll_with(Pin::new(&mut handle), &others).is_pending());
        let thread = handle.thread().clone();
        drop(handle);
        assert!(others.is_alone());
        end.send(()).unwrap();
        greenstd::select::wait_any([&thread]);
        assert_eq!(others.count(), 0);
    }

    fn a_handle_that_was_polled_can_be_joined() {
        let calls = Arc::new(Calls::default());
        for time in [Duration::ZERO, A_MOMENT] {
            let mut handle = greenstd::spawn(move || { greenstd::thread::sleep(time); 8 });
            if let Poll::Ready(outcome) = poll_with(Pin::new(&mut handle), &calls) {
                assert_eq!(outcome.unwrap(), 8);
                continue;
            }
            assert_eq!(handle.join().unwrap(), 8);
        }
        until(|| calls.is_alone());
    }

    fn a_receiver_gives_messages_and_then_the_end() {
        for capacity in [0, 1, 16] {
            let (sender, receiver) = channel::bounded(capacity);
            let producer = greenstd::spawn(move || (0..100).for_each(|n| sender.send(n).unwrap()));
            block_on(async {
                for number in 0..100 {
                    assert_eq!((&receiver).await, Ok(number));
                }
                assert_eq!(receiver.recv_async().await, Err(channel::RecvError));
            });
            producer.join().unwrap();
        }
        let (sender, receiver) = mpsc::sync_channel(2);
        let producer = greenstd::spawn(move || {
            block_on(async {
                for number in 0..100 {
                    sender.send_async(number).await.unwrap();
                }
            });
        });
        block_on(async {
            for number in 0..100 {
                assert_eq!((&receiver).await, Ok(number));
            }
            assert_eq!(receiver.recv_async().await, Err(mpsc::RecvError));
        });
        producer.join().unwrap();
    }

    fn futures_and_threads_are_served_in_the_order_in_which_they_came() {
        let (sender, receiver) = channel::bounded::<u32>(1);
        let calls = Arc::new(Calls::default());
        let (mut first, mut second) = (Box::pin(receiver.recv_async()), Box::pin(receiver.recv_async()));
        assert!(poll_with(first.as_mut(), &calls).is_pending());
        let other = receiver.clone();
        let thread = greenstd::spawn(move || other.recv());
        // It waits once it has had its turn; the last one comes after it, or there is no law.
        greenstd::thread::sleep(A_MOMENT);
        assert!(poll_with(second.as_mut(), &calls).is_pending());
        for number in 1..=3 {
            sender.send(number).unwrap();
        }
        assert_eq!(poll_with(second.as_mut(), &calls), Poll::Ready(Ok(3)));
        assert_eq!(poll_with(first.as_mut(), &calls), Poll::Ready(Ok(1)));
        assert_eq!(thread.join().unwrap(), Ok(2));
    }

    fn a_dropped_future_loses_no_message_and_no_order() {
        let calls = Arc::new(Calls::default());
        for capacity in [0, 1, 2] {
            let (sender, receiver) = channel::bounded(capacity);
            let mut future = Box::pin(receiver.recv_async());
            assert!(poll_with(future.as_mut(), &calls).is_pending());
            // Handed over, so it does not wait, in a rendezvous either.
            sender.send(1).unwrap();
            if capacity > 0 {
                sender.send(2).unwrap();
            }
            drop(future);
            let others = sender.clone();
            let rest = greenstd::spawn(move || (3..6).for_each(|n| others.send(n).unwrap()));
            assert_eq!(receiver.recv(), Ok(1));
            let left: Vec<u32> = receiver.iter().take(if capacity > 0 { 4 } else { 3 }).collect();
            assert_eq!(left, if capacity > 0 { vec![2, 3, 4, 5] } else { vec![3, 4, 5] });
            rest.join().unwrap();
            drop(sender);
            assert!(receiver.recv().is_err());
        }
        assert!(calls.is_alone());
    }

    fn what_a_dropped_future_was_handed_goes_to_the_next_who_waits() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::rendezvous();
        let mut first = Box::pin(receiver.recv_async());
        let mut second = Box::pin(receiver.recv_async());
        assert!(poll_with(first.as_mut(), &Arc::default()).is_pending());
        assert!(poll_with(second.as_mut(), &calls).is_pending());
        sender.send(9).unwrap();
        assert_eq!(calls.count(), 0);
        drop(first);
        assert_eq!(calls.count(), 1);
        assert_eq!(poll_with(second.as_mut(), &calls), Poll::Ready(Ok(9)));
    }

    fn a_message_that_was_given_back_is_no_room_for_another() {
        let (sender, receiver) = channel::rendezvous();
        let mut future = Box::pin(receiver.recv_async());
        assert!(poll_with(future.as_mut(), &Arc::default()).is_pending());
        sender.send(1).unwrap();
        drop(future);
        assert_eq!(sender.try_send(2), Err(channel::TrySendError::Full(2)));
        let other = sender.clone();
        let waiting = greenstd::spawn(move || other.send_timeout(2, A_MOMENT));
        greenstd::thread::yield_now();
        assert_eq!(receiver.recv(), Ok(1));
        // A rendezvous: it returns when somebody has received it, and nobody does.
        assert!(waiting.join().unwrap().is_err());
    }

    fn a_dropped_future_gives_its_place_up() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::rendezvous();
        for _ in 0..3 {
            let mut future = Box::pin(receiver.recv_async());
            assert!(poll_with(future.as_mut(), &calls).is_pending());
        }
        assert_eq!(sender.try_send(1), Err(channel::TrySendError::Full(1)));
        let mut sending = Box::pin(sender.send_async(2));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        drop(sending);
        assert!(receiver.try_recv().is_err());
        assert!(calls.is_alone());
        assert_eq!(calls.count(), 0);
    }

    fn a_send_waits_for_room_and_has_its_message_back() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::bounded(1);
        block_on(sender.send_async(1)).unwrap();
        let mut sending = Box::pin(sender.send_async(2));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(calls.count(), 1);
        assert_eq!(poll_with(sending.as_mut(), &calls), Poll::Ready(Ok(())));
        let mut sending = Box::pin(sender.send_async(3));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        drop(receiver);
        assert_eq!(poll_with(sending.as_mut(), &calls), Poll::Ready(Err(channel::SendError(3))));
    }

    fn primitives_are_awaited_and_a_drop_takes_nothing() {
        let calls = Arc::new(Calls::default());
        let semaphore = Semaphore::new(0);
        {
            let mut dropped = pin!(semaphore.access_async());
            assert!(poll_with(dropped.as_mut(), &calls).is_pending());
            semaphore.release();
            assert!(!semaphore.try_acquire(), "it is the future's");
        }
        assert!(semaphore.try_acquire());
        semaphore.release();
        drop(block_on(semaphore.access_async()));
        assert!(semaphore.try_acquire());

        let event = Arc::new(Event::new());
        {
            let mut dropped = pin!(event.wait_async());
            assert!(poll_with(dropped.as_mut(), &calls).is_pending());
            event.set();
        }
        event.clear();
        let other = event.clone();
        let setter = greenstd::spawn(move || { greenstd::thread::sleep(A_MOMENT); other.set() });
        block_on(event.wait_async());
        setter.join().unwrap();

        let result = Arc::new(AsyncResult::<u32, u32>::new());
        let other = result.clone();
        let setter = greenstd::spawn(move || { greenstd::thread::sleep(A_MOMENT); other.set_error(6) });
        assert_eq!(block_on(result.get_async()), Err(&6));
        setter.join().unwrap().unwrap();

        let group = Arc::new(WaitGroup::new());
        let token = group.token_owned();
        let worker = greenstd::spawn(move || { greenstd::thread::sleep(A_MOMENT); drop(token) });
        block_on(group.wait_async());
        worker.join().unwrap();
        assert!(calls.is_alone());
    }

    fn a_timer_wakes_a_future() {
        let start = Instant::now();
        let due = block_on(channel::after(A_MOMENT).recv_async()).unwrap();
        assert!(due >= start + A_MOMENT && Instant::now() >= due);
        let ticks = channel::tick(Duration::from_millis(2));
        block_on(async {
            for _ in 0..3 {
                ticks.recv_async().await.unwrap();
            }
        });
        let calls = Arc::new(Calls::default());
        let later = channel::after(AGES);
        let mut never = Box::pin(later.recv_async());
        assert!(poll_with(never.as_mut(), &calls).is_pending());
        drop(never);
        until(|| calls.is_alone());
    }

    fn a_waker_that_panics_hurts_nobody() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                std::panic::panic_any("a waker, on purpose");
            }
        }
        let waker = Waker::from(Arc::new(Panics));
        let (sender, receiver) = channel::rendezvous();
        let mut future = Box::pin(receiver.recv_async());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        sender.send(1).unwrap();
        let mut handle = greenstd::spawn(greenstd::thread::yield_now);
        let _ = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        until(|| handle.is_finished());
        assert_eq!(greenstd::spawn(|| 3).join().unwrap(), 3);
        assert_eq!(block_on(future), Ok(1));
    }

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

/// A kill of the thread that polls drops what it awaits.
#[test]
fn a_kill_while_a_message_is_awaited_loses_none() {
    for workers in [1, 2] {
        flavour::on_workers(workers, || {
            static DROPS: AtomicUsize = AtomicUsize::new(0);
            DROPS.store(0, Ordering::Relaxed);
            for _ in 0..200 {
                let (sender, receiver) = channel::rendezvous();
                let other = receiver.clone();
                let polling = greenstd::spawn(move || {
                    let _counted = Counted(&DROPS);
                    block_on(other.recv_async()).unwrap();
                });
                let sending = greenstd::spawn(move || sender.send_timeout(1, A_MOMENT).is_ok());
                greenstd::thread::yield_now();
                polling.kill().unwrap();
                let was_received = polling.join().is_ok();
                let was_sent = sending.join().unwrap();
                assert_eq!(receiver.try_recv().is_ok(), was_sent && !was_received);
            }
            assert!(DROPS.load(Ordering::Relaxed) <= 200);
        });
    }
}

#[test]
fn polled_after_its_end_it_panics() {
    let (sender, receiver) = channel::bounded(1);
    sender.send(1).unwrap();
    let mut future = pin!(receiver.recv_async());
    assert!(block_on(poll_fn(|context| future.as_mut().poll(context))).is_ok());
    let again = std::panic::AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    assert!(std::panic::catch_unwind(again).is_err());
    let mut handle = greenstd::spawn(|| 1);
    assert_eq!(block_on(&mut handle).unwrap(), 1);
    let again = std::panic::AssertUnwindSafe(|| handle.join());
    assert!(std::panic::catch_unwind(again).is_err());
}

/// Grants, polls and drops at the same moment.
#[test]
fn a_drop_and_a_send_at_once_agree() {
    let _watchdog = flavour::Watchdog::new();
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..2000 {
        let (sender, receiver) = channel::bounded(1);
        let mut future = Box::pin(receiver.recv_async());
        let calls = Arc::new(Calls::default());
        assert!(poll_with(future.as_mut(), &calls).is_pending());
        let at_once = Arc::clone(&barrier);
        let other = std::thread::spawn(move || {
            at_once.wait();
            sender.send(1).unwrap();
        });
        barrier.wait();
        drop(future);
        other.join().unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(calls.is_alone());
    }
}
