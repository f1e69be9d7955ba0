//! How fast the fastest clock runs: its own ticks, and what it gains through others.

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// What the machine's clock counts a second without news: its ticks, or its messages where these are more. Where a tick takes all
/// that waits, each is an event of its own, and so is an idle tick.
pub(super) fn events(system: &System, flow: &Flow, machine: usize) -> f64 {
    let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
    match system.drains() {
        true => rate.max(arrivals + flow.idle[machine]),
        false => rate.max(arrivals),
    }
}

/// R of a machine that follows nobody.
pub(super) fn rate(system: &System, flow: &Flow, source: usize) -> f64 {
    let own = match system.drains() {
        true => events(system, flow, source),
        false => system.rates[source],
    };
    if system.stamps_before {
        return own;
    }
    // Equals that tick at the same instants stay level.
    let ticks_apart = |machine: usize| !system.aligned || system.rates[machine] != own;
    let partners = (0..system.rates.len()).filter(|&machine| machine != source);
    let partners = partners.filter(|&machine| ticks_apart(machine));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_equals_and_the_time_before_gain_nothing() {
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

    /// Machines of different rates do not stay level, wherever they start.
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
