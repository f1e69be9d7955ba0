//! Contrasts: what difference it makes whether a parameter has one value or another, all else being equal.
//!
//! Configurations are paired that agree in everything but that parameter, machine by machine. Their runs are drawn independently:
//! see [`difference`](crate::stats::difference) for the intervals.
//!
//! Over all pairs the differences are averaged, with equal weight. The machines of a run depend on each other, so for that average
//! each run is one value: the mean of its machines. The average's interval is about these configurations, not about others that
//! might have been swept.

use crate::error::Error;
use crate::measures::Measure;
use crate::output::table::{Table, keep_together};
use crate::output::value::{Record, Value};
use crate::read::runs::{is_in_full, parameters, shown};
use crate::stats::difference::Difference;
use crate::stats::estimate::IntervalKind;
use crate::stats::intervals::{difference_words, notes};
use crate::stats::repetitions::{Group, Repetitions};
use crate::stats::tables::parameter_heading;

/// Two values of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// One of [`parameters`].
    parameter: &'static str,
    /// Its values, as texts.
    pub a: String,
    /// And the other.
    pub b: String,
}

/// Two groups that agree in all but the parameter.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'g> {
    /// With value A.
    pub a: &'g Group,
    /// With value B.
    pub b: &'g Group,
}

/// Why there is no contrast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoContrast {
    /// Not a parameter of a configuration.
    #[error("no parameter `{0}`; there are {names}", names = parameters().join(", "))]
    Parameter(String),
    /// No configuration has the value.
    #[error("no run has {parameter} {value}; there are {there}")]
    Value {
        /// The parameter.
        parameter: &'static str,
        /// What was asked for.
        value: String,
        /// What there is.
        there: String,
    },
    /// Every configuration with the one value differs from every one with the other in something else too.
    #[error("no two configurations differ in {0} alone")]
    NoPair(&'static str),
}

impl Contrast {
    /// Between the values `a` and `b` of the parameter called `name`.
    ///
    /// # Errors
    ///
    /// [`NoContrast::Parameter`].
    pub fn new(name: &str, a: &str, b: &str) -> Result<Self, NoContrast> {
        let parameter = parameters().iter().find(|known| **known == name);
        Ok(Self {
            parameter: parameter.ok_or_else(|| NoContrast::Parameter(name.to_owned()))?,
            a: a.to_owned(),
            b: b.to_owned(),
        })
    }

    /// The pairs among `groups`, in their order.
    ///
    /// # Errors
    ///
    /// [`NoContrast`] if there is none.
    pub fn pairs<'g>(&self, groups: &'g [Group]) -> Result<Vec<Pair<'g>>, NoContrast> {
        let has = |group: &Group, value: &str| is(&self.value(group), value);
        for value in [&self.a, &self.b] {
            if !groups.iter().any(|group| has(group, value)) {
                return Err(NoContrast::Value {
                    parameter: self.parameter,
                    value: value.clone(),
                    there: self.values(groups).join(" | "),
                });
            }
        }
        let pairs = self.matching(groups);
        if pairs.is_empty() {
            return Err(NoContrast::NoPair(self.parameter));
        }
        Ok(pairs)
    }

    fn matching<'g>(&self, groups: &'g [Group]) -> Vec<Pair<'g>> {
        let has = |group: &&Group, value: &str| is(&self.value(group), value);
        let of_b: Vec<&Group> = groups.iter().filter(|group| has(group, &self.b)).collect();
        groups
            .iter()
            .filter(|group| has(group, &self.a))
            .filter_map(|a| {
                let b = of_b.iter().copied().find(|b| self.agree(a, b))?;
                Some(Pair { a, b })
            })
            .collect()
    }

    /// The value as tables show it.
    fn value(&self, group: &Group) -> String {
        shown(&group.parameters, self.parameter)
    }

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

    fn agree(&self, a: &Group, b: &Group) -> bool {
        // What `internal` is in full goes with it.
        let is_other = |name: &str| {
            name != self.parameter && !(self.parameter == "internal" && is_in_full(name))
        };
        let others = |group: &Group| -> Vec<Value> {
            let named = std::iter::zip(parameters(), &group.parameters);
            let others = named.filter(|(name, _)| is_other(name));
            others.map(|(_, value)| value.clone()).collect()
        };
        a.dataset == b.dataset && a.machine == b.machine && others(a) == others(b)
    }
}

/// Whether a value is the one that a person wrote.
fn is(value: &str, text: &str) -> bool {
    match (value.parse::<f64>(), text.parse::<f64>()) {
        (Ok(value), Ok(number)) => value == number,
        _ => value == text,
    }
}

impl Pair<'_> {
    /// What `measure` differs by; none where it is undefined on a side.
    pub fn difference(&self, measure: &Measure) -> Option<Difference> {
        Some(Difference::between(
            &self.a.estimate(measure)?,
            &self.b.estimate(measure)?,
        ))
    }
}

