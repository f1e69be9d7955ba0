//! Measures the rates of machines from their logs.

use sim::experiment::{Rate, Rates};

use super::mapping::Mapping;
use super::rows::Row;
use super::run::Run;
use super::times::median_gap_ns;
use crate::error::Error;
use crate::output::words::counted;

/// A measured rate within 5 % of a whole number is rounded to this number. A difference of a few per cent is normal, because ticks take a
/// little longer than planned.
const NEAR_WHOLE: f64 = 0.05;
/// If ticks are irregular, the measured rate is less exact. So a rate within 10 % of a whole number is rounded to this number.
const NEAR_IF_IRREGULAR: f64 = 0.1;
/// Ticks are irregular if the standard error of the rate is more than this share of the rate.
const IRREGULAR: f64 = 0.02;
/// A rate that is not near a whole number is rounded to as few decimals as possible, but at least one. Rounding may change the rate by at
/// most this share. For example, 0.6667 becomes 0.67, because rounding to 0.7 would change it by 5 %.
const ROUNDING: f64 = 0.01;
/// Maximum number of decimals of a rate, even if rounding then changes it by more than [`ROUNDING`].
const MAX_DECIMALS: i32 = 6;
/// If the times in the log are numbers (not dates or times of day) and a rate is below this value, in ticks per model second, the unit of
/// the times is probably wrong.
const TOO_SLOW: f64 = 0.05;
/// A machine's rate is measured in two ways: as ticks / whole time, and as 1 / median time between two ticks. If the second rate differs
/// from the first by more than this share of the first, the machine paused. Pauses lengthen the whole time, but hardly change the median.
const PAUSES: f64 = 0.25;

/// The rate of a machine according to its log. All rates are in ticks per model second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MeasuredRate {
    /// The number of ticks divided by the time, from the first event to the last.
    pub(super) measured: f64,
    /// The measured rate, rounded. It is the machine's rate in the configuration.
    pub(super) taken: f64,
    /// The rate according to the median time between two ticks: 1 / median. None if this rate is near `measured`, that is, if the machine
    /// did not pause (see [`PAUSES`]).
    pub(super) usual: Option<f64>,
}

/// Checks and returns the rates that the user gave.
///
/// # Errors
///
/// [`Error::Import`] if the numbers of rates and machines differ.
pub(super) fn check_given(run: &Run, given: &[f64]) -> Result<Vec<f64>, Error> {
    let (rates, machines) = (given.len(), run.machines.len());
    (rates == machines).then(|| given.to_vec()).ok_or_else(|| {
        let problem = format!("{rates} rates are given, but there are {machines} machines");
        Error::import(run.name.as_ref(), None, problem)
    })
}

/// Measures the rates of a run's machines.
///
/// # Errors
///
/// [`Error::Import`] if the rate of a machine is unknown or impossible.
pub(super) fn measure_all(run: &Run, mapping: &Mapping) -> Result<Vec<MeasuredRate>, Error> {
    let measured = (0..).zip(&run.machines).map(|(machine, rows)| {
        let rate = measure(rows, mapping.time_scale(), lowest_accepted_rate(run));
        rate.ok_or_else(|| wrong_rate(run, machine, mapping))
    });
    measured.collect()
}

/// Rates as a parameter of a run's configuration.
///
/// # Errors
///
/// [`Error::Import`] if a rate or the number of machines is out of range.
pub(super) fn to_parameter(run: &Run, hertz: &[f64]) -> Result<Rates, Error> {
    let wrong = |problem: String| Error::import(run.name.as_ref(), None, problem);
    let mut rates = vec![];
    for &hertz in hertz {
        rates.push(Rate::from_hertz(hertz).ok_or_else(|| {
            wrong(format!(
                "the rate {hertz:?} is not possible; a machine can tick from {} to {} times per second",
                Rate::MIN,
                Rate::MAX
            ))
        })?);
    }
    let machines = rates.len();
    Rates::new(rates).ok_or_else(|| {
        wrong(format!(
            "there are {machines} machines, but a run has from 2 to {}",
            Rates::MAX_MACHINES
        ))
    })
}

