//! The rules of the house that a compiler does not check, as tests over the source tree.
//!
//! A rule is a function from a [`Tree`] to [`Finding`]s, so that it can be fed a made-up tree:
//! beside every test that holds the real tree to a rule stands one that shows the rule a breach,
//! because a rule that silently finds nothing looks just like a tree that keeps it. A rule about
//! files that do not exist yet finds nothing.
//!
//! Exceptions stand in `exceptions.rs`, each with its reason, and are refused once they are no
//! longer needed.

mod exceptions;
mod layers;
mod lexer;
mod manifests;
mod paths;
mod readme;
mod shape;
mod soundness;
mod tree;

use exceptions::EXCEPTIONS;
use tree::{Finding, Tree};

/// One rule: what is wrong in this tree?
type Rule = fn(&Tree) -> Vec<Finding>;

/// All rules, so that an exception can be held against them.
const RULES: &[Rule] = &[
    shape::length,
    shape::columns,
    shape::head,
    shape::unfinished,
    soundness::static_mut,
    soundness::unsafe_place,
    soundness::engine_atomics,
    soundness::unwrap,
    layers::crates,
    layers::manifests,
    layers::runtime,
    layers::engine_names,
    manifests::reasons,
    readme::examples,
    readme::copies,
    readme::test_command,
];

/// Fails with every breach of `rule` in this project that no exception covers.
#[track_caller]
fn hold(rule: Rule) {
    let tree = Tree::of_project();
    assert!(tree.files().len() > 4, "the walk over the project found next to nothing");
    let left = exceptions::uncovered(EXCEPTIONS, rule(&tree));
    let lines: Vec<String> = left.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{} breaches:\n{}", lines.len(), lines.join("\n"));
}

/// The places, as `path:line`, that `rule` finds in a made-up tree.
fn places(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of_samples(files)).iter().map(Finding::place).collect()
}
