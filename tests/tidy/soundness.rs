//! Rules that keep the unsafe part small and its protocols checkable.

use crate::layers;
use crate::lexer::has_word;
use crate::paths;
use crate::tree::{File, Finding, Tree};

/// Where `unsafe` may stand: the engine, the raw socket calls, the libc symbols, the functions that
/// C calls, whose every pointer is the caller's word; and what is never shipped.
const UNSAFE_FOLDERS: &[&str] =
    &["runtime/engine", "patch/interpose", "capi", "tests", "benches", "examples"];
const UNSAFE_FILES: &[&str] = &["runtime/engine.rs", "net/socket/sys.rs"];

/// The one door to atomics in the engine: std's, or loom's under `cfg(loom)`.
const ATOMICS: &str = "runtime/engine/atomic.rs";

/// Folders of the engine that may use std's atomics, each with the reason.
const WITHOUT_LOOM: &[(&str, &str)] = &[(
    "runtime/engine/stack",
    "statics that a signal handler or a probe of the kernel needs: loom's have no const `new`",
)];

/// Folders of code that is shipped.
const SHIPPED: &[&str] = &["runtime", "net", "patch", "capi"];

/// A `static mut` is never sound enough.
pub fn static_mut(tree: &Tree) -> Vec<Finding> {
    lines(tree, "static mut", "use an atomic, a lock or a cell", |_, line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).any(|pair| pair == ["static", "mut"])
    })
}

/// `unsafe`, and permission for it, stand only where DESIGN puts them, or at a `mod` line that
/// leads there.
pub fn unsafe_place(tree: &Tree) -> Vec<Finding> {
    let message = "unsafe code lives in the engine, net/socket/sys.rs, interpose and capi only";
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| !is_unsafe_place(&file.path)) {
        let lines: Vec<&str> = file.code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let permits = line.contains("allow(unsafe_code") || line.contains("expect(unsafe_code");
            let leads = module_after(&lines[at + 1..])
                .is_some_and(|name| file.submodule(name).iter().any(|path| is_unsafe_place(path)));
            let is_breach = if permits { !leads } else { has_word(line, "unsafe") };
            if is_breach {
                found.push(Finding::new("unsafe place", file, at + 1, message));
            }
        }
    }
    found
}

fn is_unsafe_place(path: &str) -> bool {
    let is_inside = |folder: &str| path.strip_prefix(folder).is_some_and(|r| r.starts_with('/'));
    UNSAFE_FILES.contains(&path) || UNSAFE_FOLDERS.iter().any(|folder| is_inside(folder))
}

/// The name, if the item after an attribute is `mod name;`.
fn module_after<'a>(after: &[&'a str]) -> Option<&'a str> {
    let mut items = after.iter().map(|line| line.trim());
    let item = items.find(|line| !line.is_empty() && !line.starts_with("#["))?;
    item.strip_suffix(';')?.split_once("mod ").map(|(_, name)| name.trim())
}

/// The engine takes its atomics from one file, so that loom runs the very code that ships. A
/// model's own witnesses may be loom's.
pub fn engine_atomics(tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for file in tree.rust().filter(|file| file.is_in("runtime/engine") && file.path != ATOMICS) {
        if WITHOUT_LOOM.iter().any(|(folder, _)| file.is_in(folder)) {
            continue;
        }
        for path in paths::named(file, &layers::module(file)) {
            let [first, second, third, ..] = path.segments.as_slice() else { continue };
            let is_std = matches!(first.as_str(), "std" | "core") && second == "sync";
            if is_std && matches!(third.as_str(), "atomic" | "*") {
                let message = "import atomics from `engine::atomic`, which loom can replace";
                found.push(Finding::new("engine atomics", file, path.line, message));
            }
        }
    }
    found.dedup_by_key(|finding| finding.place());
    found
}

/// Shipped code says why a failure cannot happen: `expect`, never `unwrap`.
pub fn unwrap(tree: &Tree) -> Vec<Finding> {
    let message = "say why it cannot fail: `expect(\"…\")`";
    let for_tests = test_modules(tree);
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| SHIPPED.iter().any(|folder| file.is_in(folder))) {
        let is_inside = |module: &String| file.is_in(module.trim_end_matches(".rs"));
        if for_tests.contains(&file.path) || for_tests.iter().any(is_inside) {
            continue;
        }
        // Unit tests come last in a file.
        let lines: Vec<&str> = file.code.lines().collect();
        let is_tests = |at: usize| is_for_tests(lines[at]) && module_after(&lines[at..]).is_none();
        let shipped = (0..lines.len()).take_while(|&at| !is_tests(at));
        let bare = shipped.filter(|&at| lines[at].contains(".unwrap()"));
        found.extend(bare.map(|at| Finding::new("unwrap", file, at + 1, message)));
    }
    found
}

