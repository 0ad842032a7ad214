//! Whether all that can block is hooked: the symbols that std and installed C libraries name,
//! beside three lists.
//!
//! | list | what is in it |
//! |---|---|
//! | `coverage/hooked.txt` | what can block and has a hook here |
//! | `coverage/allowed.txt` | what can block, more or less, and has none, each with the reason |
//! | `coverage/harmless.txt` | what std names besides |
//!
//! Of std each symbol has to be in one of them. C libraries name too many for that: of theirs each
//! that is in the first two has to be as these say.

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HOOKED: &str = include_str!("coverage/hooked.txt");
const ALLOWED: &str = include_str!("coverage/allowed.txt");
const HARMLESS: &str = include_str!("coverage/harmless.txt");

/// C libraries that block, by name. Those that are installed are looked at.
const LIBRARIES: &[&str] = &[
    "libcrypto.so.3",
    "libcurl.so.4",
    "libgnutls.so.30",
    "libhiredis.so.0.14",
    "libkrb5.so.3",
    "libldap-2.5.so.0",
    "libmariadb.so.3",
    "libpq.so.5",
    "librdkafka.so.1",
    "libsqlite3.so.0",
    "libssh2.so.1",
    "libssl.so.3",
    "libstdc++.so.6",
    "libzmq.so.5",
];

/// Of these, those that have to be there if the variable below is set.
const REQUIRED: &[&str] =
    &["libcrypto.so.3", "libcurl.so.4", "libpq.so.5", "libsqlite3.so.0", "libssl.so.3"];

/// Set where the libraries are installed, by `.ci/run`.
const ARE_REQUIRED: &str = "GREENSTD_TEST_LIBRARIES";

const WHAT_TO_DO: &str = "hook it in a family of its kind and add it to hooked.txt; or, if no \
    green thread can wait there for long, add it to allowed.txt with the reason; or, if it cannot \
    block at all and std names it, to harmless.txt";

/// What sounds like a wait: if it is in no list, whoever wrote them has overlooked it.
const WORDS: &[&str] = &[
    "accept", "connect", "join", "poll", "recv", "select", "send", "sleep", "suspend", "sync",
    "wait",
];

/// The symbols of a list, each with what follows it on its line.
fn entries(list: &'static str) -> BTreeMap<&'static str, Vec<&'static str>> {
    let lines = list.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let mut entries = BTreeMap::new();
    for line in lines {
        let mut columns = line.splitn(3, ',').map(str::trim);
        let symbols = columns.next().expect("a split has a first part");
        let rest: Vec<_> = columns.collect();
        for symbol in symbols.split_whitespace() {
            assert!(entries.insert(symbol, rest.clone()).is_none(), "{symbol} is there twice");
        }
    }
    entries
}

/// The symbols that an object file, an archive of them or a shared library names, and has not.
fn imports(path: &Path) -> BTreeSet<String> {
    let data = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found = BTreeSet::new();
    if let Ok(archive) = ArchiveFile::parse(&*data) {
        for member in archive.members() {
            let member = member.unwrap();
            // One of std's members is none: its metadata.
            if let Ok(file) = object::File::parse(member.data(&*data).unwrap()) {
                found.extend(undefined(file.symbols()));
            }
        }
    } else {
        let file = object::File::parse(&*data).unwrap();
        found.extend(undefined(file.dynamic_symbols()));
    }
    assert!(!found.is_empty(), "{} names nothing", path.display());
    found
}

fn undefined<'data>(
    symbols: impl Iterator<Item = impl ObjectSymbol<'data>>,
) -> impl Iterator<Item = String> {
    symbols.filter(|it| it.is_undefined()).filter_map(|it| it.name().ok().map(str::to_owned))
}

/// What the C library of this process has.
fn exports() -> BTreeSet<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps.lines().find_map(|line| {
        let path = line.split_whitespace().last()?;
        path.contains("/libc.so.6").then_some(path)
    });
    let data = fs::read(path.expect("this is a dynamic program")).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let symbols = file.dynamic_symbols().filter(|symbol| !symbol.is_undefined());
    symbols.filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect()
}

