//! Finds the duration of imported runs, unless the user gives it. A run lasts from its first event until its last event, or up to one
//! tick longer.

use sim::experiment::{Configuration, Parameter, Rates};

use super::mapping::Mapping;
use super::run::Run;
use crate::error::Error;

/// A time in a log can differ from the true time by this many seconds, because many programs round to a millisecond.
const ROUNDING_S: f64 = 1e-3;

/// The times at which a run can have ended. Example: the last event of a run is at 59.8 s. Its machines would have had their next ticks at
/// 60.1 s and at 60.5 s. Then the run ended between 59.8 s and 60.1 s: if it had ended later, the log would have the tick at 60.1 s. All
/// times are in model seconds since the run's start.
#[derive(Clone, Copy, Debug, PartialEq)]
struct End {
    /// The time of the last event (59.8 in the example).
    earliest_s: f64,
    /// The time at which the first tick that is not in the log was due (60.1 in the example), plus [`ROUNDING_S`]. If this sum is less
    /// than `earliest_s`, the value is `earliest_s`.
    latest_s: f64,
    /// The time between two ticks of the machine that had the last event of the run.
    tick_s: f64,
}

/// Finds the duration of each run, in model nanoseconds. The first of these rules that applies decides:
///
/// 1. If the user gives a duration, all runs have it.
/// 2. If a run can have ended at a whole number of seconds, this number is its duration. `whole_s` finds the number.
/// 3. If several runs with equal rates can all have the same duration, they get the shortest duration that is possible for all of them.
///    For example, if the last events of two such runs are at 60.3 s and at 60.4 s, both runs get 60.4 s.
/// 4. The duration is the time of the run's last event.
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
        .map(|(run, seconds)| to_duration_ns(run, seconds))
        .collect()
}

/// Rule 1 of [`from_runs`]: `duration_s` for each run. Fails if a run has an event after it.
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

/// Rules 2 to 4 of [`from_runs`]: the duration of each run in seconds.
fn measure_seconds(ends: &[End], rates: &[Rates]) -> Vec<f64> {
    let mut seconds: Vec<Option<f64>> = ends.iter().map(|end| end.whole_s()).collect();
    let mut undecided: Vec<usize> = (0..ends.len())
        .filter(|&run| seconds[run].is_none())
        .collect();
    undecided.sort_by(|&a, &b| ends[a].earliest_s.total_cmp(&ends[b].earliest_s));
    while let Some(&first) = undecided.first() {
        // `group`: runs with equal rates that can all have ended at the same time. `group_latest_s`: the latest such time. The runs are
        // taken in the order of their last events (`earliest_s`). So no run of the group has an event after the last event of `run`. If
        // this last event is not later than `group_latest_s`, `run` and the group can all have ended at its time. Then `run` joins the
        // group.
        let (mut group, mut group_latest_s) = (vec![], f64::INFINITY);
        for &run in &undecided {
            let End {
                earliest_s,
                latest_s,
                ..
            } = ends[run];
            if rates[run] == rates[first] && earliest_s <= group_latest_s {
                group_latest_s = group_latest_s.min(latest_s);
                group.push(run);
            }
        }
        // If only `first` is in the group, the result is the time of its last event, as in rule 4.
        let last_events_s = group.iter().map(|&run| ends[run].earliest_s);
        let duration_s = last_events_s.fold(0.0, f64::max);
        group
            .iter()
            .for_each(|&run| seconds[run] = Some(duration_s));
        undecided.retain(|run| !group.contains(run));
    }
    // Every run has its duration now, so the default of `unwrap_or` is never used.
    std::iter::zip(seconds, ends)
        .map(|(seconds, end)| seconds.unwrap_or(end.earliest_s))
        .collect()
}

impl End {
    /// Finds when `run` can have ended.
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
            // If the times of different machines cannot be compared, the time of each machine counts from its own first event.
            let from_ns = match run.has_shared_time() {
                true => start_ns,
                false => first.time_ns,
            };
            let last_s = (last.time_ns - from_ns) as f64 / 1e9 * time_scale;
            let tick_s = 1.0 / rate.hertz();
            end.latest_s = end.latest_s.min(last_s + tick_s + ROUNDING_S * time_scale);
            if last_s >= end.earliest_s {
                (end.earliest_s, end.tick_s) = (last_s, tick_s);
            }
        }
        // For a machine that stopped early, the next tick may be due before the last event of the run.
        end.latest_s = end.latest_s.max(end.earliest_s);
        end
    }

    /// The whole number of seconds at which the run can have ended: the largest whole number from `earliest_s` to `latest_s`. Sometimes
    /// there is no such number, for example if a machine stopped early: then `latest_s` is equal to `earliest_s`. In this case the result
    /// is the next whole number after `earliest_s`, if it is at most one tick (`tick_s`) later than `earliest_s`.
    fn whole_s(self) -> Option<f64> {
        let largest_s = self.latest_s.floor();
        if largest_s > self.earliest_s {
            return Some(largest_s);
        }
        let next_s = self.earliest_s.ceil();
        // A duration cannot be 0.
        (next_s <= self.earliest_s + self.tick_s && next_s > 0.0).then_some(next_s)
    }
}

/// The duration of `run` in nanoseconds, rounded up to whole milliseconds. Fails if the parameter `duration_s` cannot have this value.
fn to_duration_ns(run: &Run, seconds: f64) -> Result<u64, Error> {
    let mut configuration = Configuration::default();
    // Rounded up to whole milliseconds, at least 1 ms. Without the subtraction of 1e-6 ms, a rounding error could add a millisecond:
    // 5.0000000001 ms would become 6 ms.
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

    /// The end of a run. The machine that had the last event ticks every 0.1 s.
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
        // 60 is between the earliest and the latest end.
        assert_eq!(measure_seconds(&[end(59.8, 60.1)], &one), [60.0]);
        // The next whole second is more than one tick after the last event, so the run ends with this event.
        assert_eq!(measure_seconds(&[end(5.05, 5.19)], &one), [5.05]);
        assert_eq!(measure_seconds(&[end(7.3, 7.3)], &one), [7.3]);
        // The next whole second is less than one tick after the last event.
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
        // The first three runs can all have ended at 60.4 s: no last event is later, and 60.45 s is the smallest `latest_s`. The fourth
        // run cannot: its last event is at 61.3 s.
        assert_eq!(measure_seconds(&ends, &same), [60.4, 60.4, 60.4, 61.3]);
        // The second run has other rates, so it does not get the same duration as the first and the third run.
        let other = [rates("1,3"), rates("2,3"), rates("1,3"), rates("1,3")];
        assert_eq!(measure_seconds(&ends, &other), [60.4, 60.35, 60.4, 61.3]);
        // The first run can have ended together with the second, and the second with the third, but not the first with the third.
        let apart = [end(60.3, 60.35), end(60.34, 60.38), end(60.36, 60.4)];
        assert_eq!(measure_seconds(&apart, &same), [60.34, 60.34, 60.36]);
    }
}
