//! What a console can be asked.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A command: what is asked, and whether the answer is to be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) question: Question,
    pub(super) is_json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Help,
    List,
    Backtrace(u64),
    Dump,
    Top,
    Locks,
    Descriptors,
    Pools,
    Metrics,
    ShowTrace(u64),
    SetTrace(u64, bool),
    Kill(u64),
}

/// Why a command of a console was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such command.
    Unknown(String),
    /// The command has too few words, too many, or others than it takes; this is how it is used.
    Usage(&'static str),
    /// No green thread that has started and not ended has that number.
    NoSuchThread(u64),
    /// What was asked for has failed; this is why.
    Failed(String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Unknown(word) => {
                write!(f, "unknown command '{}'; help lists them", word.escape_debug())
            }
            CommandError::Usage(usage) => write!(f, "usage: {usage}"),
            CommandError::NoSuchThread(number) => write!(f, "no green thread {number} is running"),
            CommandError::Failed(why) => f.write_str(why),
        }
    }
}

impl Error for CommandError {}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(line: &str) -> Result<Command, CommandError> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let is_json = words.len() > 1 && words.last() == Some(&"json");
        words.truncate(words.len() - usize::from(is_json));
        let Some((&name, rest)) = words.split_first() else {
            return Err(CommandError::Unknown(String::new()));
        };
        let alone = |question, usage| match rest {
            [] => Ok(question),
            _ => Err(CommandError::Usage(usage)),
        };
        let question = match name {
            "help" => alone(Question::Help, "help [json]"),
            "ps" => alone(Question::List, "ps [json]"),
            "bt" => one(rest, "bt ID [json]").map(Question::Backtrace),
            "dump" => alone(Question::Dump, "dump [json]"),
            "top" => alone(Question::Top, "top [json]"),
            "locks" => alone(Question::Locks, "locks [json]"),
            "fds" => alone(Question::Descriptors, "fds [json]"),
            "pool" => alone(Question::Pools, "pool [json]"),
            "metrics" => alone(Question::Metrics, "metrics [json]"),
            "trace" => trace(rest),
            "kill" => one(rest, "kill ID [json]").map(Question::Kill),
            other => Err(CommandError::Unknown(other.to_owned())),
        }?;
        Ok(Command { question, is_json })
    }
}

/// The number of a green thread, which is all that follows.
fn one(rest: &[&str], usage: &'static str) -> Result<u64, CommandError> {
    match rest {
        [number] => number.parse().map_err(|_| CommandError::Usage(usage)),
        _ => Err(CommandError::Usage(usage)),
    }
}

fn trace(rest: &[&str]) -> Result<Question, CommandError> {
    const USAGE: &str = "trace ID [on|off] [json]";
    match rest {
        [number, "on"] => one(&[number], USAGE).map(|number| Question::SetTrace(number, true)),
        [number, "off"] => one(&[number], USAGE).map(|number| Question::SetTrace(number, false)),
        _ => one(rest, USAGE).map(Question::ShowTrace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_any_white_space() {
        let read = |line: &str| line.parse::<Command>().map(|it| (it.question, it.is_json));
        assert_eq!(read("ps"), Ok((Question::List, false)));
        assert_eq!(read("  bt\t17  json \r"), Ok((Question::Backtrace(17), true)));
        assert_eq!(read("trace 3 on"), Ok((Question::SetTrace(3, true), false)));
        assert_eq!(read("trace 3"), Ok((Question::ShowTrace(3), false)));
    }

    #[test]
    fn what_is_no_command_is_told_so() {
        let refuse = |line: &str| line.parse::<Command>().unwrap_err();
        for line in ["bt", "bt x", "bt -1", "bt 1 2", "kill", "ps 1", "trace 1 maybe", "trace on"] {
            assert!(matches!(refuse(line), CommandError::Usage(_)), "{line}");
        }
        for line in ["", "json", "PS", "\u{1b}[2J"] {
            assert!(matches!(refuse(line), CommandError::Unknown(_)), "{line}");
        }
        let shown = refuse("\u{1b}[2J").to_string();
        assert!(!shown.contains('\u{1b}'), "a terminal must not be told what a client says");
    }
}
