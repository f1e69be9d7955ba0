//! Measurements and predictions as a table and as records.

use sim::sweep::words::grouped;

use super::caveat::Caveat;
use super::comparison::{Compared, PredictionComparison};
use super::quantity::Quantity;
use crate::output::table::{LINE_BREAK, Table, keep_together, rounded};
use crate::output::tones::tone_of_verdict;
use crate::output::value::{Record, Value};
use crate::stats::intervals::{estimate_words, notes};
use crate::stats::records::{group_record, push_estimate};
use crate::stats::repetitions::Group;
use crate::stats::tables::{Varying, described};

/// The measures that the table shows. The records have all measures that theory predicts.
const SHOWN: [Quantity; 5] = [
    Quantity::BacklogGrowth,
    Quantity::BacklogFinal,
    Quantity::ReceiveShare,
    Quantity::LogicalRate,
    Quantity::LagFinal,
];

/// The only measure whose standard deviation has a column too.
const WITH_SD: Quantity = Quantity::BacklogFinal;

/// What the regimes mean, for a caption.
pub(super) const REGIMES: &str = "- stable: fewer messages arrive than the machine has ticks. overloaded: more messages arrive, so \
     the queue grows. critical: about as many messages arrive as the machine has ticks. Then the expected change of \
     the queue over a run is smaller than the standard deviation of its random changes.";

/// The headings of the columns that are left out if the terminal is too narrow. The first column of this list is left out first. `its sd` is
/// the standard deviation of the final backlog.
const OPTIONAL: [&str; 5] = [
    "its sd",
    "receive share",
    "final lag",
    "logical rate (1/s)",
    "final backlog",
];

/// The labels of the lines of a row. [`line_labels`] replaces the first label, for example by `mean of 10` if there are 10 repetitions. It
/// leaves out the last label if the row has no caveats.
const LINES: [&str; 6] = [
    "measured",
    "± (95 %)",
    "predicted",
    "difference",
    "z",
    "caveats",
];

