//! Which way the arrows point: between the crates, and between the modules of the runtime.

use std::collections::BTreeSet;

use crate::manifests::dependencies;
use crate::paths;
use crate::tree::{File, Finding, Tree};

/// The crates, lowest first: each may name only those above it in this table. Folder, then name.
const CRATES: &[(&str, &str)] = &[
    ("runtime", "greenstd_runtime"),
    ("net", "greenstd_net"),
    ("patch", "greenstd_patch"),
    ("patch/interpose", "greenstd_interpose"),
    ("capi", "greenstd_capi"),
    ("", "greenstd"),
];

/// Folders whose code uses greenstd from outside, by its public API alone.
const OUTSIDE: &[&str] = &["examples", "tests", "benches", ".ci"];

/// The layers inside the runtime, lowest first; a module may name its own layer and those before.
/// Every module that stands in neither is in the top layer.
const ENGINE: &[&str] = &["engine"];
const WAIST: &[&str] = &["park", "readiness", "fd"];

/// The arrows from the top layer down to the engine that pass the waist by. Each names only what
/// `engine/mod.rs` re-exports, never a module inside.
const PAST_THE_WAIST: &[(&str, &str)] = &[
    ("", "the crate root declares the engine"),
    ("blocking", "a job calls back into its caller's runtime; its panics are reported as theirs"),
    ("diag", "what green threads do is known to the engine alone"),
    ("future", "a future in a line of waiters is pinned there, which is unsafe code"),
    ("hooks", "whether a call parks is the engine's to say"),
    ("io", "an OS thread writes as in std; `FromRawFd` is an unsafe trait"),
    ("process", "`pre_exec` is an unsafe function"),
    ("runtime", "`Runtime` and `Builder` start and stop workers"),
    ("test", "its runtimes have another loop, and a clock of their own"),
    ("thread", "spawning and joining are the life of a fiber, not a wait"),
    ("time", "a timeout scope limits the waits of its thread, whatever they are"),
    ("sync", "the raw locks under `lock_api` are unsafe traits"),
    ("select", "a wait in several lines at once is the engine's"),
    ("signal", "handlers of signals are unsafe code"),
    ("local", "the values of a green thread live and end with it"),
];

/// The engine's table of contents, and so the list of what others may name.
const ENGINE_CONTENTS: &[&str] = &["runtime/engine/mod.rs", "runtime/engine.rs"];

/// `use` lines and full paths keep the direction between crates.
pub fn crates(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let home = home(file);
        for path in paths::named(file, &module(file)) {
            let Some(target) = rank(path.segments.first().map_or("", String::as_str)) else {
                continue;
            };
            let message = match home {
                Some(home) if target >= home => {
                    format!("{} must not name {}", CRATES[home].1, CRATES[target].1)
                }
                None if target != CRATES.len() - 1 => {
                    format!("only the public API: `greenstd`, not `{}`", CRATES[target].1)
                }
                _ => continue,
            };
            found.push(Finding::new("crates", file, path.line, message));
        }
    }
    found
}

/// The manifests keep the same direction.
pub fn manifests(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.manifests() {
        let Some(home) = home(file) else { continue };
        for dependency in dependencies(file).iter().filter(|dependency| !dependency.is_shared) {
            if let Some(target) = rank(&dependency.name.replace('-', "_"))
                && target >= home
            {
                let message = format!("{} must not depend on {}", CRATES[home].1, dependency.name);
                found.push(Finding::new("manifests", file, dependency.line, message));
            }
        }
    }
    found
}

/// Inside the runtime: engine, then waist, then everything else.
pub fn runtime(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, from) in runtime_modules(tree) {
        for path in paths::named(file, &module(file)) {
            let Some(to) = inner(&path.segments) else { continue };
            if layer(to) > layer(&from) {
                let message = format!("`{from}` is below `{to}` and must not name it");
                found.push(Finding::new("runtime", file, path.line, message));
            }
        }
    }
    found
}

/// Above the waist the engine is known by few, and only by what it re-exports.
pub fn engine_names(tree: &Tree) -> Vec<Finding> {
    let exported = engine_exports(tree);
    let mut found = Vec::new();
    for (file, from) in runtime_modules(tree).filter(|(_, from)| layer(from) == 2) {
        for path in paths::named(file, &module(file)) {
            if inner(&path.segments) != Some("engine") {
                continue;
            }
            let name = path.segments.get(2).map_or("", String::as_str);
            let message = if !PAST_THE_WAIST.iter().any(|(module, _)| *module == from) {
                format!("`{from}` waits through `park` and `readiness`: no arrow to the engine")
            } else if !name.is_empty() && !exported.contains(name) {
                format!("`engine::{name}` is not among what the engine's `mod.rs` re-exports")
            } else {
                continue;
            };
            found.push(Finding::new("engine names", file, path.line, message));
        }
    }
    found
}

