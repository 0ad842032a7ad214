//! Runtimes inside of runtimes.

use crate::flavour::Watchdog;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn a_green_thread_runs_another_runtime_and_holds_nobody_up() {
    let _watchdog = Watchdog::new();
    let outer = Builder::new().workers(1).build().unwrap();
    let value = outer.run(|| {
        let neighbour = thread::spawn(|| thread::sleep(Duration::from_millis(1)));
        let inner = Builder::new().workers(1).build().unwrap();
        let value = inner.run(|| {
            thread::sleep(Duration::from_millis(20));
            thread::spawn(|| 42).join().unwrap()
        });
        assert!(neighbour.is_finished());
        inner.shutdown();
        value
    });
    assert_eq!(value, 42);
}

#[test]
fn a_green_thread_of_a_driven_runtime_may_end_another_one_on_its_thread() {
    let _watchdog = Watchdog::new();
    let ended = Rc::new(RefCell::new(Vec::new()));
    struct Notes(Rc<RefCell<Vec<u32>>>, u32);
    impl Drop for Notes {
        fn drop(&mut self) {
            // A wait of the one that ends, on the stack of the other.
            thread::yield_now();
            self.0.borrow_mut().push(self.1);
        }
    }
    let inner = Builder::new().build_driven().unwrap();
    for number in 0..3 {
        let notes = Notes(ended.clone(), number);
        inner.spawn_local(move || {
            let _notes = notes;
            thread::park();
        });
    }
    inner.turn(Some(Duration::ZERO));
    let outer = Builder::new().build_driven().unwrap();
    let seen = ended.clone();
    outer.run_until(move || {
        let neighbour = thread::spawn_local(|| thread::sleep(Duration::from_millis(1)));
        drop(inner);
        assert_eq!(seen.borrow().len(), 3);
        // This is a green thread of its own runtime again.
        neighbour.join().unwrap();
        thread::yield_now();
    });
    assert_eq!(*ended.borrow(), [0, 1, 2]);
}
