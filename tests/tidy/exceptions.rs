//! The places that may break a rule, each with the reason.

use crate::tree::Finding;

/// Lets one file break one rule.
pub struct Exception {
    /// The rule's name, as a breach prints it in brackets.
    pub rule: &'static str,
    /// The file.
    pub path: &'static str,
    /// Why the rule is wrong there.
    pub why: &'static str,
}

/// All exceptions. An entry that covers nothing any more fails the test below.
pub const EXCEPTIONS: &[Exception] = &[];

/// The findings that no exception covers.
pub fn uncovered(exceptions: &[Exception], findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|finding| !exceptions.iter().any(|e| e.covers(finding))).collect()
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && self.path == finding.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RULES;
    use crate::tree::Tree;

    /// The exceptions that cover nothing or give no reason.
    fn idle<'a>(exceptions: &'a [Exception], tree: &Tree) -> Vec<&'a str> {
        let findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
        exceptions
            .iter()
            .filter(|e| e.why.len() < 20 || !findings.iter().any(|finding| e.covers(finding)))
            .map(|e| e.path)
            .collect()
    }

    #[test]
    fn every_exception_is_needed_and_reasoned() {
        let idle = idle(EXCEPTIONS, &Tree::of_project());
        assert!(idle.is_empty(), "exceptions without use or reason: {idle:?}");
    }

    #[test]
    fn an_exception_covers_its_own_rule_and_file_only() {
        let tree = Tree::of_samples(&[
            ("net/a.rs", "no head\n"),
            ("net/b.rs", "no head\n"),
            ("net/c.rs", "//! A head.\n"),
        ]);
        let why = "a sample, for the sake of this very test";
        let exceptions = [
            Exception { rule: "head", path: "net/a.rs", why },
            Exception { rule: "length", path: "net/b.rs", why },
            Exception { rule: "head", path: "net/b.rs", why: "no reason" },
            Exception { rule: "head", path: "net/c.rs", why },
        ];
        let left = uncovered(&exceptions[..2], crate::shape::head(&tree));
        assert_eq!(left.iter().map(Finding::place).collect::<Vec<_>>(), ["net/b.rs:1"]);
        assert_eq!(idle(&exceptions, &tree), ["net/b.rs", "net/b.rs", "net/c.rs"]);
    }
}
