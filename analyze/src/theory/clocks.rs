//! How fast the clocks run.
//!
//! **The fastest.** A clock gains on its machine's ticks only by a message that carries a later time. If the fastest machine is alone
//! and the others that send tick at half its rate or less, none has a later time: R = r. Let two machines share the greatest rate,
//! ticking in turn, the others silent, and each idle tick of one reach the other with probability s. Then ([`super::pair`])
//!
//! > R = r (1 + s (1 - s) / (2 + s (1 - s))),
//!
//! exactly. Seen from afar, a gain takes two steps: a message of the fastest puts the partner's clock ahead of it by part of a tick,
//! and a message back brings that lead home. They take 1 / (s y) seconds each, where y = r / (1 + s): s y / 2 gains a second, and with
//! the factor 2 (1 - s) / (2 - s), for machines that receive when they would have sent, it is again the above.
//!
//! In this form it serves for a *partner* j that is slower, and where others send too. Only if j ticks before the fastest does is it
//! put ahead, which has probability r_j / r: so alpha = s y r_j / r steps of the first kind a second. The lead, evenly distributed over
//! a tick of the fastest, is used up at a rate of r - r_j. The message back, s y_j of them a second, is in time with the probability
//! P = 1 - (1 - exp(-x)) / x, with x = s y_j / (r - r_j); P = 1 for equals. Then j brings
//!
//! > 2 (1 - s) / (2 - s) / (1 / (P alpha) + 1 / (s y_j))
//!
//! gains a second. That is an estimate, as is their sum over all partners with more than half the rate of the fastest: gains that
//! coincide count twice, and chains of leads over several machines are left out. If equals tick at the same instants, or messages carry
//! the time before the increment, no message is ahead: R = r.
//!
//! The greatest clock *leads* the fastest machine's for part of a tick, by what [`super::leads`] derives.
//!
//! **The others.** The *lag* of machine i is what its clock is behind the fastest. Messages wait for Q_i / lambda_i on average
//! (Little's law), so what i learns is older by that, and it lags by R Q_i / lambda_i. To that comes the time since the last news from
//! a clock that was ahead: meanwhile the fastest gains on i by D_i = R - max(r_i, lambda_i) a second - an overloaded machine adds
//! 1 to its clock for each message, of which lambda_i were sent in a second. Let G_i(x) be the probability that this part of the lag
//! exceeds x. For it to do so, no message may have come, in the last x / D_i seconds, from a machine that then lagged by less than
//! what is left of x; taking senders as independent and each message as an instant of a Poisson process,
//!
//! > G_i' = -(G_i / D_i) (sum over j of s y_j (1 - G_j)), G_i(0) = 1, and G = 0 for the fastest.
//!
//! where s y_j stands for what comes to i from j, with the s_j of [`super::links`], and only news of the clock that i follows counts.
//! The mean of that part at a time t is the integral of G_i up to D_i t ([`super::news`]): it grows from 0 at first, and that is
//! all the slope that the lag of a stable machine has. With a delay d, t - d stands for t, and R d is added. A receive adds 1 to
//! the clock, and a clock is read half a tick after its last step on average, which leaves an offset of -1/2 for a machine that
//! keeps up, so that it can be ahead of the fastest; -3/2 less half the news' wait in an overloaded queue, whose news comes at
//! every tick: (R - lambda_i) / lambda_i.
//!
//! **Whom a machine follows.** Where not everybody sends to everybody, R is that of the fastest machine whose news reaches i
//! ([`super::sources`]), which for the others is as above; and i lags behind the greatest clock of all by what these two rates differ
//! by, too. So a time-keeper's clock has its own rate exactly, and a listener's the greater of the two. An overloaded machine that
//! hears of different clocks is left out, for its queue has them mixed.
//!
//! **Machines that take all that waits** count each message, so that a clock goes on by lambda_i + y_i a second without any news, which
//! is at least r_i: it stands for r_i in D_i, and in the R of who follows nobody. News waits for no queue, but for the next tick. Let
//! it have been sent a time a before i's last tick, which was half a period ago on average. The fastest has since counted
//! R (a + 1 / (2 r_i)) - 1/2, and i one for the news and one for each tick in a, a r_i - 1/2: so the offset is R / (2 r_i) - 1. A slow
//! machine that counts its messages nearly as fast as the fastest counts its ticks, and sends, runs ahead of it; how the two then drive
//! each other is not derived, and nothing is said about the clocks.

use super::diffusion;
use super::flow::Flow;
use super::gains::{events, rate};
use super::leads::leads;
use super::news::News;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// A machine that counts more messages than this share of R, and this many times its ticks, makes clocks that are not derived.
const COUNTS_ALONG: f64 = 0.8;
const COUNTS_MESSAGES: f64 = 1.5;
/// A clock that is ahead of the fastest half of the time is so by less than this on average.
const MOST_AHEAD: f64 = 1.0;

