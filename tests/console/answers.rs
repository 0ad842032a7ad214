//! Each command tells what is the case, as text and as JSON.

use crate::flavour::Watchdog;
use crate::scene::Scene;
use greenstd::net::TcpListener;
use greenstd::runtime::{Builder, Runtime};
use greenstd::sync::{Event, Mutex};
use greenstd::thread::{self, Killed};
use greenstd::{blocking, diag};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn runtime() -> Runtime {
    Builder::new().workers(2).monitor(None).build().unwrap()
}

/// Asks until an answer has a line with all of `parts`, and returns that line.
fn line_with(scene: &Scene, command: &str, parts: &[&str]) -> String {
    let start = Instant::now();
    let mut client = scene.client();
    loop {
        let lines = client.ask(command);
        let found = lines.iter().find(|line| parts.iter().all(|part| line.contains(part)));
        if let Some(line) = found {
            return line.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{command}: {parts:?} in {lines:#?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn number(line: &str) -> u64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn named(runtime: &Runtime, name: &str, body: impl FnOnce() + Send + 'static) -> u64 {
    let name = name.to_owned();
    let spawn = move || thread::Builder::new().name(name).spawn(body).unwrap().thread().id();
    let id = runtime.spawn(spawn).join().unwrap();
    let start = Instant::now();
    loop {
        if let Some(thread) = diag::dump().thread(id)
            && thread.wait().is_some()
        {
            return thread.number();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "it does not come to wait");
    }
}

#[test]
fn ps_lists_green_threads_with_name_and_wait() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let sleeper = named(&runtime, "ps-sleeper", || thread::sleep(Duration::from_secs(1000)));
    let line = line_with(&scene, "ps", &["'ps-sleeper'", "sleeps", "left"]);
    assert_eq!(number(&line), sleeper);
    let json = scene.client().json("ps");
    let threads = json["threads"].as_array().unwrap();
    assert!(threads.iter().any(|it| it["number"] == sleeper && it["name"] == "ps-sleeper"));
}

#[test]
fn bt_shows_the_calls_of_a_parked_green_thread() {
    #[inline(never)]
    fn a_function_to_be_found() {
        thread::sleep(Duration::from_secs(1000));
    }
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let sleeper = named(&runtime, "bt-sleeper", a_function_to_be_found);
    line_with(&scene, &format!("bt {sleeper}"), &["a_function_to_be_found"]);
    let json = scene.client().json(&format!("bt {sleeper}"));
    let frames = json["frames"].as_array().unwrap();
    let is_it = |frame: &serde_json::Value| {
        frame["function"].as_str().unwrap().contains("a_function_to_be_found")
    };
    assert!(frames.iter().any(is_it), "{json}");
    assert_eq!(json["name"], "bt-sleeper");
}

#[test]
fn locks_names_who_waits_and_who_holds() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let lock = Arc::new(Mutex::new(()));
    let (held, wanted) = (lock.clone(), lock);
    let holder = named(&runtime, "locks-holder", move || {
        let _guard = held.lock().unwrap();
        thread::sleep(Duration::from_secs(1000));
    });
    let waiter = named(&runtime, "locks-waiter", move || drop(wanted.lock()));
    line_with(&scene, "locks", &["'locks-waiter'", "held by", "'locks-holder'"]);
    let json = scene.client().json("locks");
    let waits = json.as_array().unwrap();
    assert!(waits.iter().any(|it| it["number"] == waiter && it["held_by"] == holder), "{json}");
}

#[test]
fn fds_names_descriptors() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = named(&runtime, "fds-acceptor", move || drop(listener.accept()));
    line_with(&scene, "fds", &["'fds-acceptor'", "to read", &address]);
    let json = scene.client().json("fds");
    let has_it = |it: &serde_json::Value| {
        it["number"] == acceptor && it["descriptors"][0]["text"].to_string().contains(&address)
    };
    assert!(json.as_array().unwrap().iter().any(has_it), "{json}");
}

#[test]
fn pool_shows_pools_and_their_jobs() {
    let _watchdog = Watchdog::new();
    let scene = Scene::new();
    let pool = blocking::Builder::new().name("pool-shown").max_threads(3).build();
    pool.run(|| ());
    line_with(&scene, "pool", &["'pool-shown'", "of 3 threads", "1 done"]);
    let json = scene.client().json("pool");
    let has_it = |it: &serde_json::Value| it["name"] == "pool-shown" && it["done"] == 1;
    assert!(json.as_array().unwrap().iter().any(has_it), "{json}");
}

