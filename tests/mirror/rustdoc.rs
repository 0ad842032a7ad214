//! What std has, as its own documentation tells: the HTML of the toolchain, if it is installed.
//!
//! Each module has an `index.html` with a `<dt>` for each item, in which a link or an anchor names
//! it and a mark says if it is unstable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNSTABLE: &str = "stab unstable";
const UNSTABLE_MODULE: &str = "nightly-only experimental API";

/// The stable modules of std, each with its stable items but modules; `macros` are those of the
/// root. `None` if there is no documentation.
pub fn modules() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let root = sysroot.join("share/doc/rust/html/std");
    let mut modules = BTreeMap::new();
    read(&root, "", &mut modules)?;
    Some(modules)
}

fn read(folder: &Path, name: &str, modules: &mut BTreeMap<String, BTreeSet<String>>) -> Option<()> {
    let page = fs::read_to_string(folder.join("index.html")).ok()?;
    let mut items = BTreeSet::new();
    for entry in page.split("<dt").skip(1).filter_map(|rest| rest.split("</dt>").next()) {
        if entry.contains(UNSTABLE) {
            continue;
        }
        let Some((kind, item)) = named(entry) else { continue };
        match kind {
            "mod" => {
                let inner = if name.is_empty() { item.clone() } else { format!("{name}::{item}") };
                read(&folder.join(&item), &inner, modules);
            }
            "keyword" | "primitive" => {}
            _ => {
                items.insert(item);
            }
        }
    }
    let head = page.split("section-header").next()?;
    if name.is_empty() {
        modules.insert("macros".to_owned(), items);
    } else if !head.contains(UNSTABLE_MODULE) {
        modules.insert(name.to_owned(), items);
    }
    Some(())
}

/// The kind and the name of an entry: `href="struct.File.html"`, `href="fs/index.html"`, or
/// `id="reexport.Send"`.
fn named(entry: &str) -> Option<(&str, String)> {
    if let Some((_, rest)) = entry.split_once("id=\"reexport.") {
        return Some(("reexport", rest.split('"').next()?.to_owned()));
    }
    let (_, rest) = entry.split_once("href=\"")?;
    let target = rest.split('"').next()?;
    if let Some(module) = target.strip_suffix("/index.html") {
        return Some(("mod", module.rsplit('/').next()?.to_owned()));
    }
    let mut parts = target.rsplit('/').next()?.split('.');
    Some((parts.next()?, parts.next()?.to_owned()))
}

#[test]
fn entries_are_read() {
    let modern = "><a class=\"struct\" href=\"struct.File.html\" title=\"x\">File</a>";
    assert_eq!(named(modern), Some(("struct", "File".to_owned())));
    let module = "><a class=\"mod\" href=\"fs/index.html\">fs</a>";
    assert_eq!(named(module), Some(("mod", "fs".to_owned())));
    let export = " id=\"reexport.Send\"><code>pub use";
    assert_eq!(named(export), Some(("reexport", "Send".to_owned())));
}