/// The clocks of a system.
#[derive(Clone, Debug)]
pub(super) struct Clocks<'a> {
    /// The logical rate of the greatest clock, in 1/s.
    pub fastest: f64,
    /// How far the greatest clock is ahead of the machine that it is behind by the lag.
    pub leads: Vec<f64>,
    followed: Followed<'a>,
    news: News,
}

/// Whom each machine follows, and how fast.
#[derive(Clone, Debug)]
struct Followed<'a> {
    system: &'a System,
    flow: &'a Flow,
    /// The machine whose clock each follows, itself perhaps.
    sources: Vec<Source>,
    /// R, the logical rate of that one.
    rates: Vec<f64>,
    /// D, what that one gains on the machine's clock between news, in 1/s.
    gains: Vec<f64>,
}

impl<'a> Clocks<'a> {
    pub fn new(system: &'a System, flow: &'a Flow) -> Self {
        let followed = Followed::new(system, flow);
        Self {
            fastest: followed.rates.iter().copied().fold(0.0, f64::max),
            leads: leads(system, flow),
            news: followed.news(),
            followed,
        }
    }

    /// By what share the clock that `machine` follows runs faster than its own machine ticks.
    pub fn gains(&self, machine: usize) -> f64 {
        let followed = &self.followed;
        let source = followed.sources[machine].machine;
        followed.rates[machine] / followed.system.rates[source] - 1.0
    }

    /// The expected lag of `machine` after `time` behind a fastest machine: 0 for these, and less than 0 for one that is ahead of them
    /// more often than behind. The lag behind the greatest clock is longer by the lead. None where that is not derivable.
    pub fn lag(&self, machine: usize, time: f64) -> Option<f64> {
        let followed = &self.followed;
        let of_source = (self.fastest - followed.rates[machine]) * time;
        let own = || followed.lag(machine, time, &self.news);
        followed.is_derivable(machine).then(|| of_source + own())
    }

    /// The slope of its lag over the time observed, in 1/s.
    pub fn lag_slope(&self, machine: usize) -> Option<f64> {
        let observed = self.followed.system.observed();
        let lag = |time| self.lag(machine, time).unwrap_or_default();
        self.followed
            .is_derivable(machine)
            .then(|| diffusion::slope(&observed, lag))
    }
}

impl<'a> Followed<'a> {
    fn new(system: &'a System, flow: &'a Flow) -> Self {
        let sources = Source::find_all(system, flow);
        let rates: Vec<f64> = sources
            .iter()
            .map(|source| rate(system, flow, source.machine))
            .collect();
        let gains = (0..rates.len())
            .map(|i| (rates[i] - events(system, flow, i)).max(0.0))
            .collect();
        Self {
            system,
            flow,
            sources,
            rates,
            gains,
        }
    }

    /// Whether the machine's clock counts ticks as fast as that of its source.
    fn is_source(&self, machine: usize) -> bool {
        self.system.rates[machine] == self.system.rates[self.sources[machine].machine]
    }

    /// Not if a critical machine decides what comes to it; nor if it is not stable itself, and its queue has news of different clocks.
    fn is_derivable(&self, machine: usize) -> bool {
        if self.sources[machine].is_doubtful || self.messages_drive() {
            return false;
        }
        let strength = self.flow.queues[machine].strength(self.system.duration_s);
        let heard = self.flow.links.heard(machine).iter();
        let mut senders = heard.filter(|(sender, _)| self.flow.active[*sender]);
        self.is_source(machine)
            || Regime::from_strength(strength) == Regime::Stable
            || senders.all(|(sender, _)| self.rates[*sender] == self.rates[machine])
    }

    /// Whether a machine that sends counts messages nearly as fast as the one it follows counts ticks.
    fn messages_drive(&self) -> bool {
        let drives = |machine: usize| {
            let counted = events(self.system, self.flow, machine);
            self.flow.links.sends(machine)
                && counted > COUNTS_MESSAGES * self.system.rates[machine]
                && counted > COUNTS_ALONG * self.rates[machine]
        };
        self.system.drains() && (0..self.rates.len()).any(drives)
    }

    /// The part of each machine's lag that is due to the time since the last news.
    fn news(&self) -> News {
        let follows = |machine: usize| !self.is_source(machine) && self.gains[machine] > 0.0;
        let machines = 0..self.gains.len();
        let followers: Vec<usize> = machines.filter(|&machine| follows(machine)).collect();
        News::follow(self.flow, &self.gains, &self.rates, &followers)
    }

