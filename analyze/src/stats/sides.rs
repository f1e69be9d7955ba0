//! Contrasts of two sides, A and B: which parameters differ between them, what can be compared, and by how much the measures differ.
//! A side is one dataset, or the runs that meet one condition.
//!
//! A parameter is *disjoint* if none of its values on side A occurs on side B, for example `internal` 0.4 on side A and 0.7 on side B. All
//! other parameters are *common*. A configuration of A is compared with a configuration of B only if both have the same values of all
//! common parameters. Configurations without such a partner on the other side are left out. If several configurations of a side have the
//! same values of the common parameters, the mean of their means is compared. In this mean, each configuration has equal weight.
//! Machines are compared by their index. If the parameter `rates` is disjoint, machines are compared by their role (slowest, fastest).
//!
//! Each run contributes one value to each mean. If several machines of the run have the same role, this value is the mean over these
//! machines. The interval of a difference is Welch's (the variances of A and B can be different). The interval is computed from the
//! variances between runs of the same configuration. So it says nothing about configurations that were not run.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::measures::Measure;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::{has_own_column, parameters};
use crate::stats::difference::Difference;
use crate::stats::estimate::Estimate;
use crate::stats::pool::{self, Pool};

/// A parameter that does not have the same set of values on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The parameter.
    pub name: &'static str,
    /// Its values on side A, in ascending order.
    pub a: Vec<String>,
    /// Its values on side B, in ascending order.
    pub b: Vec<String>,
    /// Whether none of the values on side A occurs on side B. Otherwise only the values that both sides have are compared.
    pub is_disjoint: bool,
}

/// Two groups of runs that are compared: one of side A, one of side B. Both have the same values of all common parameters.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The values of the parameters [`Contrast::common`], as text.
    pub values: Vec<String>,
    /// The index or the role of the compared machine; none if the mean of all machines of a run is compared.
    pub machine: Option<String>,
    /// The runs of side A. A pool has all runs of one configuration in one dataset, and the estimate of each measure over these runs.
    pub a: Vec<Pool>,
    /// The runs of side B, in pools like those of side A.
    pub b: Vec<Pool>,
}

/// A contrast of two sides.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// The parameters that do not have the same set of values on both sides. If the two sets have a value in common, the parameter is in
    /// `common` too.
    pub differing: Vec<Differing>,
    /// The common parameters: all runs of a cell have the same values of them.
    pub common: Vec<&'static str>,
    /// Whether machines are compared by their role, because the rates are disjoint.
    pub by_role: bool,
    /// The cells that compare single machines or roles, in the order of the pools of side A. Empty if no machine or role is on both sides.
    pub cells: Vec<Cell>,
    /// The cells that compare means over all machines of a run. The average of their differences is the row `average` of the table.
    pub run_cells: Vec<Cell>,
}

/// Nothing can be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration of A can be compared with one of B: A and B have no combination of {common} in common.{hint}"
)]
pub struct NothingToCompare {
    /// The names of the common parameters that have several values.
    common: String,
    /// Advice that names some common parameters. A common parameter must have the same value on both sides. If the user chooses one value for
    /// A and a different one for B, the parameter becomes disjoint. Then it is no condition any more, and something can be compared. Empty if
    /// there is no such parameter.
    hint: String,
}

impl Cell {
    /// The value of a common parameter.
    pub fn value(&self, name: &str) -> Value {
        let index = parameters().iter().position(|other| *other == name);
        let value = index.zip(self.a.first());
        value.map_or(Value::Missing, |(index, pool)| pool.values[index].clone())
    }

    /// The difference of `measure`, B minus A. `None` if `measure` is undefined in all runs of one of the pools.
    pub fn difference(&self, measure: &Measure) -> Option<Difference> {
        let [a, b] = [&self.a, &self.b].map(|pools| {
            let estimates = pools.iter().map(|pool| pool.estimate(measure));
            estimates.collect::<Option<Vec<Estimate>>>()
        });
        Difference::between_means(&a?, &b?)
    }

