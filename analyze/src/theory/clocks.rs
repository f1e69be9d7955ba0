//! Predicts how fast the clocks advance, and how far they are behind the fastest clock.
//!
//! Symbols: machine i has r_i ticks and y_i idle ticks (ticks that receive nothing) per second, and lambda_i messages arrive at it
//! per second. An idle tick of machine j sends a message to a given neighbour with probability s_j ([`super::links`]); if this
//! probability is the same for all machines, it is called s. R is the *logical rate* of the fastest clock: how much it advances per
//! second. A message has a *later time* if its timestamp is greater than the clock of its recipient. A machine is *stable* if fewer
//! messages arrive than it has ticks, *critical* if about as many arrive, and *overloaded* if more arrive.
//!
//! # The fastest clock
//!
//! Let r be the highest rate. A clock advances faster than its machine ticks only if messages bring it later times.
//!
//! **One machine at the highest rate.** A receive sets a slower clock to the message's timestamp plus 1. The timestamp is at most the
//! fastest clock, so the slower clock gets at most one ahead of the fastest clock. The slower machine sends only at a later tick, which
//! adds 1 more. If its rate is at most half the highest rate, the fastest machine ticks at least twice between this receive and the
//! send. So the slower clock is no longer ahead when its machine sends. If every other machine that sends has at most half the highest
//! rate, no message brings the fastest machine a later time, and R = r.
//!
//! **Two machines at the highest rate.** Let them tick in turn, and let the other machines send nothing. Then R is known exactly
//! ([`super::pair`] derives it):
//!
//! > R = r (1 + s (1 - s) / (2 + s (1 - s))).
//!
//! An estimate gives nearly the same result, and it can be applied to other machines too. Imagine that clocks rise evenly between ticks.
//! Let A be one of the two machines, and B the other one, the *partner* of A. In two steps, messages add 1 to the clock of A, beyond its
//! own ticks: this is a *gain*. Step 1: B receives a message of A before A ticks again. The clock of B becomes the timestamp plus 1. The
//! clock of A has risen by less than 1 since the send, so B is ahead by a part of a tick. This part is the *head start*. Step 2: before the
//! head start is gone, a message of B brings A a later time. (Real clocks are whole numbers, so this time is 1 greater.) Each step takes 1
//! / (s y) seconds on average, where y is the number of idle ticks per second of each machine. (Each machine also receives s y messages per
//! second. So r = y + s y, and y = r / (1 + s).) A gain takes both steps, so the estimate is s y / 2 gains per second. This estimate is too
//! high, because machines sometimes receive at ticks at which they would have sent. Multiplied by f = 2 (1 - s) / (2 - s), it is exact: it
//! equals R - r.
//!
//! **A slower partner j, or more senders.** Here r_j is less than r, or other machines send too. Step 1 succeeds only if the partner
//! ticks before the fastest machine ticks again. The probability of this is r_j / r, so step 1 succeeds alpha = s y r_j / r times per
//! second, where y is the number of idle ticks per second of the fastest machine.
//!
//! Step 2 must come before the head start is gone. A head start of h ticks shrinks by r - r_j ticks per second, so it lasts h / (r - r_j)
//! seconds. The partner sends s y_j messages back per second. So it sends at least one of them in time with probability 1 - exp(-x h),
//! where x = s y_j / (r - r_j). Let h be evenly distributed between 0 and 1. The mean of the probability over h is
//! P = 1 - (1 - exp(-x)) / x. For equal rates P = 1, because the head start does not shrink.
//!
//! On average, it takes 1 / (P alpha) seconds until the partner gets a head start that lasts long enough, and 1 / (s y_j) seconds until the
//! partner's message. So the gains per second through j are
//!
//! > f / (1 / (P alpha) + 1 / (s y_j)).
//!
//! This is an estimate too. R is r plus the gains through all partners with more than half the highest rate. If two partners bring the same
//! gain at the same time, the sum counts it twice. It leaves out gains through two partners: the fastest machine sends to one, which sends
//! to the other, and only the other one's message brings the later time.
//!
//! **No gains.** If two machines of equal rate tick at the same instants, their clocks stay equal, and neither gains through the other.
//! If messages carry the clock before the increment, a receive puts no clock ahead of the fastest clock. Then no message brings the fastest
//! machine a later time, and R = r.
//!
//! For a part of the time between two ticks, another clock can be greater than the clock of the fastest machine. [`super::leads`] derives
//! by how much.
//!
//! # The other clocks
//!
//! The *lag* of machine i is the fastest clock minus the clock of i. It is the sum of two parts and an offset.
//!
//! **Waiting.** A message waits Q_i / lambda_i seconds on average (Little's law), where Q_i is the mean number of waiting
//! messages. During this time the fastest clock advances by R Q_i / lambda_i. This is the first part.
//!
//! **Time since the last message with a later time.** Until such a message comes, the clock of i falls behind the fastest clock by
//! D_i = R - max(r_i, lambda_i) per second. (For an overloaded machine, this is R - lambda_i. Its clock really rises by only r_i per second, 1 for
//! each message that it receives. But the first part of the lag already contains the waiting. So the second part counts each message when
//! it arrives, not when a tick takes it.) How far the clock has fallen behind in this way is the second part of the lag. Call it L_i. (The
//! code calls it `staleness`.) A message from j brings i the clock of j. If L_j is smaller than L_i, L_i falls to L_j. After the message,
//! L_i grows by D_i per second again.
//!
//! Take a message from j that arrived u seconds ago. If L_j was at most x - D_i u at that time, L_i is still at most x now. Call such a
//! message *sufficient*. Let G_i(x) be the probability that L_i exceeds x now: the probability that no message is sufficient. Machine j
//! sends s_j y_j messages per second to i. So the mean number m of sufficient messages is the sum over j of s_j y_j (1 - G_j(x - D_i u)),
//! integrated over u from 0 to x / D_i. With v = x - D_i u, this is
//!
//! > m = (1 / D_i) (integral over v from 0 to x of the sum over j of s_j y_j (1 - G_j(v))).
//!
//! If senders are independent and messages arrive as Poisson processes (independently of each other), G_i(x) = exp(-m). So the derivative
//! of G_i is
//!
//! > dG_i/dx = -(G_i / D_i) (sum over j of s_j y_j (1 - G_j)), with G_i(0) = 1, and G = 0 for the fastest machine.
//!
//! The sum includes only machines j that follow the same clock as i (see "Topologies" below). At time t after the start of the run, L_i is
//! at most D_i t. So the mean of L_i at this time is the integral of G_i from 0 to D_i t ([`super::staleness`]). This mean grows at the
//! start of a run. The lag of a stable machine has a slope only because of this growth.
//!
//! **Offset.** At a random moment, the last tick of a machine was half a period ago on average (a period is the time between two of its
//! ticks). Consider a message that machine i received, and that the fastest machine sent u seconds ago. Since then the clock of the fastest
//! machine has counted R u - 1/2, where -1/2 is due to the half period since its last tick. Suppose first that i is stable. Machine
//! i has counted 1 for the message, and then 1 for each tick since the receive. The receive was half a period after the send, and the last
//! tick of i was half a period ago. So there were r_i u - 1/2 - 1/2 such ticks. The count of the fastest machine minus that of i is
//! (R - r_i) u - 1/2. The term (R - r_i) u belongs to the second part of the lag, and -1/2 is the offset. So the lag can be negative.
//!
//! If i is overloaded, its offset is -1 - 1/2 - D_i / lambda_i, where D_i = R - lambda_i. The -1 is for the receive. The -1/2 is there
//! because the last tick of the fastest machine was half a period ago. The last term corrects the second part, which contains how far the
//! clock has fallen behind since the last arrival: D_i / lambda_i on average. An overloaded machine does not fall behind in this way,
//! because its next message waits already. So this amount is subtracted.
//!
//! **Delay.** A delay of d seconds adds R d to the lag. No message arrives in the first d seconds, so both parts of the lag at time t are
//! calculated with t - d instead of t.
//!
//! # Topologies
//!
//! If some machines do not send to all others, R is the logical rate of the clock that i *follows*: the fastest clock whose time reaches i
//! ([`super::sources`]). There may be an even faster clock whose times do not reach i. The lag of i behind this faster clock grows each
//! second by the logical rate of the faster clock minus that of the followed clock. For example, a time-keeper (the only machine that
//! sends) has a clock that advances exactly at its own rate. The clock of another machine advances at the time-keeper's rate or at its own,
//! whichever is greater. There is no prediction for an overloaded machine that receives times of several clocks, because its queue mixes
//! them.
//!
//! # Ticks that take all waiting messages
//!
//! If a tick takes all waiting messages, the clock grows by 1 for each of these messages. A tick without messages adds 1 too. So without
//! later times the clock advances by lambda_i + y_i per second. This number replaces max(r_i, lambda_i) in D_i. For a machine that follows
//! no other clock, R is this number plus the gains, instead of r plus the gains.
//!
//! A message waits only until the next tick. To find the offset, take a message that was sent v seconds before the last tick of i.
//! The last tick was half a period, 1 / (2 r_i) seconds, ago on average. Since the message was sent, the fastest clock has counted
//! R (v + 1 / (2 r_i)) - 1/2. Machine i has counted 1 for the message, and r_i v - 1/2 for its ticks, because the message waited half a
//! period for a tick. The lag is the first count minus the second: (R - r_i) v + R / (2 r_i) - 1. The term (R - r_i) v belongs to the
//! second part of the lag. The other terms are the offset, R / (2 r_i) - 1.
//!
//! A slow machine that sends can get ahead of the fastest machine if it counts messages nearly as fast as the fastest machine
//! ticks. Then the two machines drive each other's clocks. How fast these clocks advance is not derived, so no clock of the system is
//! predicted.

