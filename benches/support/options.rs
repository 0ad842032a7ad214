//! The command line of a bench's parent.
//!
//! `--quick` bounds a bench to 30 s, `--rounds N` sets the number of rounds, `--systems a,b` keeps
//! only those systems, `--syscalls` is for `tcp_echo`, and any bare word keeps only the
//! rows whose names contain it. Cargo's own `--bench` is accepted and means nothing.

use std::process;

/// Rounds of a full run: fewer than five do not tell spread from drift.
const FULL_ROUNDS: usize = 5;
/// Rounds of a quick run: the fewest that have a median which is not an extreme.
const QUICK_ROUNDS: usize = 3;

#[derive(Debug, Clone)]
pub struct Options {
    pub is_quick: bool,
    pub counts_syscalls: bool,
    pub rounds: usize,
    rows: Vec<String>,
    systems: Vec<String>,
}

impl Options {
    /// Reads the process's arguments; ends the process with a message if one is unknown.
    pub fn from_command_line() -> Options {
        let mut rounds = None;
        let mut options = Options {
            is_quick: false,
            counts_syscalls: false,
            rounds: 0,
            rows: Vec::new(),
            systems: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--quick" => options.is_quick = true,
                "--syscalls" => options.counts_syscalls = true,
                "--rounds" => {
                    let text = arguments.next().unwrap_or_default();
                    rounds = text.parse().ok().filter(|&count: &usize| count > 0);
                    if rounds.is_none() {
                        refuse("--rounds wants a number above 0");
                    }
                }
                "--systems" => {
                    let names = arguments.next().unwrap_or_default();
                    options.systems.extend(names.split(',').map(str::to_owned));
                }
                unknown if unknown.starts_with('-') => refuse(&format!("unknown option {unknown}")),
                row => options.rows.push(row.to_owned()),
            }
        }
        let usual = if options.is_quick { QUICK_ROUNDS } else { FULL_ROUNDS };
        options.rounds = rounds.unwrap_or(usual);
        options
    }

    /// Picks the full or the quick value.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.is_quick { quick } else { full }
    }

    /// Was this row asked for?
    pub fn wants_row(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| row.contains(part.as_str()))
    }

    /// Was this system asked for?
    pub fn wants_system(&self, system: &str) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|name| name == system)
    }
}

fn refuse(message: &str) -> ! {
    eprintln!(
        "{message}; known: --quick, --rounds N, --systems a,b, --syscalls, words of row names"
    );
    process::exit(2)
}