/// The mean number of ticks per model second from the first event to the last. None if the machine does not have two events at
/// different times. `time_scale` is the number of model seconds per second of the log.
fn average(rows: &[Row], time_scale: f64) -> Option<f64> {
    let (first, last) = (rows.first()?, rows.last()?);
    let elapsed_s = (last.time_ns - first.time_ns) as f64 / 1e9;
    let ticks = last.event.tick.saturating_sub(first.event.tick) as f64;
    Some(ticks / (elapsed_s * time_scale)).filter(|rate| rate.is_finite())
}

/// The lowest rate that [`measure`] accepts. If the run's times are numbers, it is [`TOO_SLOW`]. Dates and times of day have no unit that
/// could be wrong (`time_units_ns` is empty), so with them it is the lowest rate that a machine can have.
fn lowest_accepted_rate(run: &Run) -> f64 {
    match run.time_units_ns.is_empty() {
        true => Rate::MIN,
        false => TOO_SLOW,
    }
}

/// Measures the rate of one machine. None if the rate is unknown, less than `lowest`, or more than a machine can have.
fn measure(rows: &[Row], time_scale: f64, lowest: f64) -> Option<MeasuredRate> {
    let measured = average(rows, time_scale)?;
    if !(lowest..=f64::from(Rate::MAX)).contains(&measured) {
        return None;
    }
    let usual = 1e9 / (median_gap_ns(rows) as f64 * time_scale);
    let is_different = (usual / measured - 1.0).abs() > PAUSES;
    Some(MeasuredRate {
        measured,
        taken: round_rate(measured, standard_error(rows)),
        usual: Some(usual).filter(|usual| is_different && usual.is_finite()),
    })
}

/// The standard error of a rate, as a share of the rate. A gap is the time between two ticks. The rate is 1 / mean gap: if the mean gap is
/// 1 % too long, the rate is about 1 % too low. So both have about the same relative standard error: deviation / (mean × √n). Here n is the
/// number of gaps, and `mean` and `deviation` are their mean and standard deviation. Gaps are assumed to be independent.
fn standard_error(rows: &[Row]) -> f64 {
    // If a row of tick 4 is followed by a row of tick 7, three gaps lie between them. They count as one gap, which is a third of the time
    // between the rows. Two rows of the same tick give no gap.
    let gaps = rows.windows(2).filter_map(|pair| {
        let ticks = pair[1].event.tick.saturating_sub(pair[0].event.tick);
        (ticks > 0).then(|| (pair[1].time_ns - pair[0].time_ns) as f64 / ticks as f64)
    });
    let (n, sum) = gaps
        .clone()
        .fold((0.0, 0.0), |(n, sum), gap| (n + 1.0, sum + gap));
    let mean = sum / n;
    let squares: f64 = gaps.map(|gap| (gap - mean).powi(2)).sum();
    (squares / n).sqrt() / (mean * f64::sqrt(n))
}

/// Rounds a rate to a whole number if one is near, and otherwise to as few decimals as [`ROUNDING`] allows. `standard_error` is a
/// share of the rate.
fn round_rate(measured: f64, standard_error: f64) -> f64 {
    // The nearest whole number, but not 0, because a rate cannot be 0.
    let whole = measured.round().max(1.0);
    let difference = (measured - whole).abs() / whole;
    let is_irregular = standard_error > IRREGULAR;
    if difference <= NEAR_WHOLE || (is_irregular && difference <= NEAR_IF_IRREGULAR) {
        return whole;
    }
    let round_to = |decimals: i32| {
        let power_of_ten = 10f64.powi(decimals);
        (measured * power_of_ten).round() / power_of_ten
    };
    let is_near = |rounded: &f64| (rounded - measured).abs() <= ROUNDING * measured;
    let mut candidates = (1..MAX_DECIMALS).map(round_to);
    candidates
        .find(is_near)
        .unwrap_or_else(|| round_to(MAX_DECIMALS))
}

