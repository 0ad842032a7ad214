//! The work that is looked at: clerks who serve orders.

use greenstd::channel::{self, Receiver};
use greenstd::sync::Mutex;
use greenstd::{blocking, thread};
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const CLERKS: usize = 20;

/// Orders that come at once, and how often.
const BURST: u64 = 50;
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the shop, which stays open until its runtime ends.
pub fn open() -> io::Result<()> {
    let (sender, orders) = channel::bounded(200);
    let till = Arc::new(Mutex::new(0_u64));
    for _ in 0..CLERKS {
        let (orders, till) = (orders.clone(), till.clone());
        named("clerk").spawn(move || serve(&orders, &till))?;
    }
    named("street").spawn(move || {
        for order in 0.. {
            if sender.send(order).is_err() {
                break;
            }
            if order % BURST == 0 {
                thread::sleep(PAUSE);
            }
        }
    })?;
    named("auditor").spawn(move || {
        loop {
            let taken = *till.lock().expect("no clerk panics");
            blocking(move || black_box((0..taken).sum::<u64>()));
            thread::sleep(Duration::from_millis(100));
        }
    })?;
    Ok(())
}

fn serve(orders: &Receiver<u64>, till: &Arc<Mutex<u64>>) {
    for order in orders {
        let paid = black_box((0..order % 20_000).fold(0, u64::wrapping_add));
        // As if a database was asked, while others are served.
        let receipt = named("receipt").spawn(move || {
            thread::sleep(Duration::from_millis(2));
            paid
        });
        let paid = receipt.map(|receipt| receipt.join().expect("it does not panic"));
        let mut till = till.lock().expect("no clerk panics");
        *till = till.wrapping_add(paid.unwrap_or_default()) % 100_000;
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.into())
}
