//! Under tokio: its reactor watches the descriptor, edge-triggered, beside tasks of its own.

use crate::flavour::Watchdog;
use crate::host::{PATIENCE, driven};
use greenstd::runtime::DrivenRuntime;
use greenstd::{channel, thread};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::LocalSet;

/// Drives for as long as it is polled.
async fn drive(runtime: DrivenRuntime) {
    // SAFETY: the descriptor is the runtime's, and open for as long as that is there.
    let runtime = unsafe { AsyncFd::register_with_interest(runtime, Interest::READABLE) };
    let runtime = runtime.expect("a descriptor that can be polled");
    loop {
        while runtime.get_ref().turn(Some(Duration::ZERO)).is_runnable() {
            tokio::task::yield_now().await;
        }
        runtime.readable().await.unwrap().clear_ready();
    }
}

#[test]
fn green_threads_and_tasks_talk_on_one_thread() {
    let _watchdog = Watchdog::new();
    let host = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (to_green, by_task) = channel::unbounded::<u32>();
    let (to_task, mut by_green) = tokio::sync::mpsc::unbounded_channel::<u32>();
    let local = LocalSet::new();
    let sum = local.block_on(&host, async move {
        let runtime = driven();
        runtime.spawn(move || {
            for number in by_task.iter() {
                thread::sleep(Duration::from_micros(100));
                to_task.send(number + 1).unwrap();
            }
        });
        tokio::task::spawn_local(drive(runtime));
        let mut sum = 0;
        for number in 0..200 {
            to_green.send(number).unwrap();
            let answer = tokio::time::timeout(PATIENCE, by_green.recv()).await;
            sum += answer.expect("a wake-up was missed").unwrap();
        }
        sum
    });
    assert_eq!(sum, (1..=200).sum());
}
