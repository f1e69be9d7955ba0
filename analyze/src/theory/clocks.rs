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
//! coincide count twice, and chains of leads over several machines are left out. If all tick at the same instants, or messages carry
//! the time before the increment, no message is ahead: R = r.
//!
//! Of a pair, the one that ticked last has the greatest clock, and the other may be behind it by one. So the greatest clock *leads*
//! each of them by half the probability of that on average; of more than two this is again an estimate.
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
//! The mean of that part is the integral of G_i up to D_i T. A receive adds 1 to the clock, and a clock is read half a tick after its
//! last step on average, which leaves an offset of -1/2 for a machine that keeps up; -3/2 less half the news' wait in an overloaded
//! queue, whose news comes at every tick: (R - lambda_i) / lambda_i.

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

use super::flow::Flow;
use super::pair::Pair;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// The step in which G is followed, relative to the shortest lag over which it falls.
const STEP: f64 = 0.02;
/// The most steps.
const STEPS: usize = 20_000;
/// What is left of the greatest G at the end.
const NEGLIGIBLE: f64 = 1e-4;

/// A machine that counts more messages than this share of R, and this many times its ticks, makes clocks that are not derived.
const COUNTS_ALONG: f64 = 0.8;
const COUNTS_MESSAGES: f64 = 1.5;

/// The clocks of a system.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    /// The logical rate of the greatest clock, in 1/s.
    pub fastest: f64,
    /// How far the greatest clock is ahead of the machine that it is behind by the lag.
    pub leads: Vec<f64>,
    /// Each machine's expected lag after T behind a fastest machine: 0 for these. The lag behind the greatest clock is longer by the
    /// lead. None where that is not derivable.
    pub lag_final: Vec<Option<f64>>,
    /// The slope of each machine's lag, in 1/s.
    pub lag_slope: Vec<Option<f64>>,
}

/// What is worked out on the way.
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

impl Clocks {
    pub fn of(system: &System, flow: &Flow) -> Self {
        let followed = Followed::of(system, flow);
        let machines = 0..system.rates.len();
        let fastest = followed.rates.iter().copied().fold(0.0, f64::max);
        let news = followed.news();
        let behind = |machine: usize, own: f64, time: f64| {
            let of_source = (fastest - followed.rates[machine]) * time;
            followed.is_derivable(machine).then_some(of_source + own)
        };
        Self {
            fastest,
            leads: leads(system, flow),
            lag_final: machines
                .clone()
                .map(|i| behind(i, followed.lag_final(i, news[i]), system.duration_s))
                .collect(),
            lag_slope: machines
                .map(|i| behind(i, followed.lag_slope(i), 1.0))
                .collect(),
        }
    }
}

impl<'a> Followed<'a> {
    fn of(system: &'a System, flow: &'a Flow) -> Self {
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

    /// The part of each machine's lag that is due to the time since the last news: the integral of G.
    fn news(&self) -> Vec<f64> {
        let (gains, links) = (&self.gains, &self.flow.links);
        let follows = |machine: &usize| !self.is_source(*machine) && gains[*machine] > 0.0;
        let followers: Vec<usize> = (0..gains.len()).filter(follows).collect();
        let mut mean = vec![0.0; gains.len()];
        let mut tail = vec![0.0; gains.len()];
        followers.iter().for_each(|&machine| tail[machine] = 1.0);
        let step = STEP * self.shortest(&followers);
        if !step.is_finite() {
            return mean;
        }
        for steps in 0..STEPS {
            let lag = steps as f64 * step;
            let before = tail.clone();
            let mut greatest: f64 = 0.0;
            for &machine in &followers {
                let heard = links.heard(machine).iter();
                let fresh: f64 = heard
                    .filter(|(sender, _)| self.rates[*sender] == self.rates[machine])
                    .map(|&(sender, s)| s * self.flow.idle[sender] * (1.0 - before[sender]))
                    .sum();
                tail[machine] *= (-step * fresh / gains[machine]).exp();
                if lag < gains[machine] * self.system.duration_s {
                    mean[machine] += step * (before[machine] + tail[machine]) / 2.0;
                    greatest = greatest.max(tail[machine]);
                }
            }
            if greatest < NEGLIGIBLE {
                break;
            }
        }
        mean
    }

    /// The shortest lag over which the G of one of the `followers` can fall.
    fn shortest(&self, followers: &[usize]) -> f64 {
        let (flow, gains) = (self.flow, &self.gains);
        let sent = |machine: usize| flow.links.sender(machine).one * flow.idle[machine];
        let all_news: f64 = (0..gains.len()).map(sent).sum();
        let least = followers.iter().map(|&machine| gains[machine]);
        least.fold(f64::INFINITY, f64::min) / all_news
    }

    /// The lag after T behind the machine's source.
    fn lag_final(&self, machine: usize, news: f64) -> f64 {
        let (system, fastest) = (self.system, self.rates[machine]);
        let (rate, arrivals) = (system.rates[machine], self.flow.arrivals[machine]);
        let most = (fastest - rate) * system.duration_s;
        if self.is_source(machine) {
            return 0.0;
        }
        let queue = self.flow.queues[machine];
        let waits = queue.mean(system.duration_s);
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
        let lag = lag + f64::from(u8::from(system.stamps_before));
        lag.clamp(0.0, most)
    }

    /// Its slope.
    fn lag_slope(&self, machine: usize) -> f64 {
        if self.is_source(machine) {
            return 0.0;
        }
        let (rate, fastest) = (self.system.rates[machine], self.rates[machine]);
        let growth = self.flow.queues[machine].slope(self.system.duration_s);
        (fastest * growth / self.flow.arrivals[machine]).min(fastest - rate)
    }
}

/// What the machine's clock counts a second without news: its ticks, or its messages where these are more. Where a tick takes all
/// that waits, each is an event of its own, and so is an idle tick.
fn events(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.drains() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R of a machine that follows nobody.
fn rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.drains() {
        true => events(system, flow, source),
        false => system.rates[source],
    };
    if system.aligned || system.stamps_before {
        return own;
    }
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let gains = partners.map(|partner| gains(system, flow, source, partner));
    own + gains.sum::<f64>()
}

/// How many ticks a second the machine `fastest` gains through `partner`.
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let (rate, of_partner) = (system.rates[fastest], system.rates[partner]);
    let pair = Pair::of(&flow.links, fastest, partner);
    let (out, back) = (
        pair.out * flow.idle[fastest],
        pair.back * flow.idle[partner],
    );
    if of_partner <= rate / 2.0 || out <= 0.0 || back <= 0.0 {
        return 0.0;
    }
    let in_time = match back / (rate - of_partner) {
        x if x.is_finite() => 1.0 + (-x).exp_m1() / x,
        _ => 1.0,
    };
    let puts_ahead = out * of_partner / rate;
    pair.kept() / (1.0 / (in_time * puts_ahead) + 1.0 / back)
}

