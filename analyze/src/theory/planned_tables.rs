//! The predictions for an experiment before its runs, as tables and as records (named values, for CSV and JSON).

use std::collections::HashMap;

use sim::experiment::{Configuration, PARAMETERS, Parameter, ValueKind};
use sim::sweep::words::grouped;

use super::boundary::{Boundary, Swept};
use super::comparison::Compared;
use super::planned::{PlannedConfiguration, predicted_alone};
use super::prediction::Prediction;
use super::quantity::Quantity;
use super::regime::Regime;
use super::tables::{REGIMES, described_measures, heading, reasons};
use crate::output::table::{LINE_BREAK, Table, keep_together, number, rounded};
use crate::output::tones::tone_of_verdict;
use crate::output::value::{Record, Value};

/// The measures that the table shows. The records have all measures.
const SHOWN: [Quantity; 5] = [
    Quantity::BacklogGrowth,
    Quantity::BacklogFinal,
    Quantity::LogicalRate,
    Quantity::LagFinal,
    Quantity::JumpMean,
];
/// A boundary is the value of a parameter at which a machine starts or stops being overloaded. [`boundary_table`] shows boundaries with
/// this number of digits after the decimal point.
const BOUNDARY_DECIMALS: usize = 4;

/// The number of configurations in each regime, as a sentence. The regime says how many messages arrive at a machine: fewer than it has
/// ticks (stable), about as many (critical) or more (overloaded). A configuration has the worst regime of its machines:
/// overloaded is the worst, and stable the best.
pub fn planned_overview(configurations: &[PlannedConfiguration]) -> String {
    let count = |regime: Option<Regime>| {
        let configurations = configurations.iter();
        let of_regime = configurations.filter(|one| one.worst_regime() == regime);
        of_regime.count() as u64
    };
    let parts = [
        (Some(Regime::Stable), "all machines are stable"),
        (Some(Regime::Overloaded), "a machine is overloaded"),
        (
            Some(Regime::Critical),
            "a machine is critical and none overloaded",
        ),
        (None, "nothing can be predicted"),
    ];
    let parts = parts.into_iter().filter_map(|(regime, words)| {
        let count = count(regime);
        (count > 0).then(|| format!("{words} in {}", grouped(count)))
    });
    format!(
        "Of {} configurations: {}.",
        grouped(configurations.len() as u64),
        parts.collect::<Vec<_>>().join(", ")
    )
}

/// A table with a row for each machine of each configuration.
pub fn planned_table(configurations: &[PlannedConfiguration]) -> Table {
    let all = || configurations.iter().map(|one| &*one.configuration);
    let varying = varying(all());
    let mut headings: Vec<String> = headings_of(&varying);
    headings.extend(["machine", "regime"].map(str::to_owned));
    let first_measure = headings.len();
    // Headings and descriptions of measures do not depend on values, so an empty prediction is enough.
    let unknown = Prediction::default();
    let sample = SHOWN.map(|quantity| predicted_alone(&unknown, quantity));
    headings.extend(sample.iter().map(|measure| in_lines(&heading(measure))));
    let mut rows = vec![];
    for planned in configurations {
        for (index, prediction) in planned.machines.iter().enumerate() {
            let mut row = cells_of(&varying, &planned.configuration);
            row.push(machine(&planned.configuration, index));
            row.push(regime(prediction).unwrap_or("none").to_owned());
            row.extend(SHOWN.map(|quantity| cell(&predicted_alone(prediction, quantity))));
            rows.push(row);
        }
    }
    let mut caption = vec![
        "Predicted from the configurations alone, for the mean over many repetitions. A letter after a value is a caveat: the theory \
         neglects something that affects this value."
            .to_owned(),
    ];
    caption.extend(constant(all(), &varying));
    caption.push(REGIMES.to_owned());
    caption.extend(described_measures(&sample));
    // The caption also explains the caveats that are in the table.
    let machines = configurations.iter().flat_map(|planned| &planned.machines);
    let shown: Vec<Compared> = machines
        .flat_map(|machine| SHOWN.map(|quantity| predicted_alone(machine, quantity)))
        .collect();
    caption.extend(reasons(&shown));
    Table {
        short: vec![],
        title: "Theory before the runs",
        numeric: (0..headings.len())
            .map(|column| column >= first_measure)
            .collect(),
        // If the terminal is narrow, columns of measures are left out from right to left. The leftmost measure always stays.
        optional: (first_measure + 1..headings.len()).rev().collect(),
        headings,
        rows,
        // The words in the column `regime`, such as `stable`, have colours. `tone_of_verdict` knows these words too.
        coloured: Some((first_measure - 1, tone_of_verdict)),
        caption,
        ..Table::default()
    }
}

