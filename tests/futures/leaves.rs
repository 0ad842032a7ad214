//! Laws of what futures wait for on the thread that polls them: times and descriptors.

use greenstd::block_on;
use greenstd::future::sleep_until;
use greenstd::io::{Duplex, PollDuplex};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::os::unix::net::UnixStream;
use greenstd::time::timeout;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

const A_MOMENT: Duration = Duration::from_millis(10);
const AGES: Duration = Duration::from_secs(100_000);

async fn read(stream: &impl PollDuplex, deadline: Option<Instant>) -> io::Result<u8> {
    let mut byte = [0];
    let read = poll_fn(|context| stream.poll_read_from(context, &mut byte, deadline)).await;
    read.map(|count| if count == 0 { 0 } else { byte[0] })
}

async fn write_all(stream: &impl PollDuplex, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let buffers = [IoSlice::new(bytes)];
        bytes = &bytes[poll_fn(|context| stream.poll_write_to(context, &buffers, None)).await?..];
    }
    Ok(())
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Both to their ends, each polled only when it was woken itself.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    struct Own(Waker, AtomicUsize);
    impl Wake for Own {
        fn wake(self: Arc<Self>) {
            self.1.store(1, Ordering::Release);
            self.0.wake_by_ref();
        }
    }
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    let mut wakers: Option<[Arc<Own>; 2]> = None;
    poll_fn(|context| {
        let wakers = wakers.get_or_insert_with(|| {
            [(); 2].map(|()| Arc::new(Own(context.waker().clone(), AtomicUsize::new(1))))
        });
        let is_woken = |own: &Arc<Own>| own.1.swap(0, Ordering::AcqRel) == 1;
        if first.is_none() && is_woken(&wakers[0]) {
            let own = wakers[0].clone().into();
            if let Poll::Ready(value) = one.as_mut().poll(&mut Context::from_waker(&own)) {
                first = Some(value);
            }
        }
        if second.is_none() && is_woken(&wakers[1]) {
            let own = wakers[1].clone().into();
            if let Poll::Ready(value) = other.as_mut().poll(&mut Context::from_waker(&own)) {
                second = Some(value);
            }
        }
        match (&first, &second) {
            (Some(_), Some(_)) => Poll::Ready((first.take().unwrap(), second.take().unwrap())),
            _ => Poll::Pending,
        }
    })
    .await
}

laws! {
    fn a_sleep_is_over_at_its_time_and_not_before() {
        let deadline = Instant::now() + A_MOMENT;
        block_on(sleep_until(deadline));
        assert!(Instant::now() >= deadline);
        block_on(sleep_until(deadline));
    }

    fn a_sleep_that_is_reset_is_over_at_the_other_time() {
        let mut sleep = pin!(sleep_until(Instant::now() + AGES));
        let deadline = Instant::now() + A_MOMENT;
        block_on(poll_fn(|context| {
            let _ = sleep.as_mut().poll(context);
            sleep.as_mut().get_mut().reset(deadline);
            sleep.as_mut().poll(context)
        }));
        assert!(Instant::now() >= deadline);
    }

    fn of_several_sleeps_each_wakes_its_own_future() {
        let now = Instant::now();
        let (long, short) = (sleep_until(now + 2 * A_MOMENT), sleep_until(now + A_MOMENT));
        block_on(both(long, short));
        assert!(Instant::now() >= now + 2 * A_MOMENT);
    }

    fn bytes_wake_whoever_waits_for_them() {
        let (one, other) = tcp_pair();
        let writer = thread::spawn(move || {
            for number in 1..=100 {
                thread::sleep(Duration::from_micros(100));
                (&one).write_all(&[number]).unwrap();
            }
        });
        block_on(async {
            for number in 1..=100 {
                assert_eq!(read(&other, None).await.unwrap(), number);
            }
            assert_eq!(read(&other, None).await.unwrap(), 0);
        });
        writer.join().unwrap();
    }

    fn one_thread_serves_both_ends_of_a_full_connection() {
        let bytes = vec![7; 8 << 20];
        let (one, other) = tcp_pair();
        let (unix_one, unix_other) = UnixStream::pair().unwrap();
        block_on(async {
            let write = async { write_all(&one, &bytes).await.unwrap(); drop(one) };
            let receive = async {
                let mut buffer = vec![0; 65536];
                let mut count = 0;
                loop {
                    let moved = poll_fn(|context| other.poll_read_from(context, &mut buffer, None));
                    match moved.await.unwrap() {
                        0 => return count,
                        moved => count += moved,
                    }
                }
            };
            assert_eq!(both(write, receive).await.1, 8 << 20);
            let write = async { write_all(&unix_one, &bytes[..1 << 20]).await.unwrap() };
            let receive = async {
                for _ in 0..1 << 10 {
                    let mut buffer = [0; 1 << 10];
                    let mut filled = 0;
                    while filled < buffer.len() {
                        let read = |context: &mut Context<'_>| {
                            unix_other.poll_read_from(context, &mut buffer[filled..], None)
                        };
                        filled += poll_fn(read).await.unwrap();
                    }
                }
            };
            both(write, receive).await;
        });
    }

    fn a_deadline_ends_a_wait_for_bytes() {
        let (_one, other) = tcp_pair();
        let deadline = Instant::now() + A_MOMENT;
        let error = block_on(read(&other, Some(deadline))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(Instant::now() >= deadline);
    }

    fn a_blocking_call_inside_of_a_poll_takes_nothing_away() {
        let (one, other) = tcp_pair();
        let mut reading = pin!(read(&other, None));
        let mut is_first = true;
        block_on(poll_fn(|context| {
            let outcome = reading.as_mut().poll(context);
            if std::mem::take(&mut is_first) {
                assert!(outcome.is_pending());
                // The same direction of the same stream, by a call that waits and gives up.
                assert!(timeout(A_MOMENT, || other.peek(&mut [0])).is_err());
                // And a future of its own, to its end.
                block_on(sleep_until(Instant::now() + Duration::from_millis(1)));
                one.write_to(&[9]).unwrap();
            }
            outcome.map(|byte| assert_eq!(byte.unwrap(), 9))
        }));
    }

    fn a_future_that_is_given_up_leaves_the_stream_to_others() {
        let (one, other) = tcp_pair();
        for _ in 0..3 {
            assert!(timeout(A_MOMENT, || block_on(read(&other, None))).is_err());
        }
        one.write_to(&[5]).unwrap();
        let mut byte = [0];
        assert_eq!(other.read_from(&mut byte).unwrap(), 1);
        assert_eq!(byte, [5]);
    }

    fn a_stream_that_is_dropped_between_two_polls_is_waited_for_no_more() {
        let (one, other) = tcp_pair();
        let mut stream = Some(other);
        let mut end = pin!(sleep_until(Instant::now() + A_MOMENT));
        block_on(poll_fn(|context| {
            if let Some(other) = stream.take() {
                assert!(other.poll_read_from(context, &mut [0], None).is_pending());
            }
            end.as_mut().poll(context)
        }));
        drop(one);
    }

    fn outside_of_block_on_there_is_an_error() {
        let (_one, other) = tcp_pair();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Err(error)) = other.poll_read_from(&mut context, &mut [0], None) else {
            panic!("somebody waits, whom nobody wakes")
        };
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}
