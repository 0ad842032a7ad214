//! The printed lines: one for each system of a row, then the comparison.

use super::contender::{Measurement, Role};
use super::rounds::Sample;

/// Where a line belongs.
#[derive(Debug)]
pub struct Row<'a> {
    pub bench: &'a str,
    pub row: &'a str,
    pub unit: &'a str,
}

/// Prints a row whose figure is better when lower.
pub fn print(row: &Row<'_>, samples: &[Sample], figure: impl Fn(&Measurement) -> f64) {
    let Some(ours) = print_systems(row, samples, &figure) else { return };
    let best = peers(samples, &figure).min_by(|left, right| left.1.total_cmp(&right.1));
    if let Some((peer, best)) = best {
        print_comparison(row, ours, (peer, best), ratio(ours, best));
    }
}

/// Prints a row whose figure is better when higher: the ratio is best peer / ours.
pub fn print_higher(row: &Row<'_>, samples: &[Sample], figure: impl Fn(&Measurement) -> f64) {
    let Some(ours) = print_systems(row, samples, &figure) else { return };
    let best = peers(samples, &figure).max_by(|left, right| left.1.total_cmp(&right.1));
    if let Some((peer, best)) = best {
        print_comparison(row, ours, (peer, best), ratio(best, ours));
    }
}

/// Prints ours beside a fixed figure.
pub fn print_beside_constant(
    row: &Row<'_>,
    samples: &[Sample],
    figure: &str,
    (name, constant): (&str, f64),
) {
    let ours = samples.iter().find(|sample| sample.contender.role == Role::Ours);
    if let Some(ours) = ours.and_then(|sample| median_of(sample, |run| run.figure(figure))) {
        print_comparison(row, ours, (name, constant), ratio(ours, constant));
    }
}

/// The middle value; of an even number the mean of the two in the middle. `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Two figures of nought are as good as each other.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if numerator == denominator { 1.0 } else { numerator / denominator }
}

/// Prints every system's line and returns the median of ours.
fn print_systems(
    row: &Row<'_>,
    samples: &[Sample],
    figure: &impl Fn(&Measurement) -> f64,
) -> Option<f64> {
    let Row { bench, row, unit } = row;
    let mut ours = None;
    for sample in samples {
        let label = &sample.contender.label;
        if let Some(failure) = &sample.failure {
            println!("bench={bench} row={row} system={label} failed=\"{failure}\"");
        }
        let values: Vec<f64> = sample.measurements.iter().map(figure).collect();
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let Some(value) = median(values) else { continue };
        println!(
            "bench={bench} row={row} system={label} value={} unit={unit} min={} max={}",
            number(value),
            number(min),
            number(max)
        );
        if sample.contender.role == Role::Ours && sample.failure.is_none() {
            ours = Some(value);
        }
    }
    ours
}

fn print_comparison(row: &Row<'_>, ours: f64, (peer, best): (&str, f64), ratio: f64) {
    let Row { bench, row, unit } = row;
    println!(
        "bench={bench} row={row} ours={} unit={unit} best_peer={} peer={peer} ratio={ratio:.3}",
        number(ours),
        number(best)
    );
}

/// Label and median of each peer that did not fail.
fn peers<'a>(
    samples: &'a [Sample],
    figure: &impl Fn(&Measurement) -> f64,
) -> impl Iterator<Item = (&'a str, f64)> {
    samples
        .iter()
        .filter(|sample| sample.contender.role == Role::Peer && sample.failure.is_none())
        .filter_map(move |sample| {
            Some((sample.contender.label.as_str(), median_of(sample, figure)?))
        })
}

fn median_of(sample: &Sample, figure: impl Fn(&Measurement) -> f64) -> Option<f64> {
    median(sample.measurements.iter().map(figure).collect())
}

/// About four significant digits, without exponents.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 100.0 => format!("{value:.1}"),
        small if small >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
