//! What a run was set up to be, as its row of the journal says.

use std::str::FromStr;

use sim::experiment::{Delay, PhaseRule, Rate, Rates, StampRule};
use sim::log::JournalRow;

use super::timetable::{SECOND_NS, Timetable};

/// How far times that were converted may be off, in nanoseconds: rounding.
pub(super) const ROUNDING_NS: u64 = 1000;
/// A delay longer than so many means is not drawn from an exponential law: one in 10^17 is.
const LONGEST_IN_MEANS: u64 = 40;

/// A run as it was set up.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// When each machine ticks.
    pub(super) timetables: Vec<Timetable>,
    pub(super) rates: Vec<u32>,
    pub(super) phases_ns: Vec<u64>,
    pub(super) phase: PhaseRule,
    /// Probability that an idle tick is an internal event.
    pub(super) internal: f64,
    pub(super) stamp: StampRule,
    /// Shortest and longest time that a message is under way, model nanoseconds.
    pub(super) delay_ns: (u64, u64),
    /// Whether it was in virtual time, where ticks happen when they are due.
    pub(super) is_virtual: bool,
    /// Whether every message was queued when the schedule says.
    pub(super) on_schedule: bool,
    /// Wall nanoseconds from a send to the queue, at most.
    pub(super) latency_ns: u64,
    started_at_ns: u64,
    time_scale: f64,
    /// The part of the key that says what was run.
    pub(super) configuration: String,
}

impl Setup {
    /// Reads the journal's row. Adds to `problems` what cannot be; none if the run cannot be audited for it.
    pub(super) fn of(row: &JournalRow, problems: &mut Vec<String>) -> Option<Self> {
        let rates: Option<Rates> = parsed("rates", &row.rates, problems);
        let stamp: Option<StampRule> = parsed("stamp", &row.stamp, problems);
        let phase: Option<PhaseRule> = parsed("phase", &row.phase, problems);
        let delay: Option<Delay> = parsed("delay_s", &row.delay_s, problems);
        let phases: Result<Vec<u64>, _> = row.phases_ns.split(',').map(str::parse).collect();
        if phases.is_err() {
            problems.push(format!(
                "phases_ns `{}` are not whole numbers",
                row.phases_ns
            ));
        }
        let (rates, stamp, phase, delay, phases_ns) =
            (rates?, stamp?, phase?, delay?, phases.ok()?);
        let Some((rates, internal)) = of_the_mesh(row, &rates) else {
            problems.push("it is a variant of the model, which the audit does not know".to_owned());
            return None;
        };
        if rates.len() != row.machines as usize || phases_ns.len() != rates.len() {
            problems.push(format!(
                "machines is {}, but there are {} rates and {} phases",
                row.machines,
                rates.len(),
                phases_ns.len()
            ));
            return None;
        }
        let is_positive = |number: f64| number.is_finite() && number > 0.0;
        if !is_positive(row.duration_s) || !is_positive(row.time_scale) {
            problems.push("duration_s and time_scale are not both positive".to_owned());
            return None;
        }
        let duration_ns = (row.duration_s * SECOND_NS as f64).round() as u64;
        let timetables = phases_ns.iter().zip(&rates);
        let timetables = timetables
            .map(|(&phase_ns, &hertz)| Timetable::new(phase_ns, hertz, duration_ns))
            .collect();
        let is_virtual = row.engine == "virtual";
        Some(Self {
            timetables,
            phases_ns,
            rates,
            phase,
            internal,
            stamp,
            delay_ns: bounds_ns(delay),
            is_virtual,
            on_schedule: is_virtual || row.in_order,
            latency_ns: nanos(row.latency_max_us).saturating_add(ROUNDING_NS),
            started_at_ns: row.started_at_ns,
            time_scale: row.time_scale,
            configuration: configuration(row),
        })
    }

    /// Number of machines.
    pub(super) fn machines(&self) -> usize {
        self.rates.len()
    }

    /// Whether the instant at which a message can be seen is known to the nanosecond.
    pub(super) fn is_exact(&self) -> bool {
        self.on_schedule && self.delay_ns.0 == self.delay_ns.1
    }

    /// Whether messages are under way for some time by design.
    pub(super) fn has_delay(&self) -> bool {
        self.delay_ns != (0, 0)
    }

    /// The system time at which a tick is due.
    pub(super) fn due_at_ns(&self, due_ns: u64) -> u64 {
        if self.is_virtual {
            return due_ns;
        }
        let wall_ns = (due_ns as f64 / self.time_scale) as u64;
        self.started_at_ns.saturating_add(wall_ns)
    }

    /// Steps of 1 / (lcm(rates) N) seconds in a second: the grid of `spread` phases.
    pub(super) fn steps_per_second(&self) -> Option<u64> {
        let lcm = self.rates.iter().try_fold(1u64, |lcm, &rate| {
            let rate = u64::from(rate);
            (lcm / gcd(lcm, rate)).checked_mul(rate)
        });
        lcm?.checked_mul(self.machines() as u64)
    }

    /// What the journal's margin must be, in wall nanoseconds.
    pub(super) fn margin_ns(&self) -> u64 {
        match (self.phase, self.steps_per_second()) {
            (PhaseRule::Spread, Some(steps)) => {
                ((SECOND_NS / steps) as f64 / self.time_scale) as u64
            }
            _ => 0,
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bounds_ns(delay: Delay) -> (u64, u64) {
    match delay {
        Delay::Constant { ns } => (ns, ns),
        Delay::Uniform { from_ns, to_ns } => (from_ns, to_ns),
        Delay::Exponential { mean_ns } => (0, mean_ns.saturating_mul(LONGEST_IN_MEANS)),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    column: &str,
    text: &str,
    problems: &mut Vec<String>,
) -> Option<T> {
    text.parse()
        .map_err(|error| problems.push(format!("{column} {error}")))
        .ok()
}

/// The whole rates and the probability of a run of the mesh without variants; none if it is another.
fn of_the_mesh(row: &JournalRow, rates: &Rates) -> Option<(Vec<u32>, f64)> {
    let variants = [&row.receive, &row.topology, &row.sends, &row.connection];
    let whole = |rate: Rate| {
        let hertz = rate.hertz() as u32;
        (Rate::new(hertz) == Some(rate)).then_some(hertz)
    };
    let rates: Option<Vec<u32>> = rates.iter().map(whole).collect();
    let is_plain = variants == ["one", "mesh", "mix", "persistent"];
    Some((rates.filter(|_| is_plain)?, row.internal.same()?.value()))
}

/// What the columns say was run, in the words of a key.
pub(super) fn configuration(row: &JournalRow) -> String {
    let delay = match row.delay_s.as_str() {
        "0" => String::new(),
        delay => format!(" delay_s={delay}"),
    };
    format!(
        "rates={} internal={} phase={} stamp={}{delay} duration_s={}",
        row.rates, row.internal, row.phase, row.stamp, row.duration_s
    )
}

/// Nanoseconds of so many microseconds.
pub(super) fn nanos(us: f64) -> u64 {
    (us * 1e3).round() as u64
}
