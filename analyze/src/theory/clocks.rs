//! Predicts the rates and lags of the clocks.
//!
//! **The fastest clock.** A clock counts more than its machine's ticks only if a message carries a later time. If a single machine has
//! the highest rate r, and all others that send tick at half of it or less, no message carries a later time: the logical rate is
//! R = r. Now let two machines share the highest rate and tick in turn, while the others are silent, and let each idle tick of one
//! reach the other with probability s. Then exactly ([`super::pair`])
//!
//! > R = r (1 + s (1 - s) / (2 + s (1 - s))).
//!
//! The same result follows approximately from two steps. First a message of the fastest machine puts the partner's clock ahead by part
//! of a tick; then a message back carries this lead to the fastest machine, whose clock gains a tick. Each step takes 1 / (s y) seconds
//! on average, where y = r / (1 + s), so there are s y / 2 gains per second. Machines sometimes receive when they would have sent. The
//! factor 2 (1 - s) / (2 - s) accounts for this and gives the exact result.
//!
//! The two steps also apply to a slower *partner* j, and if other machines send too. The partner gets ahead only if it ticks before the
//! fastest machine does, with probability r_j / r. So there are alpha = s y r_j / r first steps per second. The lead is evenly
//! distributed over a tick of the fastest machine and shrinks at the rate r - r_j. There are s y_j messages back per second. One of
//! them comes before the lead is gone with probability P = 1 - (1 - exp(-x)) / x, where x = s y_j / (r - r_j); for equal rates P = 1.
//! So the gains per second through j are
//!
//! > 2 (1 - s) / (2 - s) / (1 / (P alpha) + 1 / (s y_j)).
//!
//! This is an estimate, and so is the sum over all partners with more than half the highest rate: simultaneous gains count twice, and
//! chains of leads over several machines are left out. If machines of equal rate tick at the same instants, or if messages carry the
//! time before the increment, no message is ahead: R = r.
//!
//! The greatest clock is ahead of the fastest machine's clock for part of a tick. [`super::leads`] derives this *lead*.
//!
//! **The other clocks.** The *lag* of machine i is the difference between the fastest clock and its clock. Messages wait for
//! Q_i / lambda_i on average (Little's law), so the times that i receives are older by this, which contributes R Q_i / lambda_i to the
//! lag. The second part of the lag is due to the time since the last message with a later time. In this time, the fastest clock gains
//! D_i = R - max(r_i, lambda_i) per second on i, since an overloaded machine adds 1 to its clock for each of its lambda_i messages per
//! second. Let G_i(x) be the probability that the second part exceeds x. It exceeds x if in the last x / D_i seconds no message came
//! from a machine whose lag then was less than the rest of x. If senders are independent and messages are Poisson processes,
//!
//! > G_i' = -(G_i / D_i) (sum over j of s y_j (1 - G_j)), G_i(0) = 1, and G = 0 for the fastest.
//!
//! Here s y_j is the rate of messages from j to i, with the s_j of [`super::links`]; only messages with the time of the clock that i
//! follows count. The mean of the second part at time t is the integral of G_i up to D_i t ([`super::news`]). It grows from 0 at first,
//! and only this growth gives the lag of a stable machine a slope. With a delay d, t is replaced by t - d, and R d is added. A receive
//! adds 1 to the clock, and a clock is read half a tick after its last step on average. This gives an offset of -1/2 for a machine that
//! keeps up, so its clock can be ahead of the fastest. For an overloaded machine, which receives a message at every tick, the offset is
//! -3/2 minus half of (R - lambda_i) / lambda_i.
//!
//! **Topologies.** If not every machine sends to every other, R is the logical rate of the fastest machine whose time reaches i
//! ([`super::sources`]). The lag of i behind the greatest clock then also grows by the difference of the two rates. So a time-keeper's
//! clock advances exactly at its own rate, and a listener's at the greater of the two rates. There is no prediction for an overloaded
//! machine that hears of several clocks, since its queue mixes their times.
//!
//! **Ticks that take all waiting messages.** Such a machine counts each message, so its clock advances by lambda_i + y_i per second
//! without later times. This is at least r_i. It replaces r_i in D_i, and in the R of a machine that follows no other. A message waits
//! for the next tick only. Let it have been sent a time a before i's last tick, which was half a period ago on average. Since then the
//! fastest clock has counted R (a + 1 / (2 r_i)) - 1/2, and i has counted 1 for the message and a r_i - 1/2 for the ticks in a: so the
//! offset is R / (2 r_i) - 1. A slow machine that counts messages nearly as fast as the fastest machine ticks, and that sends, can get
//! ahead of it. How two such machines drive each other is not derived, and their clocks are not predicted.

