//! Contrasts of two sides, each with some datasets: which parameters differ, what can be compared, and by how much it differs.
//!
//! Parameters whose values on both sides are disjoint *differ*. All others must be equal in what is compared; values that only one
//! side has are left out. If a side has several configurations with the same values of the other parameters, they are pooled: each has
//! equal weight. The machines of a run are compared by their index, or, if the rates differ, by their role (slowest, fastest).
//!
//! Each run is one value, the mean of those of its machines that have the role. The interval of a difference is Welch's, with the
//! variances of all configurations; it is valid for these configurations only.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::measures::Measure;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::{has_no_own_column, parameters};
use crate::stats::difference::Difference;
use crate::stats::estimate::Estimate;
use crate::stats::pool::{self, Pool};

/// A parameter whose values differ between the sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The parameter.
    pub name: &'static str,
    /// Its values on side A, in ascending order.
    pub a: Vec<String>,
    /// Its values on side B.
    pub b: Vec<String>,
    /// Whether the sides have no value in common. Otherwise only common values are compared.
    pub is_disjoint: bool,
}

/// What is compared: machines of both sides that have the same values of all parameters that do not differ.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The values of [`Contrast::common`].
    pub values: Vec<String>,
    /// The machine's index or role; none for the mean of all machines of a run.
    pub machine: Option<String>,
    /// The configurations of side A.
    pub a: Vec<Pool>,
    /// The configurations of side B.
    pub b: Vec<Pool>,
}

/// A contrast of two sides.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// The parameters that differ.
    pub differing: Vec<Differing>,
    /// The parameters that must be equal.
    pub common: Vec<&'static str>,
    /// Whether machines are compared by their role, because the rates differ.
    pub by_role: bool,
    /// What is compared, in the order of the values. Empty if no role is on both sides; then only all machines of a run are compared.
    pub cells: Vec<Cell>,
    /// The same without a distinction of machines: what the average is made from.
    pub run_cells: Vec<Cell>,
}

/// Nothing can be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration of A can be compared with one of B: they agree in no combination of {common}.{in_the_way}"
)]
pub struct NothingPairs {
    common: String,
    in_the_way: String,
}

impl Cell {
    /// The value of a parameter that does not differ.
    pub fn value(&self, name: &str) -> Value {
        let index = parameters().iter().position(|other| *other == name);
        let value = index.zip(self.a.first());
        value.map_or(Value::Missing, |(index, pool)| pool.values[index].clone())
    }

    /// The difference of `measure`, B minus A; none if it is undefined in a configuration.
    pub fn difference(&self, measure: &Measure) -> Option<Difference> {
        let [a, b] = [&self.a, &self.b].map(|pools| {
            let estimates = pools.iter().map(|pool| pool.estimate(measure));
            estimates.collect::<Option<Vec<Estimate>>>()
        });
        Difference::between_means(&a?, &b?)
    }

    /// The mean of `measure` over the configurations of a side, with equal weight.
    pub fn mean(pools: &[Pool], measure: &Measure) -> Option<f64> {
        let means = pools.iter().map(|pool| Some(pool.estimate(measure)?.mean));
        let means: Vec<f64> = means.collect::<Option<_>>()?;
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }

    /// Number of runs of a side.
    pub fn runs(pools: &[Pool]) -> u64 {
        pools.iter().map(|pool| pool.n).sum()
    }
}

impl Contrast {
    /// Compares side `a` with side `b` in `measures`.
    ///
    /// # Errors
    ///
    /// The errors of [`pool::pools`]; [`Error::NothingPairs`] if nothing can be compared.
    pub fn new(a: &[Dataset], b: &[Dataset], measures: &[&'static Measure]) -> Result<Self, Error> {
        let run_pools = [pools(a, None, measures)?, pools(b, None, measures)?];
        let differing = differing(&run_pools);
        let is_disjoint = |name: &str| {
            let mut differing = differing.iter();
            differing.any(|other| other.name == name && other.is_disjoint)
        };
        let is_common = |name: &&&'static str| {
            !(is_disjoint(name) || has_no_own_column(name) && is_disjoint("internal"))
        };
        let common: Vec<&'static str> = parameters().iter().filter(is_common).copied().collect();
        let by_role = is_disjoint("rates");
        let machine = if by_role { "role" } else { "machine" };
        let sides = [
            pools(a, Some(machine), measures)?,
            pools(b, Some(machine), measures)?,
        ];
        let contrast = Self {
            cells: cells(&sides, &common, true),
            run_cells: cells(&run_pools, &common, false),
            differing,
            common,
            by_role,
        };
        match contrast.run_cells.is_empty() {
            true => Err(Error::NothingPairs(contrast.nothing_pairs(&run_pools))),
            false => Ok(contrast),
        }
    }

