//! The logical rate of a clock (how much it advances per second) if its machine is the fastest: the ticks of the machine, plus what the
//! clock gains from the messages of other machines. The formulas are derived in [`super::clocks`].

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// How much the machine's clock advances per second if no message has a *later time* (a timestamp greater than the clock): by the number
/// of its ticks, or of its messages if there are more messages. If a tick takes all waiting messages, the clock counts each message
/// and each idle tick.
pub(super) fn rate_without_later_times(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.takes_all() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R, the logical rate of the clock of `source`, a machine that follows no other clock, in 1/s.
pub(super) fn logical_rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.takes_all() {
        true => rate_without_later_times(system, flow, source),
        false => system.rates[source],
    };
    // A message that carries the clock before the increment brings the fastest machine no later time.
    if system.stamps_before {
        return own;
    }
    // The clocks of machines with equal rates that tick at the same instants stay equal, so they gain nothing. Ticks that take several
    // messages are an exception: then the clock of `source` counts more events than ticks, so `own` is above the rate of both machines.
    let ticks_apart = |machine: usize| !system.aligned || system.rates[machine] != own;
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let partners = partners.filter(|&machine| ticks_apart(machine));
    let gains = partners.map(|partner| gains(system, flow, source, partner));
    own + gains.sum::<f64>()
}

/// How many ticks per second the clock of `fastest` gains through messages of `partner` ([`super::clocks`]).
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let (rate, partner_rate) = (system.rates[fastest], system.rates[partner]);
    let pair = Pair::from_links(&flow.links, fastest, partner);
    // Messages per second from the fastest machine to the partner, and back.
    let (out, back) = (
        pair.out * flow.idle[fastest],
        pair.back * flow.idle[partner],
    );
    // A message of a partner with at most half the rate has no later time.
    if partner_rate <= rate / 2.0 || out <= 0.0 || back <= 0.0 {
        return 0.0;
    }
    // A message of the fastest machine can give the partner's clock a head start. P is the probability that the partner sends a message
    // before the head start is gone: 1 - (1 - exp(-x)) / x. For equal rates x is infinite, and P = 1.
    let p_sent_in_time = match back / (rate - partner_rate) {
        x if x.is_finite() => 1.0 + (-x).exp_m1() / x,
        _ => 1.0,
    };
    // How often the partner gets a head start, in 1/s.
    let alpha = out * partner_rate / rate;
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
        assert!(logical_rate(&system, &flow, 1) > 6.1);
    }
}
