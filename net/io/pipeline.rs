//! `pipeline`: stages that run side by side, with bounded pipes between them.
//!
//! Each stage is a green thread of one nursery, so a failure of one ends all, as does a kill of
//! the caller. What a stage is told of a neighbour's failure is an error and never an end, so none
//! takes half of its input for the whole.
//!
//! # Invariants
//!
//! 1. The first error is noted before the ends of its stage are given up, so what that does to
//!    the neighbours is never taken for the cause.
//! 2. A stage that has its output refused by one that ended well has ended well, too.
//! 3. A sink that ended well is noted before the others are killed: what one of them makes of a
//!    neighbour that was is no error of the pipeline.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use greenstd_runtime::thread::{Builder, Nursery, nursery};

use super::copy;
use super::memory_pipe::{MemoryPipeReader, MemoryPipeWriter, pipe_in_memory};

/// What each pipe between two stages holds, unless the caller says otherwise.
const CAPACITY_BYTES: usize = 64 * 1024;

type Body<'p> = Box<dyn FnOnce(&mut dyn Read, &mut dyn Write) -> io::Result<()> + Send + 'p>;

/// Begins a pipeline that reads from `source`; [`Pipeline::run`] is its other end.
///
/// # Examples
///
/// ```
/// use greenstd_net::io;
///
/// let mut loud = Vec::new();
/// let moved = io::pipeline(&b"hello"[..])
///     .stage("upper case", |input, output| {
///         let mut text = String::new();
///         input.read_to_string(&mut text)?;
///         output.write_all(text.to_uppercase().as_bytes())
///     })
///     .run(&mut loud)?;
/// assert_eq!((moved, loud.as_slice()), (5, &b"HELLO"[..]));
/// # Ok::<(), io::PipelineError>(())
/// ```
pub fn pipeline<'p>(source: impl Read + Send + 'p) -> Pipeline<'p> {
    let mut source = source;
    let body: Body<'p> = Box::new(move |_, output| copy(&mut source, output).map(drop));
    Pipeline { stages: vec![("source".to_owned(), body)], capacity: CAPACITY_BYTES }
}

/// A pipeline that is put together: [`pipeline`].
#[must_use]
pub struct Pipeline<'p> {
    stages: Vec<(String, Body<'p>)>,
    capacity: usize,
}

impl<'p> Pipeline<'p> {
    /// Adds a stage, which reads what comes from the one before and writes what goes to the next.
    ///
    /// Its output ends when it returns. One that returns before the end of its input ends those
    /// before it: their writes fail with `BrokenPipe`, which is not an error of the pipeline, as
    /// it is none in a shell. Those that have not noticed when the sink ends are killed.
    pub fn stage<F>(mut self, name: impl Into<String>, body: F) -> Pipeline<'p>
    where
        F: FnOnce(&mut dyn Read, &mut dyn Write) -> io::Result<()> + Send + 'p,
    {
        self.stages.push((name.into(), Box::new(body)));
        self
    }

    /// Sets what each of the pipes between the stages holds, in bytes; 64 KiB if it is not set.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    pub fn capacity(mut self, capacity: usize) -> Pipeline<'p> {
        assert!(capacity > 0, "Pipeline::capacity: a pipe without room");
        self.capacity = capacity;
        self
    }

    /// Runs the pipeline into `sink`, flushes that, and returns how many bytes it was given.
    ///
    /// Blocks the calling thread, of either kind, until all stages have ended; each is a green
    /// thread, and so are the source and the sink. The first error closes all pipes and ends the
    /// others. A kill of the caller and a timeout scope end all of them, too.
    ///
    /// # Errors
    ///
    /// The first error, with its stage; one that says that a green thread cannot be had has the
    /// stage that would have been it.
    ///
    /// # Panics
    ///
    /// With the first panic of a stage, if that came before any error.
    pub fn run(mut self, sink: impl Write + Send + 'p) -> Result<u64, PipelineError> {
        let moved = AtomicU64::new(0);
        let mut sink = Counted { sink, moved: &moved };
        let last: Body<'_> = Box::new(move |input, _| {
            copy(input, &mut sink)?;
            sink.flush()
        });
        let verdict = Verdict::default();
        let stages = std::mem::take(&mut self.stages);
        let outcome = nursery(|nursery| {
            let mut input = None;
            let stages = stages.into_iter().map(|(name, body)| (name, body as Body<'_>));
            let stages: Vec<_> = stages.chain([("sink".to_owned(), last)]).collect();
            let number_of_last = stages.len() - 1;
            for (number, (name, body)) in stages.into_iter().enumerate() {
                let (reader, writer) = if number == number_of_last {
                    (None, None)
                } else {
                    let (reader, writer) = pipe_in_memory(self.capacity);
                    (Some(reader), Some(writer))
                };
                let ends = Ends { input: std::mem::replace(&mut input, reader), output: writer };
                let stage = Stage { number, name, body, ends, verdict: &verdict };
                stage.spawn_in(nursery)?;
            }
            Ok(())
        });
        match (outcome, verdict.0.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            (Err(Over), Some(Err(error))) => Err(error),
            (Ok(()) | Err(Over), _) => Ok(moved.into_inner()),
        }
    }
}

