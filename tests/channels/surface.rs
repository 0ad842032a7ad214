//! The traits that channels have by themselves, and what they tell of themselves.

use greenstd::channel::{self, Receiver, Sender};
use greenstd::sync::mpsc;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

fn is_shared<T: Send + Sync + Clone + Debug + UnwindSafe + RefUnwindSafe + Unpin>() {}
fn is_sent<T: Send + Debug + UnwindSafe + RefUnwindSafe + Unpin>() {}

#[test]
fn both_sides_are_shared_if_the_message_can_be_sent() {
    // A message that is `Send` and not `Sync`.
    type Message = std::cell::Cell<i32>;
    is_shared::<Sender<Message>>();
    is_shared::<Receiver<Message>>();
    is_shared::<mpsc::Sender<Message>>();
    is_shared::<mpsc::SyncSender<Message>>();
    is_sent::<mpsc::Receiver<Message>>();
    is_shared::<std::sync::mpsc::Sender<Message>>();
    is_sent::<std::sync::mpsc::Receiver<Message>>();
}

#[test]
fn a_channel_tells_how_full_it_is() {
    let (sender, receiver) = channel::bounded(2);
    assert_eq!((sender.capacity(), receiver.capacity()), (Some(2), Some(2)));
    assert!(sender.is_empty() && receiver.is_empty() && !sender.is_full());
    sender.send(1).unwrap();
    assert_eq!((sender.len(), receiver.len()), (1, 1));
    sender.send(2).unwrap();
    assert!(sender.is_full() && receiver.is_full() && !receiver.is_empty());
    let (sender, receiver) = channel::unbounded::<()>();
    assert_eq!((sender.capacity(), receiver.capacity()), (None, None));
    assert!(!sender.is_full());
    assert_eq!(channel::rendezvous::<()>().0.capacity(), Some(0));
}

#[test]
fn clones_are_of_the_same_channel() {
    let (sender, receiver) = channel::unbounded::<()>();
    let (other_sender, other_receiver) = channel::unbounded::<()>();
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other_sender));
    assert!(receiver.same_channel(&receiver.clone()) && !receiver.same_channel(&other_receiver));
    let ticks = channel::tick(std::time::Duration::from_secs(1));
    assert!(ticks.same_channel(&ticks.clone()));
    assert!(!receiver.same_channel(&channel::never()));
}

#[test]
fn iterators_end_with_the_senders() {
    let (sender, receiver) = channel::unbounded();
    (0..5).for_each(|n| sender.send(n).unwrap());
    assert_eq!(receiver.try_iter().take(2).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((&receiver).into_iter().next(), Some(2));
    drop(sender);
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [3, 4]);
}
