//! The paths that a Rust file names, resolved against the module they stand in.

use std::collections::BTreeSet;

use crate::tree::File;

/// A path such as `crate::engine::park`, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// The line, counted from one.
    pub line: usize,
    /// The segments; the first is `crate` or the name of a crate, if it could be told.
    pub segments: Vec<String>,
    /// The name under which a `pub use` or `pub(…) use` gives it away.
    pub exported: Option<String>,
}

/// Every path of `file`: the leaves of its `use` items and what its code names in full.
///
/// `module` is the module that the file is, from its crate's root. `self`, `super` and the names
/// of modules declared in the file are resolved, inside `mod name { … }` too.
pub fn named(file: &File, module: &[String]) -> Vec<Named> {
    let tokens = tokens(&file.code);
    let declared =
        tokens.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text).collect();
    let mut reader = Reader { tokens, at: 0, module: module.to_vec(), declared, found: Vec::new() };
    reader.read();
    reader.found
}

#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::`, and every other character by itself.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    for (line, mut rest) in (1..).zip(code.lines()) {
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: &rest[..length], line });
            }
            rest = &rest[length..];
        }
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    module: Vec<String>,
    declared: BTreeSet<&'a str>,
    found: Vec<Named>,
}

impl<'a> Reader<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn read(&mut self) {
        let file_depth = self.module.len();
        // The brace depth at which each inline module was opened.
        let mut inline: Vec<usize> = Vec::new();
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(self.at) {
                "mod" if self.text(self.at + 2) == "{" => {
                    inline.push(depth);
                    depth += 1;
                    self.module.push(self.text(self.at + 1).to_owned());
                    self.at += 3;
                }
                "{" => {
                    depth += 1;
                    self.at += 1;
                }
                "}" => {
                    depth = depth.saturating_sub(1);
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        self.module.truncate(file_depth + inline.len());
                    }
                    self.at += 1;
                }
                // Not the `use<'a>` of a return type.
                "use" if self.text(self.at + 1) != "<" => {
                    let before = self.at.checked_sub(1).map_or("", |at| self.text(at));
                    let is_reexport = matches!(before, "pub" | ")");
                    self.at += 1;
                    self.tree(&mut Vec::new(), is_reexport);
                }
                word if is_name(word) && self.text(self.at + 1) == "::" => self.inline_path(),
                _ => self.at += 1,
            }
        }
    }

    /// One tree of a `use` item, up to the `,`, `}` or `;` after it.
    fn tree(&mut self, prefix: &mut Vec<String>, is_reexport: bool) {
        let shared = prefix.len();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut has_branches = false;
        let mut alias = None;
        loop {
            match self.text(self.at) {
                "" | "," | "}" | ";" => break,
                "{" => {
                    has_branches = true;
                    self.at += 1;
                    while !matches!(self.text(self.at), "}" | ";" | "") {
                        self.tree(prefix, is_reexport);
                        if self.text(self.at) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                }
                "as" => {
                    alias = Some(self.text(self.at + 1).to_owned());
                    self.at += 2;
                }
                "::" => self.at += 1,
                segment => {
                    prefix.push(segment.to_owned());
                    self.at += 1;
                }
            }
        }
        if !has_branches {
            let exported = alias.or_else(|| prefix.last().cloned()).filter(|_| is_reexport);
            self.note(line, prefix, exported);
        }
        prefix.truncate(shared);
    }

    fn inline_path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = vec![self.text(self.at).to_owned()];
        self.at += 1;
        while self.text(self.at) == "::" && is_name(self.text(self.at + 1)) {
            segments.push(self.text(self.at + 1).to_owned());
            self.at += 2;
        }
        // Left at the `::` of `Vec::<T>`: what follows it starts no path.
        if self.text(self.at) == "::" {
            self.at += 1;
        }
        self.note(line, &segments, None);
    }

    fn note(&mut self, line: usize, segments: &[String], exported: Option<String>) {
        let mut rest = segments;
        let mut base = match rest.first().map(String::as_str) {
            Some("self" | "super") => Some(self.module.clone()),
            Some(first) if self.declared.contains(first) => Some(self.module.clone()),
            _ => None,
        };
        while let (Some(first), Some(base)) = (rest.first(), &mut base) {
            match first.as_str() {
                "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = &rest[1..];
        }
        let mut segments = match base {
            Some(base) => [vec!["crate".to_owned()], base].concat(),
            None => Vec::new(),
        };
        // The `self` of `use a::{self, b}` names `a`.
        segments.extend(rest.iter().filter(|segment| *segment != "self").cloned());
        self.found.push(Named { line, segments, exported });
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    fn listed(text: &str) -> Vec<String> {
        let tree = Tree::of_samples(&[("runtime/thread/scoped.rs", text)]);
        named(&tree.files()[0], &["thread".into(), "scoped".into()])
            .iter()
            .map(|path| {
                let exported = path.exported.iter().map(|name| format!("pub {name} "));
                format!("{}{} {}", String::from_iter(exported), path.line, path.segments.join("::"))
            })
            .collect()
    }

    #[test]
    fn use_trees_are_spread_out() {
        let text = "pub use a::{self, b::{c as d, e::*},\n f};\npub(crate) use ::g::h;";
        let all = [
            "pub self 1 a",
            "pub d 1 a::b::c",
            "pub * 1 a::b::e::*",
            "pub f 2 a::f",
            "pub h 3 g::h",
        ];
        assert_eq!(listed(text), all);
    }

    #[test]
    fn paths_in_code_count_too() {
        let text =
            "fn f() -> impl T + use<> {\n crate::a::b::<c::d>() }\n::std::x::y; $crate::z::w!();";
        assert_eq!(listed(text), ["2 crate::a::b", "2 c::d", "3 std::x::y", "3 crate::z::w"]);
    }

    #[test]
    fn relative_paths_are_resolved() {
        let text = "mod a;\nuse super::b;\nuse self::c;\nuse a::d;\nmod tests {\nuse super::*;\n\
                    fn f() { super::super::g::h() }\n}\nuse super::super::i;";
        let all = [
            "2 crate::thread::b",
            "3 crate::thread::scoped::c",
            "4 crate::thread::scoped::a::d",
            "6 crate::thread::scoped::*",
            "7 crate::thread::g::h",
            "9 crate::i",
        ];
        assert_eq!(listed(text), all);
    }
}
