//! Many children at once, and what is left of them.

use crate::child;
use crate::descriptors::descriptors;
use crate::fixture::{children, until};
use crate::flavour::on_workers;
use greenstd::process::{Child, Command, Stdio};
use greenstd::thread;
use std::io::Write;

/// Children that are started before the first one may exit.
const CROWD: usize = 500;

fn crowd_is_waited_for() {
    let (reader, writer) = std::io::pipe().unwrap();
    let started: Vec<Child> = (0..CROWD)
        .map(|number| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("read line; exit {}", number % 100)]);
            command.stdin(reader.try_clone().unwrap()).spawn().unwrap()
        })
        .collect();
    drop(reader);
    let waiting: Vec<_> = started
        .into_iter()
        .map(|mut child| thread::spawn(move || child.wait().unwrap().code()))
        .collect();
    assert_eq!(children(), CROWD);
    thread::sleep(std::time::Duration::from_millis(50));
    // All of them at once.
    drop(writer);
    for (number, waiting) in waiting.into_iter().enumerate() {
        assert_eq!(waiting.join().unwrap(), Some(i32::try_from(number % 100).unwrap()));
    }
}

fn crowd_leaves_nothing_behind(workers: usize) {
    on_workers(workers, || {
        assert!(Command::new("true").status().unwrap().success());
        let before = descriptors();
        crowd_is_waited_for();
        assert_eq!(children(), 0, "no zombie");
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn hundreds_of_children_exit_at_once_with_one_worker() {
    child::succeed(|| crowd_leaves_nothing_behind(1));
}

#[test]
fn hundreds_of_children_exit_at_once_with_two_workers() {
    child::succeed(|| crowd_leaves_nothing_behind(2));
}

#[test]
fn waits_of_all_kinds_leave_no_descriptor_behind() {
    child::succeed(|| {
        on_workers(2, || {
            let round = || {
                let piped = Stdio::piped;
                let mut command = Command::new("cat");
                let command = command.stdin(piped()).stdout(piped()).stderr(piped());
                let mut child = command.spawn().unwrap();
                assert_eq!(child.wait_timeout(std::time::Duration::ZERO).unwrap(), None);
                child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
                assert_eq!(child.wait_with_output().unwrap().stdout, b"x");
                let mut killed = Command::new("sleep").arg("1000").spawn().unwrap();
                let waiter = thread::spawn(move || {
                    let outcome = killed.wait_timeout(std::time::Duration::from_millis(5));
                    killed.kill().unwrap();
                    (outcome.unwrap(), killed.wait().unwrap().code())
                });
                assert_eq!(waiter.join().unwrap(), (None, None));
            };
            round();
            let before = descriptors();
            (0..10).for_each(|_| round());
            until("what the pool has opened is closed", || descriptors() <= before);
            assert_eq!(children(), 0);
        });
    });
}