/// A table with a row for each machine. A row has five lines: the measured value, half the width of its interval, the prediction, the
/// difference, and the z-score. Rows with caveats have a sixth line.
pub fn table(machines: &[PredictionComparison<'_>]) -> Table {
    let groups: Vec<&Group> = machines.iter().map(|comparison| comparison.group).collect();
    let varying = Varying::among(&groups);
    let mut headings = varying.headings();
    headings.extend(["machine", ""].map(str::to_owned));
    let first_measure = headings.len();
    // All machines have the same measures, so the headings come from the first machine.
    for compared in machines.first().into_iter().flat_map(shown) {
        headings.push(heading(&compared));
        if compared.quantity == WITH_SD {
            headings.push("its sd".to_owned());
        }
    }
    let rows = machines
        .iter()
        .map(|comparison| {
            let mut row = varying.cells(comparison.group);
            row.extend([machine(comparison), line_labels(comparison)]);
            row.extend(shown(comparison).iter().flat_map(cells_of(comparison)));
            row
        })
        .collect();
    Table {
        title: "Theory",
        numeric: (0..headings.len())
            .map(|column| column >= first_measure)
            .collect(),
        optional: optional(&headings[first_measure..], first_measure),
        headings,
        rows,
        // The column `machine`, two before the first measure. It contains the regime, which gets a colour.
        coloured: Some((first_measure - 2, tone_of_verdict)),
        caption: caption(machines, varying.constant(&groups)),
        ..Table::default()
    }
}

/// The indices of the columns that [`OPTIONAL`] lists, in the same order. `headings` are the headings of the measures' columns, and `first`
/// is the index of the first of these columns in the table.
fn optional(headings: &[String], first: usize) -> Vec<usize> {
    let index_of = |name: &&str| headings.iter().position(|heading| heading == name);
    OPTIONAL
        .iter()
        .filter_map(index_of)
        .map(|index| first + index)
        .collect()
}

fn shown(comparison: &PredictionComparison<'_>) -> Vec<Compared> {
    SHOWN.map(|quantity| comparison.of(quantity)).to_vec()
}

/// The heading of a measure's column: its label and its unit, such as `logical rate (1/s)`. For the final backlog, the
/// heading is `final backlog` ([`label`] says why).
pub(super) fn heading(compared: &Compared) -> String {
    match compared.quantity {
        Quantity::BacklogFinal => label(compared),
        _ => compared.measure.heading(),
    }
}

/// The label of the measure in this table. The final backlog is called `final backlog` here. Its usual label, `final`, would not be clear
/// beside measures of clocks.
fn label(compared: &Compared) -> String {
    match compared.quantity {
        Quantity::BacklogFinal => "final backlog".to_owned(),
        _ => compared.measure.label.to_owned(),
    }
}

/// The index, the rate and the predicted regime of a machine.
fn machine(comparison: &PredictionComparison<'_>) -> String {
    let mut lines = vec![format!(
        "{} at {}/s",
        comparison.group.machine, comparison.group.rate
    )];
    if let Some(prediction) = &comparison.prediction {
        lines.extend(prediction.regime.map(|regime| regime.name().to_owned()));
    }
    in_lines(lines)
}

/// Whether one of the values shown has a caveat.
fn has_caveats(comparison: &PredictionComparison<'_>) -> bool {
    let mut shown = shown(comparison).into_iter();
    shown.any(|compared| !compared.caveats.is_empty())
}

/// The labels of the lines of a row, for the column before the measures.
fn line_labels(comparison: &PredictionComparison<'_>) -> String {
    let mut lines = LINES.map(str::to_owned).to_vec();
    lines[0] = format!("mean of {}", grouped(comparison.group.n));
    if !has_caveats(comparison) {
        lines.pop();
    }
    in_lines(lines)
}

/// Returns a function that makes the cells of a measure in the row of `comparison`: a cell for its value and, for the final backlog, a cell
/// for the standard deviation.
fn cells_of(comparison: &PredictionComparison<'_>) -> impl Fn(&Compared) -> Vec<String> {
    |compared| {
        let mut cells = vec![cell(compared, has_caveats(comparison))];
        if compared.quantity == WITH_SD {
            cells.push(sd_cell(comparison, compared));
        }
        cells
    }
}

/// The lines of a measure. `has_caveats` says whether the row has a line for caveats.
fn cell(compared: &Compared, has_caveats: bool) -> String {
    let decimals = compared.measure.decimals;
    let mut measured = match &compared.measured {
        Some(estimate) => estimate_words(estimate, compared.measure.digits()),
        None => vec!["none".to_owned()],
    };
    // The first text is the mean, and the second one its interval or `all equal`. They have separate lines, so the comma of `4, all equal`
    // is removed. A single value has no second text, so its second line is empty.
    measured[0] = measured[0].trim_end_matches(',').to_owned();
    measured.resize(2, String::new());
    // Differences are often small, so they have one more digit after the point.
    let prediction_lines = [
        or_none(compared.predicted.map(|value| rounded(value, decimals))),
        or_none(
            compared
                .difference()
                .map(|value| signed(value, decimals + 1)),
        ),
        or_none(compared.z().map(|z| signed(z, 1))),
    ];
    let mut lines: Vec<String> = measured.into_iter().chain(prediction_lines).collect();
    lines.extend(has_caveats.then(|| letters(&compared.caveats)));
    in_lines(lines)
}

fn letters(caveats: &[Caveat]) -> String {
    let letters: Vec<String> = caveats
        .iter()
        .map(|caveat| caveat.letter().to_string())
        .collect();
    letters.join(" ")
}

/// The lines of the standard deviation of the final backlog: measured, an empty line for the interval, predicted, difference.
fn sd_cell(comparison: &PredictionComparison<'_>, compared: &Compared) -> String {
    let measured = compared.measured.and_then(|estimate| estimate.sd);
    let predicted = sd_predicted(comparison);
    let difference = measured
        .zip(predicted)
        .map(|(measured, predicted)| measured - predicted);
    in_lines([
        or_none(measured.map(|sd| rounded(sd, 1))),
        String::new(),
        or_none(predicted.map(|sd| rounded(sd, 1))),
        or_none(difference.map(|value| signed(value, 1))),
    ])
}

fn sd_predicted(comparison: &PredictionComparison<'_>) -> Option<f64> {
    let prediction = comparison.prediction.as_ref();
    prediction.and_then(|prediction| prediction.backlog_final_sd)
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or("none".to_owned())
}

/// The rounded value, with a plus sign if it is positive. A text such as `< 0.1` gets no sign.
fn signed(value: f64, decimals: usize) -> String {
    let text = rounded(value, decimals);
    match value > 0.0 && !text.starts_with('<') {
        true => format!("+{text}"),
        false => text,
    }
}

/// One text with each of `lines` in a line of its own.
fn in_lines(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| keep_together(&line)).collect();
    lines.join(LINE_BREAK)
}

