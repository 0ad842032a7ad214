//! Under GLib: a source of its main loop polls the descriptor, level-triggered, beside others.

use crate::flavour::Watchdog;
use crate::host::driven;
use glib::{ControlFlow, IOCondition, MainLoop};
use greenstd::thread;
use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn green_threads_and_callbacks_share_the_thread() {
    let _watchdog = Watchdog::new();
    let main = MainLoop::new(None, false);
    let runtime = driven();
    let (sum, turns) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (added, counted, ends) = (sum.clone(), turns.clone(), main.clone());
    runtime.spawn_local(move || {
        for number in 0..100 {
            thread::sleep(Duration::from_micros(500));
            added.set(added.get() + number);
        }
        ends.quit();
    });
    let descriptor = runtime.as_raw_fd();
    let source = glib_unix::unix_fd_add_local(descriptor, IOCondition::IN, move |_, _| {
        counted.set(counted.get() + 1);
        runtime.turn(Some(Duration::ZERO));
        ControlFlow::Continue
    });
    main.run();
    // The runtime goes with its source.
    source.remove();
    assert_eq!(sum.get(), (0..100).sum::<i32>());
    assert!(turns.get() <= 250, "{} turns for 100 deadlines", turns.get());
}
