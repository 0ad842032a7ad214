//! Laws of primitives and times that are awaited, and of wakers that go wrong.

use crate::A_MOMENT;
use crate::polls::{Calls, poll_with, until};
use greenstd::sync::{AsyncResult, Event, Semaphore, WaitGroup, mpsc};
use greenstd::{block_on, channel};
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

const AGES: Duration = Duration::from_secs(1000);

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

laws! {
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
        let setter = greenstd::spawn(move || {
            greenstd::thread::sleep(A_MOMENT);
            other.set_error(6)
        });
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
}
