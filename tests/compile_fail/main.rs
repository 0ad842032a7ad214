//! Programs that must not compile: what the bounds of the public API keep out.
//!
//! Each file in `cases/` misuses the API once, and its head says why that must be refused; the
//! `.stderr` beside it holds the compiler's words. After a change of them that is meant, run
//! `TRYBUILD=overwrite cargo test --test compile_fail` and read the difference: the error's code
//! and the line it points to must stay the same.
//!
//! The words change from one compiler to the next. They are compared on the one that
//! `rust-version` names; any other must refuse the same cases with the same error codes.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use trybuild::TestCases;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compile_fail/cases");

/// Names a folder of cases to the process that only writes down how they are refused.
const RECORD: &str = "GREENSTD_RECORD_REFUSALS";

#[test]
fn misuse_is_refused_by_the_compiler() {
    if let Some(folder) = env::var_os(RECORD) {
        return TestCases::new().compile_fail(Path::new(&folder).join("*.rs"));
    }
    if is_reference_compiler() {
        // They run when the value is dropped, at the end of this line.
        TestCases::new().compile_fail(Path::new(CASES).join("*.rs"));
    } else {
        assert_eq!(refusals(&record()), refusals(Path::new(CASES)), "refused for other reasons");
    }
    assert_complete(&refusals(Path::new(CASES)));
}

/// Fails unless every case has its refusal, and every refusal its case.
fn assert_complete(refusals: &BTreeMap<String, Vec<String>>) {
    let cases: BTreeSet<String> = files(Path::new(CASES), "rs").map(|path| stem(&path)).collect();
    assert!(!cases.is_empty(), "no cases in {CASES}");
    assert_eq!(cases, refusals.keys().cloned().collect(), "a case and its refusal go together");
    for (case, errors) in refusals {
        assert!(!errors.is_empty(), "{case}.stderr holds no error");
    }
}

/// Whether rustc is the release that the words in `cases/` were taken from.
fn is_reference_compiler() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc tells its version");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    version.starts_with(concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), "."))
}

/// Has this compiler refuse a copy of the cases, and returns the folder with its words.
fn record() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for case in files(Path::new(CASES), "rs") {
        fs::copy(&case, folder.join(case.file_name().unwrap())).unwrap();
    }
    // A process of its own, because trybuild takes its orders from the environment.
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "misuse_is_refused_by_the_compiler"])
        .env("TRYBUILD", "overwrite")
        .env(RECORD, &folder)
        .status()
        .unwrap();
    assert!(status.success(), "this compiler accepts what must be refused");
    folder
}

/// The errors of each `.stderr` in `folder`: `error[E0277]`, or `error` where there is no code.
fn refusals(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let errors = |text: &str| -> Vec<String> {
        let heads = text.lines().filter(|line| line.starts_with("error"));
        heads.filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
    };
    files(folder, "stderr")
        .map(|path| (stem(&path), errors(&fs::read_to_string(&path).unwrap())))
        .collect()
}

fn files(folder: &Path, extension: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(move |path| path.extension().is_some_and(|found| found == extension))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
