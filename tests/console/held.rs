//! Whoever holds the workers, the console and the signal are heard.

use crate::child;
use crate::flavour::Watchdog;
use crate::scene::Scene;
use greenstd::runtime::Builder;
use greenstd::{diag, signal, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Has all workers of a runtime be held while `body` runs.
fn while_all_are_held(body: impl FnOnce()) {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).spare_workers(0).monitor(None).build().unwrap();
    let waits = runtime.spawn(thread::park);
    let is_over = Arc::new(AtomicBool::new(false));
    let held = Arc::new(std::sync::Barrier::new(3));
    let hogs: Vec<_> = (0..2)
        .map(|_| {
            let (is_over, held) = (is_over.clone(), held.clone());
            let hog = move || {
                held.wait();
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            let spawn = || thread::Builder::new().name("the hog".into()).spawn(hog).unwrap();
            runtime.spawn(spawn).join().unwrap()
        })
        .collect();
    held.wait();
    body();
    is_over.store(true, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().unwrap());
    waits.thread().unpark();
    waits.join().unwrap();
}

#[test]
fn the_console_answers_while_every_worker_is_held() {
    let scene = Scene::new();
    while_all_are_held(|| {
        let mut client = scene.client();
        let top = client.ask("top").join("\n");
        assert!(top.contains(" runs "), "{top}");
        let ps = client.ask("ps");
        assert!(ps.iter().filter(|line| line.contains("'the hog' runs")).count() == 2, "{ps:#?}");
        for command in ["locks", "fds", "pool", "metrics", "dump", "help"] {
            client.ask(command);
        }
    });
}

#[test]
fn a_signal_has_a_dump_be_written_while_every_worker_is_held() {
    let output = child::succeed(|| {
        let _dumps = diag::dump_on(signal::SIGQUIT).unwrap();
        while_all_are_held(|| {
            // SAFETY: takes two numbers.
            assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGQUIT) }, 0);
            // The first one reads the program's debug information.
            std::thread::sleep(Duration::from_secs(5));
        });
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("green threads: 2 running"), "{text}");
    assert!(text.contains("2 green threads, running") && text.contains(") runs "), "{text}");
}

#[test]
fn each_signal_is_one_dump_and_none_comes_once_it_is_dropped() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let (sender, dumps) = std::sync::mpsc::channel();
        let sink = move |dump: &diag::Dump| sender.send(dump.threads().len()).unwrap();
        let listening = diag::dump_on_with(signal::SIGUSR1, diag::Options::new(), sink).unwrap();
        let send = || {
            // SAFETY: takes two numbers.
            assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) }, 0);
        };
        for _ in 0..3 {
            send();
            dumps.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        // Another listener keeps the default action, which ends the process, off.
        let other = signal::Signals::new([signal::SIGUSR1]).unwrap();
        drop(listening);
        send();
        // The signal may come later, by another thread, and must find this listener.
        assert_eq!(other.wait_timeout(Duration::from_secs(30)), Some(signal::SIGUSR1));
        assert!(dumps.recv_timeout(Duration::from_millis(200)).is_err());
    });
}

#[test]
fn a_console_neither_hides_a_deadlock_nor_keeps_a_process_busy() {
    child::succeed(|| {
        let scene = Scene::new();
        scene.client().ask("help");
        // There is the thread of libtest besides, which might wake somebody; what the console's own
        // thread is taken for is seen by how it waits.
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let console = tasks
            .map(|task| task.unwrap().path())
            .find(|task| {
                let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
                // The kernel keeps 15 bytes.
                name.trim() == "greenstd-consol"
            })
            .expect("the console has a thread");
        let switches = || {
            let status = std::fs::read_to_string(console.join("status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        std::thread::sleep(Duration::from_millis(50));
        let (before, start) = (switches(), Instant::now());
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(switches(), before, "it has woken up within {:?}", start.elapsed());
    });
}
