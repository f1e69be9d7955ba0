//! How fast the clocks run.
//!
//! **The fastest.** A clock gains on its machine's ticks only by a message that carries a later time. If the fastest machine is alone
//! and the others that send tick at half its rate or less, none has a later time: R = r. Let two machines share the greatest rate,
//! ticking in turn, the others silent. No queue is longer than one. Watch the machine about to tick: it and the other have the same
//! time, or it is one behind; and a message waits or not. Idle, it passes the other by one or draws level, and its message waits with
//! probability s. Behind by one with a message waiting, it jumps by two, and the other is then one behind where it would have been
//! level. The four states have the probabilities (1 - s) q, q, s q and s (1 - s) q for level and behind without message, level and
//! behind with one, where q = 1 / (2 + s (1 - s)). So each tick gains s (1 - s) q on average:
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
//! Of a pair, the one that ticked last has the greatest clock, and the other is behind by one with probability 1 - q. So the greatest
//! clock *leads* each of them by (1 - q) / 2 on average; of more than two this is again an estimate.
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
//! The mean of that part is the integral of G_i up to D_i T. A receive adds 1 to the clock, and a clock is read half a tick after its
//! last step on average, which leaves an offset of -1/2 for a machine that keeps up; -3/2 less half the news' wait in an overloaded
//! queue, whose news comes at every tick: (R - lambda_i) / lambda_i.

use super::flow::Flow;
use super::system::System;

/// The step in which G is followed, relative to the shortest lag over which it falls.
const STEP: f64 = 0.02;
/// The most steps.
const STEPS: usize = 20_000;
/// What is left of the greatest G at the end.
const NEGLIGIBLE: f64 = 1e-4;

/// The clocks of a system.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    /// R, the logical rate of the fastest clocks, in 1/s.
    pub fastest: f64,
    /// How far the greatest clock is ahead of one of the fastest machines.
    pub lead: f64,
    /// Each machine's expected lag after T behind a fastest machine: 0 for these. The lag behind the greatest clock is longer by the
    /// lead.
    pub lag_final: Vec<f64>,
    /// The slope of each machine's lag, in 1/s.
    pub lag_slope: Vec<f64>,
}

impl Clocks {
    pub fn of(system: &System, flow: &Flow) -> Self {
        let fastest = fastest(system, flow);
        let gains: Vec<f64> = system
            .rates
            .iter()
            .zip(&flow.arrivals)
            .map(|(rate, arrivals)| (fastest - rate.max(*arrivals)).max(0.0))
            .collect();
        let news = news(system, flow, &gains);
        let lag_final = (0..system.rates.len())
            .map(|machine| lag_final(system, flow, fastest, machine, news[machine]))
            .collect();
        let lag_slope = (0..system.rates.len())
            .map(|machine| lag_slope(system, flow, fastest, machine))
            .collect();
        Self {
            fastest,
            lead: lead(system),
            lag_final,
            lag_slope,
        }
    }
}

/// The machines with the greatest rate.
fn equals(system: &System) -> Vec<usize> {
    let rate = system.fastest();
    (0..system.rates.len())
        .filter(|&machine| system.rates[machine] == rate)
        .collect()
}

/// R.
fn fastest(system: &System, flow: &Flow) -> f64 {
    let fastest = equals(system)[0];
    let rate = system.rates[fastest];
    if system.aligned || system.stamps_before {
        return rate;
    }
    let partners = (0..system.rates.len()).filter(|&machine| machine != fastest);
    let gains = partners.map(|partner| gains(system, flow, fastest, partner));
    rate + gains.sum::<f64>()
}

/// How many ticks a second the machine `fastest` gains through `partner`.
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let s = system.send_probability();
    let (rate, of_partner) = (system.rates[fastest], system.rates[partner]);
    let (out, back) = (s * flow.idle[fastest], s * flow.idle[partner]);
    if of_partner <= rate / 2.0 || out <= 0.0 || back <= 0.0 {
        return 0.0;
    }
    let in_time = match back / (rate - of_partner) {
        x if x.is_finite() => 1.0 + (-x).exp_m1() / x,
        _ => 1.0,
    };
    let puts_ahead = out * of_partner / rate;
    2.0 * (1.0 - s) / (2.0 - s) / (1.0 / (in_time * puts_ahead) + 1.0 / back)
}