impl fmt::Debug for Pipeline<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.stages.iter().map(|(name, _)| name);
        formatter.debug_list().entries(names).finish()
    }
}

/// The first error of a pipeline, and where it happened.
///
/// As an [`io::Error`] it keeps the kind.
#[derive(Debug)]
pub struct PipelineError {
    stage: usize,
    name: String,
    error: io::Error,
}

impl PipelineError {
    /// The number of the stage: 0 is the source, the first stage is 1, the sink comes last.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// The name of the stage; `source` and `sink` are those of the two ends.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happened there.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// What happened there.
    #[must_use]
    pub fn into_error(self) -> io::Error {
        self.error
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "stage {} ({}): {}", self.stage, self.name, self.error)
    }
}

impl Error for PipelineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<PipelineError> for io::Error {
    fn from(error: PipelineError) -> io::Error {
        io::Error::new(error.error.kind(), error)
    }
}

/// Ends the others: a stage has noted its error, or the sink has all that it will get.
struct Over;

/// How the pipeline ended, by the first stage that says so.
#[derive(Default)]
struct Verdict(Mutex<Option<Result<(), PipelineError>>>);

impl Verdict {
    fn note(&self, outcome: Result<(), PipelineError>) -> Over {
        // Never held across a wait.
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(outcome);
        Over
    }
}

/// The ends that a stage holds. If it goes without having ended well, its output fails.
struct Ends {
    input: Option<MemoryPipeReader>,
    output: Option<MemoryPipeWriter>,
}

impl Ends {
    fn end_well(mut self) {
        drop(self.output.take());
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(output) = self.output.take() {
            output.fail();
        }
    }
}

struct Stage<'f, 'b> {
    number: usize,
    name: String,
    body: Body<'b>,
    ends: Ends,
    verdict: &'f Verdict,
}

impl<'f, 'b> Stage<'f, 'b> {
    fn spawn_in<'scope>(self, nursery: &'scope Nursery<'scope, '_, Over>) -> Result<(), Over>
    where
        'f: 'scope,
        'b: 'scope,
    {
        let (number, name, verdict) = (self.number, self.name.clone(), self.verdict);
        let spawned = Builder::new().name(name.clone()).spawn_in(nursery, move || self.run());
        match spawned {
            Ok(_joined_by_the_nursery) => Ok(()),
            Err(error) => Err(verdict.note(Err(PipelineError { stage: number, name, error }))),
        }
    }

    fn run(self) -> Result<(), Over> {
        let Stage { number, name, body, mut ends, verdict } = self;
        let mut nothing = (io::empty(), io::sink());
        let outcome = {
            let input: &mut dyn Read = match &mut ends.input {
                Some(input) => input,
                None => &mut nothing.0,
            };
            let output: &mut dyn Write = match &mut ends.output {
                Some(output) => output,
                None => &mut nothing.1,
            };
            body(input, output)
        };
        match outcome {
            Err(error) if !ends.is_end_of_a_refused(&error) => {
                // Before `ends` are dropped: invariant 1.
                Err(verdict.note(Err(PipelineError { stage: number, name, error })))
            }
            // Whoever still runs works for nobody, and may wait for input that never comes.
            _ if ends.output.is_none() => Err(verdict.note(Ok(()))),
            _ => {
                ends.end_well();
                Ok(())
            }
        }
    }
}

impl Ends {
    /// Whether the next stage has ended, which if it failed was noted before.
    fn is_end_of_a_refused(&self, error: &io::Error) -> bool {
        let is_refused = |output: &MemoryPipeWriter| output.is_refused();
        error.kind() == ErrorKind::BrokenPipe && self.output.as_ref().is_some_and(is_refused)
    }
}

/// Counts what the sink has taken.
struct Counted<'c, W> {
    sink: W,
    moved: &'c AtomicU64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(buf)?;
        // Relaxed: the join of this thread comes before the look.
        self.moved.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
