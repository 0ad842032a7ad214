//! Groups.

use greenstd::group::Group;
use greenstd::thread::Killed;
use greenstd::time::{TimedOut, timeout};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

laws! {
    fn a_member_belongs_to_the_group_until_it_ends() {
        let group = Group::new();
        let go = Arc::new(AtomicBool::new(false));
        let (inner, may_go) = (group.clone(), go.clone());
        let member = group.spawn(move || {
            assert!(inner.contains(&greenstd::thread::current()));
            while !may_go.load(SeqCst) {
                greenstd::thread::sleep(Duration::from_millis(1));
            }
            42
        });
        assert_eq!((group.len(), group.is_empty()), (1, false));
        assert!(group.contains(member.thread()));
        assert_eq!(group.threads()[0].id(), member.thread().id());
        assert!(!group.join(SHORT));
        go.store(true, SeqCst);
        assert!(group.join(None));
        assert!(group.is_empty() && group.threads().is_empty());
        assert!(!group.contains(member.thread()));
        assert_eq!(member.join().unwrap(), 42);
    }

    fn a_join_of_an_empty_group_returns_at_once() {
        assert!(Group::new().join(None));
        assert!(Group::new().kill(None).unwrap());
    }

    fn a_discarded_member_goes_on() {
        let group = Group::new();
        let member = group.spawn(greenstd::thread::park);
        assert!(group.discard(member.thread()));
        assert!(!group.discard(member.thread()));
        assert!(group.join(Duration::ZERO));
        assert!(!group.kill_one(member.thread(), None).unwrap());
        assert!(!member.is_finished());
        member.thread().unpark();
        member.join().unwrap();
    }

    fn a_join_returns_if_the_group_was_empty_for_a_moment() {
        let group = Group::new();
        let inner = group.clone();
        group.spawn(|| greenstd::thread::sleep(SHORT));
        let joiner = thread::spawn(move || inner.join(LONG));
        while !group.is_empty() {
            greenstd::thread::sleep(Duration::from_millis(1));
        }
        let late = group.spawn(greenstd::thread::park);
        assert!(joiner.join().unwrap());
        late.thread().unpark();
    }

    fn a_raising_join_tells_the_first_panic_of_those_who_were_there() {
        let group = Group::new();
        let good = group.spawn(|| greenstd::thread::sleep(SHORT));
        assert!(group.join_raising(None).unwrap());
        good.join().unwrap();
        let second = group.spawn(|| {
            greenstd::thread::sleep(4 * SHORT);
            resume_unwind(Box::new("second"))
        });
        let first = group.spawn(|| {
            greenstd::thread::sleep(SHORT);
            resume_unwind(Box::new(String::from("first")))
        });
        let panicked = group.join_raising(LONG).unwrap_err();
        assert_eq!(panicked.message(), "first");
        assert_eq!(panicked.thread().id(), first.thread().id());
        assert!(panicked.to_string().contains("panicked: first"));
        // The payload is the joiner's.
        let payload = first.join().unwrap_err();
        assert_eq!(*payload.downcast::<String>().unwrap(), "first");
        let _: Result<(), _> = second.join();
        // Who has panicked before is no longer there.
        assert!(group.join_raising(None).unwrap());
    }

    fn to_be_killed_is_no_panic() {
        let group = Group::new();
        let member = group.spawn(greenstd::thread::park);
        let inner = group.clone();
        let joiner = thread::spawn(move || inner.join_raising(LONG));
        greenstd::thread::sleep(SHORT);
        member.thread().kill().unwrap();
        assert!(joiner.join().unwrap().unwrap());
        assert!(member.join().unwrap_err().is::<Killed>());
    }

    fn a_green_thread_from_elsewhere_can_be_added() {
        let group = Group::new();
        let sleeper = greenstd::thread::spawn(|| greenstd::thread::sleep(LONG));
        assert!(group.add(&sleeper));
        assert!(!group.add(&sleeper));
        assert!(group.len() == 1 && group.contains(sleeper.thread()));
        assert!(group.kill(LONG).unwrap());
        assert!(sleeper.join().unwrap_err().is::<Killed>());
        let failing = greenstd::thread::spawn(|| {
            greenstd::thread::sleep(SHORT);
            resume_unwind(Box::new("from elsewhere"))
        });
        group.add(&failing);
        assert_eq!(group.join_raising(LONG).unwrap_err().message(), "from elsewhere");
        while !failing.is_finished() {
            greenstd::thread::yield_now();
        }
        group.add(&failing);
        assert!(group.join(LONG));
        let _: Result<(), _> = failing.join();
    }

    // C12
    fn a_kill_ends_all_members_and_runs_their_destructors() {
        struct Count(Arc<AtomicUsize>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let group = Group::new();
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let count = Count(dropped.clone());
            group.spawn(move || {
                let _count = count;
                greenstd::thread::sleep(LONG);
            });
        }
        assert!(group.kill(LONG).unwrap());
        assert_eq!((dropped.load(SeqCst), group.len()), (10, 0));
        // C15
        assert!(group.kill(Duration::ZERO).unwrap());
    }

    fn a_kill_reaches_those_who_come_meanwhile() {
        let group = Group::new();
        let children = Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let (inner, children) = (group.clone(), children.clone());
            group.spawn(move || {
                struct Spawner(Group, Arc<AtomicUsize>);
                impl Drop for Spawner {
                    fn drop(&mut self) {
                        self.1.fetch_add(1, SeqCst);
                        self.0.spawn(|| greenstd::thread::sleep(LONG));
                    }
                }
                let _spawner = Spawner(inner, children);
                greenstd::thread::sleep(LONG);
            });
        }
        greenstd::thread::sleep(SHORT);
        assert!(group.kill(LONG).unwrap());
        assert_eq!((children.load(SeqCst), group.len()), (4, 0));
    }

    // C14, C16
    fn a_kill_gives_up_on_an_immortal_member_and_does_not_kill_it_again() {
        let group = Group::new();
        let (unwound, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, may_go) = (unwound.clone(), go.clone());
        let immortal = group.spawn(move || {
            let nap = || greenstd::thread::sleep(LONG);
            assert!(std::panic::catch_unwind(nap).is_err());
            counter.fetch_add(1, SeqCst);
            // It goes on without ever blocking where a kill could reach it.
            while !may_go.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        greenstd::thread::sleep(SHORT);
        let waiter = std::thread::spawn({
            let group = group.clone();
            move || {
                let scope = timeout(5 * SHORT, || group.kill(None).unwrap());
                (scope, group.kill(SHORT).unwrap(), group.len())
            }
        });
        let release = std::thread::spawn(move || {
            let outcome = waiter.join();
            go.store(true, SeqCst);
            outcome
        });
        assert!(group.join(None));
        assert_eq!(release.join().unwrap().unwrap(), (Err(TimedOut), false, 1));
        immortal.join().unwrap();
        assert_eq!(unwound.load(SeqCst), 1);
    }

    fn one_member_can_be_killed() {
        let group = Group::new();
        let stays = group.spawn(greenstd::thread::park);
        let goes = group.spawn(|| greenstd::thread::sleep(LONG));
        assert!(group.kill_one(goes.thread(), LONG).unwrap());
        assert!(!group.contains(goes.thread()) && group.contains(stays.thread()));
        assert!(goes.join().unwrap_err().is::<Killed>());
        assert!(!group.kill_one(&greenstd::thread::current(), None).unwrap());
        stays.thread().unpark();
        stays.join().unwrap();
    }
}

/// C17, C10
#[test]
fn members_that_are_killed_before_they_start_never_run() {
    // The one worker starts nobody while their spawner does not wait.
    let runs = crate::flavour::on_workers(1, || {
        let (group, runs) = (Group::new(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..10 {
            let runs = runs.clone();
            group.spawn(move || runs.fetch_add(1, SeqCst));
        }
        assert!(group.kill(None).unwrap());
        runs.load(SeqCst)
    });
    assert_eq!(runs, 0);
}