#[test]
fn metrics_are_those_of_the_snapshot() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    runtime.spawn(|| ()).join().unwrap();
    let before = diag::metrics().green_threads.spawned;
    let json = scene.client().json("metrics");
    let spawned = json["spawned"].as_u64().unwrap();
    assert!((before..=diag::metrics().green_threads.spawned).contains(&spawned), "{json}");
    assert!(json["stack_bytes_resident"].as_u64().unwrap() > 0);
    assert!(json["slices"]["buckets"].as_array().unwrap().len() > 10);
    line_with(&scene, "metrics", &["switches"]);
    line_with(&scene, "metrics", &["run_delays", "99 %"]);
    let event = Arc::new(Event::new());
    let awaited = event.clone();
    let waiter = runtime.spawn(move || awaited.wait());
    line_with(&scene, "metrics", &["parked in Event::wait"]);
    let json = scene.client().json("metrics");
    assert!(json["parked"]["Event::wait"].as_u64() > Some(0), "{json}");
    event.set();
    waiter.join().unwrap();
}

#[test]
fn top_shows_workers_and_groups() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    for _ in 0..40 {
        drop(runtime.spawn(|| thread::sleep(Duration::from_secs(1000))));
    }
    line_with(&scene, "top", &["      40 ", "sleep", "answers.rs"]);
    line_with(&scene, "top", &["worker 1"]);
    let json = scene.client().json("top");
    assert!(json["groups"].as_array().unwrap().iter().any(|it| it["count"] == 40), "{json}");
    assert!(json["workers"].as_array().unwrap().len() >= 2, "{json}");
}

#[test]
fn trace_notes_the_waits_of_one_green_thread() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let tick = || loop {
        thread::sleep(Duration::from_millis(2));
    };
    let ticker = named(&runtime, "trace-ticker", tick);
    let quiet = named(&runtime, "trace-quiet", tick);
    let mut client = scene.client();
    assert_eq!(client.ask(&format!("trace {ticker}")), ["nothing noted"]);
    assert_eq!(client.ask(&format!("trace {ticker} on")), [format!("traced {ticker}")]);
    line_with(&scene, &format!("trace {ticker}"), &["waited"]);
    assert_eq!(client.ask(&format!("trace {ticker} off")), [format!("untraced {ticker}")]);
    // Its last wait may be under way.
    std::thread::sleep(Duration::from_millis(100));
    let noted = client.json(&format!("trace {ticker}"));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(client.json(&format!("trace {ticker}")), noted);
    assert!(noted[0]["waited_ms"].as_f64().unwrap() >= 2.0, "{noted}");
    assert_eq!(client.ask(&format!("trace {quiet}")), ["nothing noted"]);
}

#[test]
fn kill_ends_a_green_thread_and_none_that_is_not_there() {
    let _watchdog = Watchdog::new();
    let (runtime, scene) = (runtime(), Scene::new());
    let victim = runtime.spawn(thread::park);
    let id = victim.thread().id();
    let start = Instant::now();
    let number = loop {
        if let Some(thread) = diag::dump().thread(id)
            && diag::find(thread.number()).is_some()
        {
            break thread.number();
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    };
    let mut client = scene.client();
    assert_eq!(client.ask(&format!("kill {number}")), [format!("killed {number}")]);
    assert!(victim.join().unwrap_err().is::<Killed>());
    assert_eq!(
        client.ask(&format!("kill {number}")),
        [format!("error: no green thread {number} is running")]
    );
    assert!(client.ask("bt 999999999")[0].starts_with("error: no green thread"));
}

#[test]
fn help_lists_what_there_is() {
    let scene = Scene::new();
    let mut client = scene.client();
    let help = client.ask("help").join("\n");
    let listed = client.json("help");
    for command in ["ps", "bt ID", "top", "locks", "fds", "pool", "trace ID", "kill ID", "metrics"]
    {
        assert!(help.contains(command), "{help}");
        let all = listed.as_array().unwrap();
        assert!(all.iter().any(|it| it["command"].as_str().unwrap().starts_with(command)));
    }
}

#[test]
fn ask_answers_on_green_threads_too() {
    let _watchdog = Watchdog::new();
    runtime().run(|| {
        assert!(diag::ask("ps").unwrap().contains("'main'"));
        assert!(diag::ask("metrics json").unwrap().ends_with("}\n"));
        assert_eq!(
            diag::ask("pss").unwrap_err().to_string(),
            "unknown command 'pss'; help lists them"
        );
    });
}
