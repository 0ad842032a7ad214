//! Rules about the shape of a file: its length, its width, its head, its finish.

use crate::lexer::has_word;
use crate::tree::{Finding, Tree};

/// One idea fits into so many lines; a longer file holds two.
const LINES_MAX: usize = 400;

/// What stands side by side on a screen; the width of `rustfmt.toml`, which leaves comments and
/// literals alone.
const COLUMNS_MAX: usize = 100;

/// Marks of work that was left undone, written so that this file does not hold them.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Rust files are short, tests and benches too.
pub fn length(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| {
            let message = format!("{lines} lines: split it by ideas, at most {LINES_MAX} each");
            Finding::new("length", file, LINES_MAX + 1, message)
        })
        .collect()
}

/// Lines are narrow, except one that holds a link, which cannot be broken.
pub fn columns(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.rust() {
        for (number, line) in file.lines() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && !line.contains("://") {
                let message = format!("{columns} columns, at most {COLUMNS_MAX}");
                found.push(Finding::new("columns", file, number, message));
            }
        }
    }
    found
}

/// A file says first what it is.
pub fn head(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| {
            let first = file.text.lines().next().unwrap_or_default();
            first.strip_prefix("//!").is_none_or(|rest| rest.trim().is_empty())
        })
        .map(|file| {
            Finding::new("head", file, 1, "the first line is not a `//!` that says what it is")
        })
        .collect()
}

/// Nothing is left for later inside the code; what is missing stands in README and issues.
pub fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.rust() {
        for (number, line) in file.lines() {
            if let Some(mark) = UNFINISHED.iter().find(|mark| has_word(line, mark)) {
                found.push(Finding::new("unfinished", file, number, format!("holds {mark}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hold, places};

    #[test]
    fn files_have_at_most_400_lines() {
        hold(length);
    }

    #[test]
    fn a_long_file_is_found() {
        let (fits, long) = ("\n".repeat(LINES_MAX), "\n".repeat(LINES_MAX + 1));
        let files = [("net/a.rs", fits.as_str()), ("benches/b.rs", &long), ("README.md", &long)];
        assert_eq!(places(length, &files), ["benches/b.rs:401"]);
    }

    #[test]
    fn lines_have_at_most_100_columns() {
        hold(columns);
    }

    #[test]
    fn a_wide_line_is_found() {
        let text = format!(
            "{}\n{}\n// see https://{}\n",
            "ä".repeat(100),
            "b".repeat(101),
            "c".repeat(99)
        );
        assert_eq!(places(columns, &[("net/a.rs", &text)]), ["net/a.rs:2"]);
    }

    #[test]
    fn files_start_by_saying_what_they_are() {
        hold(head);
    }

    #[test]
    fn a_missing_head_is_found() {
        let files = [
            ("a.rs", "//! What it is.\n"),
            ("b.rs", "use std::io;\n//! Late.\n"),
            ("c.rs", "//!\n//! Empty.\n"),
            ("d.rs", "\n//! Late.\n"),
            ("e.rs", ""),
        ];
        assert_eq!(places(head, &files), ["b.rs:1", "c.rs:1", "d.rs:1", "e.rs:1"]);
    }

    #[test]
    fn nothing_is_left_for_later() {
        hold(unfinished);
    }

    #[test]
    fn every_mark_of_unfinished_work_is_found() {
        for mark in UNFINISHED {
            let text = format!("//! Head.\n// {mark}: later\nfn {mark}s() {{}}\n");
            assert_eq!(places(unfinished, &[("a.rs", &text)]), ["a.rs:2"]);
        }
    }
}