/// A table of the boundaries of stability. Each row names a machine and says when it is overloaded, for example if `internal is below
/// 0.8125`. Here `internal` is the *swept* parameter: it takes several values in the experiment. None if there are no boundaries.
pub fn boundary_table(
    configurations: &[PlannedConfiguration],
    boundaries: &[Boundary],
) -> Option<Table> {
    if boundaries.is_empty() {
        return None;
    }
    let all = configurations.iter().map(|one| &*one.configuration);
    // If `internal` is the swept parameter of all boundaries, the table has no column `internal`, because the last column already shows
    // values of `internal`. The same applies to `rates`.
    let varying: Vec<&Parameter> = varying(all)
        .into_iter()
        .filter(|parameter| {
            let name = parameter.name;
            let is_swept = |boundary: &Boundary| match boundary.swept {
                Swept::Internal => name == "internal",
                Swept::Rate(_) => name == "rates",
            };
            !boundaries.iter().all(is_swept)
        })
        .collect();
    let mut headings = headings_of(&varying);
    headings.extend(["machine", "overloaded if"].map(str::to_owned));
    let rows = boundaries.iter().map(|boundary| {
        let mut row: Vec<String> = varying
            .iter()
            .map(|parameter| key_cell(parameter, boundary))
            .collect();
        row.push(match boundary.swept {
            // The swept value is the rate of this machine, so the cell has only the machine's index.
            Swept::Rate(swept) if swept == boundary.machine => swept.to_string(),
            _ => machine(&boundary.configuration, boundary.machine),
        });
        row.push(condition(boundary));
        row
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut caption = vec![
        "The boundary of stability: at this value, as many messages arrive at the machine in the long run as it has ticks. The \
         boundary is computed as if messages flowed evenly (a fluid model). Boundaries are found between the smallest and the largest \
         value in the experiment. A machine that is not listed has no boundary there. Close to a boundary, the regime of a run is critical."
            .to_owned(),
    ];
    if rows.iter().flatten().any(|cell| cell.contains('*')) {
        caption.push("*: the value that varies.".to_owned());
    }
    Some(Table {
        short: vec![],
        title: "Where stability ends",
        numeric: vec![false; headings.len()],
        headings,
        rows,
        caption,
        ..Table::default()
    })
}

/// The cell of `parameter` in the row of `boundary`. An asterisk stands for the swept value.
fn key_cell(parameter: &Parameter, boundary: &Boundary) -> String {
    let configuration = &boundary.configuration;
    match (boundary.swept, parameter.name) {
        (Swept::Internal, "internal") => "*".to_owned(),
        (Swept::Rate(swept), "rates") => {
            let rates = configuration.rates.iter().enumerate();
            let rates = rates.map(|(index, rate)| match index == swept {
                true => "*".to_owned(),
                false => rate.to_string(),
            });
            rates.collect::<Vec<_>>().join(",")
        }
        _ => parameter.cell(configuration),
    }
}

/// The values at which the machine is overloaded, such as `internal is below 0.8125`.
fn condition(boundary: &Boundary) -> String {
    let side = match boundary.is_overloaded_below {
        true => "below",
        false => "above",
    };
    let value = number(boundary.value, BOUNDARY_DECIMALS);
    keep_together(&match boundary.swept {
        Swept::Internal => format!("internal is {side} {value}"),
        Swept::Rate(machine) => format!("rate of machine {machine} is {side} {value}/s"),
    })
}

/// A record for each machine of each configuration, in full precision: parameters, regime and, for each predicted measure, its
/// value and the names of its caveats. `internal_boundary` is the value of `internal` at which the machine starts or stops being
/// overloaded. If there are several such values, the record has the largest one. If the rate of exactly one machine differs
/// between the configurations, this rate is the *swept rate*. `rate_boundary` is the value of the swept rate at which the machine of the
/// record starts or stops being overloaded. The swept rate can be the rate of another machine.
pub fn planned_records(
    configurations: &[PlannedConfiguration],
    boundaries: &[Boundary],
) -> Vec<Record> {
    // Each key is a pair: a text with all parameters except the swept one, and the index of a machine. The value is the largest boundary
    // with this key.
    let mut largest: HashMap<(String, usize), f64> = HashMap::new();
    for boundary in boundaries {
        let key = (
            boundary.swept.fixed_parameters(&boundary.configuration),
            boundary.machine,
        );
        let value = largest.entry(key).or_insert(boundary.value);
        *value = value.max(boundary.value);
    }
    // At most one machine's rate is swept. So the first boundary along a rate shows which machine this is.
    let mut swept = boundaries.iter().map(|boundary| boundary.swept);
    let swept_rate = swept.find(|swept| *swept != Swept::Internal);
    let mut records = vec![];
    for planned in configurations {
        let configuration = &planned.configuration;
        let boundary_along = |swept: Swept, machine: usize| {
            let key = (swept.fixed_parameters(configuration), machine);
            largest.get(&key).copied()
        };
        for (index, prediction) in planned.machines.iter().enumerate() {
            let mut record = record(configuration, index, prediction);
            let internal = boundary_along(Swept::Internal, index);
            let rate = swept_rate.and_then(|swept| boundary_along(swept, index));
            record.push(("internal_boundary".to_owned(), internal.into()));
            record.push(("rate_boundary".to_owned(), rate.into()));
            records.push(record);
        }
    }
    records
}

fn record(configuration: &Configuration, index: usize, prediction: &Prediction) -> Record {
    let parameters = PARAMETERS.iter().map(|parameter| {
        let cell = parameter.cell(configuration);
        let value = match (parameter.kind, cell.parse()) {
            (ValueKind::Number | ValueKind::NumberOrList, Ok(number)) => Value::Number(number),
            _ => Value::Text(cell),
        };
        (parameter.name.to_owned(), value)
    });
    let mut record: Record = parameters.collect();
    let mut push = |name: &str, value: Value| record.push((name.to_owned(), value));
    push("machine", Value::Integer(index as i64));
    push(
        "rate",
        configuration
            .rates
            .iter()
            .nth(index)
            .map(|rate| rate.hertz())
            .into(),
    );
    push("regime", regime(prediction).map(str::to_owned).into());
    push("arrival_rate_predicted", prediction.arrival_rate.into());
    push("idle_rate_predicted", prediction.idle_rate.into());
    push(
        "backlog_final_sd_predicted",
        prediction.backlog_final_sd.into(),
    );
    for quantity in Quantity::ALL {
        let predicted = predicted_alone(prediction, quantity);
        let caveats: Vec<&str> = predicted
            .caveats
            .iter()
            .map(|caveat| caveat.name())
            .collect();
        push(
            &format!("{}_predicted", quantity.name()),
            predicted.predicted.into(),
        );
        push(
            &format!("{}_caveats", quantity.name()),
            Value::Text(caveats.join("; ")),
        );
    }
    record
}

/// The parameters whose values differ between the configurations. `rates` and `internal` are always included.
fn varying<'c>(
    configurations: impl Iterator<Item = &'c Configuration> + Clone,
) -> Vec<&'static Parameter> {
    let differs = |parameter: &Parameter| {
        let mut cells = configurations.clone().map(|one| parameter.cell(one));
        let first = cells.next();
        cells.any(|cell| Some(&cell) != first.as_ref())
    };
    let is_shown = |parameter: &&Parameter| {
        ["rates", "internal"].contains(&parameter.name) || differs(parameter)
    };
    PARAMETERS.iter().filter(is_shown).collect()
}

