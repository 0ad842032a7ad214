//! Who is who: `current`, ids and names.

use std::collections::HashSet;
use std::sync::Arc;

laws! { parity
    fn current_is_the_thread_of_the_handle() {
        let handle = thread::spawn(|| thread::current().id());
        let id = handle.thread().id();
        assert_eq!(handle.join().unwrap(), id);
        assert_ne!(thread::current().id(), id);
        assert_eq!(thread::current().id(), thread::current().id());
    }

    fn names_are_those_of_the_builder() {
        let named = thread::Builder::new().name("näme".into()).spawn(|| {
            thread::yield_now();
            thread::current().name().map(String::from)
        });
        let named = named.unwrap();
        assert_eq!(named.thread().name(), Some("näme"));
        assert_eq!(named.join().unwrap().as_deref(), Some("näme"));
        let unnamed = thread::spawn(|| thread::current().name().map(String::from));
        assert_eq!(unnamed.thread().name(), None);
        assert_eq!(unnamed.join().unwrap(), None);
    }

    fn a_handle_to_a_thread_outlives_it() {
        let handle = thread::Builder::new().name("gone".into()).spawn(thread::current).unwrap();
        let gone = handle.join().unwrap();
        assert_eq!(gone.name(), Some("gone"));
        let text = format!("{gone:?} {:?}", gone.id());
        assert!(text.contains("gone") && text.contains("ThreadId("), "{text}");
    }

    fn ids_are_unique() {
        let mut ids = HashSet::from([thread::current().id()]);
        let handles: Vec<_> = (0..600)
            .map(|_| thread::spawn(|| thread::spawn(|| thread::current().id()).join().unwrap()))
            .collect();
        for handle in handles {
            assert!(ids.insert(handle.thread().id()));
            assert!(ids.insert(handle.join().unwrap()));
        }
    }
}

mod across {
    use super::*;
    use crate::flavour::on_workers;
    use greenstd::thread;

    #[test]
    fn ids_are_unique_over_both_kinds_and_all_runtimes() {
        let mut ids = HashSet::new();
        for workers in [1, 2] {
            let more = on_workers(workers, || {
                let green: Vec<_> = (0..300)
                    .map(|number| {
                        thread::spawn(move || match number % 3 {
                            0 => std::thread::spawn(|| thread::current().id()).join().unwrap(),
                            _ => thread::current().id(),
                        })
                    })
                    .collect();
                green.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(more.into_iter().all(|id| ids.insert(id)));
        }
        assert!(ids.insert(thread::current().id()));
    }

    #[test]
    fn an_os_thread_has_the_name_that_std_gave_it() {
        let builder = std::thread::Builder::new().name("os".into());
        let name = builder.spawn(|| thread::current().name().map(String::from)).unwrap();
        assert_eq!(name.join().unwrap().as_deref(), Some("os"));
    }

    #[test]
    fn a_green_thread_stays_itself_across_waits() {
        on_workers(2, || {
            let handles: Vec<_> = (0..50)
                .map(|number| {
                    let builder = thread::Builder::new().name(format!("number {number}"));
                    builder.spawn(move || {
                        let me = thread::current();
                        for _ in 0..20 {
                            thread::yield_now();
                            thread::spawn(|| ()).join().unwrap();
                            assert_eq!(thread::current().id(), me.id());
                            let name = format!("number {number}");
                            assert_eq!(thread::current().name(), Some(&*name));
                        }
                    })
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.unwrap().join().unwrap());
        });
    }

    #[test]
    fn the_caller_of_a_panic_in_a_named_thread_can_be_told_by_its_name() {
        let seen = Arc::new(std::sync::Mutex::new(None));
        let inner = seen.clone();
        on_workers(1, move || {
            let builder = thread::Builder::new().name("asker".into());
            let handle = builder.spawn(move || {
                *inner.lock().unwrap() = thread::current().name().map(String::from);
            });
            handle.unwrap().join().unwrap();
        });
        assert_eq!(seen.lock().unwrap().as_deref(), Some("asker"));
    }
}