fn caption(machines: &[PredictionComparison<'_>], constant: Option<String>) -> Vec<String> {
    let mut caption = vec![
        "Measured: mean over the repetitions ± half the width of its 95 % interval (Student's t), and the standard deviation \
         (sd) of the final backlog. Predicted: computed from the configuration alone, in two steps. The first step assumes that \
         messages flow evenly, at their mean rates (a fluid model). The second step adds the effect of random fluctuations (a diffusion). Difference: measured - \
         predicted. z: the difference divided by the standard error of the mean."
            .to_owned(),
        "If the theory were exact, about 95 % of the values of z would be between -2 and 2 (with ten or more \
         repetitions). A large z with a small difference only means that there are enough repetitions to see \
         that the theory is an approximation. The difference shows how good the approximation is."
            .to_owned(),
    ];
    let measured = machines.iter().flat_map(shown);
    let measured = measured.filter_map(|compared| compared.measured);
    // What `±~` and `all equal` mean, if they are in the table.
    caption.extend(notes(measured.map(|estimate| estimate.interval_kind)));
    // The parameters that have no column, with their values.
    caption.extend(constant);
    caption.push(REGIMES.to_owned());
    let measures: Vec<Compared> = machines.first().into_iter().flat_map(shown).collect();
    caption.extend(described_measures(&measures));
    let compared: Vec<Compared> = machines.iter().flat_map(shown).collect();
    caption.extend(reasons(&compared));
    caption
}

/// The descriptions of the measures, as items of a list.
pub(super) fn described_measures(measures: &[Compared]) -> impl Iterator<Item = String> + '_ {
    measures
        .iter()
        .map(|compared| format!("- {}: {}.", label(compared), described(compared.measure)))
}

/// The explanations of all caveats in the table, as items of a list. Each caveat is explained once.
pub(super) fn reasons(measures: &[Compared]) -> Vec<String> {
    let is_in_table = |caveat: &Caveat| {
        let mut measures = measures.iter();
        measures.any(|compared| compared.caveats.contains(caveat))
    };
    let caveats = Caveat::ALL.into_iter().filter(is_in_table);
    caveats
        .map(|caveat| {
            format!(
                "- caveat {} ({}): {}.",
                caveat.letter(),
                caveat.name(),
                caveat.words()
            )
        })
        .collect()
}

/// A record for each machine, in full precision. It has the parameters and three predictions: the regime, how many messages arrive per
/// second, and how many ticks per second are idle (receive nothing). For each predicted measure it has mean, sd, low, high, n, predicted,
/// difference, z and the names of the caveats; for the final backlog also the predicted sd.
pub fn records(machines: &[PredictionComparison<'_>]) -> Vec<Record> {
    machines.iter().map(record).collect()
}

fn record(comparison: &PredictionComparison<'_>) -> Record {
    let mut record = group_record(comparison.group);
    let prediction = comparison.prediction.as_ref();
    let or_missing = |text: Option<String>| text.map_or(Value::Missing, Value::Text);
    let regime = prediction.and_then(|prediction| prediction.regime);
    let regime = regime.map(|regime| regime.name().to_owned());
    let arrivals = prediction.and_then(|prediction| prediction.arrival_rate);
    let idle = prediction.and_then(|prediction| prediction.idle_rate);
    record.extend([
        ("regime".to_owned(), or_missing(regime)),
        ("arrival_rate_predicted".to_owned(), arrivals.into()),
        ("idle_rate_predicted".to_owned(), idle.into()),
    ]);
    for compared in comparison.compared() {
        push_measure(&mut record, &compared);
        if compared.quantity == WITH_SD {
            let name = format!("{}_sd_predicted", WITH_SD.name());
            record.push((name, sd_predicted(comparison).into()));
        }
    }
    record
}

fn push_measure(record: &mut Record, compared: &Compared) {
    push_estimate(record, compared.measure, compared.measured);
    let mut push = |what: &str, value: Option<f64>| {
        record.push((format!("{}_{what}", compared.measure.name), value.into()));
    };
    push("predicted", compared.predicted);
    push("difference", compared.difference());
    push("z", compared.z());
    let names: Vec<&str> = compared
        .caveats
        .iter()
        .map(|caveat| caveat.name())
        .collect();
    let name = format!("{}_caveats", compared.measure.name);
    record.push((name, Value::Text(names.join("; "))));
}
