//! The logical rate of a clock (how much it advances per second) if its machine is the fastest: the ticks of the machine, plus what the
//! clock gains from the messages of other machines. The formulas are derived in [`super::clocks`].

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// How much the machine's clock advances per second if no message has a *later time* (a timestamp greater than the clock). Then each
/// event adds 1 to the clock. Each tick is one event, so the clock advances by `rate`. But for an overloaded machine, this function counts
/// each message when the message arrives, not when a tick receives it, so the result is `arrivals`. The lag that comes from waiting is
/// calculated separately ([`super::clocks`]). If a tick takes all waiting messages, each message is an event, and each idle tick (a tick
/// that receives nothing) is an event.
pub(super) fn rate_without_later_times(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.takes_all() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R, the logical rate of the clock of `source`, in 1/s. No clock value of a faster machine reaches `source`: the comments below call
/// `source` the fastest machine.
pub(super) fn logical_rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.takes_all() {
        true => rate_without_later_times(system, flow, source),
        false => system.rates[source],
    };
    // If messages carry the clock before the increment, a receive puts no clock ahead of the fastest machine's clock. So no message
    // brings the fastest machine a later time.
    if system.stamps_before {
        return own;
    }
    // If another machine has the same rate and ticks at the same instants, its clock stays equal to that of `source`, and neither gains
    // anything. But if a tick takes several messages, each of them adds 1 to the clock, and the clocks do not stay equal. In this case `own`
    // is greater than the rate of the two machines, so `clocks_differ` returns true.
    let clocks_differ = |machine: usize| !system.aligned || system.rates[machine] != own;
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let partners = partners.filter(|&machine| clocks_differ(machine));
    let gains_by_partner = partners.map(|partner| gains(system, flow, source, partner));
    own + gains_by_partner.sum::<f64>()
}

/// How many ticks per second the clock of `fastest` gains through messages of `partner` ([`super::clocks`]).
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let (rate, partner_rate) = (system.rates[fastest], system.rates[partner]);
    let pair = Pair::from_links(&flow.links, fastest, partner);
    // Messages per second from the fastest machine to the partner, and back: the probability that an idle tick sends one, times the idle
    // ticks per second.
    let (out, back) = (
        pair.out * flow.idle[fastest],
        pair.back * flow.idle[partner],
    );
    // If the partner has at most half the rate of the fastest machine, it sends so late that its clock is no longer ahead. So its messages
    // have no later times.
    if partner_rate <= rate / 2.0 || out <= 0.0 || back <= 0.0 {
        return 0.0;
    }
    // A message of the fastest machine can put the partner's clock ahead by up to one tick (the head start). The fastest clock catches up by
    // `rate - partner_rate` per second, so a head start of one tick lasts 1 / (rate - partner_rate) seconds. In this time the partner sends x
    // messages back on average. For equal rates x is infinite.
    let x = back / (rate - partner_rate);
    // P, the probability that the partner sends a message before the head start is gone: 1 - (1 - exp(-x)) / x.
    // `(-x).exp_m1()` is exp(-x) - 1.
    let p_sent_in_time = if x.is_finite() {
        1.0 + (-x).exp_m1() / x
    } else {
        1.0
    };
    // How often the partner gets a head start, in 1/s. It gets one only if it ticks before the fastest machine ticks again, which has the
    // probability partner_rate / rate.
    let alpha = out * partner_rate / rate;
    // One gain takes two waits on average: 1 / (P alpha) seconds until the partner gets a head start that lasts long enough, and then
    // 1 / back seconds until the partner's message. This estimate of the gains is too high, and `gain_ratio` corrects it.
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