fn headings_of(parameters: &[&Parameter]) -> Vec<String> {
    let headings = parameters.iter();
    headings
        .map(|parameter| parameter.heading.to_owned())
        .collect()
}

fn cells_of(parameters: &[&Parameter], configuration: &Configuration) -> Vec<String> {
    let cells = parameters.iter();
    cells
        .map(|parameter| parameter.cell(configuration))
        .collect()
}

/// A sentence with the parameters that are equal in all configurations, and their values. A parameter that is a variant of the model (such
/// as the topology) is left out if it has its default value.
fn constant<'c>(
    mut configurations: impl Iterator<Item = &'c Configuration>,
    varying: &[&Parameter],
) -> Option<String> {
    let first = configurations.next()?;
    let is_constant = |parameter: &&Parameter| {
        let is_varying = varying.iter().any(|other| other.name == parameter.name);
        !is_varying && !parameter.can_be_left_out(first)
    };
    let words: Vec<String> = PARAMETERS
        .iter()
        .filter(is_constant)
        .map(|parameter| {
            let cell = parameter.cell(first);
            // A unit moves behind the value: the heading `duration (s)` becomes `duration 30 s`.
            keep_together(&match parameter.heading.strip_suffix(" (s)") {
                Some(heading) => format!("{heading} {cell} s"),
                None => format!("{} {cell}", parameter.heading),
            })
        })
        .collect();
    (!words.is_empty()).then(|| format!("Every run: {}.", words.join(", ")))
}

/// The heading with each word in a line of its own.
fn in_lines(heading: &str) -> String {
    heading.replace(' ', LINE_BREAK)
}

/// The index and the rate of a machine, such as `0 at 1/s`.
fn machine(configuration: &Configuration, index: usize) -> String {
    let rate = configuration.rates.iter().nth(index);
    let rate = rate.map_or(String::new(), |rate| format!(" at {rate}/s"));
    keep_together(&format!("{index}{rate}"))
}

/// The name of the predicted regime. None if it cannot be predicted.
fn regime(prediction: &Prediction) -> Option<&'static str> {
    prediction.regime.map(Regime::name)
}

/// The predicted value and the letters of its caveats.
fn cell(predicted: &Compared) -> String {
    let Some(value) = predicted.predicted else {
        return "none".to_owned();
    };
    let letters = predicted.caveats.iter().map(|caveat| caveat.letter());
    let letters: String = letters.collect();
    let value = rounded(value, predicted.measure.decimals);
    keep_together(format!("{value} {letters}").trim_end())
}