use super::diffusion;
use super::flow::Flow;
use super::gains::{logical_rate, rate_without_later_times};
use super::leads::leads;
use super::regime::Regime;
use super::sources::Source;
use super::staleness::Staleness;
use super::system::System;

/// Each event of a machine adds 1 to its clock. Messages *drive* the clock if these additions alone, without later times, make it advance
/// fast. There are two conditions. The first: per second, the additions are more than `DRIVING_SHARE * R`, where R is the logical rate of
/// the clock that the machine follows.
const DRIVING_SHARE: f64 = 0.8;
/// The second condition: per tick of the machine, the additions are more than this number.
const DRIVING_COUNT_PER_TICK: f64 = 1.5;
/// No predicted lag is less than `-MAX_AHEAD`. A clock can be ahead of the fastest machine's clock for part of the time (then its lag is
/// negative), but on average it is ahead by less than `MAX_AHEAD`.
const MAX_AHEAD: f64 = 1.0;

/// The clocks of a system.
#[derive(Clone, Debug)]
pub(super) struct Clocks<'a> {
    /// The logical rate of the fastest clock, in 1/s.
    pub fastest_rate: f64,
    /// How far the greatest clock of the run is ahead of the fastest machine's clock, on average. [`Clocks::lag`] is the lag behind the
    /// fastest machine's clock. With this number added, it is the lag behind the greatest clock. There is a number for each machine. All
    /// are equal, except if several machines have the highest rate ([`super::leads`]).
    pub leads: Vec<f64>,
    followed: FollowedClocks<'a>,
    staleness: Staleness,
}

