//! The rule that a dependency gives its reason, and a reader for manifests.

use crate::tree::{File, Finding, Tree};

/// An entry of a dependency table.
pub struct Dependency {
    /// The name that code would use.
    pub name: String,
    /// Its line, counted from one.
    pub line: usize,
    /// Whether the line before it is a comment.
    pub has_reason: bool,
    /// Whether it only says, in `[workspace.dependencies]`, where a crate is found.
    pub is_shared: bool,
}

/// Every dependency follows a comment that tells why it is there. Our own crates need none: the
/// layers are their reason.
pub fn reasons(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.manifests() {
        for dependency in dependencies(file) {
            let is_ours = dependency.name == "greenstd" || dependency.name.starts_with("greenstd-");
            if !is_ours && !dependency.has_reason {
                let message = format!("no comment before `{}` tells its reason", dependency.name);
                found.push(Finding::new("reasons", file, dependency.line, message));
            }
        }
    }
    found
}

/// The dependencies of a manifest: entries of the tables whose name ends in `dependencies`, and
/// tables of their own such as `[dependencies.mio]`.
pub fn dependencies(file: &File) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut table = "";
    let mut before = "";
    // An entry may go on over lines, inside brackets.
    let mut open = 0;
    for (line, text) in file.lines() {
        let text = text.trim();
        let has_reason = before.starts_with('#');
        let entry = |name: &str, is_shared| Dependency {
            name: name.trim().trim_matches('"').to_owned(),
            line,
            has_reason,
            is_shared,
        };
        if open == 0 && text.starts_with('[') {
            table = text.trim_matches(|c| c == '[' || c == ']');
            if let Some((above, name)) = table.rsplit_once('.')
                && above.ends_with("dependencies")
            {
                found.push(entry(name, above.starts_with("workspace.")));
            }
        } else if open == 0
            && table.ends_with("dependencies")
            && !text.starts_with('#')
            && let Some((key, _)) = text.split_once('=')
        {
            let name = key.split('.').next().unwrap_or(key);
            found.push(entry(name, table.starts_with("workspace.")));
        }
        if !text.starts_with('#') && table.ends_with("dependencies") {
            open += text.matches(['[', '{']).count();
            open = open.saturating_sub(text.matches([']', '}']).count());
        }
        before = text;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hold, places};

    #[test]
    fn every_dependency_gives_its_reason() {
        hold(reasons);
    }

    #[test]
    fn a_dependency_without_reason_is_found() {
        let text = "\
[package]
name = \"x\"
[dependencies]
greenstd-runtime = { workspace = true }
# epoll.
mio = \"1\"
libc = \"0.2\"

# Sockets.
socket2 = { version = \"0.6\", features = [
    \"all\",
] }
slab.version = \"0.4\"
[target.'cfg(loom)'.dependencies]
loom = \"0.7\"
# Rivals.
[dev-dependencies.may]
version = \"0.3\"
[dev-dependencies.tokio]
version = \"1\"
[profile.release]
debug = 1
";
        let found = ["a/Cargo.toml:7", "a/Cargo.toml:13", "a/Cargo.toml:15", "a/Cargo.toml:19"];
        assert_eq!(places(reasons, &[("a/Cargo.toml", text)]), found);
    }
}
