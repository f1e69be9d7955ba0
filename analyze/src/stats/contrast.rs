//! Contrasts: how measures change from one value of a parameter to another if all other parameters stay the same.
//!
//! Two configurations that differ only in this parameter are compared machine by machine: machine 0 with machine 0, machine 1 with
//! machine 1, and so on. (Contrasts of two datasets or conditions, which [`super::sides`] makes, can compare machines by their role.) Two
//! machines that are compared are a *pair*. The runs of the two configurations are independent of each other.
//! [`difference`](crate::stats::difference) calculates the intervals.
//!
//! After the rows of all pairs, the table has a row for each dataset with several pairs: the average of their differences, with equal
//! weight. For the interval of this average, each run counts as only one value, the mean of its machines, because the machines of a run
//! depend on each other. The interval says nothing about configurations that are not compared.

mod averages;
mod records;

use std::collections::HashSet;

use sim::sweep::words::grouped;

use crate::error::Error;
use crate::measures::Measure;
use crate::output::table::{Table, keep_together};
use crate::output::value::Value;
use crate::read::runs::{has_own_column, parameters, shown};
use crate::stats::difference::Difference;
use crate::stats::estimate::IntervalKind;
use crate::stats::intervals::{difference_words, notes};
use crate::stats::repetitions::{Configured, Group};
use crate::stats::tables::{few_warning, parameter_heading};

pub use averages::AllRuns;
use averages::dataset_averages;
pub use records::records;

/// The name of the row with the average.
const AVERAGE: &str = "average";

/// Two values of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// The name of the parameter: one of [`parameters`].
    parameter: &'static str,
    /// The first value, as text.
    pub a: String,
    /// The second value, as text.
    pub b: String,
}

/// Two groups that differ only in the parameter of the contrast. A group is one machine of one configuration, with its repetitions.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'g> {
    /// The group with the first value.
    pub a: &'g Group,
    /// The group with the second value.
    pub b: &'g Group,
}

/// Why there is no contrast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoContrast {
    /// The name is not a parameter.
    #[error("there is no parameter `{0}`; the parameters are {names}", names = parameters().join(", "))]
    Parameter(String),
    /// No configuration has the value.
    #[error("no run has {parameter} {value}; the values in the data are {existing}")]
    Value {
        /// The parameter.
        parameter: &'static str,
        /// The value that no configuration has.
        value: String,
        /// The values that configurations have.
        existing: String,
    },
    /// Both values are the same.
    #[error("--from and --to are both {0}; name two values")]
    Same(String),
    /// No two configurations differ only in this parameter.
    #[error("no two configurations differ only in {0}")]
    NoPair(&'static str),
}

impl Contrast {
    /// A contrast between the values `a` and `b` of the parameter `name`.
    ///
    /// # Errors
    ///
    /// [`NoContrast::Parameter`] if there is no such parameter; [`NoContrast::Same`] if `a` and `b` are equal.
    pub fn new(name: &str, a: &str, b: &str) -> Result<Self, NoContrast> {
        let parameter = parameters().iter().find(|known| **known == name);
        if is_equal(a, b) {
            return Err(NoContrast::Same(a.to_owned()));
        }
        Ok(Self {
            parameter: parameter.ok_or_else(|| NoContrast::Parameter(name.to_owned()))?,
            a: a.to_owned(),
            b: b.to_owned(),
        })
    }

