//! A panic of a job that nobody waits for is reported once, with the pool's name and the site.

use crate::child;
use crate::fixture::{Gate, pool, until};
use crate::flavour::on_workers;
use greenstd::blocking::Builder;
use greenstd::thread;
use std::panic;
use std::process::Output;

const WORDS: &str = "panicked and nobody waited for it";

fn reports(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}: {}", output.status, child::text(&output.stderr));
    let stderr = child::text(&output.stderr);
    stderr.lines().filter(|line| line.contains(WORDS)).map(String::from).collect()
}

#[test]
fn of_a_job_whose_handle_was_dropped() {
    let output = child::run(|| {
        on_workers(1, || {
            let pool = Builder::new().name("careless").build();
            drop(pool.spawn(|| panic!("the message")));
            pool.shutdown(None).unwrap();
        });
    });
    let line = line!() - 4;
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    let start = format!("a job of the pool 'careless' (submitted at {}:{line}:", file!());
    assert!(report.starts_with(&start), "{report} and not {start}");
    assert!(report.ends_with(&format!("{WORDS}: the message")), "{report}");
}

#[test]
fn of_a_job_whose_handle_is_dropped_after_the_end() {
    let output = child::run(|| {
        let pool = pool(1, 8);
        let job = pool.spawn(|| -> () { panic::resume_unwind(Box::new("late")) });
        assert!(job.wait(None));
        drop(job);
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.ends_with(": late"), "{report}");
}

#[test]
fn of_a_job_whose_caller_was_killed() {
    let output = child::run(|| {
        on_workers(1, || {
            let (pool, gate) = (pool(1, 8), Gate::new());
            let (runs, holds) = (pool.clone(), gate.clone());
            let caller = thread::spawn(move || {
                runs.run(move || {
                    holds.pass();
                    panic::resume_unwind(Box::new("abandoned"));
                })
            });
            until("it runs", || gate.arrived() == 1);
            caller.kill_and_wait(None).unwrap();
            gate.open();
            pool.shutdown(None).unwrap();
        });
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.ends_with(": abandoned"), "{report}");
}

#[test]
fn of_a_result_that_panics_when_it_is_dropped_and_the_thread_lives_on() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic::resume_unwind(Box::new("in a destructor"));
        }
    }
    let output = child::run(|| {
        let pool = pool(1, 8);
        drop(pool.spawn(|| Bad));
        assert_eq!(pool.run(|| 42), 42);
    });
    let [report] = &reports(&output)[..] else { panic!("{output:?}") };
    assert!(report.ends_with(": in a destructor"), "{report}");
}

#[test]
fn not_of_one_that_was_joined_or_cancelled_or_dropped_with_a_value() {
    let output = child::run(|| {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let holds = gate.clone();
        drop(pool.spawn(move || holds.pass()));
        let cancelled = pool.spawn(|| panic!("it never runs"));
        assert!(cancelled.cancel());
        drop(cancelled);
        let joined = pool.spawn(|| -> () { panic::resume_unwind(Box::new("seen")) });
        gate.open();
        assert!(joined.join().is_err());
        drop(pool.spawn(|| 42));
        pool.shutdown(None).unwrap();
    });
    assert!(reports(&output).is_empty(), "{output:?}");
}
