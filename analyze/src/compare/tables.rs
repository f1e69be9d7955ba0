//! The comparison of measures as a table and as records.

use super::paired::{self, Group, Paired};
use super::{Comparison, Side};
use crate::output::table::{Table, keep_together, number};
use crate::output::value::{Record, Value};
use crate::stats::estimate::Estimate;

/// The largest number of decimal places that a difference is shown with.
const MOST_DECIMALS: usize = 6;

/// The table with one row per measure, over all machines of all matched runs.
pub fn table(comparison: &Comparison) -> Table {
    let headings = ["measure", "mean A", "mean B", "B - A", "equal", "n"];
    Table {
        title: "Measures",
        headings: headings.map(keep_together).to_vec(),
        numeric: vec![false, true, true, true, true, true],
        rows: comparison.pooled.iter().map(row).collect(),
        caption: caption(comparison),
    }
}

fn row(paired: &Paired) -> Vec<String> {
    let decimals = paired.measure.decimals;
    let mean = |mean: Option<f64>| mean.map_or("none".to_owned(), |mean| number(mean, decimals));
    let n = paired.difference.map_or(0, |difference| difference.n);
    vec![
        paired.measure.name.to_owned(),
        mean(paired.mean_a),
        mean(paired.mean_b),
        paired.difference.map_or("none".to_owned(), |difference| {
            keep_together(&difference_text(&difference, decimals))
        }),
        paired.equal.map_or("none".to_owned(), percent),
        n.to_string(),
    ]
}

/// The mean difference ± half its interval, rounded to two significant digits of the latter. A plain 0 if no pair differs.
fn difference_text(difference: &Estimate, decimals: usize) -> String {
    let Estimate {
        mean, half_width, ..
    } = *difference;
    let decimals = decimals_of(half_width.unwrap_or(mean), decimals);
    match half_width {
        None | Some(0.0) if mean == 0.0 => "0".to_owned(),
        None => number(mean, decimals),
        Some(half_width) => {
            let half_width = number(half_width, decimals);
            format!("{} ± {half_width}", number(mean, decimals))
        }
    }
}

/// Number of decimal places that show two significant digits of `value`; at least `least`.
fn decimals_of(value: f64, least: usize) -> usize {
    if value == 0.0 {
        return least;
    }
    let two_digits = 1.0 - value.abs().log10().floor();
    two_digits.clamp(least as f64, MOST_DECIMALS as f64) as usize
}

/// A share in whole percent. Only a share of exactly 0 or 1 is shown as 0 % or 100 %.
fn percent(share: f64) -> String {
    let percent = match share {
        0.0 | 1.0 => share * 100.0,
        _ => (share * 100.0).round().clamp(1.0, 99.0),
    };
    keep_together(&format!("{percent} %"))
}

fn caption(comparison: &Comparison) -> Vec<String> {
    let mut caption = vec![
        "For each run, the mean over its machines; then the mean over n matched runs. B - A ± half the width of the 95 % interval (Student's t) \
         of the mean paired difference."
            .to_owned(),
        "equal: share of the machines' values that are exactly the same in A and B.".to_owned(),
    ];
    if comparison.matched == 1 {
        caption.push("If n is 1, there is no interval.".to_owned());
    }
    // This sentence explains nothing if the events of A and B were not compared.
    let of_twins = comparison.events.is_some();
    if of_twins && (has_wall_clock(&comparison.a) || has_wall_clock(&comparison.b)) {
        caption.push(
            "Over TCP, ticks are late. So measures that depend on the times of events differ even if the events are identical."
                .to_owned(),
        );
    }
    caption.push(
        "`analyze dictionary` explains each measure. `--format csv` has every configuration and machine.".to_owned(),
    );
    caption
}

fn has_wall_clock(side: &Side) -> bool {
    side.engine != "virtual"
}

/// One record for each configuration, machine and measure, in full precision.
pub fn records(comparison: &Comparison) -> Vec<Record> {
    comparison
        .groups
        .iter()
        .flat_map(|group| group.measures.iter().map(|paired| record(group, paired)))
        .collect()
}

fn record(group: &Group, paired: &Paired) -> Record {
    let difference = paired.difference;
    let interval = difference.and_then(|difference| difference.interval());
    let n = difference.map_or(0, |difference| difference.n);
    let parameters = paired::parameters().zip(group.parameters.iter().cloned());
    let values = [
        ("machine", Value::Integer(group.machine)),
        ("rate", Value::Number(group.rate)),
        ("measure", Value::Text(paired.measure.name.to_owned())),
        ("n", Value::Integer(n as i64)),
        ("mean_a", paired.mean_a.into()),
        ("mean_b", paired.mean_b.into()),
        (
            "difference",
            difference.map(|difference| difference.mean).into(),
        ),
        ("sd", difference.and_then(|difference| difference.sd).into()),
        ("low", interval.map(|(low, _)| low).into()),
        ("high", interval.map(|(_, high)| high).into()),
        ("equal", paired.equal.into()),
    ];
    parameters
        .chain(values)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_show_two_digits_of_their_uncertainty() {
        let text = |n, mean, sd| difference_text(&Estimate::new(n, mean, sd), 1);
        // For n = 100, half the interval is 0.198 standard deviations.
        assert_eq!(text(100, 12.34, Some(100.0)), "12.3 ± 19.8");
        assert_eq!(text(100, 0.012_34, Some(0.05)), "0.0123 ± 0.0099");
        assert_eq!(text(100, -1e-9, Some(1e-8)), "0.000000 ± 0.000000");
        assert_eq!(text(100, 2.0, Some(0.0)), "2.0 ± 0.0");
        assert_eq!(text(100, 0.0, Some(0.0)), "0");
        assert_eq!(text(1, 0.0, None), "0");
        assert_eq!(text(1, -0.123, None), "-0.12");
    }

    #[test]
    fn only_all_is_a_hundred_percent_and_only_none_is_zero() {
        let texts = [0.0, 0.001, 0.5, 0.999, 1.0].map(percent);
        assert_eq!(
            texts.map(|text| text.replace('\u{a0}', " ")),
            ["0 %", "1 %", "50 %", "99 %", "100 %"]
        );
    }
}
