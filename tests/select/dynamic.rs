//! `Select`: operations that are put together while the program runs.

use greenstd::channel;
use greenstd::select::Select;
use greenstd::sync::Semaphore;
use std::time::Duration;

laws! {
    fn many_channels_are_drained_by_one_select() {
        let channels: Vec<_> = (0..40).map(|_| channel::bounded(1)).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
        let putters: Vec<_> = senders
            .into_iter()
            .enumerate()
            .map(|(n, sender)| thread::spawn(move || (0..5).for_each(|_| sender.send(n).unwrap())))
            .collect();
        let mut sum = 0;
        let mut select = Select::new();
        for (number, receiver) in receivers.iter().enumerate() {
            select.recv(receiver, move |got| {
                got.map_or(0, |got| {
                    assert_eq!(got, number);
                    1
                })
            });
        }
        // A disconnected channel is ready for ever: its turns give nothing, take no worker.
        while sum < 200 {
            sum += select.wait();
        }
        putters.into_iter().for_each(|putter| putter.join().unwrap());
    }

    fn a_send_has_one_message() {
        let (sender, receiver) = channel::unbounded();
        let mut select = Select::new();
        select.send(&sender, 1, |sent| sent.is_ok());
        assert!(select.wait());
        assert_eq!(select.try_now(), None);
        assert_eq!(select.wait_timeout(Duration::from_millis(1)), None);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1]);
    }

    fn what_was_not_sent_is_with_its_owner_again() {
        let (sender, receiver) = channel::rendezvous();
        let mut message = Some("mine");
        let mut select = Select::new();
        select.send_from(&sender, &mut message, |sent| sent.is_ok());
        assert_eq!(select.wait_timeout(Duration::from_millis(1)), None);
        drop(select);
        assert_eq!(message, Some("mine"));
        let getter = thread::spawn(move || receiver.recv());
        let mut select = Select::new();
        select.send_from(&sender, &mut message, |sent| sent.is_ok());
        assert!(select.wait());
        drop(select);
        assert_eq!((message, getter.join().unwrap()), (None, Ok("mine")));
    }

    fn other_things_can_be_waited_for() {
        let semaphore = Semaphore::new(2);
        let mut select = Select::new();
        select.wait_for(&semaphore, |()| "permit");
        assert_eq!((select.wait(), select.wait(), select.try_now()), ("permit", "permit", None));
        semaphore.release();
        assert_eq!(select.wait_timeout(Duration::from_secs(100)), Some("permit"));
    }

    fn an_empty_select_ends_at_its_deadline() {
        assert_eq!(Select::<()>::new().try_now(), None);
        assert_eq!(Select::<()>::new().wait_timeout(Duration::from_millis(2)), None);
    }
}