/// The module that `file` is, from the root of its crate.
pub fn module(file: &File) -> Vec<String> {
    let folder = home(file).map_or("", |home| CRATES[home].0);
    let inside = file.path.strip_prefix(folder).unwrap_or(&file.path).trim_start_matches('/');
    let mut module: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

/// The rank of the crate that `file` belongs to; none for code that uses greenstd from outside.
fn home(file: &File) -> Option<usize> {
    if OUTSIDE.iter().any(|folder| file.is_in(folder)) {
        return None;
    }
    let folders =
        (0..CRATES.len()).filter(|&rank| CRATES[rank].0.is_empty() || file.is_in(CRATES[rank].0));
    folders.max_by_key(|&rank| CRATES[rank].0.len())
}

fn rank(name: &str) -> Option<usize> {
    CRATES.iter().position(|(_, other)| *other == name)
}

/// The files of the runtime, each with the top module it belongs to.
fn runtime_modules(tree: &Tree) -> impl Iterator<Item = (&File, String)> {
    tree.rust()
        .filter(|file| home(file) == Some(0))
        .map(|file| (file, module(file).into_iter().next().unwrap_or_default()))
}

/// The top module inside its own crate that a path leads to.
fn inner(segments: &[String]) -> Option<&str> {
    match segments {
        [first, second, ..] if first == "crate" => Some(second),
        _ => None,
    }
}

fn layer(module: &str) -> usize {
    match module {
        engine if ENGINE.contains(&engine) => 0,
        waist if WAIST.contains(&waist) => 1,
        _ => 2,
    }
}

/// What the engine's table of contents re-exports, by name.
fn engine_exports(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in ENGINE_CONTENTS.iter().filter_map(|path| tree.file(path)) {
        let paths = paths::named(file, &module(file));
        names.extend(paths.into_iter().filter_map(|path| path.exported));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hold, places};

    #[test]
    fn crates_name_only_lower_crates() {
        hold(crates);
    }

    #[test]
    fn an_arrow_up_between_crates_is_found() {
        let files = [
            ("runtime/park.rs", "use std::io;\nuse greenstd_net::TcpStream;"),
            ("net/tcp.rs", "use greenstd_runtime::fd::Fd;\nuse greenstd::thread;"),
            (
                "patch/lib.rs",
                "pub use greenstd_net as net;\nfn f() { greenstd_interpose::install() }",
            ),
            ("patch/interpose/lib.rs", "use greenstd_patch::std;"),
            ("capi/thread.rs", "use greenstd_runtime::thread;\nuse greenstd::net;"),
            ("lib.rs", "pub use greenstd_runtime::thread;"),
            ("examples/echo.rs", "use greenstd::net;\nuse greenstd_net::TcpListener;"),
        ];
        let found = [
            "runtime/park.rs:2",
            "net/tcp.rs:2",
            "patch/lib.rs:2",
            "capi/thread.rs:2",
            "examples/echo.rs:2",
        ];
        assert_eq!(places(crates, &files), found);
    }

    #[test]
    fn manifests_depend_only_on_lower_crates() {
        hold(manifests);
    }

    #[test]
    fn an_arrow_up_between_manifests_is_found() {
        let lower = "[dependencies]\n# Why.\nlibc = \"0.2\"\ngreenstd-runtime.workspace = true\n";
        let upper = "[dev-dependencies]\ngreenstd-net = { path = \"../net\" }\n";
        let shared = "[workspace.dependencies]\ngreenstd = { path = \".\" }\n";
        let files = [
            ("runtime/Cargo.toml", upper),
            ("net/Cargo.toml", lower),
            ("patch/Cargo.toml", upper),
            ("Cargo.toml", shared),
        ];
        assert_eq!(places(manifests, &files), ["runtime/Cargo.toml:2"]);
    }

    #[test]
    fn the_runtime_keeps_its_layers() {
        hold(runtime);
    }

    #[test]
    fn an_arrow_up_inside_the_runtime_is_found() {
        let files = [
            ("runtime/engine/fiber.rs", "use super::life::Life;\nuse crate::park::Unparker;"),
            ("runtime/engine/stack/slab.rs", "fn f() {\n super::super::super::thread::g() }"),
            ("runtime/park.rs", "use crate::engine::fiber;\nuse crate::{fd::Fd, thread::Thread};"),
            ("runtime/thread/scoped.rs", "use crate::park::park;\nuse crate::time;"),
            ("net/tcp.rs", "use crate::listener;"),
        ];
        let found =
            ["runtime/engine/fiber.rs:2", "runtime/engine/stack/slab.rs:2", "runtime/park.rs:2"];
        assert_eq!(places(runtime, &files), found);
    }

    #[test]
    fn the_engine_is_known_by_few() {
        hold(engine_names);
    }

    #[test]
    fn a_reach_into_the_engine_is_found() {
        let files = [
            (
                "runtime/engine/mod.rs",
                "mod fiber;\npub(crate) use fiber::{Fiber, Spawn as Start};\nuse a::B;",
            ),
            ("runtime/lib.rs", "mod engine;\npub use engine::Fiber;"),
            ("runtime/park.rs", "use crate::engine::fiber::Fiber;"),
            (
                "runtime/thread/spawn.rs",
                "use crate::engine::{Start, fiber::Header};\nuse crate::engine::Spawn;",
            ),
            ("runtime/queue/bounded.rs", "fn f() {\n crate::engine::Fiber::new() }"),
        ];
        let found = [
            "runtime/thread/spawn.rs:1",
            "runtime/thread/spawn.rs:2",
            "runtime/queue/bounded.rs:2",
        ];
        assert_eq!(places(engine_names, &files), found);
    }
}
