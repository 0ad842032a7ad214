//! Under GLib: a source of its main loop polls the descriptor, level-triggered, beside others.

use crate::flavour::Watchdog;
use crate::host::driven;
use glib::{ControlFlow, IOCondition, MainContext, MainLoop};
use greenstd::thread;
use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn green_threads_and_callbacks_share_the_thread() {
    let _watchdog = Watchdog::new();
    // That of this thread, for another test may have the default one.
    let context = MainContext::new();
    let polled = Rc::new(Cell::new(0));
    let counter = polled.clone();
    let sum = context
        .with_thread_default(move || {
            let main = MainLoop::new(Some(&MainContext::ref_thread_default()), false);
            let runtime = driven();
            let (sum, ends) = (Rc::new(Cell::new(0)), main.clone());
            let added = sum.clone();
            runtime.spawn_local(move || {
                for number in 0..100 {
                    thread::sleep(Duration::from_micros(500));
                    added.set(added.get() + number);
                }
                ends.quit();
            });
            let descriptor = runtime.as_raw_fd();
            let source = glib::unix_fd_source_new(
                descriptor,
                IOCondition::IN,
                None,
                glib::Priority::DEFAULT,
                move |_, _| {
                    counter.set(counter.get() + 1);
                    runtime.turn(Some(Duration::ZERO));
                    ControlFlow::Continue
                },
            );
            drop(source);
            main.run();
            sum.get()
        })
        .expect("nobody else has the context");
    assert_eq!(sum, (0..100).sum::<i32>());
    assert!(polled.get() <= 250, "{} turns for 100 deadlines", polled.get());
}
