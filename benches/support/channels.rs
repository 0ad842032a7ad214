//! The channels of each system that has them in the shape of std's, with its threads, so that one
//! body measures all of them. tokio is not among them, as in [`green`](super::green).

use super::green::{Green, NO_PANIC};
use super::on_may::May;
use super::ours::Ours;

/// Stands for a channel without a limit.
pub const UNBOUNDED: usize = usize::MAX;

/// The other side is there until all is done.
pub const OPEN: &str = "no side of a bench ends before the other one";

/// Channels of numbers, and threads to use them on.
pub trait Channels: 'static {
    /// The sending side.
    type Sender: Clone + Send + 'static;
    /// The receiving side.
    type Receiver: Send + 'static;
    /// Joins a thread.
    type Handle<T: Send + 'static>: Send + 'static;

    /// Makes a channel.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);
    /// So many receivers of one channel.
    fn share(receiver: Self::Receiver, count: usize) -> Vec<Self::Receiver>;
    /// Sends, waiting for room.
    fn send(sender: &Self::Sender, message: u64);
    /// Receives; `None` once all senders are gone.
    fn recv(receiver: &Self::Receiver) -> Option<u64>;
    /// Starts a thread.
    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T>;
    /// Waits for a thread and takes its value.
    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T;
}

/// greenstd's.
#[derive(Debug)]
pub struct OurChannels;

/// may's with many senders and one receiver, its faster ones; they have no bound.
#[derive(Debug)]
pub struct MayChannels;

/// may's with many receivers.
#[derive(Debug)]
pub struct MaySharedChannels;

/// crossbeam's, between OS threads.
#[derive(Debug)]
pub struct CrossbeamChannels;

impl Channels for OurChannels {
    type Sender = greenstd::channel::Sender<u64>;
    type Receiver = greenstd::channel::Receiver<u64>;
    type Handle<T: Send + 'static> = <Ours as Green>::Handle<T>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        match capacity {
            UNBOUNDED => greenstd::channel::unbounded(),
            capacity => greenstd::channel::bounded(capacity),
        }
    }

    fn share(receiver: Self::Receiver, count: usize) -> Vec<Self::Receiver> {
        vec![receiver; count]
    }

    fn send(sender: &Self::Sender, message: u64) {
        sender.send(message).expect(OPEN);
    }

    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        Ours::spawn(body)
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        Ours::join(handle)
    }
}

impl Channels for MayChannels {
    type Sender = may::sync::mpsc::Sender<u64>;
    type Receiver = may::sync::mpsc::Receiver<u64>;
    type Handle<T: Send + 'static> = <May as Green>::Handle<T>;

    fn channel(_capacity: usize) -> (Self::Sender, Self::Receiver) {
        may::sync::mpsc::channel()
    }

    fn share(receiver: Self::Receiver, _count: usize) -> Vec<Self::Receiver> {
        vec![receiver]
    }

    fn send(sender: &Self::Sender, message: u64) {
        sender.send(message).expect(OPEN);
    }

    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        May::spawn(body)
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        May::join(handle)
    }
}

impl Channels for MaySharedChannels {
    type Sender = may::sync::mpmc::Sender<u64>;
    type Receiver = may::sync::mpmc::Receiver<u64>;
    type Handle<T: Send + 'static> = <May as Green>::Handle<T>;

    fn channel(_capacity: usize) -> (Self::Sender, Self::Receiver) {
        may::sync::mpmc::channel()
    }

    fn share(receiver: Self::Receiver, count: usize) -> Vec<Self::Receiver> {
        vec![receiver; count]
    }

    fn send(sender: &Self::Sender, message: u64) {
        sender.send(message).expect(OPEN);
    }

    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        May::spawn(body)
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        May::join(handle)
    }
}

impl Channels for CrossbeamChannels {
    type Sender = crossbeam_channel::Sender<u64>;
    type Receiver = crossbeam_channel::Receiver<u64>;
    type Handle<T: Send + 'static> = std::thread::JoinHandle<T>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        match capacity {
            UNBOUNDED => crossbeam_channel::unbounded(),
            capacity => crossbeam_channel::bounded(capacity),
        }
    }

    fn share(receiver: Self::Receiver, count: usize) -> Vec<Self::Receiver> {
        vec![receiver; count]
    }

    fn send(sender: &Self::Sender, message: u64) {
        sender.send(message).expect(OPEN);
    }

    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }

    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        std::thread::spawn(body)
    }

    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().expect(NO_PANIC)
    }
}
