//! The times at which each machine of a run ticks, in model time.
//!
//! Tick k of machine i is due `phase_i + k / rate_i` seconds after the run's start. The *phase* of a machine is the time of its first
//! tick (k = 0). Each due time is computed from k and not from the tick before, so rounding errors do not add up.

use rand::{Rng, RngExt};

use super::margin;
use super::rates::gcd;
use super::{Configuration, NANOS_PER_SECOND, PhaseRule, Rate, Rates, Topology};

/// The number of nanoseconds in a million seconds. In this time every machine has a whole number of ticks, because rates are whole numbers of
/// micro-hertz (ticks per million seconds).
pub(super) const NANOS_IN_A_MILLION_SECONDS: u64 = 1_000_000 * NANOS_PER_SECOND;

/// The tick times of a run's machines, in model nanoseconds from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    machines: Vec<MachineSchedule>,
    duration_ns: u64,
    /// The time after which the pattern of all machines' ticks repeats.
    cycle_ns: u64,
    /// Which machines may send to each other. `None` if no machine ever sends.
    topology_of_sends: Option<Topology>,
}

/// The tick times of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MachineSchedule {
    /// The time of the first tick.
    phase_ns: u64,
    period: Period,
    /// The number of ticks within the run's duration.
    ticks: u64,
}

/// The time from tick to tick: `whole_ns + rest / divisor` nanoseconds, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    whole_ns: u64,
    rest: u64,
    divisor: u64,
}

impl Period {
    fn from_rate(rate: Rate) -> Self {
        // The period is NANOS_IN_A_MILLION_SECONDS / micro_hertz nanoseconds. The fraction is reduced. Then it is divided:
        // `whole_ns` is the quotient, and `rest` is the remainder.
        let common = gcd(NANOS_IN_A_MILLION_SECONDS, rate.micro_hertz());
        let (dividend, divisor) = (
            NANOS_IN_A_MILLION_SECONDS / common,
            rate.micro_hertz() / common,
        );
        Self {
            whole_ns: dividend / divisor,
            rest: dividend % divisor,
            divisor,
        }
    }

    /// The length of `periods` periods in nanoseconds, rounded down. It is calculated in two parts, so that 64 bits are enough.
    fn length_ns(&self, periods: u64) -> u64 {
        periods * self.whole_ns + periods * self.rest / self.divisor
    }
}

impl Schedule {
    /// Draws the phases of a configuration's machines from `random`, the random stream of the run.
    pub fn draw(configuration: &Configuration, random: &mut impl Rng) -> Self {
        let rates = &configuration.rates;
        let phases_ns = match configuration.phase {
            PhaseRule::Aligned => vec![0; rates.machines() as usize],
            // `Unknown` does not occur here: only imported runs have it, and no schedule is made for them.
            PhaseRule::Uniform | PhaseRule::Unknown => rates
                .iter()
                .map(|rate| random.random_range(0..Period::from_rate(rate).whole_ns))
                .collect(),
            PhaseRule::Spread => spread_phases_ns(rates, random),
        };
        let machines = rates
            .iter()
            .zip(phases_ns)
            .map(|(rate, phase_ns)| MachineSchedule::new(configuration.duration_ns, phase_ns, rate))
            .collect();
        Self {
            machines,
            duration_ns: configuration.duration_ns,
            cycle_ns: margin::cycle_ns(rates),
            topology_of_sends: configuration
                .has_senders()
                .then_some(configuration.topology),
        }
    }

    /// The time at which tick `tick` (from 0) of machine `machine` is due.
    pub fn due_ns(&self, machine: usize, tick: u64) -> u64 {
        self.machines[machine].due_ns(tick)
    }

    /// Number of ticks of machine `machine` within the run's duration.
    pub fn ticks(&self, machine: usize) -> u64 {
        self.machines[machine].ticks
    }

    /// Number of machines.
    pub fn machines(&self) -> usize {
        self.machines.len()
    }

