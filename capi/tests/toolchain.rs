//! The C compiler, the library it links, and the programs that come of both.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take: no program here needs more than some seconds, even where all else
/// runs at the same time.
pub const HANGS: Duration = Duration::from_secs(120);

/// The compiler is run by one test at a time: each takes a core.
static COMPILING: Mutex<()> = Mutex::new(());

/// How a program is linked with the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    Static,
    Dynamic,
}

/// A child process that does not outlive its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The crate's folder.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where cargo has put the libraries: where it has put this test.
fn libraries() -> PathBuf {
    let test = env::current_exe().expect("this test runs");
    test.parent().expect("it is in a folder").to_owned()
}

/// What a static library of Rust needs besides, as `rustc --print native-static-libs` tells.
const NATIVE: &[&str] = &["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// Compiles a program in C, in `tests/c` or a path from the crate's folder; where it is.
pub fn compile(source: &str, linkage: Linkage) -> PathBuf {
    let _one_at_a_time = COMPILING.lock().unwrap_or_else(|error| error.into_inner());
    let path = Path::new(source);
    let path = if path.components().count() > 1 {
        path.to_owned()
    } else {
        Path::new("tests/c").join(path)
    };
    let stem = path.file_stem().expect("it is a file").to_string_lossy().into_owned();
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = programs.join(format!("{stem}-{linkage:?}").to_lowercase());
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-g"])
        .arg("-D_GNU_SOURCE")
        .arg("-I")
        .arg(folder().join("include"))
        .arg(folder().join(path))
        .arg("-o")
        .arg(&program);
    match linkage {
        Linkage::Static => compiler.arg(libraries().join("libgreenstd_capi.a")).args(NATIVE),
        Linkage::Dynamic => compiler
            .arg(libraries().join("libgreenstd_capi.so"))
            .arg(format!("-Wl,-rpath,{}", libraries().display()))
            .arg("-lpthread"),
    };
    succeed(&mut compiler);
    program
}

/// Runs a command to its end, which must be a success.
#[track_caller]
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    output
}

/// Runs a program to its end, which must be a success and come in time.
#[track_caller]
pub fn run(program: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().expect("the program was just made"));
    let started = Instant::now();
    let pid = child.0.id();
    while child.0.try_wait().expect("it is a child").is_none() {
        assert!(started.elapsed() < HANGS, "{} ({pid}) hangs", program.display());
        thread::sleep(Duration::from_millis(5));
    }
    let read = |from: Option<&mut dyn std::io::Read>| {
        let mut text = String::new();
        from.expect("it is piped").read_to_string(&mut text).expect("it is text");
        text
    };
    let said = read(child.0.stdout.as_mut().map(|pipe| pipe as &mut dyn std::io::Read));
    let complained = read(child.0.stderr.as_mut().map(|pipe| pipe as &mut dyn std::io::Read));
    let status = child.0.wait().expect("it has ended");
    assert!(status.success(), "{}: {status}\n{said}{complained}", program.display());
    said
}