    /// The mean of `measure` over the configurations of a side, with equal weight. `None` if `measure` is undefined in all runs of one of
    /// the pools.
    pub fn mean(pools: &[Pool], measure: &Measure) -> Option<f64> {
        let means = pools.iter().map(|pool| Some(pool.estimate(measure)?.mean));
        let means: Vec<f64> = means.collect::<Option<_>>()?;
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }

    /// Number of runs in all pools of a side.
    pub fn runs(pools: &[Pool]) -> u64 {
        pools.iter().map(|pool| pool.n).sum()
    }
}

impl Contrast {
    /// Compares side `a` with side `b` in `measures`.
    ///
    /// # Errors
    ///
    /// The errors of [`pool::pools`]; [`Error::NothingToCompare`] if nothing can be compared.
    pub fn new(a: &[Dataset], b: &[Dataset], measures: &[&'static Measure]) -> Result<Self, Error> {
        let run_pools = [pools(a, None, measures)?, pools(b, None, measures)?];
        let differing = differing(&run_pools);
        let is_disjoint = |name: &str| {
            let mut differing = differing.iter();
            differing.any(|other| other.name == name && other.is_disjoint)
        };
        // `internal_each` (a list of probabilities) has no column of its own, so `differing` does not contain it, and `is_disjoint` is never
        // true for it. But `internal` is the mean of this list. So if `internal` is disjoint, `internal_each` is not a common parameter.
        let is_common = |name: &&&'static str| {
            !(is_disjoint(name) || !has_own_column(name) && is_disjoint("internal"))
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
            true => Err(Error::NothingToCompare(
                contrast.nothing_to_compare(&run_pools),
            )),
            false => Ok(contrast),
        }
    }

    /// Makes the error that nothing can be compared.
    fn nothing_to_compare(&self, run_pools: &[Vec<Pool>; 2]) -> NothingToCompare {
        let can_pair_without = |without: &&&'static str| {
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
            values.len() > 1 && has_own_column(name)
        };
        let varying: Vec<&'static str> = self.common.iter().filter(varies).copied().collect();
        let names: Vec<&str> = varying.iter().filter(can_pair_without).copied().collect();
        NothingToCompare {
            common: varying.join(" and "),
            hint: match names.is_empty() {
                true => String::new(),
                false => format!(
                    " To compare them, let only one of these parameters differ: with --a and --b, choose one value of {} for A, and another value for B",
                    names.join(" or ")
                ),
            },
        }
    }
}

/// The pools of a side: the runs with the same values of all parameters. If the argument `machine` is `None`, a pool has
/// all machines of its runs. If it names a column (`machine` or `role`), a pool has only the machines with one value in this column, and
/// this value is the last of the pool's values.
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

/// The parameters that do not have the same set of values on both sides.
fn differing(sides: &[Vec<Pool>; 2]) -> Vec<Differing> {
    let names = parameters().iter().filter(|name| has_own_column(name));
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

/// The different values of a parameter in ascending order. Values that are not single numbers, such as the rates `1,3,6`, are ordered as
/// texts.
fn values(side: &[Pool], name: &str) -> Vec<String> {
    let mut values: Vec<String> = side.iter().map(|pool| value(pool, name)).collect();
    values.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    values.dedup();
    values
}

/// The cells: each has all pools with the same values of the parameters `common`. If `by_machine` is true, all pools of a cell also have
/// the same machine or role, which is the last of their values. A cell is left out if one of the sides has no pool for it.
fn cells(sides: &[Vec<Pool>; 2], common: &[&'static str], by_machine: bool) -> Vec<Cell> {
    let key = |pool: &Pool| {
        let values: Vec<String> = common.iter().map(|name| value(pool, name)).collect();
        let machine = pool.values.last().filter(|_| by_machine);
        (values, machine.map(ToString::to_string))
    };
    let mut cells: Vec<Cell> = vec![];
    let mut indices = std::collections::HashMap::new();
    for pool in &sides[0] {
        let (values, machine) = key(pool);
        let index = *indices
            .entry((values.clone(), machine.clone()))
            .or_insert(cells.len());
        // A new key has the index `cells.len()`. The cell with this index is added here.
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
