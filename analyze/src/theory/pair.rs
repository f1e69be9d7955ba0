//! How two machines with the highest rate move each other's clocks, if they tick in turn and no other machine sends to them. Without
//! messages, each clock would only count the ticks of its machine. What messages add to this count is the *gain*.
//!
//! No queue has more than one message, because between two ticks of a machine the other one ticks once. Before a tick there are four
//! states: the clock of the machine that ticks next is equal to the other clock or one behind it, and a message waits for this machine or
//! not. There are two kinds of ticks:
//!
//! - An idle tick (no message waits) adds 1 to the clock. If the clocks were equal, this clock is then one ahead. If it was one behind,
//!   the clocks are then equal. Some idle ticks send a message.
//! - A tick that receives a message adds 1 if the clocks were equal. If this clock was one behind, it jumps by 2, because the message
//!   carries the other clock's value. With this jump, the clock gains a tick. In both cases, this clock is then one ahead.
//!
//! Let a be the probability that an idle tick of the first machine sends to the second, and b the probability that an idle tick
//! of the second machine sends to the first, and let
//!
//! > alpha = b (1 - a), beta = a (1 - b).
//!
//! So alpha is the probability that an idle tick of the first machine sends nothing, and then an idle tick of the second machine sends.
//! For beta the machines change places.
//!
//! Let x be the probability that, before a tick of the first machine, its clock is behind and no message waits. Let y be the same
//! probability for the second machine. Before a tick of the first machine there are two other cases:
//!
//! - The clocks are equal, with or without a message. After a tick, the clocks are equal only if the tick was idle and the clock of
//!   its machine was behind. So before the last tick of the second machine, the clock of the second machine was behind and no message
//!   waited. The probability of this case is y.
//! - The clock of the first machine is behind and a message waits. Then the last tick of the second machine sent this message. That tick
//!   was idle and added 1, so the clocks were equal before it. As in the first case, the last tick of the first machine had made them
//!   equal: before that tick, the clock of the first machine was behind and no message waited (probability x). The tick of the first
//!   machine sent nothing (probability 1 - a), and the tick of the second machine sent (probability b). So the probability of this case is
//!   x (1 - a) b = alpha x.
//!
//! The three probabilities add up to 1: x + y + alpha x = 1. In the same way, y + x + beta y = 1 for the second machine. The solution is
//! x = beta / (alpha + beta + alpha beta). The first machine's clock gains a tick only in the last case, which has the
//! probability alpha x. So the mean gain of a tick of the first machine is
//!
//! > g = alpha x = alpha beta / (alpha + beta + alpha beta).
//!
//! For the second machine, alpha and beta change places. This does not change g, so g is also the mean gain of its ticks.
//!
//! For equal machines a = b = s. Then alpha = beta = s (1 - s), and g = s (1 - s) / (2 + s (1 - s)).

use super::links::Links;

/// Two machines, described by the probability with which each sends to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// a: the probability that an idle tick of the first machine sends to the second.
    pub out: f64,
    /// b: the probability that an idle tick of the second machine sends to the first.
    pub back: f64,
}

impl Pair {
    pub fn from_links(links: &Links, first: usize, second: usize) -> Self {
        Self {
            out: links.send_probability(first, second),
            back: links.send_probability(second, first),
        }
    }

    fn alpha_and_beta(self) -> (f64, f64) {
        (self.back * (1.0 - self.out), self.out * (1.0 - self.back))
    }

    /// The exact gain g divided by the estimate of the gain in [`super::clocks`]. There, the clock of the first machine gains a tick in two
    /// steps: the first machine sends to the second, and after that the second machine sends to the first. Let idle_1 be the share of idle
    /// ticks among the first machine's ticks, and idle_2 the same share for the second machine. Then the first step takes 1 / (a idle_1)
    /// ticks on average, and the second step takes 1 / (b idle_2) ticks. So the estimate of the gain per tick is
    ///
    /// > 1 / (1 / (a idle_1) + 1 / (b idle_2)).
    ///
    /// The second machine sends b idle_2 messages per tick, and each of them takes one tick of the first machine. So idle_1 = 1 - b idle_2,
    /// and in the same way idle_2 = 1 - a idle_1. This gives idle_1 = (1 - b) / (1 - a b) and idle_2 = (1 - a) / (1 - a b).
    ///
    /// The estimate is too high, because it ignores that machines sometimes receive at ticks at which they would have sent. For equal
    /// machines the ratio is 2 (1 - s) / (2 - s).
    pub fn gain_ratio(self) -> f64 {
        let (alpha, beta) = self.alpha_and_beta();
        match alpha + beta + alpha * beta {
            // No idle tick sends (a = b = 0), or every idle tick sends (a = b = 1). In both cases the clocks gain nothing.
            0.0 => 0.0,
            // Since a idle_1 = beta / (1 - a b) and b idle_2 = alpha / (1 - a b), the estimate is
            // alpha beta / ((1 - a b) (alpha + beta)). The exact gain is alpha beta / denominator.
            denominator => (1.0 - self.out * self.back) * (alpha + beta) / denominator,
        }
    }

    /// How far the clocks of the first and of the second machine are behind the greater of the two clocks, on average over time. A clock
    /// can be behind only from a tick of the other machine to the next tick of its own machine. This is half of the time, and in this time
    /// the clock is behind by one or not at all.
    pub fn behind(self) -> (f64, f64) {
        let (alpha, beta) = self.alpha_and_beta();
        let denominator = alpha + beta + alpha * beta;
        if denominator == 0.0 {
            // a = b = 0 or a = b = 1. Neither clock gains ticks, and both machines tick equally often. The clocks
            // differ by at most 1, and this difference is neglected.
            return (0.0, 0.0);
        }
        // When the first machine is about to tick, its clock is behind with probability x + alpha x, where x = beta / denominator.
        (
            beta * (1.0 + alpha) / denominator / 2.0,
            alpha * (1.0 + beta) / denominator / 2.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_equal_machines_the_formulas_can_be_simplified() {
        for s in [0.1, 0.5, 0.9] {
            let pair = Pair { out: s, back: s };
            // x and y are equal here, so x + x + alpha x = 1. Before a tick, the clock is behind with probability x + alpha x = 1 - x.
            let x = 1.0 / (2.0 + s * (1.0 - s));
            assert!((pair.gain_ratio() - 2.0 * (1.0 - s) / (2.0 - s)).abs() < 1e-12);
            let (first, second) = pair.behind();
            assert!((first - (1.0 - x) / 2.0).abs() < 1e-12 && first == second);
        }
    }

    /// The second machine never sends. A message of the first machine puts the second clock one ahead. After that, each tick of the first
    /// machine makes the clocks equal, and each tick of the second machine puts the second clock one ahead again. So the first clock is
    /// behind by one for half of the time.
    #[test]
    fn a_machine_that_only_listens_is_never_behind() {
        assert_eq!(
            Pair {
                out: 0.3,
                back: 0.0
            }
            .behind(),
            (0.5, 0.0)
        );
        let without_messages = Pair {
            out: 0.0,
            back: 0.0,
        };
        assert_eq!(without_messages.behind(), (0.0, 0.0));
        assert_eq!(without_messages.gain_ratio(), 0.0);
    }
}
