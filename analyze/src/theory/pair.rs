//! Two machines that share the highest rate, tick in turn, and receive from no other machine.
//!
//! No queue is longer than one. Before a tick there are four states: the clock of the machine about to tick equals the other clock or
//! is one behind, and a message waits or not. An idle tick puts the clock one ahead or makes both equal, and sends with the machine's
//! probability. A tick that is one behind and receives a message jumps by two; afterwards the other clock is one behind, where it would
//! have been equal. Let a and b be the probabilities with which the two machines send, and
//!
//! > alpha = b (1 - a), beta = a (1 - b).
//!
//! When the first machine is about to tick, it is behind without a message with probability x = beta / (alpha + beta + alpha beta). It
//! is behind with a message, and so gains a tick, with probability alpha x. For the second machine, alpha and beta change roles. So
//! each tick of either machine gains
//!
//! > g = alpha beta / (alpha + beta + alpha beta)
//!
//! ticks on average. For equal machines alpha = beta = s (1 - s), and g = s (1 - s) / (2 + s (1 - s)).

use super::links::Links;

/// Two machines, described by the probabilities with which they send to each other.
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
            out: links.between(first, second),
            back: links.between(second, first),
        }
    }

    fn steps(self) -> (f64, f64) {
        (self.back * (1.0 - self.out), self.out * (1.0 - self.back))
    }

    /// The ratio of the exact gains g to those of the two-step estimate of [`super::clocks`], which ignores that machines receive when
    /// they would have sent. It is g times 1 / (a y_1) + 1 / (b y_2), where y_1 = (1 - b) / (1 - a b) and y_2 = (1 - a) / (1 - a b) are
    /// the shares of idle ticks. For equal machines it is 2 (1 - s) / (2 - s).
    pub fn gain_ratio(self) -> f64 {
        let (alpha, beta) = self.steps();
        match alpha + beta + alpha * beta {
            0.0 => 0.0,
            all => (1.0 - self.out * self.back) * (alpha + beta) / all,
        }
    }

    /// How far each machine's clock is behind the greater of the two clocks on average. Half of the time the other machine ticked last,
    /// and then the clock may be behind by one.
    pub fn behind(self) -> (f64, f64) {
        let (alpha, beta) = self.steps();
        let all = alpha + beta + alpha * beta;
        if all == 0.0 {
            // Without messages both machines have ticked equally often.
            return (0.0, 0.0);
        }
        (
            beta * (1.0 + alpha) / all / 2.0,
            alpha * (1.0 + beta) / all / 2.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_have_the_shorter_formulas() {
        for s in [0.1, 0.5, 0.9] {
            let pair = Pair { out: s, back: s };
            let q = 1.0 / (2.0 + s * (1.0 - s));
            assert!((pair.gain_ratio() - 2.0 * (1.0 - s) / (2.0 - s)).abs() < 1e-12);
            let (first, second) = pair.behind();
            assert!((first - (1.0 - q) / 2.0).abs() < 1e-12 && first == second);
        }
    }

    #[test]
    fn who_only_listens_draws_level_and_passes() {
        assert_eq!(
            Pair {
                out: 0.3,
                back: 0.0
            }
            .behind(),
            (0.5, 0.0)
        );
        let never = Pair {
            out: 0.0,
            back: 0.0,
        };
        assert_eq!((never.behind(), never.gain_ratio()), ((0.0, 0.0), 0.0));
    }
}