    /// Which parameters stand in the way: without them, something could be compared.
    fn nothing_pairs(&self, run_pools: &[Vec<Pool>; 2]) -> NothingPairs {
        let would_pair = |without: &&&'static str| {
            let others: Vec<&'static str> = self
                .common
                .iter()
                .copied()
                .filter(|name| *name != **without)
                .collect();
            !cells(run_pools, &others, false).is_empty()
        };
        let varies = |name: &&&'static str| {
            let pools = run_pools.iter().flatten();
            let values: BTreeSet<String> = pools.map(|pool| value(pool, name)).collect();
            values.len() > 1 && !has_no_own_column(name)
        };
        let varying: Vec<&'static str> = self.common.iter().filter(varies).copied().collect();
        let names: Vec<&str> = varying.iter().filter(would_pair).copied().collect();
        NothingPairs {
            common: varying.join(", "),
            in_the_way: match names.is_empty() {
                true => String::new(),
                false => format!(
                    " In the way stands {}: with --a and --b, choose one value on each side",
                    names.join(" or ")
                ),
            },
        }
    }
}

/// The pools of a side by all parameters and by `machine`, which is `machine` or `role`.
fn pools(
    side: &[Dataset],
    machine: Option<&'static str>,
    measures: &[&'static Measure],
) -> Result<Vec<Pool>, Error> {
    let names: Vec<&'static str> = parameters().iter().copied().chain(machine).collect();
    pool::pools(side, &names, measures)
}

/// The value of a parameter, as text.
fn value(pool: &Pool, name: &str) -> String {
    let index = parameters().iter().position(|other| *other == name);
    index.map_or(String::new(), |index| pool.values[index].to_string())
}

/// The parameters whose values are not the same on both sides.
fn differing(sides: &[Vec<Pool>; 2]) -> Vec<Differing> {
    let names = parameters().iter().filter(|name| !has_no_own_column(name));
    let differing = names.filter_map(|&name| {
        let [a, b] = sides.each_ref().map(|side| values(side, name));
        (a != b).then(|| Differing {
            name,
            is_disjoint: a.iter().all(|value| !b.contains(value)),
            a,
            b,
        })
    });
    differing.collect()
}

/// The different values of a parameter in ascending order.
fn values(side: &[Pool], name: &str) -> Vec<String> {
    let mut values: Vec<String> = side.iter().map(|pool| value(pool, name)).collect();
    values.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    values.dedup();
    values
}

/// What both sides have: the pools with equal values of `common` and, if `of_machines`, with the same machine or role.
fn cells(sides: &[Vec<Pool>; 2], common: &[&'static str], of_machines: bool) -> Vec<Cell> {
    let key = |pool: &Pool| {
        let values: Vec<String> = common.iter().map(|name| value(pool, name)).collect();
        let machine = pool.values.last().filter(|_| of_machines);
        (values, machine.map(ToString::to_string))
    };
    let mut cells: Vec<Cell> = vec![];
    let mut indices = std::collections::HashMap::new();
    for pool in &sides[0] {
        let (values, machine) = key(pool);
        let index = *indices
            .entry((values.clone(), machine.clone()))
            .or_insert(cells.len());
        if index == cells.len() {
            cells.push(Cell {
                values,
                machine,
                a: vec![],
                b: vec![],
            });
        }
        cells[index].a.push(pool.clone());
    }
    for pool in &sides[1] {
        if let Some(&index) = indices.get(&key(pool)) {
            cells[index].b.push(pool.clone());
        }
    }
    cells.retain(|cell| !cell.b.is_empty());
    cells
}
