//! The logical rate of the fastest clock: the ticks of its machine, plus what it gains from the messages of other machines.

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// How much the machine's clock advances per second without later times: the number of its ticks, or of its messages if there are
/// more messages. If a tick takes all waiting messages, each message and each idle tick is an event.
pub(super) fn events(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.takes_all() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R, the logical rate of a machine that follows no other, in 1/s.
pub(super) fn rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.takes_all() {
        true => events(system, flow, source),
        false => system.rates[source],
    };
    if system.stamps_before {
        return own;
    }
    // The clocks of equal machines that tick at the same instants stay equal.
    let ticks_apart = |machine: usize| !system.aligned || system.rates[machine] != own;
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let partners = partners.filter(|&machine| ticks_apart(machine));
    let gains = partners.map(|partner| gains(system, flow, source, partner));
    own + gains.sum::<f64>()
}

/// How many ticks per second the clock of `fastest` gains through `partner` ([`super::clocks`]).
fn gains(system: &System, flow: &Flow, fastest: usize, partner: usize) -> f64 {
    let (rate, of_partner) = (system.rates[fastest], system.rates[partner]);
    let pair = Pair::from_links(&flow.links, fastest, partner);
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
    pair.gain_ratio() / (1.0 / (in_time * puts_ahead) + 1.0 / back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_aligned_machines_and_stamps_before_gain_nothing() {
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

    /// The clocks of machines with different rates do not stay equal, even if they start at the same instant.
    #[test]
    fn aligned_machines_of_different_rates_gain() {
        let system = System {
            aligned: true,
            ..System::new(&[5.0, 6.0], 0.5, 60.0)
        };
        let flow = Flow::solve(&system).expect("one solution");
        assert!(rate(&system, &flow, 1) > 6.1);
    }
}