/// The files of the modules that are declared for tests only.
fn test_modules(tree: &Tree) -> Vec<String> {
    let mut paths = Vec::new();
    for file in tree.rust() {
        let lines: Vec<&str> = file.code.lines().collect();
        for at in (0..lines.len()).filter(|&at| is_for_tests(lines[at])) {
            paths.extend(module_after(&lines[at..]).into_iter().flat_map(|n| file.submodule(n)));
        }
    }
    paths
}

fn is_for_tests(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

/// The lines of code for which `is_breach` holds.
fn lines(
    tree: &Tree,
    rule: &'static str,
    message: &str,
    is_breach: impl Fn(&File, &str) -> bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let breaches = file.code_lines().filter(|(_, line)| is_breach(file, line));
        found.extend(breaches.map(|(number, _)| Finding::new(rule, file, number, message)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hold, places};

    #[test]
    fn there_is_no_static_mut() {
        hold(static_mut);
    }

    #[test]
    fn a_static_mut_is_found() {
        let text = "//! static mut\nstatic mut A: u8 = 0;\npub static  mut B: u8 = 0;\n\
                    fn f(x: &'static mut u8) {}\nlet s = \"static mut\";\n";
        assert_eq!(places(static_mut, &[("tests/a.rs", text)]), ["tests/a.rs:2", "tests/a.rs:3"]);
    }

    #[test]
    fn unsafe_stays_in_its_place() {
        hold(unsafe_place);
    }

    #[test]
    fn unsafe_out_of_place_is_found() {
        let text = "//! unsafe\n#![deny(unsafe_code)]\nunsafe { f() }\n#[allow(unsafe_code)]\n";
        let files = [
            ("runtime/park.rs", text),
            ("net/socket/mod.rs", "unsafe impl Send for A {}"),
            ("net/socket/sys.rs", text),
            ("net/socket.rs", "#[allow(unsafe_code)]\n#[cfg(unix)]\npub(crate) mod sys;\n"),
            ("net/tcp.rs", "#[allow(unsafe_code)]\nmod sys;\n"),
            ("runtime/lib.rs", "#[allow(unsafe_code)]\nmod engine;\n"),
            ("runtime/engine/life.rs", text),
            ("patch/interpose/read.rs", text),
            ("patch/interposed.rs", "unsafe { f() }"),
            ("capi/thread.rs", text),
            ("capistrano.rs", "unsafe { f() }"),
            ("benches/echo.rs", text),
        ];
        let found = [
            "runtime/park.rs:3",
            "runtime/park.rs:4",
            "net/socket/mod.rs:1",
            "net/tcp.rs:1",
            "patch/interposed.rs:1",
            "capistrano.rs:1",
        ];
        assert_eq!(places(unsafe_place, &files), found);
    }

    #[test]
    fn the_engine_takes_atomics_from_one_file() {
        hold(engine_atomics);
    }

    #[test]
    fn an_atomic_from_elsewhere_is_found() {
        let files = [
            ("runtime/engine/atomic.rs", "pub use std::sync::atomic::*;"),
            ("runtime/engine/life.rs", "use std::sync::{\n Arc,\n atomic::{AtomicU32, fence},\n};"),
            (
                "runtime/engine/idle.rs",
                "use crate::engine::atomic::AtomicU32;\nuse std::sync::Arc;",
            ),
            ("runtime/engine/timers.rs", "fn f() { core::sync::atomic::fence(x) }"),
            ("runtime/engine/stack/guard.rs", "use std::sync::atomic::AtomicU32;"),
            ("runtime/engine/inbox.rs", "use loom::sync::atomic::{AtomicU32, Ordering};"),
            ("runtime/engine/slot.rs", "use std::sync::*;"),
            ("runtime/park.rs", "use std::sync::atomic::AtomicU32;"),
        ];
        let found =
            ["runtime/engine/life.rs:3", "runtime/engine/timers.rs:1", "runtime/engine/slot.rs:1"];
        assert_eq!(places(engine_atomics, &files), found);
    }

    #[test]
    fn shipped_code_has_no_bare_unwrap() {
        hold(unwrap);
    }

    #[test]
    fn a_bare_unwrap_is_found_before_the_tests_only() {
        let text = "// x.unwrap()\nx.unwrap();\nx.unwrap_or(1);\n#[cfg(test)]\n\
                    mod tests {\nx.unwrap()\n}";
        let files = [
            ("net/a.rs", text),
            ("net/b.rs", "#[cfg(test)]\nmod sample;\nmod other;\nx.unwrap();\n"),
            ("net/b/sample.rs", text),
            ("net/b/sample/deep.rs", text),
            ("net/b/other.rs", text),
            ("tests/net/main.rs", text),
        ];
        let found = ["net/a.rs:2", "net/b.rs:4", "net/b/other.rs:2"];
        assert_eq!(places(unwrap, &files), found);
    }
}
