//! Finds the duration of imported runs. It is the time from the first event to the last, or up to one tick more.

use sim::experiment::{Configuration, Parameter, Rates};

use super::mapping::Mapping;
use super::run::Run;
use crate::error::Error;

/// How much a time in a log may be rounded, in seconds: many programs round to a millisecond.
const ROUNDING_S: f64 = 1e-3;

/// The range of times, in model seconds, in which a run can have ended: after its last event, and before the next tick of any
/// machine was due.
#[derive(Clone, Copy, Debug, PartialEq)]
struct End {
    earliest_s: f64,
    latest_s: f64,
    /// The time between two ticks of the machine that had the last event, model seconds.
    tick_s: f64,
}

/// Finds the duration of each run, in model nanoseconds. If the user gives no duration, it is the whole number of seconds at
/// which the run can have ended; if there is none, it is the time of the last event. Runs with equal rates get the same duration
/// if they can have ended at the same time: the duration of the run with the latest event.
///
/// # Errors
///
/// [`Error::Import`] if a run has an event after the given duration, or if the duration is out of range.
pub(super) fn from_runs(
    runs: &[Run],
    rates: &[Rates],
    mapping: &Mapping,
) -> Result<Vec<u64>, Error> {
    let ends: Vec<End> = runs
        .iter()
        .zip(rates)
        .map(|(run, rates)| End::from_run(run, rates, mapping.time_scale()))
        .collect();
    let seconds = match mapping.duration_s {
        Some(duration_s) => check_given(runs, &ends, duration_s)?,
        None => measure_seconds(&ends, rates),
    };
    let durations = runs.iter().zip(seconds);
    durations
        .map(|(run, seconds)| to_parameter(run, seconds))
        .collect()
}

fn check_given(runs: &[Run], ends: &[End], duration_s: f64) -> Result<Vec<f64>, Error> {
    for (run, end) in runs.iter().zip(ends) {
        if end.earliest_s > duration_s {
            let problem = format!(
                "its last event is {} s after its first, but the given duration is {duration_s} s",
                end.earliest_s
            );
            return Err(Error::import(run.name.as_ref(), None, problem));
        }
    }
    Ok(vec![duration_s; runs.len()])
}

fn measure_seconds(ends: &[End], rates: &[Rates]) -> Vec<f64> {
    let mut seconds: Vec<Option<f64>> = ends.iter().map(|end| end.whole_s()).collect();
    let mut open: Vec<usize> = (0..ends.len())
        .filter(|&run| seconds[run].is_none())
        .collect();
    open.sort_by(|&a, &b| ends[a].earliest_s.total_cmp(&ends[b].earliest_s));
    while let Some(&first) = open.first() {
        let (mut alike, mut next_s) = (vec![], f64::INFINITY);
        for &run in &open {
            let End {
                earliest_s,
                latest_s,
                ..
            } = ends[run];
            if rates[run] == rates[first] && earliest_s <= next_s {
                next_s = next_s.min(latest_s);
                if earliest_s <= next_s {
                    alike.push(run);
                }
            }
        }
        let last_s = alike.iter().map(|&run| ends[run].earliest_s);
        let last_s = last_s.fold(0.0, f64::max);
        alike.iter().for_each(|&run| seconds[run] = Some(last_s));
        open.retain(|run| !alike.contains(run));
    }
    std::iter::zip(seconds, ends)
        .map(|(seconds, end)| seconds.unwrap_or(end.earliest_s))
        .collect()
}

impl End {
    fn from_run(run: &Run, rates: &Rates, time_scale: f64) -> Self {
        let (start_ns, _) = run.span_ns();
        let mut end = Self {
            earliest_s: 0.0,
            latest_s: f64::INFINITY,
            tick_s: 0.0,
        };
        for (rows, rate) in run.machines.iter().zip(rates.iter()) {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
                continue;
            };
            let from_ns = match run.has_shared_time() {
                true => start_ns,
                false => first.time_ns,
            };
            let last_s = (last.time_ns - from_ns) as f64 / 1e9 * time_scale;
            let tick_s = 1.0 / rate.hertz();
            end.latest_s = end.latest_s.min(last_s + tick_s + ROUNDING_S);
            if last_s >= end.earliest_s {
                (end.earliest_s, end.tick_s) = (last_s, tick_s);
            }
        }
        // For a machine that stopped early, the next tick may be due before the last event of the run.
        end.latest_s = end.latest_s.max(end.earliest_s);
        end
    }

    /// The whole number of seconds at which the run can have ended. It is the largest whole number after the last event and
    /// before the next tick of any machine was due. If there is no such number, it is the next whole number, but only if this is
    /// at most one tick after the last event.
    fn whole_s(self) -> Option<f64> {
        let before_next_tick = Some(self.latest_s.floor()).filter(|&end_s| end_s > self.earliest_s);
        let next = self.earliest_s.ceil();
        before_next_tick.or((next <= self.earliest_s + self.tick_s && next > 0.0).then_some(next))
    }
}

fn to_parameter(run: &Run, seconds: f64) -> Result<u64, Error> {
    let mut configuration = Configuration::default();
    // Durations are rounded up to milliseconds, and are at least 1 ms.
    let rounded = (seconds * 1e3 - 1e-6).ceil().max(1.0) / 1e3;
    let text = if rounded.fract() == 0.0 {
        rounded.to_string()
    } else {
        format!("{rounded:.3}")
    };
    if let Some(duration) = Parameter::named("duration_s") {
        let wrong = |error| Error::import(run.name.as_ref(), None, format!("its duration {error}"));
        duration.set(&mut configuration, &text).map_err(wrong)?;
    }
    Ok(configuration.duration_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(earliest_s: f64, latest_s: f64) -> End {
        End {
            earliest_s,
            latest_s,
            tick_s: 0.1,
        }
    }

    fn rates(text: &str) -> Rates {
        let mut configuration = Configuration::default();
        let parameter = Parameter::named("rates").expect("a parameter");
        parameter.set(&mut configuration, text).expect("rates");
        configuration.rates
    }

    #[test]
    fn a_run_ends_at_a_whole_second_or_with_its_last_event() {
        let one = [rates("1,3")];
        assert_eq!(measure_seconds(&[end(59.8, 60.1)], &one), [60.0]);
        assert_eq!(measure_seconds(&[end(5.05, 5.19)], &one), [5.05]);
        assert_eq!(measure_seconds(&[end(7.3, 7.3)], &one), [7.3]);
        assert_eq!(measure_seconds(&[end(7.95, 7.95)], &one), [8.0]);
    }

    #[test]
    fn runs_that_can_have_ended_at_the_same_time_get_the_same_duration() {
        let ends = [
            end(60.3, 60.5),
            end(60.35, 60.6),
            end(60.4, 60.45),
            end(61.3, 61.5),
        ];
        let same = vec![rates("1,3"); 4];
        assert_eq!(measure_seconds(&ends, &same), [60.4, 60.4, 60.4, 61.3]);
        let other = [rates("1,3"), rates("2,3"), rates("1,3"), rates("1,3")];
        assert_eq!(measure_seconds(&ends, &other), [60.4, 60.35, 60.4, 61.3]);
        let apart = [end(60.3, 60.35), end(60.34, 60.38), end(60.36, 60.4)];
        assert_eq!(measure_seconds(&apart, &same), [60.34, 60.34, 60.36]);
    }
}
