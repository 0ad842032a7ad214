//! Interleaved rounds: A B C, A B C, …, with disturbed runs repeated a bounded number of times.

use std::process::ExitCode;

use super::child;
use super::contender::{Contender, Measurement, Role};
use super::noise::NoiseProbe;
use super::options::Options;
use super::report;

/// Repeats of disturbed runs in a whole quick bench: it has 30 s.
const QUICK_REPEATS: usize = 3;
/// Repeats of disturbed runs in a whole full bench: about a tenth of the longest bench's runs.
const FULL_REPEATS: usize = 40;

/// The measurements of one contender, one for each round.
#[derive(Debug)]
pub struct Sample {
    pub contender: Contender,
    pub measurements: Vec<Measurement>,
    pub failure: Option<String>,
}

/// A bench in its parent process.
#[derive(Debug)]
pub struct Bench {
    pub name: &'static str,
    pub options: Options,
    noise: NoiseProbe,
    repeats_left: usize,
    runs: usize,
    repeated: usize,
    disturbed: usize,
    worst_slowdown: f64,
    failures: Vec<String>,
}

impl Bench {
    /// A bench that has not run yet.
    pub fn new(name: &'static str, options: Options) -> Bench {
        let repeats_left = options.pick(FULL_REPEATS, QUICK_REPEATS);
        Bench {
            name,
            options,
            noise: NoiseProbe::new(),
            repeats_left,
            runs: 0,
            repeated: 0,
            disturbed: 0,
            worst_slowdown: 1.0,
            failures: Vec::new(),
        }
    }

    /// Measures `contenders` in children of their own, round by round.
    pub fn interleave(&mut self, contenders: Vec<Contender>) -> Vec<Sample> {
        self.interleave_with(contenders, child::measure)
    }

    /// Measures `contenders` by `measure`, round by round.
    pub fn interleave_with(
        &mut self,
        contenders: Vec<Contender>,
        mut measure: impl FnMut(&Contender) -> Result<Measurement, String>,
    ) -> Vec<Sample> {
        let mut samples: Vec<Sample> = contenders
            .into_iter()
            .filter(|contender| self.options.wants_system(contender.system.name()))
            .map(|contender| {
                let system = contender.system.name();
                let contender = contender.with("system", system);
                Sample { contender, measurements: Vec::new(), failure: None }
            })
            .collect();
        for _ in 0..self.options.rounds {
            // What failed once fails again, and would only make the others wait.
            for sample in samples.iter_mut().filter(|sample| sample.failure.is_none()) {
                match self.undisturbed(|| measure(&sample.contender)) {
                    Ok(measurement) => sample.measurements.push(measurement),
                    Err(failure) => sample.failure = Some(failure),
                }
            }
        }
        for sample in &samples {
            if let (Some(failure), Role::Ours) = (&sample.failure, sample.contender.role) {
                self.fail(&format!("ours failed: {failure}"));
            }
        }
        samples
    }

    /// Notes that a result is wrong: the bench will end with an error.
    pub fn fail(&mut self, message: &str) {
        println!("bench={} wrong=\"{message}\"", self.name);
        self.failures.push(message.to_owned());
    }

    /// Prints how quiet the machine was, and ends the bench.
    pub fn finish(self) -> ExitCode {
        println!(
            "bench={} noise runs={} disturbed={} repeated={} worst_slowdown={:.2}",
            self.name, self.runs, self.disturbed, self.repeated, self.worst_slowdown
        );
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Runs once, and again while the machine is disturbed and repeats are left.
    fn undisturbed(
        &mut self,
        mut run: impl FnMut() -> Result<Measurement, String>,
    ) -> Result<Measurement, String> {
        loop {
            let before = self.noise.slowdown();
            let result = run();
            let slowdown = before.max(self.noise.slowdown());
            self.runs += 1;
            self.worst_slowdown = self.worst_slowdown.max(slowdown);
            if !NoiseProbe::is_disturbed(slowdown) || result.is_err() {
                return result;
            }
            if self.repeats_left == 0 {
                self.disturbed += 1;
                return result;
            }
            self.repeats_left -= 1;
            self.repeated += 1;
        }
    }

    /// Prints a row whose figure is better when lower.
    pub fn row(&self, row: &str, unit: &str, samples: &[Sample], figure: &str) {
        self.row_by(row, unit, samples, |measurement| measurement.figure(figure));
    }

    /// Prints a row computed from the figures of each run, better when lower.
    pub fn row_by(
        &self,
        row: &str,
        unit: &str,
        samples: &[Sample],
        figure: impl Fn(&Measurement) -> f64,
    ) {
        report::print(&report::Row { bench: self.name, row, unit }, samples, figure);
    }

    /// Prints a row whose figure is better when higher; the ratio is turned round.
    pub fn row_higher(&self, row: &str, unit: &str, samples: &[Sample], figure: &str) {
        let row = report::Row { bench: self.name, row, unit };
        report::print_higher(&row, samples, |measurement| measurement.figure(figure));
    }

    /// Prints ours beside a fixed figure, such as a limit or another machine's measurement.
    pub fn row_beside_constant(
        &self,
        row: &str,
        unit: &str,
        samples: &[Sample],
        figure: &str,
        constant: (&str, f64),
    ) {
        let row = report::Row { bench: self.name, row, unit };
        report::print_beside_constant(&row, samples, figure, constant);
    }
}
