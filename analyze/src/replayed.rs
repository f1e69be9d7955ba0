//! What takes a run as a whole to tell, replayed event by event: its spread, and which of its events are concurrent.

use polars::prelude::*;
use sim::log::{EventRow, JournalRow};

use sim::experiment::Topology;

use crate::measures::{Arrivals, Pairs, Spread, arrivals};

/// What a run's replay says.
#[derive(Clone, Debug)]
pub(crate) struct Replayed {
    spread: Spread,
    /// None if a receive has no send.
    pairs: Option<Pairs>,
    /// By machine.
    arrivals: Vec<Arrivals>,
}

impl Replayed {
    /// Of the events of the run of `row`, whose machines are linked as `topology` says, after the first `warm_up_s` model seconds.
    pub(crate) fn of(
        row: &JournalRow,
        topology: Topology,
        events: &[EventRow],
        warm_up_s: f64,
    ) -> Self {
        let time_s = |event: &EventRow| {
            let elapsed_ns =
                i128::from(event.logged.system_time_ns) - i128::from(row.started_at_ns);
            elapsed_ns as f64 * row.time_scale / 1e9
        };
        let machines = row.machines as usize;
        let observed_s = row.duration_s - warm_up_s;
        let left_s = |event: &EventRow| (row.duration_s - time_s(event)).clamp(0.0, observed_s);
        let counts = |event: &EventRow| time_s(event) >= warm_up_s;
        Self {
            spread: Spread::of(events, machines, (warm_up_s, row.duration_s), time_s),
            pairs: Pairs::of(events, machines, counts),
            arrivals: arrivals(events, (row.machines, topology), left_s, counts),
        }
    }
}

/// A row a run.
pub(crate) fn frame(rows: &[JournalRow], replays: &[Replayed]) -> PolarsResult<DataFrame> {
    let run: Vec<i64> = rows.iter().map(|row| row.run as i64).collect();
    let area: Vec<f64> = replays.iter().map(|run| run.spread.area).collect();
    let max: Vec<i64> = replays.iter().map(|run| run.spread.max as i64).collect();
    let pairs = |which: fn(&Pairs) -> u64| -> Vec<Option<i64>> {
        replays
            .iter()
            .map(|run| run.pairs.as_ref().map(|pairs| which(pairs) as i64))
            .collect()
    };
    DataFrame::new(
        rows.len(),
        vec![
            Series::new("run".into(), run).into(),
            Series::new("spread_area".into(), area).into(),
            Series::new("spread_max".into(), max).into(),
            Series::new("cross_pairs".into(), pairs(|pairs| pairs.cross)).into(),
            Series::new("ordered_pairs".into(), pairs(|pairs| pairs.ordered)).into(),
            Series::new("equal_pairs".into(), pairs(|pairs| pairs.equal)).into(),
            Series::new(
                "ordered_equal_pairs".into(),
                pairs(|pairs| pairs.ordered_equal),
            )
            .into(),
        ],
    )
}

/// A row a run and machine.
pub(crate) fn arrivals_frame(rows: &[JournalRow], replays: &[Replayed]) -> PolarsResult<DataFrame> {
    let machines = || {
        std::iter::zip(rows, replays).flat_map(|(row, run)| {
            let machines = run.arrivals.iter().enumerate();
            machines.map(|(machine, arrivals)| (row.run as i64, machine as i64, arrivals))
        })
    };
    let run: Vec<i64> = machines().map(|(run, ..)| run).collect();
    let machine: Vec<i64> = machines().map(|(_, machine, _)| machine).collect();
    let arrived: Vec<i64> = machines()
        .map(|(.., arrivals)| arrivals.messages as i64)
        .collect();
    let left_s: Vec<f64> = machines().map(|(.., arrivals)| arrivals.left_s).collect();
    DataFrame::new(
        run.len(),
        vec![
            Series::new("run".into(), run).into(),
            Series::new("machine".into(), machine).into(),
            Series::new("arrived".into(), arrived).into(),
            Series::new("arrivals_left_s".into(), left_s).into(),
        ],
    )
}
