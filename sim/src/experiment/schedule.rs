//! When each machine of a run ticks, in model time.
//!
//! Tick k of machine i is due at `phase_i + k / rate_i` after the run's start: computed from k, never accumulated.

use rand::{Rng, RngExt};

use super::margin;
use super::rates::gcd;
use super::{Configuration, NANOS_PER_SECOND, PhaseRule, Rate, Rates, Topology};

/// Rates are in millionths.
pub(super) const NANOS_IN_A_MILLION_SECONDS: u64 = 1_000_000 * NANOS_PER_SECOND;

/// The tick times of a run's machines, in model nanoseconds from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    machines: Vec<MachineSchedule>,
    duration_ns: u64,
    /// After how long all ticks repeat.
    cycle_ns: u64,
    /// Who may send to whom; `None` if nobody ever sends.
    sends_along: Option<Topology>,
}

/// The tick times of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MachineSchedule {
    phase_ns: u64,
    period: Period,
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
    fn of(rate: Rate) -> Self {
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

    /// So many periods, rounded down. In parts, so that 64 bits are enough.
    fn times(&self, periods: u64) -> u64 {
        periods * self.whole_ns + periods * self.rest / self.divisor
    }
}

impl Schedule {
    /// Draws the phases of a configuration's machines from the run's stream.
    pub fn draw(configuration: &Configuration, random: &mut impl Rng) -> Self {
        let rates = &configuration.rates;
        let phases_ns = match configuration.phase {
            PhaseRule::Aligned => vec![0; rates.machines() as usize],
            PhaseRule::Uniform | PhaseRule::Unknown => rates
                .iter()
                .map(|rate| random.random_range(0..Period::of(rate).whole_ns))
                .collect(),
            PhaseRule::Spread => spread_phases_ns(rates, random),
        };
        let machines = rates
            .iter()
            .zip(phases_ns)
            .map(|(rate, phase_ns)| {
                MachineSchedule::until(configuration.duration_ns, phase_ns, rate)
            })
            .collect();
        Self {
            machines,
            duration_ns: configuration.duration_ns,
            cycle_ns: margin::cycle_ns(rates),
            sends_along: configuration
                .has_senders()
                .then_some(configuration.topology),
        }
    }

    /// When tick `tick` of machine `machine` is due.
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

    /// Each machine's first tick.
    pub fn phases_ns(&self) -> impl Iterator<Item = u64> + '_ {
        self.machines.iter().map(|machine| machine.phase_ns)
    }

    /// The run's *margin*: the shortest time between two ticks whose order matters, in model nanoseconds; at most the run's duration,
    /// which it is if there are no two such ticks. 0 if two of them are due at the same time, as with [`PhaseRule::Aligned`].
    ///
    /// The order of the ticks of two machines matters if one of them may send to the other, or both may send to the same third machine.
    /// While the latest tick's lateness and the slowest message's latency together stay below the margin, the seed alone settles every
    /// event: a message sent in a tick due at `t` is queued before its recipient's next tick, after every tick of its recipient that
    /// was due before `t`, and after every message that was sent before it.
    ///
    /// All ticks repeat after a *cycle*, `1 / gcd(rates)` seconds or a multiple of it, and neighbouring ticks are no further apart than
    /// one. So any two of them have a copy, as far apart, in the first three cycles: no more are looked at.
    pub fn margin_ns(&self) -> u64 {
        let Some(topology) = self.sends_along else {
            return self.duration_ns;
        };
        margin::shortest_gap_ns(self, topology, self.cycle_ns.saturating_mul(3))
    }

    /// Model time observed, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.duration_ns
    }
}

impl MachineSchedule {
    fn until(duration_ns: u64, phase_ns: u64, rate: Rate) -> Self {
        let mut schedule = Self {
            phase_ns,
            period: Period::of(rate),
            ticks: 0,
        };
        // Due times are rounded down, so the estimate from the remaining time can be one off either way.
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
        self.phase_ns + self.period.times(tick)
    }
}

/// The margin that every run of a configuration has at least, whatever is drawn: `1 / (L * N)` seconds under [`PhaseRule::Spread`], L
/// being [`Rates::lcm_micro_hertz`] and N the number of machines, less two nanoseconds at the most, for due times are rounded down; 0
/// under the other rules.
pub(super) fn guaranteed_margin_ns(configuration: &Configuration) -> u64 {
    match configuration.phase {
        PhaseRule::Spread => {
            spread_steps(&configuration.rates).map_or(0, |steps| NANOS_IN_A_MILLION_SECONDS / steps)
        }
        PhaseRule::Uniform | PhaseRule::Aligned | PhaseRule::Unknown => 0,
    }
}

/// Steps of `1 / (L * N)` seconds in a million seconds, L being the rates' common multiple, if they are long enough to be told apart
/// in whole nanoseconds.
pub(super) fn spread_steps(rates: &Rates) -> Option<u64> {
    const SHORTEST_STEP_NS: u64 = 100;
    let steps = rates
        .lcm_micro_hertz()?
        .checked_mul(u64::from(rates.machines()))?;
    (steps <= NANOS_IN_A_MILLION_SECONDS / SHORTEST_STEP_NS).then_some(steps)
}

