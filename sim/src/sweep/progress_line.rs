//! The line that says how far a sweep (one `sim run`) has come: the share that is done, the number of runs, the time left.

use std::time::Duration;

use super::words::{grouped, in_words};

/// The width of the shortest useful bar and the space after it, in columns of the terminal. The words beside a bar must leave this much
/// room.
const MIN_BAR: usize = 12;
/// The smallest share of late ticks that is shown. A smaller share would be rounded to 0.00 %.
const MIN_LATE_SHARE: f64 = 0.000_05;

/// How far a sweep has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProgressState {
    /// The share of the sweep that is done, measured in ticks, from 0 to 1.
    pub share: f64,
    /// Number of runs that have ended, failed runs included.
    pub done: u64,
    /// Number of runs that the sweep makes.
    pub to_do: u64,
    /// Wall time that is left, if it is known.
    pub remaining: Option<Duration>,
    /// Number of runs that have started and not ended, if it is known.
    pub active: Option<u64>,
    /// Number of runs that failed.
    pub failed: u64,
    /// The share of ticks that were late by more than a millisecond, from 0 to 1.
    pub late_share: f64,
}

impl ProgressState {
    /// Describes the state in full.
    pub fn in_full(&self) -> String {
        self.words(self.parts().len())
    }

    /// Describes the state so that a bar fits beside the words in a terminal of `width` columns. If there is too little space, the
    /// less important parts are left out.
    pub fn beside_bar(&self, width: usize) -> String {
        let fits = |words: &String| words.chars().count() + MIN_BAR <= width;
        // First all parts are tried, then one part less, and so on. With no parts, the text is empty.
        let counts = (0..=self.parts().len()).rev();
        let mut candidates = counts.map(|count| self.words(count));
        candidates.find(fits).unwrap_or_default()
    }

    /// The text of the `count` most important parts.
    fn words(&self, count: usize) -> String {
        let parts = self.parts();
        let mut kept_ranks: Vec<u8> = parts.iter().map(|(rank, _)| *rank).collect();
        kept_ranks.sort_unstable();
        kept_ranks.truncate(count);
        let kept = parts
            .into_iter()
            .filter(|(rank, _)| kept_ranks.contains(rank));
        let words: Vec<String> = kept.map(|(_, words)| words).collect();
        words.join(", ")
    }

    /// The parts of the line from left to right, each with a rank of its own. The part with rank 0 is the most important.
    fn parts(&self) -> Vec<(u8, String)> {
        let mut parts = vec![
            (0, format!("{:.1} %", 100.0 * self.share)),
            (
                2,
                format!("{}/{} runs", grouped(self.done), grouped(self.to_do)),
            ),
        ];
        if let Some(remaining) = self.remaining {
            parts.push((1, format!("{} left", in_words(remaining))));
        }
        if let Some(active) = self.active {
            parts.push((5, format!("{} active", grouped(active))));
        }
        if self.failed > 0 {
            parts.push((3, format!("{} failed", grouped(self.failed))));
        }
        if self.late_share >= MIN_LATE_SHARE {
            let percent = 100.0 * self.late_share;
            parts.push((4, format!("{percent:.2} % of ticks > 1 ms late")));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_important_parts_are_left_out_in_narrow_terminals() {
        let state = ProgressState {
            share: 0.1234,
            done: 1_234,
            to_do: 38_880,
            remaining: Some(Duration::from_secs(30_000)),
            active: Some(3_304),
            failed: 2,
            late_share: 0.0123,
        };
        let lines = [120, 80, 60, 40, 20, 10].map(|width| {
            let words = state.beside_bar(width);
            // A terminal of width 10 is too narrow even for a bar without words. For this width, the right side of the condition is
            // `MIN_BAR`, so there must be no words.
            assert!(
                words.chars().count() + MIN_BAR <= width.max(MIN_BAR),
                "{words}"
            );
            words
        });
        assert_eq!(
            lines,
            [
                "12.3 %, 1,234/38,880 runs, 8 h 20 min left, 3,304 active, 2 failed, 1.23 % of ticks > 1 ms late",
                "12.3 %, 1,234/38,880 runs, 8 h 20 min left, 2 failed",
                "12.3 %, 1,234/38,880 runs, 8 h 20 min left",
                "12.3 %, 8 h 20 min left",
                "12.3 %",
                "",
            ]
        );
    }

    #[test]
    fn lateness_and_failures_are_shown_only_if_there_are_some() {
        let state = ProgressState {
            to_do: 4,
            remaining: Some(Duration::ZERO),
            active: Some(0),
            // Less than `MIN_LATE_SHARE`.
            late_share: 0.000_04,
            ..ProgressState::default()
        };
        assert_eq!(state.in_full(), "0.0 %, 0/4 runs, 0 s left, 0 active");
    }
}
