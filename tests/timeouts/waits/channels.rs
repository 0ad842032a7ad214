//! Channels, ours and std's, and timers.

use super::{AGES, Wait, plain, wait};
use greenstd::block_on;
use greenstd::channel::{self, Receiver, Sender};
use greenstd::sync::mpsc;

pub const WAITS: &[Wait] = &[
    wait(
        "Sender::send to a full channel",
        || assert!(full().0.send(1).is_ok()),
        |time| full().0.send_timeout(1, time).unwrap_err().is_timeout(),
    ),
    wait(
        "Sender::send to a rendezvous",
        || {
            let (sender, _receiver) = channel::rendezvous();
            sender.send(()).unwrap();
        },
        |time| {
            let (sender, _receiver) = channel::rendezvous();
            sender.send_timeout((), time).unwrap_err().is_timeout()
        },
    ),
    wait(
        "Receiver::recv of a rendezvous",
        || {
            let (_sender, receiver) = channel::rendezvous::<()>();
            receiver.recv().unwrap();
        },
        |time| {
            let (_sender, receiver) = channel::rendezvous::<()>();
            receiver.recv_timeout(time).unwrap_err().is_timeout()
        },
    ),
    wait(
        "Receiver::recv of a bounded channel",
        || {
            let (_sender, receiver) = channel::bounded::<()>(1);
            receiver.recv().unwrap();
        },
        |time| {
            let (_sender, receiver) = channel::bounded::<()>(1);
            receiver.recv_timeout(time).unwrap_err().is_timeout()
        },
    ),
    wait(
        "Receiver::recv of an unbounded channel",
        || {
            let (_sender, receiver) = channel::unbounded::<()>();
            receiver.recv().unwrap();
        },
        |time| {
            let (_sender, receiver) = channel::unbounded::<()>();
            receiver.recv_timeout(time).unwrap_err().is_timeout()
        },
    ),
    plain("block_on of Receiver::recv_async", || {
        let (_sender, receiver) = channel::rendezvous::<()>();
        block_on(receiver.recv_async()).unwrap();
    }),
    plain("block_on of Sender::send_async", || {
        assert!(block_on(full().0.send_async(1)).is_ok());
    }),
    plain("Receiver::iter", || {
        let (_sender, receiver) = channel::unbounded::<()>();
        assert_eq!(receiver.iter().count(), 0);
    }),
    wait(
        "channel::after",
        || assert!(channel::after(AGES).recv().is_err()),
        |time| channel::after(AGES).recv_timeout(time).unwrap_err().is_timeout(),
    ),
    wait(
        "channel::tick",
        || assert!(channel::tick(AGES).recv().is_err()),
        |time| channel::tick(AGES).recv_timeout(time).unwrap_err().is_timeout(),
    ),
    wait(
        "channel::never",
        || channel::never().recv().unwrap(),
        |time| channel::never::<()>().recv_timeout(time).unwrap_err().is_timeout(),
    ),
    wait(
        "mpsc::Receiver::recv",
        || {
            let (_sender, receiver) = mpsc::channel::<()>();
            receiver.recv().unwrap();
        },
        |time| {
            let (_sender, receiver) = mpsc::channel::<()>();
            receiver.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout)
        },
    ),
    plain("mpsc::Receiver::iter", || {
        let (_sender, receiver) = mpsc::channel::<()>();
        assert_eq!(receiver.iter().count(), 0);
    }),
    plain("mpsc::SyncSender::send to a full channel", || {
        let (sender, _receiver) = mpsc::sync_channel(1);
        sender.send(0).unwrap();
        sender.send(1).unwrap();
    }),
    plain("mpsc::SyncSender::send to a rendezvous", || {
        let (sender, _receiver) = mpsc::sync_channel(0);
        sender.send(()).unwrap();
    }),
];

fn full() -> (Sender<i32>, Receiver<i32>) {
    let (sender, receiver) = channel::bounded(1);
    sender.send(0).unwrap();
    (sender, receiver)
}
