//! The mirror has all that std has, and nothing of it that blocks is std's.

use crate::rustdoc;
use crate::table::{Entry, entries, named};
use std::collections::{BTreeMap, BTreeSet};

/// What is stable in std 1.95: a module a line, with the items of those that the table holds.
const STD: &str = include_str!("std_1_95.txt");

/// The modules that are std's as a whole, because nothing in them blocks.
const WHOLE: &[(&str, &str)] = &[
    (
        "alloc any array borrow boxed cell char clone cmp convert default error fmt hash hint",
        COMPUTES,
    ),
    (
        "collections collections::binary_heap collections::btree_map collections::btree_set",
        COMPUTES,
    ),
    ("collections::hash_map collections::hash_set collections::linked_list", COMPUTES),
    (
        "collections::vec_deque ascii iter marker mem num ops option pin ptr range rc result",
        COMPUTES,
    ),
    ("slice str string vec arch f32 f32::consts f64 f64::consts primitive", COMPUTES),
    ("i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize", "constants"),
    ("ffi ffi::c_str ffi::os_str os::raw os::linux::raw os::unix::raw", "types of C, and strings"),
    ("backtrace panic", "they wait only for others who print a backtrace"),
    ("env env::consts", "they ask the process, and the kernel what it knows without waiting"),
    ("future task", "whoever polls a future waits, not these"),
    ("path", "computes; the methods of `Path` that ask the file system cannot be replaced"),
    ("time", "asks clocks"),
    ("sync::atomic", "never waits"),
    ("io::prelude", "traits, which block where their implementors do"),
    ("os::fd os::unix::io", "descriptors, which only who uses them waits for"),
    ("os::unix::ffi os::linux::fs", "traits that look at what is there"),
    ("os::unix::thread", "a green thread has no `pthread_t`"),
    ("prelude prelude::rust_2015 prelude::rust_2018 prelude::rust_2021", PRELUDE),
    ("prelude::rust_2024 prelude::v1", PRELUDE),
    ("os os::linux os::unix", "they hold modules alone"),
];

const COMPUTES: &str = "computes and allocates";
const PRELUDE: &str =
    "a glob import of macros beside the compiler's own prelude would be ambiguous";

/// What this platform does not have.
const ELSEWHERE: [&str; 3] = ["os::darwin", "os::wasi", "os::windows"];

/// Does not compile unless each module of std for this platform stands at its path.
#[allow(unused_imports, deprecated, reason = "to be compiled is enough")]
#[allow(clippy::legacy_numeric_constants, reason = "they are modules of std as well")]
mod every_module {
    use greenstd::patch::std::{
        alloc, any, arch, array, ascii, backtrace, borrow, boxed, cell, char, clone, cmp,
        collections, collections::binary_heap, collections::btree_map, collections::btree_set,
        collections::hash_map, collections::hash_set, collections::linked_list,
        collections::vec_deque, convert, default, env, env::consts, error, f32, f64, ffi,
        ffi::c_str, ffi::os_str, fmt, fs, future, hash, hint, i8, i16, i32, i64, i128, io,
        io::prelude as _, isize, iter, marker, mem, net, num, ops, option, os, os::fd, os::linux,
        os::linux::fs as _, os::linux::net as _, os::linux::raw as _, os::raw, os::unix,
        os::unix::ffi as _, os::unix::fs as _, os::unix::io as _, os::unix::net as _,
        os::unix::prelude as _, os::unix::process as _, os::unix::raw as _, os::unix::thread as _,
        panic, path, pin, prelude, prelude::rust_2015, prelude::rust_2018, prelude::rust_2021,
        prelude::rust_2024, prelude::v1, primitive, process, ptr, range, rc, result, slice, str,
        string, sync, sync::atomic, sync::mpsc, task, thread, time, u8, u16, u32, u64, u128, usize,
        vec,
    };
}

/// The modules of std, and the items of those that the table holds.
fn modules() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let line = |line: &'static str| match line.split_once(": ") {
        Some((module, items)) => (module, items.split(' ').collect()),
        None => (line, BTreeSet::new()),
    };
    STD.lines().map(line).collect()
}

