//! Advice to the user if few runs are punctual.

use super::words::grouped;

/// Returns what to do if fewer than half of the runs were punctual, or `None`. `finished` runs were ok, `with_margin` of these have
/// a margin, and `punctual` were punctual; `time_scale` is the sweep's.
pub fn on_punctuality(
    punctual: u64,
    with_margin: u64,
    finished: u64,
    time_scale: f64,
) -> Option<String> {
    if finished == 0 || 2 * punctual >= with_margin.max(1) {
        return None;
    }
    Some(if with_margin == 0 {
        "none of the runs can be punctual: two of their ticks are due at the same time (phase = \"aligned\"), so the margin is 0; \
         use phase = \"spread\" if the order of events must be certain"
            .to_owned()
    } else {
        format!(
            "only {} of {} runs were punctual: in the others, ticks and messages were late by the margin or more, so the order of \
             events may depend on this computer. For more punctual runs, close other programs, make fewer runs at the same time \
             (--jobs N), or let time pass more slowly (--time-scale X, now {time_scale})",
            grouped(punctual),
            grouped(with_margin)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_advice_only_if_few_runs_are_punctual() {
        assert_eq!(on_punctuality(5, 10, 10, 1.0), None);
        assert_eq!(on_punctuality(0, 0, 0, 1.0), None);
        let few = on_punctuality(4, 10, 12, 20.0).expect("advice");
        assert!(
            few.starts_with("only 4 of 10 runs") && few.ends_with("(--time-scale X, now 20)"),
            "{few}"
        );
        let none = on_punctuality(0, 0, 3, 1.0).expect("advice");
        assert!(none.contains("phase = \"spread\""), "{none}");
    }
}