/// How many machines both sides of every pair have.
fn common_machines(pairs: &[Pair<'_>]) -> u32 {
    let machines = |group: &Group| group.configuration.rates.machines();
    let of_pairs = pairs
        .iter()
        .map(|pair| machines(pair.a).min(machines(pair.b)));
    of_pairs.min().unwrap_or(0)
}

/// A row for each pair of configurations and machine: what each of `measures` differs by. The last row is the average.
///
/// # Errors
///
/// [`Error::Frame`].
pub fn table(
    contrast: &Contrast,
    pairs: &[Pair<'_>],
    measures: &[&Measure],
    repetitions: &Repetitions<'_>,
) -> Result<Table, Error> {
    let varying = varying(contrast, pairs);
    let mut headings: Vec<String> = varying
        .iter()
        .map(|name| parameter_heading(name).to_owned())
        .collect();
    headings.push("machine".to_owned());
    let keys = headings.len();
    headings.extend(measures.iter().map(|measure| measure.heading()));
    headings.push("n".to_owned());
    let differences = |pair: &Pair<'_>| -> Vec<Option<Difference>> {
        let differences = measures.iter().map(|measure| pair.difference(measure));
        differences.collect()
    };
    let mut shown: Vec<Vec<Option<Difference>>> = pairs.iter().map(differences).collect();
    let mut rows: Vec<Vec<String>> = std::iter::zip(pairs, &shown)
        .map(|(pair, differences)| row(pair, &varying, measures, differences))
        .collect();
    if pairs.len() > 1 {
        let of_runs = repetitions.run_means(common_machines(pairs))?;
        let averages = averages(&contrast.matching(&of_runs), measures);
        let mut row = vec![String::new(); keys];
        row[0] = "average".to_owned();
        row.extend(cells(&averages, measures));
        row.push(String::new());
        rows.push(row);
        shown.push(averages);
    }
    let kinds = shown.iter().flatten().flatten();
    Ok(Table {
        title: "Contrast",
        numeric: (0..headings.len()).map(|column| column >= keys).collect(),
        headings,
        rows,
        caption: caption(contrast, measures, kinds.map(|shown| shown.interval_kind)),
    })
}

/// The other parameters that vary, and the rates.
fn varying(contrast: &Contrast, pairs: &[Pair<'_>]) -> Vec<&'static str> {
    let differs = |name: &str| {
        pairs
            .windows(2)
            .any(|two| two[0].a.parameter(name) != two[1].a.parameter(name))
    };
    let names = parameters().iter().copied();
    names
        .filter(|name| *name != contrast.parameter && !is_in_full(name))
        .filter(|name| *name == "rates" || differs(name))
        .collect()
}

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
    row.extend(cells(differences, measures));
    row.push(keep_together(&format!("{} and {}", pair.a.n, pair.b.n)));
    row
}

/// For each measure, the average of the differences of `pairs` of configurations; none where it is undefined in all of them.
fn averages(pairs: &[Pair<'_>], measures: &[&Measure]) -> Vec<Option<Difference>> {
    let average = |measure: &&Measure| {
        let differences = pairs.iter().filter_map(|pair| pair.difference(measure));
        Difference::average(&differences.collect::<Vec<_>>())
    };
    measures.iter().map(average).collect()
}

fn cells(differences: &[Option<Difference>], measures: &[&Measure]) -> Vec<String> {
    std::iter::zip(differences, measures)
        .map(|(difference, measure)| match difference {
            None => "none".to_owned(),
            Some(difference) => {
                keep_together(&difference_words(difference, measure.decimals).join(" "))
            }
        })
        .collect()
}

fn caption(
    contrast: &Contrast,
    measures: &[&Measure],
    kinds: impl Iterator<Item = IntervalKind>,
) -> Vec<String> {
    let Contrast { a, b, .. } = contrast;
    let mut caption = vec![
        format!(
            "Effect of changing {name} from {a} to {b}: difference of the means ({b} minus {a}) ± half the width of its 95 % interval \
             (Welch). Each row compares one machine in two configurations that agree in everything else; n repetitions of each.",
            name = contrast.parameter
        ),
        "average: of all rows, with equal weight. Its interval is Welch's over runs: the machines of a run depend on each other, so \
         each run is one value, the mean of its machines. It is about these configurations only."
            .to_owned(),
        "If an interval includes 0, the two values are not told apart by these runs.".to_owned(),
    ];
    caption.extend(notes(kinds));
    caption.extend(
        measures
            .iter()
            .map(|measure| format!("- {}: {}.", measure.label, measure.brief)),
    );
    caption
}

/// A record a pair and measure, in full precision.
pub fn records(contrast: &Contrast, pairs: &[Pair<'_>], measures: &[&Measure]) -> Vec<Record> {
    pairs
        .iter()
        .flat_map(|pair| {
            measures
                .iter()
                .map(|measure| record(contrast, pair, measure))
        })
        .collect()
}

fn record(contrast: &Contrast, pair: &Pair<'_>, measure: &Measure) -> Record {
    let mut record = vec![("dataset".to_owned(), Value::Text(pair.a.dataset.clone()))];
    let others = std::iter::zip(parameters(), &pair.a.parameters)
        .filter(|(name, _)| **name != contrast.parameter);
    record.extend(others.map(|(name, value)| ((*name).to_owned(), value.clone())));
    let difference = pair.difference(measure);
    let mean = |group: &Group| group.estimate(measure).map(|estimate| estimate.mean);
    let interval = difference.and_then(|difference| difference.interval());
    let kind = difference.and_then(|difference| difference.interval_kind.name());
    record.extend([
        ("machine".to_owned(), Value::Integer(pair.a.machine)),
        (
            "parameter".to_owned(),
            Value::Text(contrast.parameter.to_owned()),
        ),
        ("a".to_owned(), Value::Text(contrast.a.clone())),
        ("b".to_owned(), Value::Text(contrast.b.clone())),
        ("measure".to_owned(), Value::Text(measure.name.to_owned())),
        ("n_a".to_owned(), Value::Integer(pair.a.n as i64)),
        ("n_b".to_owned(), Value::Integer(pair.b.n as i64)),
        ("mean_a".to_owned(), mean(pair.a).into()),
        ("mean_b".to_owned(), mean(pair.b).into()),
        (
            "difference".to_owned(),
            difference.map(|difference| difference.mean).into(),
        ),
        ("low".to_owned(), interval.map(|(low, _)| low).into()),
        ("high".to_owned(), interval.map(|(_, high)| high).into()),
        ("interval".to_owned(), kind.map(str::to_owned).into()),
    ]);
    record
}