    /// The pairs among `groups`, sorted by the position of their group `a` in `groups`.
    ///
    /// # Errors
    ///
    /// [`NoContrast`] if there is no pair.
    pub fn pairs<'g>(&self, groups: &'g [Group]) -> Result<Vec<Pair<'g>>, NoContrast> {
        let has = |group: &Group, value: &str| is_equal(&self.value(group), value);
        for value in [&self.a, &self.b] {
            if !groups.iter().any(|group| has(group, value)) {
                return Err(NoContrast::Value {
                    parameter: self.parameter,
                    value: value.clone(),
                    existing: self.values(groups).join(" | "),
                });
            }
        }
        let pairs = self.find_pairs(groups);
        if pairs.is_empty() {
            return Err(NoContrast::NoPair(self.parameter));
        }
        Ok(pairs)
    }

    /// The pairs among `groups`. A group with the first value and a group with the second value are a pair if they agree in everything
    /// else.
    fn find_pairs<'g>(&self, groups: &'g [Group]) -> Vec<Pair<'g>> {
        let has = |group: &&Group, value: &str| is_equal(&self.value(group), value);
        let of_b: Vec<&Group> = groups.iter().filter(|group| has(group, &self.b)).collect();
        groups
            .iter()
            .filter(|group| has(group, &self.a))
            .filter_map(|a| {
                let b = of_b.iter().copied().find(|b| self.agree_in_others(a, b))?;
                Some(Pair { a, b })
            })
            .collect()
    }

    /// The value of the contrast's parameter in a group, as tables show it.
    fn value(&self, group: &Group) -> String {
        shown(&group.parameters, self.parameter)
    }

    /// The different values of the contrast's parameter in `groups`.
    fn values(&self, groups: &[Group]) -> Vec<String> {
        let mut values: Vec<String> = vec![];
        for group in groups {
            let value = self.value(group);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// Whether two groups have the same dataset and the same machine number, and agree in all parameters except the contrast's.
    fn agree_in_others(&self, a: &Group, b: &Group) -> bool {
        // The parameter `internal_each` (a value of `internal` for each machine) has no column of its own. Tables show its values in the
        // column `internal`. So in a contrast of `internal`, two groups of a pair may differ in `internal_each` too.
        let may_differ = |name: &str| {
            name == self.parameter || (self.parameter == "internal" && !has_own_column(name))
        };
        let others = |group: &Group| -> Vec<Value> {
            let named = std::iter::zip(parameters(), &group.parameters);
            let others = named.filter(|(name, _)| !may_differ(name));
            others.map(|(_, value)| value.clone()).collect()
        };
        a.dataset == b.dataset && a.machine == b.machine && others(a) == others(b)
    }
}

/// Whether a value equals the text that a user wrote.
fn is_equal(value: &str, text: &str) -> bool {
    match (value.parse::<f64>(), text.parse::<f64>()) {
        (Ok(value), Ok(number)) => value == number,
        _ => value == text,
    }
}

impl Pair<'_> {
    /// The difference of `measure`, B minus A. `None` if the measure is undefined in one of the groups.
    pub fn difference(&self, measure: &Measure) -> Option<Difference> {
        Some(Difference::between(
            &self.a.estimate(measure)?,
            &self.b.estimate(measure)?,
        ))
    }
}

/// A table with a row for each of `pairs`, and a column for the difference of each of `measures`. After these rows, there is a row for each
/// dataset with several pairs: the average of their differences. `all_runs` is `None` if some pairs were left out (by the option --having
/// or --top). Then the averages have no intervals.
///
/// # Errors
///
/// [`Error::Query`] if the measures cannot be computed.
pub fn table(
    contrast: &Contrast,
    pairs: &[Pair<'_>],
    measures: &[&Measure],
    all_runs: Option<AllRuns<'_>>,
) -> Result<Table, Error> {
    let varying = varying(contrast, pairs);
    let datasets = datasets(pairs);
    let has_datasets = datasets.len() > 1;
    let mut headings: Vec<String> = vec![];
    headings.extend(has_datasets.then(|| "dataset".to_owned()));
    headings.extend(
        varying
            .iter()
            .map(|name| parameter_heading(name).to_owned()),
    );
    headings.push("machine".to_owned());
    let key_columns = headings.len();
    headings.extend(measures.iter().map(|measure| measure.heading()));
    headings.push("n".to_owned());
    let differences = |pair: &Pair<'_>| -> Vec<Option<Difference>> {
        let differences = measures.iter().map(|measure| pair.difference(measure));
        differences.collect()
    };
    let mut all_differences: Vec<Vec<Option<Difference>>> = pairs.iter().map(differences).collect();
    let mut rows: Vec<Vec<String>> = std::iter::zip(pairs, &all_differences)
        .map(|(pair, differences)| {
            let dataset = has_datasets.then(|| pair.a.dataset.clone());
            let row = row(pair, &varying, measures, differences);
            dataset.into_iter().chain(row).collect()
        })
        .collect();
    for average in dataset_averages(contrast, pairs, measures, all_runs)? {
        let mut row = vec![String::new(); key_columns];
        if has_datasets {
            average.dataset.clone_into(&mut row[0]);
            AVERAGE.clone_into(&mut row[1]);
        } else {
            AVERAGE.clone_into(&mut row[0]);
        }
        row.extend(difference_cells(&average.differences, measures));
        row.push(String::new());
        rows.push(row);
        all_differences.push(average.differences);
    }
    let shown_differences = all_differences.iter().flatten().flatten();
    Ok(Table {
        short: vec![],
        title: "Contrast",
        numeric: (0..headings.len())
            .map(|column| column >= key_columns)
            .collect(),
        headings,
        rows,
        // Narrow terminals leave out measures, the last one first. The first measure is always shown.
        optional: (key_columns + 1..key_columns + measures.len())
            .rev()
            .collect(),
        caption: caption(
            contrast,
            measures,
            shown_differences.map(|difference| difference.interval_kind),
            pairs.iter().map(|pair| pair.a.n.min(pair.b.n)).min(),
        ),
        ..Table::default()
    })
}

