//! One system in one row, and what was measured of it.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The systems that a bench can measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// greenstd.
    Ours,
    /// tokio's current_thread runtime.
    TokioCurrent,
    /// tokio's multi_thread runtime.
    TokioMulti,
    /// may.
    May,
    /// A bare corosensei ring: the floor of a switch.
    Corosensei,
    /// One OS thread for each connection.
    Threads,
    /// An edge-triggered epoll loop without any runtime.
    Raw,
    /// crossbeam-channel between OS threads.
    Crossbeam,
    /// HAProxy, a process that is no Rust.
    Haproxy,
    /// gevent, in a Python of its own; only where that is installed.
    Gevent,
    /// nginx, a process that is no Rust.
    Nginx,
    /// Go's library, in a process of its own; only where Go is installed.
    Go,
}

impl System {
    const ALL: [System; 12] = [
        System::Ours,
        System::TokioCurrent,
        System::TokioMulti,
        System::May,
        System::Corosensei,
        System::Threads,
        System::Raw,
        System::Crossbeam,
        System::Haproxy,
        System::Gevent,
        System::Nginx,
        System::Go,
    ];

    /// The name in the printed lines.
    pub fn name(self) -> &'static str {
        match self {
            System::Ours => "ours",
            System::TokioCurrent => "tokio_ct",
            System::TokioMulti => "tokio_mt",
            System::May => "may",
            System::Corosensei => "corosensei",
            System::Threads => "threads",
            System::Raw => "raw",
            System::Crossbeam => "crossbeam",
            System::Haproxy => "haproxy",
            System::Gevent => "gevent",
            System::Nginx => "nginx",
            System::Go => "go",
        }
    }

    /// The system of that name.
    pub fn parse(name: &str) -> Option<System> {
        System::ALL.into_iter().find(|system| system.name() == name)
    }
}

/// How a system takes part in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The system on trial.
    Ours,
    /// Counts for `best_peer`.
    Peer,
    /// Printed beside the others: a floor, or a rival that cannot do the whole row.
    Beside,
}

/// One system in one row, with the arguments of its child process.
#[derive(Debug, Clone)]
pub struct Contender {
    pub system: System,
    pub role: Role,
    /// The system's name, with a suffix where one system takes part twice.
    pub label: String,
    pub arguments: Vec<(String, String)>,
}

impl Contender {
    /// The system on trial.
    pub fn ours() -> Contender {
        Contender::new(System::Ours, Role::Ours)
    }

    /// A rival that counts for `best_peer`.
    pub fn peer(system: System) -> Contender {
        Contender::new(system, Role::Peer)
    }

    /// A system that is printed but not compared with.
    pub fn beside(system: System) -> Contender {
        Contender::new(system, Role::Beside)
    }

    fn new(system: System, role: Role) -> Contender {
        Contender { system, role, label: system.name().to_owned(), arguments: Vec::new() }
    }

    /// Adds a suffix to the label: `may` becomes `may_30000`.
    pub fn labelled(mut self, suffix: impl Display) -> Contender {
        self.label = format!("{}_{suffix}", self.label);
        self
    }

    /// Sets an argument of the child; a later value replaces an earlier one.
    pub fn with(mut self, key: &str, value: impl Display) -> Contender {
        self.arguments.retain(|(known, _)| known != key);
        self.arguments.push((key.to_owned(), value.to_string()));
        self
    }

    /// Sets an argument unless this contender has its own value for it.
    pub fn or_with(self, key: &str, value: impl Display) -> Contender {
        if self.arguments.iter().any(|(known, _)| known == key) {
            self
        } else {
            self.with(key, value)
        }
    }
}

/// Named figures of one run.
#[derive(Debug, Clone, Default)]
pub struct Measurement(BTreeMap<String, f64>);

impl Measurement {
    /// A measurement with one figure.
    pub fn of(name: &str, value: f64) -> Measurement {
        Measurement::default().and(name, value)
    }

    /// Adds a figure.
    pub fn and(mut self, name: &str, value: f64) -> Measurement {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// The figure of that name.
    ///
    /// # Panics
    /// If the run did not measure it: the row asks for what its child does not print.
    pub fn figure(&self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(&value) => value,
            None => panic!("no figure {name} among {:?}", self.0.keys()),
        }
    }

    /// All figures, by name.
    pub fn figures(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, &value)| (name.as_str(), value))
    }
}