/// The clock that each machine follows: the fastest clock whose time reaches the machine.
#[derive(Clone, Debug)]
struct FollowedClocks<'a> {
    system: &'a System,
    flow: &'a Flow,
    /// For each machine, the machine whose clock it follows. A machine may follow its own clock.
    sources: Vec<Source>,
    /// For each machine, R: the logical rate of the followed clock, in 1/s.
    followed_rates: Vec<f64>,
    /// For each machine, D: by how much per second its clock falls behind the followed clock, as long as no later time arrives.
    falls_behind_per_s: Vec<f64>,
}

impl<'a> Clocks<'a> {
    pub fn new(system: &'a System, flow: &'a Flow) -> Self {
        let followed = FollowedClocks::new(system, flow);
        Self {
            fastest_rate: followed.followed_rates.iter().copied().fold(0.0, f64::max),
            leads: leads(system, flow),
            staleness: followed.staleness(),
            followed,
        }
    }

    /// Take the clock that `machine` follows. Returns by what share it advances faster than its own machine ticks. For example, if this
    /// clock advances by 3.3 per second and its machine has 3 ticks per second, the result is 3.3 / 3 - 1 = 0.1.
    pub fn gain_share(&self, machine: usize) -> f64 {
        let followed = &self.followed;
        let source = followed.sources[machine].machine;
        let tick_rate_of_source = followed.system.rates[source];
        followed.followed_rates[machine] / tick_rate_of_source - 1.0
    }

