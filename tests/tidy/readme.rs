//! Rules that keep the README true.
//!
//! A comment on the line before a code block ties it to something: `<!-- examples/echo.rs -->` to
//! that file, `<!-- ci: test -->` to what `.ci/run` runs as the test command.

use crate::tree::{File, Finding, Tree};

/// The mark of the block that `.ci/run` takes the test command from.
const TEST_MARK: &str = "<!-- ci: test -->";

/// Every example is named, with its path.
pub fn examples(tree: &Tree) -> Vec<Finding> {
    let readme = tree.file("README.md").map_or("", |file| file.text.as_str());
    let is_example = |file: &&File| match file.path.strip_prefix("examples/") {
        Some(rest) => !rest.contains('/') || rest.ends_with("/main.rs"),
        None => false,
    };
    tree.rust()
        .filter(is_example)
        .filter(|file| !readme.contains(&file.path))
        .map(|file| {
            Finding::new("examples", file, 1, format!("README.md does not name {}", file.path))
        })
        .collect()
}

/// A block that is tied to an example is the example, less its head.
pub fn copies(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(readme) = tree.file("README.md") else { return found };
    for (line, mark, block) in marked_blocks(readme) {
        let path = mark.trim_start_matches("<!--").trim_end_matches("-->").trim();
        let Some(example) = tree.file(path) else { continue };
        if block.trim() != without_head(&example.text).trim() {
            let message = format!("the copy of {path} differs from the file");
            found.push(Finding::new("copies", readme, line, message));
        }
    }
    found
}

/// The README holds the test command once.
pub fn test_command(tree: &Tree) -> Vec<Finding> {
    let Some(readme) = tree.file("README.md") else { return Vec::new() };
    let blocks = marked_blocks(readme);
    let commands: Vec<_> = blocks.iter().filter(|(_, mark, _)| *mark == TEST_MARK).collect();
    match commands.as_slice() {
        [(_, _, block)] if !block.trim().is_empty() => Vec::new(),
        [(line, ..)] => vec![Finding::new("test command", readme, *line, "the block is empty")],
        [] => vec![Finding::new("test command", readme, 1, format!("no block after {TEST_MARK}"))],
        [_, (line, ..), ..] => {
            vec![Finding::new("test command", readme, *line, "a second block for the same")]
        }
    }
}

/// The code blocks that follow a comment: the line of the comment, the comment, the block.
fn marked_blocks(readme: &File) -> Vec<(usize, &str, String)> {
    let lines: Vec<&str> = readme.text.lines().collect();
    let mut found = Vec::new();
    for (at, mark) in lines.iter().enumerate() {
        if !mark.starts_with("<!--")
            || !lines.get(at + 1).is_some_and(|next| next.starts_with("```"))
        {
            continue;
        }
        let block: Vec<&str> =
            lines[at + 2..].iter().take_while(|line| !line.starts_with("```")).copied().collect();
        found.push((at + 1, *mark, block.join("\n")));
    }
    found
}

fn without_head(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("//!")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hold, places};

    #[test]
    fn readme_names_every_example() {
        hold(examples);
    }

    #[test]
    fn an_unnamed_example_is_found() {
        let files = [
            ("README.md", "See `examples/echo.rs`."),
            ("examples/echo.rs", ""),
            ("examples/proxy.rs", ""),
            ("examples/chat/main.rs", ""),
            ("examples/chat/room.rs", ""),
        ];
        assert_eq!(places(examples, &files), ["examples/proxy.rs:1", "examples/chat/main.rs:1"]);
        assert_eq!(places(examples, &files[1..2]), ["examples/echo.rs:1"]);
    }

    #[test]
    fn readme_copies_are_exact() {
        hold(copies);
    }

    #[test]
    fn a_copy_that_drifted_is_found() {
        let readme = "Text.\n\n<!-- examples/echo.rs -->\n```rust\nfn main() {}\n```\n";
        let same = ("examples/echo.rs", "//! Echo.\n\nfn main() {}\n");
        let other = ("examples/echo.rs", "//! Echo.\n\nfn main() { run() }\n");
        assert!(places(copies, &[("README.md", readme), same]).is_empty());
        assert_eq!(places(copies, &[("README.md", readme), other]), ["README.md:3"]);
    }

    #[test]
    fn readme_holds_the_test_command() {
        hold(test_command);
    }

    #[test]
    fn a_test_command_missing_empty_or_doubled_is_found() {
        let block = "<!-- ci: test -->\n```sh\ncargo test\n```\n";
        let check = |text: &str| places(test_command, &[("README.md", text)]);
        assert!(check(block).is_empty());
        assert_eq!(check("```sh\ncargo test\n```\n"), ["README.md:1"]);
        assert_eq!(check("<!-- ci: test -->\n```sh\n```\n"), ["README.md:1"]);
        assert_eq!(check(&format!("{block}{block}")), ["README.md:5"]);
    }
}
