//! Two machines that share the greatest rate, tick in turn, and hear of nobody else.
//!
//! No queue is longer than one. Watch the machine about to tick: it and the other have the same time, or it is one behind; and a
//! message waits or not. Idle, it passes the other by one or draws level, and sends with its probability. Behind by one with a message
//! waiting, it jumps by two, and the other is then one behind where it would have been level. Let a and b be the probabilities with
//! which the two send, and
//!
//! > alpha = b (1 - a), beta = a (1 - b).
//!
//! Where the first is about to tick, it is behind without a message with probability x = beta / (alpha + beta + alpha beta), with one,
//! gaining a tick, with alpha x; for the second the two change places. So each tick of either gains
//!
//! > g = alpha beta / (alpha + beta + alpha beta)
//!
//! on average. For equals alpha = beta = s (1 - s), and g = s (1 - s) / (2 + s (1 - s)).

use super::links::Links;

/// The two by what they send each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// a: the probability that an idle tick of the first reaches the second.
    pub out: f64,
    /// b: the other way.
    pub back: f64,
}

impl Pair {
    pub fn of(links: &Links, first: usize, second: usize) -> Self {
        Self {
            out: links.between(first, second),
            back: links.between(second, first),
        }
    }

    fn steps(self) -> (f64, f64) {
        (self.back * (1.0 - self.out), self.out * (1.0 - self.back))
    }

    /// What of two steps that a gain would take, one after the other and regardless of all else, is left for machines that receive
    /// when they would have sent: g times 1 / (a y_1) + 1 / (b y_2), where y_1 = (1 - b) / (1 - a b) and y_2 = (1 - a) / (1 - a b) are
    /// the shares of idle ticks. For equals it is 2 (1 - s) / (2 - s).
    pub fn kept(self) -> f64 {
        let (alpha, beta) = self.steps();
        match alpha + beta + alpha * beta {
            0.0 => 0.0,
            all => (1.0 - self.out * self.back) * (alpha + beta) / all,
        }
    }

    /// How far each of the two is behind the other on average: half the time the other ticked last, and it may then be behind by one.
    pub fn behind(self) -> (f64, f64) {
        let (alpha, beta) = self.steps();
        let all = alpha + beta + alpha * beta;
        if all == 0.0 {
            // No messages: T has as many ticks of the one as of the other.
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
            assert!((pair.kept() - 2.0 * (1.0 - s) / (2.0 - s)).abs() < 1e-12);
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
        assert_eq!((never.behind(), never.kept()), ((0.0, 0.0), 0.0));
    }
}
