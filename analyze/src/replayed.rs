//! What takes a run as a whole to tell, replayed event by event: its spread, and which of its events are concurrent.

use polars::prelude::*;
use sim::log::{EventRow, JournalRow};

use crate::measures::{Pairs, Spread};

/// What a run's replay says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed {
    spread: Spread,
    /// None if a receive has no send.
    pairs: Option<Pairs>,
}

impl Replayed {
    /// Of the events of the run of `row`, after the first `warm_up_s` model seconds.
    pub(crate) fn of(row: &JournalRow, events: &[EventRow], warm_up_s: f64) -> Self {
        let time_s = |event: &EventRow| {
            let elapsed_ns =
                i128::from(event.logged.system_time_ns) - i128::from(row.started_at_ns);
            elapsed_ns as f64 * row.time_scale / 1e9
        };
        let machines = row.machines as usize;
        Self {
            spread: Spread::of(events, machines, (warm_up_s, row.duration_s), time_s),
            pairs: Pairs::of(events, machines, |event| time_s(event) >= warm_up_s),
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
