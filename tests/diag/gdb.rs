//! `tools/gdb/greenstd.py` in a scripted session: on a live process, and on a core file of it.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[inline(never)]
fn lies_still_for_gdb() {
    thread::park();
    std::hint::black_box(());
}

/// Has its calls on two stacks.
#[inline(never)]
fn lends_for_gdb() {
    thread::on_lent_stack(|| thread::sleep(Duration::from_secs(1000)));
    std::hint::black_box(());
}

/// The debuggee: some green threads that wait, and its main thread that waits for its end.
fn wait_to_be_debugged(workers: usize) {
    // gdb cannot read across the other kind of guards when it writes a core file.
    let builder = Builder::new().workers(workers).monitor(None).mprotect_guards();
    let runtime = builder.build().unwrap();
    let named = thread::Builder::new().name("still".to_owned());
    let _waiters = runtime.run(move || {
        let mut waiters: Vec<_> = (0..3).map(|_| thread::spawn(lies_still_for_gdb)).collect();
        waiters.push(named.spawn(lends_for_gdb).unwrap());
        for waiter in &waiters {
            crate::fixture::waiting(waiter.thread().id(), |_| true);
        }
        waiters
    });
    // They belong to the runtime of `run`'s caller, and go on waiting.
    println!("ready");
    std::io::stdout().flush().unwrap();
    std::thread::sleep(Duration::from_secs(1000));
}

/// Runs gdb over the script, and returns what it says.
fn session(target: &[&str], commands: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/gdb/greenstd.py");
    let script = if script.exists() { script } else { PathBuf::from("tools/gdb/greenstd.py") };
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set pagination off"]);
    gdb.args(target);
    gdb.args(["-ex", &format!("source {}", script.display())]);
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let output = gdb.stdin(Stdio::null()).output().expect("gdb is installed");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn check(said: &str, bt: &str) {
    assert!(said.contains("parked in thread::park"), "{said}");
    let named = said.lines().find(|line| line.contains("'still'")).expect(said);
    assert!(named.contains("parked in thread::sleep"), "{said}");
    assert!(named.contains("tests/diag/gdb.rs:"), "{said}");
    assert!(bt.contains("lies_still_for_gdb"), "{bt}");
    assert!(bt.contains("3 green threads:"), "{bt}");
    assert!(bt.contains("lends_for_gdb"), "{bt}");
    assert!(!bt.contains("Python Exception") && !said.contains("Python Exception"), "{said}{bt}");
}

#[test]
fn green_threads_are_listed_and_unwound_in_a_process_and_in_its_core() {
    let child = child::prepare(|| wait_to_be_debugged(2));
    if Command::new("gdb").arg("--version").output().is_err() {
        println!("gdb is not installed: skipped");
        return;
    }
    let mut running = Debuggee(child.into_command().stdout(Stdio::piped()).spawn().unwrap());
    let out = BufReader::new(running.0.stdout.take().expect("it is piped"));
    let is_ready = out.lines().any(|line| line.is_ok_and(|line| line.contains("ready")));
    assert!(is_ready, "the debuggee ended before it was ready");
    let id = running.0.id().to_string();
    let core = std::env::temp_dir().join(format!("greenstd-core-{id}"));
    let save = format!("generate-core-file {}", core.display());
    let said = session(&["-p", &id], &["green list", "green all", &save]);
    let exe = std::env::current_exe().unwrap();
    check(&said, &said);
    let number = said
        .lines()
        .find(|line| line.contains("parked in thread::park"))
        .and_then(|line| line.split(' ').next())
        .expect("a number");
    let bt = format!("green bt {number}");
    let post_mortem = session(
        &[&exe.to_string_lossy(), "-c", &core.to_string_lossy()],
        &["green list", "green all", &bt, "green bt 999999999"],
    );
    let _ = fs::remove_file(&core);
    check(&post_mortem, &post_mortem);
    assert!(post_mortem.contains("no green thread has the number 999999999"), "{post_mortem}");
}

/// Ends the process, whatever the test comes to.
struct Debuggee(Child);

impl Drop for Debuggee {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