/// (1 - q) / 2 where there is more than one fastest machine.
fn lead(system: &System) -> f64 {
    if system.aligned || system.stamps_before || equals(system).len() < 2 {
        return 0.0;
    }
    let s = system.send_probability();
    (1.0 - 1.0 / (2.0 + s * (1.0 - s))) / 2.0
}

/// The part of each machine's lag that is due to the time since the last news: the integral of G.
fn news(system: &System, flow: &Flow, gains: &[f64]) -> Vec<f64> {
    let s = system.send_probability();
    let follows = |machine: usize| system.rates[machine] < system.fastest() && gains[machine] > 0.0;
    let followers: Vec<usize> = (0..gains.len())
        .filter(|&machine| follows(machine))
        .collect();
    let mut mean = vec![0.0; gains.len()];
    let mut tail = vec![0.0; gains.len()];
    followers.iter().for_each(|&machine| tail[machine] = 1.0);
    let all_news: f64 = s * flow.idle.iter().sum::<f64>();
    let least = followers.iter().map(|&machine| gains[machine]);
    let step = STEP * least.fold(f64::INFINITY, f64::min) / all_news;
    if !step.is_finite() {
        return mean;
    }
    for steps in 0..STEPS {
        let lag = steps as f64 * step;
        let fresh: Vec<f64> = (0..gains.len())
            .map(|machine| s * flow.idle[machine] * (1.0 - tail[machine]))
            .collect();
        let all_fresh: f64 = fresh.iter().sum();
        let mut greatest: f64 = 0.0;
        for &machine in &followers {
            let before = tail[machine];
            let left = (-step * (all_fresh - fresh[machine]) / gains[machine]).exp();
            tail[machine] = before * left;
            if lag < gains[machine] * system.duration_s {
                mean[machine] += step * (before + tail[machine]) / 2.0;
                greatest = greatest.max(tail[machine]);
            }
        }
        if greatest < NEGLIGIBLE {
            break;
        }
    }
    mean
}

fn lag_final(system: &System, flow: &Flow, fastest: f64, machine: usize, news: f64) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    let most = (fastest - rate) * system.duration_s;
    if rate == system.fastest() {
        return 0.0;
    }
    if arrivals == 0.0 {
        return most;
    }
    let waits = flow.queues[machine].mean(system.duration_s);
    let lag = if flow.queues[machine].drift < 0.0 {
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

fn lag_slope(system: &System, flow: &Flow, fastest: f64, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    if rate == system.fastest() {
        return 0.0;
    }
    if arrivals == 0.0 {
        return fastest - rate;
    }
    let growth = flow.queues[machine].slope(system.duration_s);
    (fastest * growth / arrivals).min(fastest - rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rates: &[f64], internal: f64) -> Clocks {
        let system = System::new(rates, internal, 60.0);
        Clocks::of(&system, &Flow::of(&system))
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
        assert!((lag[0] - expected).abs() < 0.2, "{lag:?} {expected}");
        assert_eq!(lag[1], 0.0);
    }

    #[test]
    fn without_messages_each_clock_counts_its_own_ticks() {
        let clocks = of(&[1.0, 2.0, 6.0], 1.0);
        assert_eq!(clocks.lag_final, [300.0, 240.0, 0.0]);
        assert_eq!(clocks.lag_slope, [5.0, 4.0, 0.0]);
    }

    #[test]
    fn aligned_or_with_the_time_before_nobody_is_ahead() {
        let system = System::new(&[3.0, 3.0, 3.0], 0.7, 60.0);
        let flow = Flow::of(&system);
        let aligned = System {
            aligned: true,
            ..system.clone()
        };
        let before = System {
            stamps_before: true,
            ..system.clone()
        };
        assert_eq!(fastest(&aligned, &flow), 3.0);
        assert_eq!(fastest(&before, &flow), 3.0);
        assert!(fastest(&system, &flow) > 3.3);
    }
}
