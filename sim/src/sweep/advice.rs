//! Advice to the user if few runs are punctual. In a punctual run over TCP, the delays of ticks and messages were too short to change the
//! order of events: the largest delay of a tick plus the longest travel time of a message was less than the run's margin. The margin is
//! the shortest time between two ticks whose order matters. The order of two ticks matters if one of their machines may send to the other,
//! or if both machines may send to the same third machine.

use super::words::grouped;

/// Returns what to do for more punctual runs. `None` if no run has finished, or if enough runs were punctual: at least half of the runs
/// that can be punctual.
///
/// - `punctual`: the number of punctual runs
/// - `with_margin`: the number of runs that can be punctual, because their margin is above 0
/// - `finished`: the number of all finished runs
/// - `time_scale`: if it is 20, the model time of the runs passed 20 times as fast as real time
pub fn on_punctuality(
    punctual: u64,
    with_margin: u64,
    finished: u64,
    time_scale: f64,
) -> Option<String> {
    // `max(1)`: if no run can be punctual, 0 of 0 runs must not count as at least half.
    let are_enough_punctual = 2 * punctual >= with_margin.max(1);
    if finished == 0 || are_enough_punctual {
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
    fn there_is_advice_only_if_fewer_than_half_of_the_runs_are_punctual() {
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