/// The error for a machine whose rate [`measure`] does not accept. If times are numbers, the error also names a unit of times with which
/// all rates would be plausible (if there is such a unit).
fn wrong_rate(run: &Run, machine: usize, mapping: &Mapping) -> Error {
    let rows = &run.machines[machine];
    let advice = "set the rates with --rates, such as --rates 1,3,6";
    let wrong = |problem: String| Error::import(run.name.as_ref(), None, problem);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return wrong(format!("machine {machine} has no event; {advice}"));
    };
    let Some(rate) = average(rows, mapping.time_scale()) else {
        let problem = format!(
            "machine {machine} has {} at a single time, so its rate is not known; {advice}",
            counted(rows.len(), "event")
        );
        return wrong(problem);
    };
    let elapsed_s = (last.time_ns - first.time_ns) as f64 / 1e9;
    let unit_or_format = match run.time_units_ns.is_empty() {
        true => "format",
        false => "unit",
    };
    let other_unit = find_plausible_unit(run, mapping).map_or(String::new(), |(unit, rates)| {
        format!(" In {unit} the rates would be {rates}: --time {unit}.")
    });
    wrong(format!(
        "according to its log, machine {machine} ticks {rate:.3} times per second ({} in {elapsed_s:.3} s); \
         is the {unit_or_format} of times right (--time)?{other_unit} Otherwise {advice}",
        counted(rows.len(), "event")
    ))
}

/// Finds a unit of times with which all rates would be plausible: from 0.5 to 100 ticks per second. Returns the unit, and the rates
/// with this unit as a list of numbers. None if no unit fits, or if the times do not all have the same unit.
fn find_plausible_unit(run: &Run, mapping: &Mapping) -> Option<(&'static str, String)> {
    // Each unit with its length in nanoseconds.
    let units = [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)];
    // The units in which the times were read, each as its length in nanoseconds.
    let mut current_units_ns = run.time_units_ns.iter();
    let current_ns = *current_units_ns.next()? as f64;
    if current_units_ns.next().is_some() {
        return None;
    }
    let averages = run
        .machines
        .iter()
        .map(|rows| average(rows, mapping.time_scale()));
    let rates: Vec<f64> = averages.collect::<Option<_>>()?;
    units.into_iter().find_map(|(unit, ns)| {
        // In a longer unit, the same log lasts longer, so the rates are lower.
        let in_unit = rates.iter().map(|rate| rate * current_ns / ns);
        let is_plausible = |rate: f64| (0.5..=100.0).contains(&rate);
        let words: Vec<String> = in_unit
            .clone()
            .map(|rate| format!("{}", (rate * 10.0).round() / 10.0))
            .collect();
        in_unit
            .clone()
            .all(is_plausible)
            .then(|| (unit, words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_near_whole_numbers_are_rounded_to_them_and_others_keep_decimals() {
        // Ticks with a standard error above 0.02 are irregular: 10 % from a whole number is near enough. Otherwise the limit is 5 %.
        // Differences: 2.86 from 3 is 4.7 %, 5.4 from 5 is 8 %, 2.2 from 2 is 10 %, 3.5 from 4 is 12.5 %.
        for (measured, standard_error, wanted) in [
            (3.0, 0.0, 3.0),
            (5.9, 0.001, 6.0),
            (2.86, 0.0, 3.0),
            (5.4, 0.0, 5.4),
            (5.4, 0.05, 5.0),
            (2.2, 0.001, 2.2),
            (2.25, 0.001, 2.25),
            (0.6667, 0.0, 0.67),
            (0.0833, 0.0, 0.083),
            (0.033_333_3, 0.0, 0.033),
            (0.001_451, 0.0, 0.001_45),
            (3.5, 0.2, 3.5),
        ] {
            assert_eq!(round_rate(measured, standard_error), wanted, "{measured}");
        }
    }
}
