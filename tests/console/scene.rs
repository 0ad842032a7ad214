//! A console in a folder of its own, and a client that speaks to it.

use greenstd::diag::{self, Console};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What an answer may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("greenstd-console-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An open console, with its folder.
pub struct Scene {
    pub console: Option<Console>,
    pub folder: Folder,
}

impl Scene {
    pub fn new() -> Scene {
        let folder = Folder::new();
        let console = diag::console(folder.path("it.sock")).unwrap();
        Scene { console: Some(console), folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path("it.sock")
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.path())
    }
}

/// A client of the line protocol.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    pub fn connect(path: &Path) -> Client {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    pub fn stream(&self) -> &UnixStream {
        self.stream.get_ref()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// The lines of the next answer, without the dot; none at the end.
    pub fn answer(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                assert!(lines.is_empty(), "cut off after {lines:?}");
                return None;
            }
            let line = line.strip_suffix('\n').unwrap();
            match line.strip_prefix('.') {
                Some("") => return Some(lines),
                Some(rest) => lines.push(rest.to_owned()),
                None => lines.push(line.to_owned()),
            }
        }
    }

    pub fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(format!("{command}\n").as_bytes());
        self.answer().expect("the console has closed the connection")
    }

    /// The one line of an answer in JSON.
    pub fn json(&mut self, command: &str) -> serde_json::Value {
        let lines = self.ask(&format!("{command} json"));
        assert_eq!(lines.len(), 1, "{command}: {lines:?}");
        serde_json::from_str(&lines[0]).unwrap()
    }
}
