//! Waits of `block_on`, for what is ours and what is not.

use super::{Grants, Row, Scene, apply, full, meet_receiver, until_set};
use greenstd::sync::{Event, Semaphore};
use greenstd::{block_on, channel};
use std::sync::Arc;

pub const WAITING: &[Row] = lines! {
    row("Receiver::recv_async", channel::bounded(9), |c| block_on(c.1.recv_async()).unwrap(),
        |c| c.0.send(()).unwrap(), |c| c.1.try_recv().is_ok()),
    row("Receiver::recv_async of a rendezvous", channel::rendezvous(),
        |c| block_on(&c.1).unwrap(), meet_receiver, |c| c.1.try_recv().is_ok()),
    row("Sender::send_async", full(), |c| block_on(c.0.send_async(())).unwrap(),
        |c| c.1.recv().unwrap(), |c| c.0.try_send(()).is_ok()),
    permit("Semaphore::access_async", Semaphore::new(0),
        |s| std::mem::forget(block_on(s.access_async())), |s| s.release(), |s| s.try_acquire()),
    row("block_on", tokio::sync::Semaphore::new(0),
        |s| block_on(s.acquire()).unwrap().forget(), |s| s.add_permits(1000)),
    row("block_on of a JoinHandle", Arc::new(Event::new()),
        |e| block_on(until_set(e)).unwrap(), |e| e.set()),
};