    /// The expected lag of `machine` behind the clock of the fastest machine after `time` seconds. It is 0 for the fastest
    /// machines, and negative for a machine whose clock is ahead of the fastest machine's clock on average. None if the lag cannot be
    /// derived.
    pub fn lag(&self, machine: usize, time: f64) -> Option<f64> {
        let followed = &self.followed;
        let lag_of_source = (self.fastest_rate - followed.followed_rates[machine]) * time;
        let behind_source = || followed.lag(machine, time, &self.staleness);
        followed
            .is_derivable(machine)
            .then(|| lag_of_source + behind_source())
    }

    /// The slope of the machine's lag over the observed time, in 1/s. None if the lag cannot be derived.
    pub fn lag_slope(&self, machine: usize) -> Option<f64> {
        let observed = self.followed.system.observed();
        let lag = |time| self.lag(machine, time).unwrap_or_default();
        self.followed
            .is_derivable(machine)
            .then(|| diffusion::slope(&observed, lag))
    }
}

impl<'a> FollowedClocks<'a> {
    fn new(system: &'a System, flow: &'a Flow) -> Self {
        let sources = Source::find_all(system, flow);
        let followed_rates: Vec<f64> = sources
            .iter()
            .map(|source| logical_rate(system, flow, source.machine))
            .collect();
        let falls_behind_per_s = (0..followed_rates.len())
            .map(|i| (followed_rates[i] - rate_without_later_times(system, flow, i)).max(0.0))
            .collect();
        Self {
            system,
            flow,
            sources,
            followed_rates,
            falls_behind_per_s,
        }
    }

    /// Whether the machine ticks as fast as the machine that it follows.
    fn ticks_as_fast_as_source(&self, machine: usize) -> bool {
        self.system.rates[machine] == self.system.rates[self.sources[machine].machine]
    }

    /// Whether the lag of the machine can be derived. It cannot be derived in three cases:
    ///
    /// 1. It is unknown which clock the machine follows, because this depends on a critical machine.
    /// 2. Messages drive clocks.
    /// 3. The machine is slower than the machine that it follows, it is not stable, and its queue has times of several clocks.
    fn is_derivable(&self, machine: usize) -> bool {
        if self.sources[machine].is_doubtful || self.messages_drive_clocks() {
            return false;
        }
        // The drift of the queue, not of the clock. It is negative if fewer messages arrive than the machine has ticks.
        let relative_drift = self.flow.queues[machine].relative_drift(self.system.duration_s);
        // A machine that has no idle ticks in the long run (it is not `active`) sends nothing.
        let senders = self.flow.links.senders_to(machine).iter();
        let mut senders = senders.filter(|(sender, _)| self.flow.active[*sender]);
        self.ticks_as_fast_as_source(machine)
            || Regime::from_relative_drift(relative_drift) == Regime::Stable
            || senders
                .all(|(sender, _)| self.followed_rates[*sender] == self.followed_rates[machine])
    }

