//! Servers of a test's own, which it may crash: processes that scripts in `.ci` start.

use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

/// A server, stopped when it is dropped.
pub struct Server {
    folder: PathBuf,
    script: PathBuf,
}

impl Server {
    /// Starts one by the script of that name.
    pub fn start(script: &str) -> Server {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("greenstd-{script}-{}-{number}", process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci").join(script);
        let server = Server { folder, script };
        server.tell("start");
        server
    }

    pub fn url(&self) -> String {
        self.tell("url").trim().to_owned()
    }

    /// Without a farewell to its clients.
    pub fn crash(&self) {
        self.tell("crash");
    }

    /// After a crash, on the same port.
    pub fn resume(&self) {
        self.tell("resume");
    }

    fn tell(&self, command: &str) -> String {
        let output = Command::new("bash").arg(&self.script).arg(command).arg(&self.folder).output();
        let output = output.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tell("stop");
    }
}