#[test]
fn every_module_is_mirrored_by_item_or_does_not_block() {
    let whole = WHOLE.iter().flat_map(|(modules, _)| modules.split(' '));
    let whole: BTreeSet<&str> = whole.collect();
    let by_item: BTreeSet<&str> = entries().iter().map(|entry| entry.module).collect();
    for (module, items) in modules() {
        let is_elsewhere = ELSEWHERE.iter().any(|platform| module.starts_with(platform));
        let is_by_item = by_item.contains(module);
        let homes = [whole.contains(module), is_by_item, is_elsewhere];
        assert_eq!(homes.iter().filter(|is_home| **is_home).count(), 1, "{module}: {homes:?}");
        assert_eq!(items.is_empty(), !is_by_item, "{module}");
    }
}

#[test]
fn every_item_is_replaced_or_does_not_block() {
    let modules = modules();
    let mut left = modules.clone();
    for Entry { module, name, .. } in entries() {
        let is_known = left.get_mut(module).is_some_and(|items| items.remove(name));
        assert!(is_known, "{module}::{name} is in the table twice, or not in std");
    }
    // A keyword: it can be named by nobody.
    left.get_mut("macros").expect("std has macros").remove("try");
    left.retain(|_, items| !items.is_empty());
    assert!(left.is_empty(), "neither replaced nor known not to block: {left:?}");
}

#[test]
fn what_is_replaced_is_ours_and_what_is_not_is_std_s() {
    for Entry { module, name, path, is_replaced, differs } in entries() {
        if let Some(differs) = differs {
            assert_eq!(differs, is_replaced, "{module}::{name} is {path}");
        }
        if is_replaced && !path.is_empty() {
            assert!(path.starts_with("greenstd_"), "{module}::{name} is {path}");
        }
    }
    for (name, path) in named() {
        assert!(path.contains("greenstd_"), "{name} is {path}");
    }
}

/// Those are compared by tests of their own: `named`, and `macros` below.
#[test]
fn nothing_that_is_replaced_goes_unlooked_at() {
    let looked_at: BTreeSet<&str> = named().iter().map(|(name, _)| *name).collect();
    for Entry { module, name, is_replaced, differs, .. } in entries() {
        let name = format!("{module}::{name}");
        if is_replaced && differs.is_none() && !PRINTING.contains(&name.as_str()) {
            assert!(looked_at.contains(name.as_str()), "{name}");
        }
    }
}

const PRINTING: [&str; 5] =
    ["macros::dbg", "macros::eprint", "macros::eprintln", "macros::print", "macros::println"];

/// A thread that prints by the mirror's macros waits for greenstd's lock of the stream; one that
/// prints by std's would not.
#[test]
fn macros_that_print_are_ours() {
    use greenstd::patch::std as mirror;
    let _stdout = mirror::io::stdout().lock();
    let _stderr = mirror::io::stderr().lock();
    let printers: [fn(); 5] = [
        || mirror::print!(""),
        || mirror::println!(),
        || mirror::eprint!(""),
        || mirror::eprintln!(),
        || assert_eq!(mirror::dbg!(1), 1),
    ];
    let printers = printers.map(mirror::thread::spawn);
    mirror::thread::sleep(std::time::Duration::from_millis(30));
    for printer in &printers {
        assert!(!printer.is_finished());
    }
    drop((_stdout, _stderr));
    for printer in printers {
        printer.join().unwrap();
    }
}

/// The list is that of the toolchain, as far as its documentation is installed.
#[test]
fn the_list_of_std_s_items_is_complete() {
    let Some(documented) = rustdoc::modules() else {
        eprintln!("skipped: the toolchain's documentation is not installed");
        return;
    };
    let listed = modules();
    for (module, items) in &documented {
        let known = listed.get(module.as_str());
        assert!(known.is_some(), "std has a new module: {module}");
        let by_item = known.filter(|items| !items.is_empty());
        let news: Vec<_> = by_item.map_or(Vec::new(), |known| {
            items.iter().filter(|item| !known.contains(item.as_str())).collect()
        });
        assert!(news.is_empty(), "std has new items in {module}: {news:?}");
    }
    assert!(documented.len() > 100, "the documentation was read");
    assert!(documented["thread"].contains("spawn") && documented["sync"].contains("Mutex"));
}