    /// The time of each machine's first tick.
    pub fn phases_ns(&self) -> impl Iterator<Item = u64> + '_ {
        self.machines.iter().map(|machine| machine.phase_ns)
    }

    /// The run's *margin*: the shortest time between two ticks whose order matters, in model nanoseconds. The order of the ticks of two
    /// machines matters if one of them may send to the other, or both may send to the same third machine. The margin is 0 if two such ticks
    /// are due at the same time, as with [`PhaseRule::Aligned`]. If there are no two ticks whose order matters, the
    /// margin is the run's duration.
    ///
    /// If the largest lateness of a tick plus the largest latency of a message is less than the margin, the seed determines every event. The
    /// reason: take a message that is sent in a tick due at `t`. The message arrives after `t` and before `t + margin`. The recipient's ticks
    /// that are due before `t` are due at `t - margin` or earlier. Such a tick is late by less than the margin, so it is done before `t`.
    /// The recipient's ticks that are due after `t` are due at `t + margin` or later, so the message has arrived before them. If another
    /// machine sends a message to the same recipient in a tick due before `t`, this tick is due at `t - margin` or earlier. So that message
    /// arrives before `t`, and the recipient gets the two messages in the order in which their ticks are due.
    ///
    /// The pattern of all ticks repeats after a *cycle*: the shortest multiple of `1 / g` seconds that is a whole number of nanoseconds.
    /// (Here g is the greatest common divisor of the rates in ticks per second. With the rates 3 and 6, `1 / g` is 1/3 s, and a cycle is
    /// 1 s.) Every machine has its first tick in the first cycle, so the pattern is complete from the second cycle on. It is enough to
    /// examine the ticks of the first three cycles. The reason: two ticks that directly follow each other are at most one cycle apart. If
    /// the earlier one is in the second cycle, the later one is in the second or third. Pairs that start in later cycles only repeat the
    /// distances of the pairs that start in the second cycle.
    pub fn margin_ns(&self) -> u64 {
        let Some(topology) = self.topology_of_sends else {
            return self.duration_ns;
        };
        margin::shortest_gap_ns(self, topology, self.cycle_ns.saturating_mul(3))
    }

    /// The duration of the run in model time, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.duration_ns
    }
}

impl MachineSchedule {
    /// Creates the schedule of a machine. Counts its ticks that are due before `duration_ns`.
    fn new(duration_ns: u64, phase_ns: u64, rate: Rate) -> Self {
        let mut schedule = Self {
            phase_ns,
            period: Period::from_rate(rate),
            ticks: 0,
        };
        // The first estimate is the number of whole periods between the first tick and the run's end. If the run ends in the middle of a
        // period, the tick at the start of this period is not counted yet. The loops below correct the estimate.
        let remaining = u128::from(duration_ns.saturating_sub(phase_ns));
        schedule.ticks = (remaining * u128::from(rate.micro_hertz())
            / u128::from(NANOS_IN_A_MILLION_SECONDS)) as u64;
        while schedule.due_ns(schedule.ticks) < duration_ns {
            schedule.ticks += 1;
        }
        while schedule.ticks > 0 && schedule.due_ns(schedule.ticks - 1) >= duration_ns {
            schedule.ticks -= 1;
        }
        schedule
    }

    fn due_ns(&self, tick: u64) -> u64 {
        self.phase_ns + self.period.length_ns(tick)
    }
}

/// The smallest possible margin of a run of a configuration, for all phases that can be drawn. With [`PhaseRule::Spread`] it is
/// `1 / (L * N)` seconds, where L is the least common multiple of the rates in ticks per second, and N the number of machines. With
/// the other rules it is 0.
///
/// These values leave out rounding. Every due time is the sum of a phase and the length of some periods, and each of these two parts is
/// rounded down to whole nanoseconds. So rounding makes a due time earlier by less than two nanoseconds. Therefore the margin of a run
/// can be shorter than the value here, but only by less than two nanoseconds.
pub(super) fn guaranteed_margin_ns(configuration: &Configuration) -> u64 {
    match configuration.phase {
        PhaseRule::Spread => {
            spread_steps(&configuration.rates).map_or(0, |steps| NANOS_IN_A_MILLION_SECONDS / steps)
        }
        PhaseRule::Uniform | PhaseRule::Aligned | PhaseRule::Unknown => 0,
    }
}

