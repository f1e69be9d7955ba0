//! Aggregates that need all machines of a run together and are computed by replaying its events: the spread of the clocks, the
//! concurrent events, and the messages that arrive at each machine.

use polars::prelude::*;

use sim::log::Imported;

use crate::measures::unmeasured::{self, PARTS};
use crate::measures::{Arrivals, Pairs, Spread};
use crate::read::run_log::Run;

/// The aggregates of a batch's runs: one row for each machine of each run. A value of the whole run is repeated for each of its
/// machines.
#[derive(Default)]
pub(crate) struct RunAggregates {
    run: Vec<i64>,
    machine: Vec<i64>,
    spread_area: Vec<f64>,
    spread_max: Vec<i64>,
    /// The pairs of events, or `None` if a receive has no send.
    pairs: Vec<Option<Pairs>>,
    arrived: Vec<i64>,
    arrivals_left_s: Vec<f64>,
    /// Whether each part of the log is known.
    known: [Vec<bool>; PARTS.len()],
}

impl RunAggregates {
    /// Appends one row for each machine of `run`. `imported` is what is known of its dataset if that was imported.
    pub(crate) fn push(
        &mut self,
        run: &Run<'_>,
        timeline: &[usize],
        sends: &[Option<usize>],
        imported: Option<&Imported>,
    ) {
        let known = unmeasured::known(run, imported);
        let spread = Spread::from_run(run, timeline);
        let pairs = Pairs::from_run(run, sends);
        for (machine, arrivals) in (0..).zip(Arrivals::from_run(run)) {
            self.run.push(run.row().run as i64);
            self.machine.push(machine);
            self.spread_area.push(spread.area);
            self.spread_max.push(spread.max as i64);
            self.pairs.push(pairs);
            self.arrived.push(arrivals.messages as i64);
            self.arrivals_left_s.push(arrivals.left_s);
            for (column, known) in self.known.iter_mut().zip(known) {
                column.push(known);
            }
        }
    }

    /// The data frame. Column `machine_index` numbers its rows.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let index: Vec<i64> = (0..).take(self.run.len()).collect();
        let pairs = |name: &str, which: fn(&Pairs) -> u64| {
            let counts = self.pairs.iter();
            let counts = counts.map(|pairs| pairs.as_ref().map(|pairs| which(pairs) as i64));
            Series::new(name.into(), counts.collect::<Vec<Option<i64>>>()).into()
        };
        let height = index.len();
        let known = PARTS.iter().zip(self.known);
        let known = known.map(|((_, name, _), known)| Series::new((*name).into(), known).into());
        let known: Vec<Column> = known.collect();
        DataFrame::new(
            height,
            [
                known,
                vec![
                    pairs("cross_pairs", |pairs| pairs.cross),
                    pairs("ordered_pairs", |pairs| pairs.ordered),
                    pairs("equal_pairs", |pairs| pairs.equal),
                    pairs("ordered_equal_pairs", |pairs| pairs.ordered_equal),
                    Series::new("machine_index".into(), index).into(),
                    Series::new("run".into(), self.run).into(),
                    Series::new("machine".into(), self.machine).into(),
                    Series::new("spread_area".into(), self.spread_area).into(),
                    Series::new("spread_max".into(), self.spread_max).into(),
                    Series::new("arrived".into(), self.arrived).into(),
                    Series::new("arrivals_left_s".into(), self.arrivals_left_s).into(),
                ],
            ]
            .concat(),
        )
    }
}
