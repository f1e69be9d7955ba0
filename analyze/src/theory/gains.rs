//! The *logical rate* of the fastest machine's clock: how much this clock advances per second. The logical rate is the machine's tick
//! rate (or the rate of its events, if a tick takes all waiting messages) plus what the clock gains from the messages of other machines.
//! [`super::clocks`] derives the formulas.

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// How much the machine's clock would advance per second if no message had a *later time* (a timestamp greater than the clock), and if no
/// message had to wait. Then each event adds 1 to the clock. [`super::clocks`] calculates the lag that comes from waiting.
///
/// - If a tick takes at most one message, each tick is one event, so the result is `rate`. For an overloaded machine it is `arrivals`:
///   the number of messages that it would receive per second if none had to wait.
/// - If a tick takes all waiting messages, each message is an event, and each idle tick (a tick that receives nothing) is an event. So the
///   result is `arrivals` plus the number of idle ticks per second. This sum is at least `rate`, because each tick has at least one event;
///   the maximum below only corrects inexact numbers of idle ticks.
pub(super) fn rate_without_later_times(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.takes_all() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R, the logical rate of the clock of `source`, in 1/s. The system may have faster machines, but none of their clock values reaches
/// `source`. So the comments below call `source` the fastest machine.
pub(super) fn logical_rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.takes_all() {
        true => rate_without_later_times(system, flow, source),
        false => system.rates[source],
    };
    // If a message carries the value c that its sender's clock had before the send, the sender's clock is c + 1 after the send, and the
    // receiver's clock jumps to c + 1 too. So no jump puts a clock ahead of the fastest machine's clock, and no message brings the fastest
    // machine a later time.
    if system.stamps_before {
        return own;
    }
    // Two machines with the same rate of ticks that tick at the same instants have equal clocks, so neither gains anything from the other.
    // But if a tick takes several messages, each of them adds 1 to a clock, so even these two clocks can differ. Then `own` is the rate of
    // events, which is greater than the rate of ticks, and the comparison below says that the clocks differ.
    let clocks_differ = |machine: usize| !system.aligned || system.rates[machine] != own;
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let partners = partners.filter(|&machine| clocks_differ(machine));
    let gains_by_partner = partners.map(|partner| gains(system, flow, source, partner));
    own + gains_by_partner.sum::<f64>()
}

/// By how much messages of `partner` advance the clock of `fastest` per second, in addition to its own events ([`super::clocks`]).
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let (rate, partner_rate) = (system.rates[fastest], system.rates[partner]);
    let pair = Pair::from_links(&flow.links, fastest, partner);
    // Messages per second from the fastest machine to the partner, and back: the probability that an idle tick sends one, times the idle
    // ticks per second.
    let (out, back) = (
        pair.out * flow.idle[fastest],
        pair.back * flow.idle[partner],
    );
    // A message of the fastest machine can put the partner's clock ahead for a short time, from the tick at which the partner receives it.
    // The partner can send at its next tick or later. But if the partner has at most half the rate of the fastest machine, the fastest machine
    // ticks at least twice in between, and the partner's clock is no longer ahead. So the partner's messages have no later times.
    if partner_rate <= rate / 2.0 || out <= 0.0 || back <= 0.0 {
        return 0.0;
    }
    // Let the clocks grow evenly between ticks, so that they can differ by a part of 1. At first the partner's clock is ahead by h, the head
    // start. It is between 0 and 1, and all values are equally probable. The fastest
    // clock catches up by `rate - partner_rate` per second, so a head start of 1 lasts 1 / (rate - partner_rate) seconds. In this time the
    // partner sends x messages back on average. For equal rates x is infinite.
    let x = back / (rate - partner_rate);
    // P, the probability that the partner sends a message before the head start is gone. For a head start h it is 1 - exp(-x h). The mean
    // over all h from 0 to 1 is 1 - (1 - exp(-x)) / x.
    // `(-x).exp_m1()` is exp(-x) - 1.
    let p_sent_in_time = if x.is_finite() {
        1.0 + (-x).exp_m1() / x
    } else {
        1.0
    };
    // How often the partner gets a head start, in 1/s. It gets one only if it ticks before the fastest machine ticks again, which has the
    // probability partner_rate / rate.
    let alpha = out * partner_rate / rate;
    // The time for one gain is the sum of two waits: on average, 1 / (P alpha) seconds until the partner gets a head start that lasts long
    // enough, and then 1 / back seconds until the partner's message. This estimate of the gains is too high, and `gain_ratio` corrects it.
    pair.gain_ratio() / (1.0 / (p_sent_in_time * alpha) + 1.0 / back)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clocks gain nothing if equal machines tick at the same instants (aligned), or if messages carry the clock before the increment
    /// (stamps before). Otherwise the clocks of equal machines gain.
    #[test]
    fn equal_machines_gain_nothing_if_aligned_or_with_stamps_before() {
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
        assert_eq!(logical_rate(&aligned, &flow, 0), 3.0);
        assert_eq!(logical_rate(&before, &flow, 0), 3.0);
        // The formulas give 3.38: the rate 3, and a gain of 0.19 through each of the two partners.
        assert!(logical_rate(&system, &flow, 0) > 3.3);
    }

    /// The clocks of machines with different rates do not stay equal, even if they start at the same instant.
    #[test]
    fn aligned_machines_of_different_rates_gain() {
        let system = System {
            aligned: true,
            ..System::new(&[5.0, 6.0], 0.5, 60.0)
        };
        let flow = Flow::solve(&system).expect("one solution");
        // The formulas give 6.35: the rate 6, and a gain of 0.35 through the machine of rate 5.
        assert!(logical_rate(&system, &flow, 1) > 6.1);
    }
}