/// The number of steps of `1 / (L * N)` seconds in a million seconds, where L is the rates' least common multiple in ticks per second
/// and N the number of machines. (The number of steps in one second, L * N, can be a fraction: for three machines with the rate 0.5, it is
/// 1.5.) `None` if a step is shorter than 100 ns: times are rounded to whole nanoseconds, so such short steps would not be exact enough.
pub(super) fn spread_steps(rates: &Rates) -> Option<u64> {
    const SHORTEST_STEP_NS: u64 = 100;
    let steps = rates
        .lcm_micro_hertz()?
        .checked_mul(u64::from(rates.machines()))?;
    (steps <= NANOS_IN_A_MILLION_SECONDS / SHORTEST_STEP_NS).then_some(steps)
}

/// Draws the phases of the rule `spread`. L is the rates' least common multiple in ticks per second, and N the number of machines.
///
/// Every period is a multiple of `1 / L` seconds, so all ticks of a machine have the same remainder modulo `1 / L` seconds. The N
/// machines get N evenly spaced remainders (0, 1, ... N - 1 times `1 / (L * N)` seconds), in a random order. To its remainder, each
/// machine adds a random whole number of steps of `1 / L` seconds, so that its first tick is anywhere in its first period.
fn spread_phases_ns(rates: &Rates, random: &mut impl Rng) -> Vec<u64> {
    let machines = u64::from(rates.machines());
    let (Some(lcm), Some(steps)) = (rates.lcm_micro_hertz(), spread_steps(rates)) else {
        unreachable!("rates {rates} have no spread phases; such an experiment cannot be read");
    };
    let mut remainders: Vec<u64> = (0..machines).collect();
    shuffle(&mut remainders, random);
    rates
        .iter()
        .zip(remainders)
        .map(|(rate, remainder)| {
            // The period has `lcm / rate` steps of 1 / L seconds.
            let coarse_steps = random.random_range(0..lcm / rate.micro_hertz());
            // The phase in steps of 1 / (L * N) seconds.
            let fine_steps = u128::from(coarse_steps * machines + remainder);
            (fine_steps * u128::from(NANOS_IN_A_MILLION_SECONDS) / u128::from(steps)) as u64
        })
        .collect()
}

