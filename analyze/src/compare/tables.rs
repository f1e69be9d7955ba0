//! The comparison of the measures of two datasets, as a table and as records for CSV and JSON.

use sim::sweep::words::grouped;

use super::paired::{self, Group, Paired};
use super::{Comparison, Side};
use crate::output::table::{Digits, Table, decimals_for, keep_together, rounded};
use crate::output::value::{Record, Value};
use crate::stats::estimate::{Estimate, IntervalKind};
use crate::stats::intervals::{estimate_words, notes};

/// The table with one row per measure, over all machines of all matched runs. Two runs match if they have the same parameters and repetition,
/// one in dataset A and the other in dataset B.
pub fn table(comparison: &Comparison) -> Table {
    let headings = ["measure", "mean A", "mean B", "B - A", "equal", "n"];
    Table {
        title: "Measures",
        headings: headings.map(keep_together).to_vec(),
        numeric: vec![false, true, true, true, true, true],
        rows: comparison.pooled.iter().map(row).collect(),
        // In a narrow terminal, columns are left out in this order: n, "equal", "mean B", "mean A".
        optional: vec![5, 4, 2, 1],
        caption: caption(comparison),
        ..Table::default()
    }
}

fn row(paired: &Paired) -> Vec<String> {
    let decimals = paired.measure.decimals;
    let mean = |mean: Option<f64>| {
        mean.map_or("none".to_owned(), |mean| {
            keep_together(&rounded(mean, decimals))
        })
    };
    let n = paired.difference.map_or(0, |difference| difference.n);
    vec![
        paired.measure.name.to_owned(),
        mean(paired.mean_a),
        mean(paired.mean_b),
        paired.difference.map_or("none".to_owned(), |difference| {
            keep_together(&difference_text(&difference, paired.measure.digits()))
        }),
        paired.equal.map_or("none".to_owned(), percent),
        grouped(n),
    ]
}

/// The mean difference and its interval. If all differences are 0, the text is only `0`, without the remark "all equal". A single difference
/// has no interval that would determine the number of decimals, so it is shown with at least two significant digits.
fn difference_text(difference: &Estimate, digits: Digits) -> String {
    const SIGNIFICANT_DIGITS: u8 = 2;
    let kind = difference.interval_kind;
    match difference.mean {
        0.0 if !kind.has_interval() => "0".to_owned(),
        mean if kind == IntervalKind::Single => {
            let decimals = decimals_for(mean, SIGNIFICANT_DIGITS, digits.decimals);
            rounded(mean, decimals)
        }
        _ => estimate_words(difference, digits).join(" "),
    }
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
        "Means over n matched runs; the value of a run is the mean over its machines. B - A: the mean \
         difference of matched runs ± half the width of its 95 % interval (Student's t)."
            .to_owned(),
        "equal: for each run, the share of its machines with exactly the same value in A and B; the table has the mean over the runs.".to_owned(),
    ];
    if comparison.matched == 1 {
        caption.push("If n is 1, there is no interval.".to_owned());
    }
    let differences = comparison
        .pooled
        .iter()
        .filter_map(|paired| paired.difference);
    caption.extend(notes(
        // A row that shows only `0` (see `difference_text`) needs no note about its interval.
        differences
            .map(|difference| (difference.mean, difference.interval_kind))
            .filter(|&(mean, kind)| mean != 0.0 || kind.has_interval())
            .map(|(_, kind)| kind),
    ));
    // The sentence below mentions identical events, so it is useful only if events are compared. Events are not compared if A and B have
    // different seeds.
    let are_events_compared = comparison.events.is_some();
    let is_any_in_real_time = runs_in_real_time(&comparison.a) || runs_in_real_time(&comparison.b);
    if are_events_compared && is_any_in_real_time {
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

fn runs_in_real_time(side: &Side) -> bool {
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
    let kind = difference.and_then(|difference| difference.interval_kind.name());
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
        ("interval", kind.map(str::to_owned).into()),
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
    fn a_mean_difference_has_as_many_decimals_as_its_half_width() {
        let digits = Digits {
            decimals: 1,
            is_whole: false,
        };
        // The text has no-break spaces (`keep_together`).
        let text = |values: &[f64]| {
            difference_text(&Estimate::from_values(values), digits).replace('\u{a0}', " ")
        };
        // Mean 0.03 and standard deviation 0.0158. Half the width of the interval of five values is 2.776 / sqrt(5) = 1.24 standard
        // deviations (Student's t), here 0.0196. With two significant digits it is 0.020, so the mean gets three decimals too.
        assert_eq!(text(&[0.01, 0.02, 0.03, 0.04, 0.05]), "0.030 ± 0.020");
        // If all values are equal and whole, the mean has no decimals.
        assert_eq!(text(&[2.0; 5]), "2, all equal");
        assert_eq!(text(&[0.0; 5]), "0");
        assert_eq!(text(&[0.0]), "0");
        // A single difference has no half-width. So the difference is shown with two significant digits.
        assert_eq!(text(&[-0.123]), "-0.12");
    }

    #[test]
    fn only_shares_of_exactly_0_and_1_are_shown_as_0_and_100_percent() {
        let texts = [0.0, 0.001, 0.5, 0.999, 1.0].map(percent);
        assert_eq!(
            texts.map(|text| text.replace('\u{a0}', " ")),
            ["0 %", "1 %", "50 %", "99 %", "100 %"]
        );
    }
}