/// How far the greatest clock is ahead of each machine that shares the greatest rate, and of where the others reckon from.
fn leads(system: &System, flow: &Flow) -> Vec<f64> {
    let rate = system.fastest();
    let equals: Vec<usize> = (0..system.rates.len())
        .filter(|&machine| system.rates[machine] == rate)
        .collect();
    let [first, second, ..] = equals[..] else {
        return vec![0.0; system.rates.len()];
    };
    if system.aligned || system.stamps_before {
        return vec![0.0; system.rates.len()];
    }
    let (of_first, of_second) = Pair::of(&flow.links, first, second).behind();
    let lead = |machine: usize| match machine {
        _ if machine == first => of_first,
        _ if machine == second => of_second,
        _ => (of_first + of_second) / 2.0,
    };
    (0..system.rates.len()).map(lead).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rates: &[f64], internal: f64) -> Clocks {
        let system = System::new(rates, internal, 60.0);
        Clocks::of(&system, &Flow::solve(&system).expect("one solution"))
    }

    #[test]
    fn a_pair_gains_as_its_four_states_say() {
        for internal in [0.1, 0.5, 0.8, 1.0] {
            let s: f64 = 1.0 - internal;
            let gain = s * (1.0 - s) / (2.0 + s * (1.0 - s));
            let fastest = of(&[3.0, 3.0], internal).fastest;
            assert!((fastest - 3.0 * (1.0 + gain)).abs() < 0.01, "{fastest}");
        }
    }

    #[test]
    fn one_follower_hears_at_the_rate_of_the_fastest() {
        // D = 5, and 0.3 messages a second, binomial of six draws: E A (A - 1) / (2 (1 - E A)) wait at a tick.
        let heard = 0.05 * 6.0;
        let waits = 6.0 * 5.0 * 0.05 * 0.05 / (2.0 * (1.0 - heard));
        let expected = 5.0 / heard + 6.0 * waits / heard - 0.5;
        let lag = of(&[1.0, 6.0], 0.95).lag_final;
        assert!(
            (lag[0].unwrap_or_default() - expected).abs() < 0.2,
            "{lag:?} {expected}"
        );
        assert_eq!(lag[1], Some(0.0));
    }

    #[test]
    fn without_messages_each_clock_counts_its_own_ticks() {
        let clocks = of(&[1.0, 2.0, 6.0], 1.0);
        assert_eq!(clocks.lag_final, [300.0, 240.0, 0.0].map(Some));
        assert_eq!(clocks.lag_slope, [5.0, 4.0, 0.0].map(Some));
    }

    #[test]
    fn aligned_or_with_the_time_before_nobody_is_ahead() {
        let system = System::new(&[3.0, 3.0, 3.0], 0.7, 60.0);
        let flow = Flow::solve(&system).expect("one solution");
        let aligned = System {
            aligned: true,
            ..system.clone()
        };
        let before = System {
            stamps_before: true,
            ..system.clone()
        };
        assert_eq!(rate(&aligned, &flow, 0), 3.0);
        assert_eq!(rate(&before, &flow, 0), 3.0);
        assert!(rate(&system, &flow, 0) > 3.3);
    }
}