/// The Fisher-Yates shuffle with draws of `u64`. The shuffle of `rand` draws `usize`, so its result depends on the platform.
fn shuffle(items: &mut [u64], random: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.random_range(0..=last as u64) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Probability;
    use crate::random::run_stream;
    use proptest::prelude::*;

    fn schedule(rates: &[u32], phase: PhaseRule, duration_ns: u64, stream_key: &str) -> Schedule {
        let rates = rates.iter().map(|&hertz| 1_000_000 * u64::from(hertz));
        schedule_of_micro_hertz(&rates.collect::<Vec<_>>(), phase, duration_ns, stream_key)
    }

    fn schedule_of_micro_hertz(
        rates: &[u64],
        phase: PhaseRule,
        duration_ns: u64,
        stream_key: &str,
    ) -> Schedule {
        let configuration = configuration(rates, phase, duration_ns);
        Schedule::draw(&configuration, &mut run_stream(1, stream_key))
    }

    fn configuration(rates: &[u64], phase: PhaseRule, duration_ns: u64) -> Configuration {
        let rates = rates
            .iter()
            .filter_map(|&rate| Rate::from_micro_hertz(rate));
        let rates = Rates::new(rates.collect()).expect("rates");
        let internal = Probability::new(0.7).expect("a probability");
        Configuration {
            phase,
            ..Configuration::new(rates, internal, duration_ns)
        }
    }

    fn all_due_ns(schedule: &Schedule) -> Vec<u64> {
        let mut due: Vec<u64> = (0..schedule.machines())
            .flat_map(|machine| {
                (0..schedule.ticks(machine)).map(move |tick| schedule.due_ns(machine, tick))
            })
            .collect();
        due.sort_unstable();
        due
    }

    #[test]
    fn only_spread_phases_guarantee_a_margin() {
        let spread_margin = |hertz: &[f64]| {
            let rates: Vec<u64> = hertz.iter().map(|hertz| (hertz * 1e6) as u64).collect();
            let margin_with =
                |phase| configuration(&rates, phase, NANOS_PER_SECOND).guaranteed_margin_ns();
            assert_eq!(margin_with(PhaseRule::Uniform), 0);
            assert_eq!(margin_with(PhaseRule::Aligned), 0);
            margin_with(PhaseRule::Spread)
        };
        // A second divided by the least common multiple of the rates and by the number of machines.
        assert_eq!(spread_margin(&[4.0, 5.0, 6.0]), NANOS_PER_SECOND / (60 * 3));
        assert_eq!(spread_margin(&[3.0, 4.0, 5.0]), NANOS_PER_SECOND / (60 * 3));
        assert_eq!(spread_margin(&[1.0, 3.0, 6.0]), NANOS_PER_SECOND / (6 * 3));
        // These rates are 6, 9 and 24 quarters. The least common multiple of 6, 9 and 24 is 72, and 72 quarters are 18.
        assert_eq!(
            spread_margin(&[1.5, 2.25, 6.0]),
            NANOS_PER_SECOND / (18 * 3)
        );
    }

    #[test]
    fn aligned_machines_tick_at_multiples_of_their_period_until_the_run_ends() {
        let schedule = schedule(&[3, 3], PhaseRule::Aligned, 2 * NANOS_PER_SECOND, "aligned");
        assert_eq!(schedule.ticks(0), 6);
        assert_eq!(
            (0..6)
                .map(|tick| schedule.due_ns(1, tick))
                .collect::<Vec<_>>(),
            [
                0,
                333_333_333,
                666_666_666,
                1_000_000_000,
                1_333_333_333,
                1_666_666_666
            ]
        );
    }

    proptest! {
        #[test]
        fn the_margin_of_a_mesh_is_the_time_between_the_closest_ticks(
            rates in prop::collection::vec(1u32..=6, 2..8),
            repetition in 0u32..1000,
        ) {
            let schedule = schedule(&rates, PhaseRule::Spread, 4 * NANOS_PER_SECOND, &repetition.to_string());
            let due = all_due_ns(&schedule);
            let closest = due.windows(2).map(|pair| pair[1] - pair[0]).min().expect("two ticks");
            // In a mesh the order of all ticks matters.
            prop_assert_eq!(closest, schedule.margin_ns());
        }

        /// The rates are multiples of a quarter of a hertz. Every tick must be at the time that exact arithmetic gives.
        #[test]
        fn due_times_and_margins_of_decimal_rates_are_exact(
            quarters in prop::collection::vec(1u64..=12, 2..6),
            repetition in 0u32..1000,
        ) {
            let rates: Vec<u64> = quarters.iter().map(|quarters| 250_000 * quarters).collect();
            let schedule = schedule_of_micro_hertz(&rates, PhaseRule::Spread, 20 * NANOS_PER_SECOND, &repetition.to_string());
            let due = all_due_ns(&schedule);
            let closest = due.windows(2).map(|pair| pair[1] - pair[0]).min().expect("two ticks");
            prop_assert_eq!(closest, schedule.margin_ns());
            for ((machine, phase_ns), rate) in schedule.phases_ns().enumerate().zip(&rates) {
                // The phase is shorter than a period.
                let million_seconds = u128::from(NANOS_IN_A_MILLION_SECONDS);
                prop_assert!(u128::from(phase_ns) * u128::from(*rate) < million_seconds);
                // Tick 600 000 000 would be years after the run's end. Even there, rounding errors must not have added up.
                for tick in [1u64, 7, 600_000_000] {
                    let exact = u128::from(tick) * million_seconds / u128::from(*rate);
                    prop_assert_eq!(u128::from(schedule.due_ns(machine, tick) - phase_ns), exact);
                }
            }
        }

        #[test]
        fn counts_exactly_the_ticks_within_the_duration(
            rates in prop::collection::vec(1u32..=1000, 2..4),
            uniform in any::<bool>(),
            duration_ns in 1_000_000u64..5_000_000_000,
        ) {
            let phase = if uniform { PhaseRule::Uniform } else { PhaseRule::Aligned };
            let schedule = schedule(&rates, phase, duration_ns, "ticks");
            for (machine, phase_ns) in schedule.phases_ns().enumerate() {
                let ticks = schedule.ticks(machine);
                let period_ns = NANOS_PER_SECOND / u64::from(rates[machine]);
                prop_assert!(phase_ns <= period_ns);
                prop_assert!(ticks == 0 || schedule.due_ns(machine, ticks - 1) < duration_ns);
                prop_assert!(schedule.due_ns(machine, ticks) >= duration_ns);
            }
        }
    }
}