    /// The lag after `time` behind the machine's source.
    fn lag(&self, machine: usize, time: f64, news: &News) -> f64 {
        let (system, fastest) = (self.system, self.rates[machine]);
        let (rate, arrivals) = (system.rates[machine], self.flow.arrivals[machine]);
        if self.is_source(machine) {
            return 0.0;
        }
        let without_news = (fastest - rate) * time;
        let since = time - system.delay_s;
        if since <= 0.0 {
            return without_news;
        }
        let queue = self.flow.queues[machine];
        let waits = queue.mean(since);
        let news = news.mean(machine, self.gains[machine] * since);
        let lag = if system.drains() {
            fastest / (2.0 * rate) + news - 1.0
        } else if queue.drift < 0.0 {
            // Of a queue that is mostly empty, what came since the last tick has not kept anything waiting.
            let waits = (waits - arrivals / (2.0 * rate)).max(0.0);
            fastest * waits / arrivals + news - 0.5
        } else {
            let wait_of_news = (fastest - arrivals).max(0.0) / arrivals;
            fastest * waits / arrivals + news - wait_of_news - 1.5
        };
        // Before the increment the time is less by 1.
        let lag = lag + fastest * system.delay_s + f64::from(u8::from(system.stamps_before));
        lag.max(-MOST_AHEAD).min(without_news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: f64 = 60.0;

    struct Lags {
        fastest: f64,
        lags: Vec<Option<f64>>,
        slopes: Vec<Option<f64>>,
    }

    fn of(system: &System) -> Lags {
        let flow = Flow::solve(system).expect("one solution");
        let clocks = Clocks::new(system, &flow);
        let machines = 0..system.rates.len();
        Lags {
            fastest: clocks.fastest,
            lags: machines.clone().map(|i| clocks.lag(i, T)).collect(),
            slopes: machines.map(|i| clocks.lag_slope(i)).collect(),
        }
    }

    fn plain(rates: &[f64], internal: f64) -> Lags {
        of(&System::new(rates, internal, T))
    }

    #[test]
    fn a_pair_gains_as_its_four_states_say() {
        for internal in [0.1, 0.5, 0.8, 1.0] {
            let s: f64 = 1.0 - internal;
            let gain = s * (1.0 - s) / (2.0 + s * (1.0 - s));
            let fastest = plain(&[3.0, 3.0], internal).fastest;
            assert!((fastest - 3.0 * (1.0 + gain)).abs() < 0.01, "{fastest}");
        }
    }

    #[test]
    fn one_follower_hears_at_the_rate_of_the_fastest() {
        // D = 5, and 0.3 messages a second, binomial of six draws: E A (A - 1) / (2 (1 - E A)) wait at a tick.
        let heard = 0.05 * 6.0;
        let waits = 6.0 * 5.0 * 0.05 * 0.05 / (2.0 * (1.0 - heard));
        let expected = 5.0 / heard + 6.0 * waits / heard - 0.5;
        let lag = plain(&[1.0, 6.0], 0.95).lags;
        assert!(
            (lag[0].unwrap_or_default() - expected).abs() < 0.2,
            "{lag:?} {expected}"
        );
        assert_eq!(lag[1], Some(0.0));
    }

    #[test]
    fn without_messages_each_clock_counts_its_own_ticks() {
        let clocks = plain(&[1.0, 2.0, 6.0], 1.0);
        assert_eq!(clocks.lags, [300.0, 240.0, 0.0].map(Some));
        for (slope, expected) in clocks.slopes.iter().zip([5.0, 4.0, 0.0]) {
            let slope = slope.unwrap_or_default();
            assert!((slope - expected).abs() < 1e-9, "{slope} {expected}");
        }
    }

    /// Messages are so rare that most of a run passes before the lag stops growing.
    #[test]
    fn the_lag_of_a_stable_machine_grows_at_first() {
        let rare = plain(&[1.0, 6.0], 0.99).slopes[0].unwrap_or_default();
        let frequent = plain(&[1.0, 6.0], 0.9).slopes[0].unwrap_or_default();
        assert!(
            (1.0..3.0).contains(&rare) && frequent < 0.1,
            "{rare} {frequent}"
        );
        let later = of(&System {
            warm_up_s: 30.0,
            ..System::new(&[1.0, 6.0], 0.99, T)
        });
        let later = later.slopes[0].unwrap_or_default();
        assert!(later < 0.9 * rare, "{later} {rare}");
    }

    /// Whatever is learned is older by the delay.
    #[test]
    fn a_delay_adds_to_the_lag() {
        let system = System::new(&[3.0, 6.0], 0.5, T);
        let late = System {
            delay_s: 0.05,
            ..system.clone()
        };
        let lag = |system: &System| of(system).lags[0].unwrap_or_default();
        let added = lag(&late) - lag(&system);
        assert!((added - 6.0 * 0.05).abs() < 0.02, "{added}");
    }
}