    /// Whether ticks take all waiting messages, and messages drive the clock of at least one machine that sends (see [`DRIVING_SHARE`]).
    fn messages_drive_clocks(&self) -> bool {
        let is_driver = |machine: usize| {
            let counted = rate_without_later_times(self.system, self.flow, machine);
            self.flow.links.sends(machine)
                && counted > DRIVING_COUNT_PER_TICK * self.system.rates[machine]
                && counted > DRIVING_SHARE * self.followed_rates[machine]
        };
        self.system.takes_all() && (0..self.followed_rates.len()).any(is_driver)
    }

    /// The second part of each machine's lag, which is due to the time since the last message with a later time.
    fn staleness(&self) -> Staleness {
        let follows = |machine: usize| {
            !self.ticks_as_fast_as_source(machine) && self.falls_behind_per_s[machine] > 0.0
        };
        let machines = 0..self.falls_behind_per_s.len();
        let followers: Vec<usize> = machines.filter(|&machine| follows(machine)).collect();
        Staleness::integrate(
            self.flow,
            &self.falls_behind_per_s,
            &self.followed_rates,
            &followers,
        )
    }

    /// The machine's lag behind the clock that it follows, after `time` seconds.
    fn lag(&self, machine: usize, time: f64, staleness: &Staleness) -> f64 {
        let (system, followed_rate) = (self.system, self.followed_rates[machine]);
        let (rate, arrivals) = (system.rates[machine], self.flow.arrivals[machine]);
        if self.ticks_as_fast_as_source(machine) {
            return 0.0;
        }
        let without_messages = (followed_rate - rate) * time;
        let since_first_arrival = time - system.delay_s;
        if since_first_arrival <= 0.0 {
            return without_messages;
        }
        let queue = self.flow.queues[machine];
        let waiting = queue.mean(since_first_arrival);
        let max_second_part = self.falls_behind_per_s[machine] * since_first_arrival;
        let staleness = staleness.mean(machine, max_second_part);
        // Each case is the sum of the part for waiting, the part for the time since the last message, and the offset. The top of the file
        // explains them.
        let lag = if system.takes_all() {
            // No message waits longer than until the next tick, so there is no part for waiting.
            followed_rate / (2.0 * rate) + staleness - 1.0
        } else if queue.drift < 0.0 {
            // On average, `arrivals / (2.0 * rate)` messages have arrived since the machine's last tick. They wait at least for the next
            // tick. The offset already contains this wait.
            let waiting = (waiting - arrivals / (2.0 * rate)).max(0.0);
            followed_rate * waiting / arrivals + staleness - 0.5
        } else {
            let fall_between_messages = (followed_rate - arrivals).max(0.0) / arrivals;
            followed_rate * waiting / arrivals + staleness - fall_between_messages - 1.5
        };
        // With stamp = before, messages carry the clock before the increment, so timestamps are 1 less.
        let missing_increment = if system.stamps_before { 1.0 } else { 0.0 };
        let lag = lag + followed_rate * system.delay_s + missing_increment;
        lag.max(-MAX_AHEAD).min(without_messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: f64 = 60.0;

    /// The logical rate of the fastest clock and, for each machine, its lag at time T and the slope of its lag.
    struct Lags {
        fastest_rate: f64,
        lags: Vec<Option<f64>>,
        slopes: Vec<Option<f64>>,
    }

    fn predict_lags(system: &System) -> Lags {
        let flow = Flow::solve(system).expect("one solution");
        let clocks = Clocks::new(system, &flow);
        let machines = 0..system.rates.len();
        Lags {
            fastest_rate: clocks.fastest_rate,
            lags: machines.clone().map(|i| clocks.lag(i, T)).collect(),
            slopes: machines.map(|i| clocks.lag_slope(i)).collect(),
        }
    }

    fn plain(rates: &[f64], internal: f64) -> Lags {
        predict_lags(&System::new(rates, internal, T))
    }

    #[test]
    fn two_equal_machines_have_the_exact_logical_rate() {
        for internal in [0.1, 0.5, 0.8, 1.0] {
            let s: f64 = 1.0 - internal;
            let gain = s * (1.0 - s) / (2.0 + s * (1.0 - s));
            let fastest_rate = plain(&[3.0, 3.0], internal).fastest_rate;
            assert!(
                (fastest_rate - 3.0 * (1.0 + gain)).abs() < 0.01,
                "{fastest_rate}"
            );
        }
    }

    #[test]
    fn the_lag_of_one_follower_is_that_worked_out_by_hand() {
        // Between two ticks of machine 0, machine 1 has six ticks. Each of them sends with probability 1 - 0.95 = 0.05. So the number A
        // of messages in this time is binomially distributed, with E[A] = 6 * 0.05 and E[A (A - 1)] = 6 * 5 * 0.05^2 (E is the expected
        // value). By a known formula for such queues, a tick of machine 0 leaves E[A (A - 1)] / (2 (1 - E[A])) messages waiting on average.
        let arrivals = 0.05 * 6.0;
        let waiting = 6.0 * 5.0 * 0.05 * 0.05 / (2.0 * (1.0 - arrivals));
        // The first part of the lag, R Q / lambda, where R = 6, Q is `waiting`, and lambda is `arrivals`.
        let first_part = 6.0 * waiting / arrivals;
        // The last message arrived 1 / lambda seconds ago on average. Since then, the clock has fallen behind by D = 6 - 1 per second.
        let second_part = 5.0 / arrivals;
        let offset = -0.5;
        let expected = first_part + second_part + offset;
        let lag = plain(&[1.0, 6.0], 0.95).lags;
        assert!(
            (lag[0].unwrap_or_default() - expected).abs() < 0.2,
            "{lag:?} {expected}"
        );
        assert_eq!(lag[1], Some(0.0));
    }

    #[test]
    fn without_messages_each_clock_counts_its_own_ticks() {
        // The lags grow by 6 - 1 = 5 and 6 - 2 = 4 per second, for 60 seconds.
        let clocks = plain(&[1.0, 2.0, 6.0], 1.0);
        assert_eq!(clocks.lags, [300.0, 240.0, 0.0].map(Some));
        for (slope, expected) in clocks.slopes.iter().zip([5.0, 4.0, 0.0]) {
            let slope = slope.unwrap_or_default();
            assert!((slope - expected).abs() < 1e-9, "{slope} {expected}");
        }
    }

    /// If ticks are internal with probability 0.99, messages are so rare that the lag grows during most of the run, so it has a slope.
    /// (Without any messages, the slope would be 6 - 1 = 5.) With probability 0.9, the lag soon stops growing, and the slope is nearly 0.
    /// The slope is also smaller if a warm-up leaves out the first half of the run.
    #[test]
    fn the_lag_of_a_stable_machine_grows_at_first() {
        let rare = plain(&[1.0, 6.0], 0.99).slopes[0].unwrap_or_default();
        let frequent = plain(&[1.0, 6.0], 0.9).slopes[0].unwrap_or_default();
        assert!(
            (1.0..3.0).contains(&rare) && frequent < 0.1,
            "{rare} {frequent}"
        );
        let after_warm_up = predict_lags(&System {
            warm_up_s: 30.0,
            ..System::new(&[1.0, 6.0], 0.99, T)
        });
        let after_warm_up = after_warm_up.slopes[0].unwrap_or_default();
        assert!(after_warm_up < 0.9 * rare, "{after_warm_up} {rare}");
    }

    /// With a delay of 0.05 seconds, the times that a machine receives are 0.05 seconds older. The fastest clock advances by 6 per second,
    /// so the lag is greater by 6 * 0.05.
    #[test]
    fn a_delay_adds_to_the_lag() {
        let system = System::new(&[3.0, 6.0], 0.5, T);
        let late = System {
            delay_s: 0.05,
            ..system.clone()
        };
        let lag = |system: &System| predict_lags(system).lags[0].unwrap_or_default();
        let added = lag(&late) - lag(&system);
        assert!((added - 6.0 * 0.05).abs() < 0.02, "{added}");
    }
}
