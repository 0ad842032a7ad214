//! The files a rule looks at, and what it says about them.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::lexer;

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &["target", ".git"];

/// A text file of the project.
pub struct File {
    /// Where it is, from the project's root, with forward slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// The same without comments and literals, line for line and column for column; empty unless
    /// the file is Rust.
    pub code: String,
}

impl File {
    fn new(path: &str, text: &str) -> File {
        let code = if path.ends_with(".rs") { lexer::code_only(text) } else { String::new() };
        File { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The lines of the text, counted from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines of the code, counted from one.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// Where `mod name;` in this file may lead.
    pub fn submodule(&self, name: &str) -> [String; 2] {
        let base = self.path.trim_end_matches(".rs");
        let folder = match base.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder,
            _ => base,
        };
        [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
    }

    /// Whether the file lies in `folder`, at any depth.
    pub fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The files of a project, real or made up.
pub struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads the project that this test belongs to.
    pub fn of_project() -> Tree {
        let mut files = Vec::new();
        walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
        Tree { files }
    }

    /// Makes a tree of paths and texts.
    pub fn of_samples(samples: &[(&str, &str)]) -> Tree {
        Tree { files: samples.iter().map(|(path, text)| File::new(path, text)).collect() }
    }

    /// Every file.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The Cargo manifests.
    pub fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml"))
    }
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<_, _>>())
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("a listed entry has a type");
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file() && [".rs", ".toml", ".md"].iter().any(|end| name.ends_with(end)) {
            let text = fs::read_to_string(entry.path())
                .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
            files.push(File::new(&path, &text));
        }
    }
}

/// One breach of one rule.
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The file.
    pub path: String,
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub message: String,
}

impl Finding {
    /// Notes a breach.
    pub fn new(
        rule: &'static str,
        file: &File,
        line: usize,
        message: impl Into<String>,
    ) -> Finding {
        Finding { rule, path: file.path.clone(), line, message: message.into() }
    }

    /// `path:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.message)
    }
}