/// All ticks of a machine share one residue modulo `1 / L` seconds. The machines get N evenly spaced residues in a random order,
/// and each machine a random whole number of `1 / L` steps within its period on top.
fn spread_phases_ns(rates: &Rates, random: &mut impl Rng) -> Vec<u64> {
    let machines = u64::from(rates.machines());
    let (Some(lcm), Some(steps)) = (rates.lcm_micro_hertz(), spread_steps(rates)) else {
        unreachable!("checked when the experiment was read: rates {rates} have no spread phases");
    };
    let mut residues: Vec<u64> = (0..machines).collect();
    shuffle(&mut residues, random);
    rates
        .iter()
        .zip(residues)
        .map(|(rate, residue)| {
            let step = random.random_range(0..lcm / rate.micro_hertz());
            let index = u128::from(step * machines + residue);
            (index * u128::from(NANOS_IN_A_MILLION_SECONDS) / u128::from(steps)) as u64
        })
        .collect()
}

/// Fisher-Yates over `u64` draws: `rand`'s own shuffle draws `usize`, which is not portable.
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

    fn schedule(rates: &[u32], phase: PhaseRule, duration_ns: u64, key: &str) -> Schedule {
        let rates = rates.iter().map(|&hertz| 1_000_000 * u64::from(hertz));
        of_micro_hertz(&rates.collect::<Vec<_>>(), phase, duration_ns, key)
    }

    fn of_micro_hertz(rates: &[u64], phase: PhaseRule, duration_ns: u64, key: &str) -> Schedule {
        let configuration = configuration(rates, phase, duration_ns);
        Schedule::draw(&configuration, &mut run_stream(1, key))
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
    fn margins_that_spread_phases_guarantee_to_the_assignments_rates() {
        let margin = |hertz: &[f64]| {
            let rates: Vec<u64> = hertz.iter().map(|hertz| (hertz * 1e6) as u64).collect();
            let margin =
                |phase| configuration(&rates, phase, NANOS_PER_SECOND).guaranteed_margin_ns();
            assert_eq!(
                (margin(PhaseRule::Uniform), margin(PhaseRule::Aligned)),
                (0, 0)
            );
            margin(PhaseRule::Spread)
        };
        assert_eq!(margin(&[4.0, 5.0, 6.0]), 5_555_555);
        assert_eq!(margin(&[3.0, 4.0, 5.0]), 5_555_555);
        assert_eq!(margin(&[1.0, 3.0, 6.0]), 55_555_555);
        assert_eq!(margin(&[1.5, 2.25, 6.0]), 1_000_000_000 / (18 * 3));
    }

    #[test]
    fn aligned_machines_tick_together_to_the_end() {
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
        fn the_closest_spread_ticks_are_the_margin_apart(
            rates in prop::collection::vec(1u32..=6, 2..8),
            repetition in 0u32..1000,
        ) {
            let schedule = schedule(&rates, PhaseRule::Spread, 4 * NANOS_PER_SECOND, &repetition.to_string());
            let due = all_due_ns(&schedule);
            let closest = due.windows(2).map(|pair| pair[1] - pair[0]).min().expect("two ticks");
            // On a mesh the order of all of them matters.
            prop_assert_eq!(closest, schedule.margin_ns());
        }

        /// In quarters of a hertz; and every tick where exact arithmetic has it.
        #[test]
        fn rates_that_are_not_whole_are_as_exact(
            quarters in prop::collection::vec(1u64..=12, 2..6),
            repetition in 0u32..1000,
        ) {
            let rates: Vec<u64> = quarters.iter().map(|quarters| 250_000 * quarters).collect();
            let schedule = of_micro_hertz(&rates, PhaseRule::Spread, 20 * NANOS_PER_SECOND, &repetition.to_string());
            let due = all_due_ns(&schedule);
            let closest = due.windows(2).map(|pair| pair[1] - pair[0]).min().expect("two ticks");
            prop_assert_eq!(closest, schedule.margin_ns());
            for ((machine, phase_ns), rate) in schedule.phases_ns().enumerate().zip(&rates) {
                prop_assert!(u128::from(phase_ns) * u128::from(*rate) < 1_000_000_000_000_000);
                for tick in [1u64, 7, 600_000_000] {
                    let exact = u128::from(tick) * 1_000_000_000_000_000 / u128::from(*rate);
                    prop_assert_eq!(u128::from(schedule.due_ns(machine, tick) - phase_ns), exact);
                }
            }
        }

        #[test]
        fn every_tick_within_the_duration_and_none_left_out(
            rates in prop::collection::vec(1u32..=1000, 2..4),
            uniform in any::<bool>(),
            duration_ns in 1_000_000u64..5_000_000_000,
        ) {
            let phase = if uniform { PhaseRule::Uniform } else { PhaseRule::Aligned };
            let schedule = schedule(&rates, phase, duration_ns, "ticks");
            for (machine, phase_ns) in schedule.phases_ns().enumerate() {
                let ticks = schedule.ticks(machine);
                prop_assert!(phase_ns < NANOS_PER_SECOND / u64::from(rates[machine]) + 1);
                prop_assert!(ticks == 0 || schedule.due_ns(machine, ticks - 1) < duration_ns);
                prop_assert!(schedule.due_ns(machine, ticks) >= duration_ns);
            }
        }
    }
}