/// std, as it is linked into each program.
fn std_library() -> PathBuf {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(output.stdout).unwrap();
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let folder = Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let is_std = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    };
    files.into_iter().find(is_std).expect("std is there, or this would not have been compiled")
}

fn library(name: &str) -> Option<PathBuf> {
    let by_target = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    let folders = [&*by_target, "/usr/lib64", "/usr/lib", "/usr/local/lib"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}

#[test]
fn what_is_hooked_is_in_the_list_and_what_is_in_the_list_is_hooked() {
    let listed: BTreeSet<_> = entries(HOOKED).into_keys().collect();
    let symbols: BTreeSet<_> = crate::symbols().into_iter().collect();
    let missing: Vec<_> = listed.difference(&symbols).collect();
    assert!(missing.is_empty(), "hooked.txt tells of hooks that there are not: {missing:?}");
    // What wakes others, or looks after descriptors, cannot block, and so is in no list.
    let exports = exports();
    let unknown: Vec<_> = symbols.iter().filter(|it| !exports.contains(**it)).collect();
    assert!(unknown.is_empty(), "hooks of what the C library does not have: {unknown:?}");
    let allowed = entries(ALLOWED);
    let twice: Vec<_> = listed.iter().filter(|it| allowed.contains_key(*it)).collect();
    assert!(twice.is_empty(), "in hooked.txt and in allowed.txt: {twice:?}");
}

#[test]
fn whatever_is_allowed_to_block_has_a_class_and_a_reason() {
    let exports = exports();
    for (symbol, rest) in entries(ALLOWED) {
        let [class, reason] = rest[..] else { panic!("{symbol}: no class, or no reason") };
        assert!(!class.is_empty() && reason.len() > 15, "{symbol}: {reason:?} is no reason");
        assert!(exports.contains(symbol), "{symbol}: the C library has no such function");
    }
}

#[test]
fn all_that_std_names_is_hooked_or_judged() {
    let lists = [HOOKED, ALLOWED, HARMLESS].map(entries);
    let hooked: BTreeSet<_> = crate::symbols().into_iter().collect();
    let exports = exports();
    let imports = imports(&std_library());
    let of_libc: Vec<_> = imports.iter().filter(|it| exports.contains(*it)).collect();
    assert!(of_libc.iter().any(|it| *it == "write"), "std writes, so this looks at nothing");
    let is_judged = |symbol: &str| {
        hooked.contains(symbol) || lists.iter().any(|list| list.contains_key(symbol))
    };
    let unknown: Vec<_> = of_libc.into_iter().filter(|symbol| !is_judged(symbol)).collect();
    assert!(unknown.is_empty(), "std names {unknown:?}, which nobody has judged. {WHAT_TO_DO}");
}

#[test]
fn what_c_libraries_name_and_what_can_block_is_hooked_or_allowed() {
    let (listed, allowed, exports) = (entries(HOOKED), entries(ALLOWED), exports());
    let hooked: BTreeSet<_> = crate::symbols().into_iter().collect();
    let are_required = env::var_os(ARE_REQUIRED).is_some();
    let mut seen = 0;
    for name in LIBRARIES {
        let Some(path) = library(name) else {
            assert!(!are_required || !REQUIRED.contains(name), "{name} is not installed");
            continue;
        };
        seen += 1;
        let imports = imports(&path);
        let escaping: Vec<_> = imports
            .iter()
            .filter(|it| listed.contains_key(it.as_str()) && !hooked.contains(it.as_str()))
            .collect();
        assert!(escaping.is_empty(), "{name} blocks in {escaping:?}. {WHAT_TO_DO}");
        let suspicious: Vec<_> = imports
            .iter()
            .filter(|it| exports.contains(*it) && WORDS.iter().any(|word| it.contains(word)))
            .filter(|it| !hooked.contains(it.as_str()) && !allowed.contains_key(it.as_str()))
            .collect();
        assert!(suspicious.is_empty(), "{name} names {suspicious:?}. {WHAT_TO_DO}");
    }
    assert!(!are_required || seen >= REQUIRED.len());
}
