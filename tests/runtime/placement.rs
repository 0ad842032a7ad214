//! Where green threads start: spread over the workers, for they stay there.

use greenstd::runtime::Builder;
use greenstd::thread;
use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

const COUNT: usize = 60;

/// Green threads that one spawner, which waits in between, leaves behind on each of two workers.
fn spread(has_handles: bool) -> Vec<usize> {
    let runtime = Builder::new().workers(2).build().unwrap();
    let (sender, receiver) = mpsc::channel();
    runtime.run(move || {
        let mut handles = Vec::new();
        for _ in 0..COUNT {
            let sender = sender.clone();
            let handle = thread::spawn(move || {
                sender.send(std::thread::current().id()).unwrap();
                thread::sleep(Duration::from_secs(3600));
            });
            if has_handles {
                handles.push(handle);
            } else {
                drop(handle);
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    let mut counts = HashMap::new();
    for worker in receiver.iter().take(COUNT) {
        *counts.entry(worker).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

#[test]
fn detached_ones_are_placed_as_evenly_as_can_be() {
    // A worker that finds no core for a while loses tasks to one that does, so on a busy machine
    // it may take some attempts. Without placement none succeeds: the spawner's worker keeps all.
    let mut attempts = (0..20).map(|_| spread(false));
    let is_even = |counts: &Vec<usize>| counts.iter().all(|&count| count >= COUNT / 3);
    assert!(attempts.any(|counts| counts.len() == 2 && is_even(&counts)));
}

#[test]
fn joinable_ones_do_not_pile_up_on_one_worker_either() {
    let mut attempts = (0..20).map(|_| spread(true));
    let is_shared = |counts: &Vec<usize>| counts.iter().all(|&count| count >= COUNT / 6);
    assert!(attempts.any(|counts| counts.len() == 2 && is_shared(&counts)));
}

#[test]
fn a_hog_delays_no_task_that_another_worker_could_run() {
    let runtime = Builder::new().workers(2).build().unwrap();
    runtime.run(|| {
        // One worker hogged, with few fibers; this one has many, and so would pass tasks on.
        let (ready, is_ready) = mpsc::channel();
        let (release, is_released) = mpsc::channel::<()>();
        let hog = thread::spawn(move || {
            ready.send(()).unwrap();
            while is_released.try_recv().is_err() {
                std::hint::spin_loop();
            }
        });
        // Without yielding, so that it is the other worker that takes the hog.
        while is_ready.try_recv().is_err() {
            std::hint::spin_loop();
        }
        for _ in 0..500 {
            thread::spawn(|| thread::sleep(Duration::from_secs(3600)));
        }
        let started: Vec<_> = (0..200).map(|number| thread::spawn(move || number)).collect();
        let sum: u32 = started.into_iter().map(|handle| handle.join().unwrap()).sum();
        assert_eq!(sum, (0..200).sum());
        release.send(()).unwrap();
        hog.join().unwrap();
    });
}
