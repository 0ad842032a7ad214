//! A dump as JSON is JSON, and says what the dump does.

use crate::fixture::until;
use crate::flavour::on_workers;
use greenstd::diag::Options;
use greenstd::sync::Mutex;
use greenstd::{channel, thread};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The object of a green thread in the JSON of a dump.
fn thread_of(json: &Value, id: u64) -> Option<&Value> {
    json["threads"].as_array()?.iter().find(|it| it["number"] == id)
}

#[test]
fn every_field_is_there_and_equal_stacks_stand_once() {
    on_workers(2, || {
        let name = "a \"quoted\" name\n\u{1}with\\everything é";
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().unwrap();
        let builder = thread::Builder::new().name(name.to_owned());
        let other = mutex.clone();
        let waiter = builder.spawn(move || drop(other.lock().unwrap())).unwrap();
        let sleepers: Vec<_> =
            (0..3).map(|_| thread::spawn(|| thread::sleep(Duration::from_secs(1000)))).collect();
        let ids: Vec<_> = sleepers.iter().map(|it| it.thread().id()).collect();
        let id = waiter.thread().id();
        until(&Options::new().stacks(true).locals(true), |dump| {
            let numbers: Option<Vec<u64>> = ids
                .iter()
                .map(|&id| dump.thread(id).filter(|it| it.wait().is_some()).map(|it| it.number()))
                .collect();
            let (numbers, report) = (numbers?, dump.thread(id)?);
            report.wait().filter(|wait| wait.kind() == "lock")?;
            let json: Value = serde_json::from_str(&dump.to_json()).unwrap();
            let of_waiter = thread_of(&json, report.number()).unwrap();
            assert_eq!(of_waiter["name"], name);
            assert_eq!(of_waiter["state"], "parked");
            assert_eq!(of_waiter["wait"]["kind"], "lock");
            assert_eq!(of_waiter["wait"]["call"], "Mutex::lock");
            assert_eq!(of_waiter["wait"]["holder"]["number"], of_waiter["parent"]);
            assert_eq!(of_waiter["site"]["line"], report.site().line());
            assert_eq!(of_waiter["is_killed"], false);
            assert!(of_waiter["time_left_ms"].is_null());
            let of_sleepers: Vec<_> =
                numbers.iter().map(|&number| thread_of(&json, number).unwrap()).collect();
            assert!(of_sleepers.iter().all(|it| it["time_left_ms"].as_f64().unwrap() > 1000.0));
            let stack = of_sleepers[0]["stack"].as_u64().unwrap();
            assert!(of_sleepers.iter().all(|it| it["stack"] == stack), "{json}");
            let frames = json["stacks"][stack as usize].as_array().unwrap();
            assert!(frames.iter().any(|it| it["function"].as_str().unwrap().contains("sleep")));
            let runtime = &json["runtimes"].as_array().unwrap();
            let mine = runtime.iter().find(|it| it["number"] == of_waiter["runtime"]).unwrap();
            assert_eq!(mine["workers"].as_array().unwrap().len(), 2);
            assert!(json["taken_at"].as_f64().unwrap() > 1e9);
            Some(())
        });
        drop(guard);
        waiter.join().unwrap();
        sleepers.iter().for_each(|it| it.thread().kill().unwrap());
        sleepers.into_iter().for_each(|it| drop(it.join()));
    });
}

#[test]
fn text_and_json_list_the_same() {
    on_workers(1, || {
        let (_sender, receiver) = channel::bounded::<()>(1);
        let waiter = thread::spawn(move || receiver.recv());
        let dump = greenstd::diag::dump();
        let json: Value = serde_json::from_str(&dump.to_json()).unwrap();
        let listed = json["threads"].as_array().unwrap();
        assert_eq!(listed.len(), dump.threads().len());
        let text = dump.to_string();
        assert!(dump.threads().iter().all(|it| text.contains(&format!("\n  {} '", it.number()))));
        waiter.thread().kill().unwrap();
        assert!(waiter.join().is_err());
    });
}