use super::diffusion;
use super::flow::Flow;
use super::gains::{events, rate};
use super::leads::leads;
use super::news::News;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// Clocks are not predicted if a machine counts more messages than this share of R, and this many times its ticks.
const COUNTS_ALONG: f64 = 0.8;
const COUNTS_MESSAGES: f64 = 1.5;
/// A clock that is ahead of the fastest clock half of the time is ahead by less than this on average.
const MOST_AHEAD: f64 = 1.0;

/// The clocks of a system.
#[derive(Clone, Debug)]
pub(super) struct Clocks<'a> {
    /// The logical rate of the greatest clock, in 1/s.
    pub fastest: f64,
    /// How far the greatest clock is ahead of the clock of the machine from which the lag is counted.
    pub leads: Vec<f64>,
    followed: Followed<'a>,
    news: News,
}

/// The clock that each machine follows, and the rates of both.
#[derive(Clone, Debug)]
struct Followed<'a> {
    system: &'a System,
    flow: &'a Flow,
    /// For each machine, the machine whose clock it follows, which may be itself.
    sources: Vec<Source>,
    /// R, the logical rate of the followed clock, in 1/s.
    rates: Vec<f64>,
    /// D, how much the followed clock gains per second on the machine's clock between messages.
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

    /// The share by which the clock that `machine` follows advances faster than its own machine ticks.
    pub fn gains(&self, machine: usize) -> f64 {
        let followed = &self.followed;
        let source = followed.sources[machine].machine;
        followed.rates[machine] / followed.system.rates[source] - 1.0
    }

    /// The expected lag of `machine` after `time`, counted from the fastest machine. It is 0 for the fastest machines, and negative for
    /// a machine that is more often ahead of them than behind. The lag behind the greatest clock is greater by the lead. None if it
    /// cannot be derived.
    pub fn lag(&self, machine: usize, time: f64) -> Option<f64> {
        let followed = &self.followed;
        let of_source = (self.fastest - followed.rates[machine]) * time;
        let own = || followed.lag(machine, time, &self.news);
        followed.is_derivable(machine).then(|| of_source + own())
    }

    /// The slope of the machine's lag over the observed time, in 1/s.
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

    /// Whether the machine ticks as fast as the machine that it follows.
    fn is_source(&self, machine: usize) -> bool {
        self.system.rates[machine] == self.system.rates[self.sources[machine].machine]
    }

    /// Whether the lag of the machine can be derived. It cannot if a critical machine passes times on to it, or if the machine is not
    /// stable and its queue has times of several clocks.
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

    /// Whether a machine that sends counts messages nearly as fast as the machine that it follows counts ticks.
    fn messages_drive(&self) -> bool {
        let drives = |machine: usize| {
            let counted = events(self.system, self.flow, machine);
            self.flow.links.sends(machine)
                && counted > COUNTS_MESSAGES * self.system.rates[machine]
                && counted > COUNTS_ALONG * self.rates[machine]
        };
        self.system.drains() && (0..self.rates.len()).any(drives)
    }

    /// The part of each machine's lag that is due to the time since the last message with a later time.
    fn news(&self) -> News {
        let follows = |machine: usize| !self.is_source(machine) && self.gains[machine] > 0.0;
        let machines = 0..self.gains.len();
        let followers: Vec<usize> = machines.filter(|&machine| follows(machine)).collect();
        News::follow(self.flow, &self.gains, &self.rates, &followers)
    }

    /// The lag after `time` behind the machine that this one follows.
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
            // In a queue that is mostly empty, messages since the last tick delay no other message.
            let waits = (waits - arrivals / (2.0 * rate)).max(0.0);
            fastest * waits / arrivals + news - 0.5
        } else {
            let wait_of_news = (fastest - arrivals).max(0.0) / arrivals;
            fastest * waits / arrivals + news - wait_of_news - 1.5
        };
        // A message with the clock before the increment carries 1 less.
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
        // D = 5. Messages come at 0.3 per second, binomially distributed with six draws: E A (A - 1) / (2 (1 - E A)) wait at a tick.
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

    /// The times that a machine receives are older by the delay.
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