/// The parameters that get a column in the table: `rates`, and each parameter that is not the same in all pairs. The parameter of the
/// contrast never gets a column, even if it is `rates`.
fn varying(contrast: &Contrast, pairs: &[Pair<'_>]) -> Vec<&'static str> {
    // It is enough to compare each pair with the next one. Of each pair, only the group `a` is looked at: the group `b` has the same
    // values of all parameters that can get a column.
    let differs = |name: &str| {
        pairs
            .windows(2)
            .any(|two| two[0].a.parameter(name) != two[1].a.parameter(name))
    };
    let names = parameters().iter().copied();
    names
        .filter(|name| *name != contrast.parameter && has_own_column(name))
        .filter(|name| *name == "rates" || differs(name))
        .collect()
}

/// The row of a pair. If a measure is undefined in some runs, its cell says how many runs of each group have a value: `(n 8 and 10)`.
fn row(
    pair: &Pair<'_>,
    varying: &[&str],
    measures: &[&Measure],
    differences: &[Option<Difference>],
) -> Vec<String> {
    let mut row: Vec<String> = varying
        .iter()
        .map(|name| shown(&pair.a.parameters, name))
        .collect();
    row.push(pair.a.machine.to_string());
    row.extend(
        std::iter::zip(difference_cells(differences, measures), measures).map(|(cell, measure)| {
            let n = |group: &Group| group.estimate(measure).map_or(0, |estimate| estimate.n);
            let (a, b) = (n(pair.a), n(pair.b));
            match (a, b) == (pair.a.n, pair.b.n) {
                true => cell,
                false => format!("{cell} {}", keep_together(&format!("(n {a} and {b})"))),
            }
        }),
    );
    row.push(both_counts(pair.a.n, pair.b.n));
    row
}

/// The datasets of the pairs, each once. With --sort, the pairs of a dataset do not always follow each other.
fn datasets<'g>(pairs: &[Pair<'g>]) -> Vec<&'g str> {
    let mut datasets: Vec<&str> = pairs.iter().map(|pair| pair.a.dataset.as_str()).collect();
    let mut seen = HashSet::new();
    datasets.retain(|dataset| seen.insert(*dataset));
    datasets
}

/// The numbers of runs `a` and `b` as a cell. If they are equal, the cell has one number.
pub(super) fn both_counts(a: u64, b: u64) -> String {
    match a == b {
        true => grouped(a),
        false => keep_together(&format!("{} and {}", grouped(a), grouped(b))),
    }
}

/// The difference of each measure as a cell; `none` if it is undefined.
pub(super) fn difference_cells(
    differences: &[Option<Difference>],
    measures: &[&Measure],
) -> Vec<String> {
    std::iter::zip(differences, measures)
        .map(|(difference, measure)| match difference {
            None => "none".to_owned(),
            Some(difference) => {
                keep_together(&difference_words(difference, measure.digits()).join(" "))
            }
        })
        .collect()
}

/// The paragraphs below the table. `kinds` are the kinds of the table's intervals. `fewest` is the number of repetitions of the group that
/// has the fewest.
fn caption(
    contrast: &Contrast,
    measures: &[&Measure],
    kinds: impl Iterator<Item = IntervalKind>,
    fewest: Option<u64>,
) -> Vec<String> {
    let Contrast { a, b, .. } = contrast;
    let mut caption = vec![
        format!(
            "Effect of changing {name} from {a} to {b}: difference of the means ({b} minus {a}) ± half the \
             width of its 95 % interval (Welch). Each row compares one machine in two configurations that \
             are equal in everything else; n is the number of repetitions of each configuration (first that \
             of {a}, then that of {b}, if the numbers differ).",
            name = contrast.parameter
        ),
        "average: the average of all rows (of one dataset, if there are several), with equal weight. For its \
         interval (Welch), each run counts as one value, the mean of its machines, because the machines of a run \
         depend on each other. The interval says nothing about other configurations. The average has no interval \
         in three cases: rows are left out (--having, --top); --where does not choose the same machines in both \
         compared configurations and in all their runs; a machine has no value in one of the runs."
            .to_owned(),
        "If an interval includes 0, these runs do not show whether the parameter has an effect.".to_owned(),
    ];
    caption.extend(notes(kinds));
    caption.extend(few_warning(fewest));
    caption.extend(
        measures
            .iter()
            .map(|measure| format!("- {}: {}.", measure.label, measure.brief)),
    );
    caption
}
