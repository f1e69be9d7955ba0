//! The kinds of clocks that `analyze clocks` can replay, with their parameters, and how users write them: `bloom:m=16,k=2`.

use std::fmt;
use std::str::FromStr;

use sim::clock::{
    BloomClock, EncodedClock, HybridClock, HybridVectorClock, IntervalTreeClock, LamportClock,
    MatrixClock, PhysicalClock, PlausibleClock, VectorClock, physical,
};

use super::history::History;
use super::replay::Replayed;
use super::sample::Sample;
use crate::read::sql::nearest_in_words;

/// A kind of clock.
#[derive(Clone, Copy, Debug)]
pub struct ClockKind {
    /// The name in `--clock` and in tables.
    pub name: &'static str,
    /// What a timestamp is, in a few words.
    pub brief: &'static str,
    /// The publications that described the kind. There are none for `physical`, so its text says instead where the errors of the physical
    /// clocks come from.
    pub source: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// In runs with more machines than this, the kind is replayed only if the user names it with `--clock`.
    pub default_max_machines: u32,
    /// Replays the clock over a run: calls [`History::replay`] with a function that makes the clock of one machine, such as
    /// `VectorClock::new`.
    replay: fn(&ClockSpec, &History<'_>, &Sample) -> Replayed,
}

/// A parameter of a kind of clock.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name in `--clock`.
    pub name: &'static str,
    /// The value if it is not given.
    pub default: f64,
    /// What the parameter means, in a few words.
    pub meaning: &'static str,
    is_valid: fn(f64) -> bool,
    /// Which values are valid, in words.
    range: &'static str,
}

/// A kind of clock with values for its parameters.
#[derive(Clone, Debug)]
pub struct ClockSpec {
    /// The kind.
    pub kind: &'static ClockKind,
    /// A value for each parameter of the kind.
    values: Vec<f64>,
}

/// The largest value of a parameter that is a count.
const MAX_COUNT: f64 = 4096.0;
/// The largest value of `epsilon` and of `resolution`: a day, in seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// A parameter that is a count.
const fn count_parameter(name: &'static str, default: f64, meaning: &'static str) -> Parameter {
    Parameter {
        name,
        default,
        meaning,
        is_valid: |value| value.fract() == 0.0 && (1.0..=MAX_COUNT).contains(&value),
        range: "a whole number from 1 to 4096",
    }
}

const EPSILON: Parameter = Parameter {
    name: "epsilon",
    default: physical::EPSILON_NS as f64 / 1e9,
    meaning: "seconds by which two physical clocks of a run differ at most",
    is_valid: |value| (0.0..=MAX_SECONDS).contains(&value),
    range: "a number of seconds from 0 to 86400",
};

const RESOLUTION: Parameter = Parameter {
    name: "resolution",
    default: physical::RESOLUTION_NS as f64 / 1e9,
    meaning: "seconds; a physical clock shows only multiples of this time",
    is_valid: |value| (1e-9..=MAX_SECONDS).contains(&value),
    range: "a number of seconds from 0.000000001 to 86400",
};

/// Every kind of clock, in the order of tables.
pub static CLOCKS: [ClockKind; 10] = [
    ClockKind {
        name: "lamport",
        brief: "one number",
        source: "Lamport 1978",
        parameters: &[],
        default_max_machines: u32::MAX,
        replay: |_, history, sample| history.replay(sample, |_, _| LamportClock::default()),
    },
    ClockKind {
        name: "vector",
        brief: "one number for each machine",
        source: "Fidge 1988; Mattern 1989",
        parameters: &[],
        default_max_machines: u32::MAX,
        replay: |_, history, sample| history.replay(sample, VectorClock::new),
    },
    ClockKind {
        name: "matrix",
        brief: "a vector for each machine",
        source: "Wuu and Bernstein 1984",
        parameters: &[],
        // A timestamp has as many numbers as the square of the number of machines.
        default_max_machines: 32,
        replay: |_, history, sample| history.replay(sample, MatrixClock::new),
    },
    ClockKind {
        name: "encoded",
        brief: "a vector as one integer, the product of prime powers",
        source: "Kshemkalyani, Khokhar and Shen 2018",
        parameters: &[],
        default_max_machines: u32::MAX,
        replay: |_, history, sample| history.replay(sample, EncodedClock::new),
    },
    ClockKind {
        name: "interval-tree",
        brief: "a tree over an interval that is divided among the machines",
        source: "Almeida, Baquero and Fonte 2008",
        parameters: &[],
        default_max_machines: u32::MAX,
        replay: |_, history, sample| history.replay(sample, IntervalTreeClock::new),
    },
    ClockKind {
        name: "bloom",
        brief: "m counters, of which each event raises k",
        source: "Ramabaja 2019; Misra and Kshemkalyani 2021",
        parameters: &[
            count_parameter("m", 8.0, "number of counters"),
            count_parameter("k", 2.0, "number of counters that each event raises"),
        ],
        default_max_machines: u32::MAX,
        replay: |spec, history, sample| {
            // The values of m and k (parameters 0 and 1). k is a number of hashes: each hash of an event chooses a counter that the event
            // raises.
            let (counters, hashes) = (spec.count(0), spec.count(1));
            history.replay(sample, |machine, _| {
                BloomClock::new(machine, counters, hashes)
            })
        },
    },
    ClockKind {
        name: "plausible",
        brief: "r numbers, shared by the machines",
        source: "Torres-Rojas and Ahamad 1999",
        parameters: &[count_parameter("r", 2.0, "number of entries")],
        default_max_machines: u32::MAX,
        replay: |spec, history, sample| {
            let entries = spec.count(0);
            history.replay(sample, |machine, _| PlausibleClock::new(machine, entries))
        },
    },
    ClockKind {
        name: "hlc",
        brief: "physical time with a counter",
        source: "Kulkarni et al. 2014",
        parameters: &[EPSILON, RESOLUTION],
        default_max_machines: u32::MAX,
        replay: |spec, history, sample| {
            let (epsilon_ns, resolution_ns) = (spec.nanoseconds(0), spec.nanoseconds(1));
            let history = history.with_physical_clocks(epsilon_ns, resolution_ns);
            history.replay(sample, |_, _| HybridClock::default())
        },
    },
    ClockKind {
        name: "hybrid-vector",
        brief: "a vector of physical times, without those that are older than epsilon",
        source: "Demirbas and Kulkarni 2013; Yingchareonthawornchai et al. 2015",
        parameters: &[EPSILON, RESOLUTION],
        default_max_machines: u32::MAX,
        replay: |spec, history, sample| {
            let (epsilon_ns, resolution_ns) = (spec.nanoseconds(0), spec.nanoseconds(1));
            // This clock counts time in steps of the resolution, so it needs epsilon as a number of steps.
            let epsilon_steps = epsilon_ns.div_ceil(resolution_ns) as i64;
            let history = history.with_physical_clocks(epsilon_ns, resolution_ns);
            history.replay(sample, |machine, machines| {
                HybridVectorClock::new(machine, machines, epsilon_steps)
            })
        },
    },
    ClockKind {
        name: "physical",
        brief: "physical time alone",
        source: "with errors drawn from the seed",
        parameters: &[EPSILON, RESOLUTION],
        default_max_machines: u32::MAX,
        replay: |spec, history, sample| {
            let (epsilon_ns, resolution_ns) = (spec.nanoseconds(0), spec.nanoseconds(1));
            let history = history.with_physical_clocks(epsilon_ns, resolution_ns);
            history.replay(sample, |_, _| PhysicalClock::default())
        },
    },
];

impl ClockKind {
    /// Finds the kind with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CLOCKS.iter().find(|kind| kind.name == name)
    }

    /// The kind with the default values of its parameters.
    pub fn with_defaults(&'static self) -> ClockSpec {
        let values = self.parameters.iter();
        ClockSpec {
            kind: self,
            values: values.map(|parameter| parameter.default).collect(),
        }
    }
}

/// Two clocks are equal if they are written in the same way: the same kind with the same values.
impl PartialEq for ClockSpec {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl ClockSpec {
    /// Replays the clock over a run.
    pub(super) fn replay(&self, history: &History<'_>, sample: &Sample) -> Replayed {
        (self.kind.replay)(self, history, sample)
    }

    /// The value of a parameter that is a count. `index` is its index among the parameters of the kind.
    fn count(&self, index: usize) -> u32 {
        self.values[index] as u32
    }

    /// The value in nanoseconds of a parameter that is a time. `index` is its index among the parameters of the kind.
    fn nanoseconds(&self, index: usize) -> u64 {
        (self.values[index] * 1e9).round() as u64
    }
}

/// The clock as users write it after `--clock`. Parameters with their default value are left out: `bloom:m=16,k=2` becomes `bloom:m=16`,
/// because 2 is the default of `k`.
impl fmt::Display for ClockSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name)?;
        let mut separator = ':';
        for (parameter, &value) in std::iter::zip(self.kind.parameters, &self.values) {
            if value != parameter.default {
                write!(f, "{separator}{}={value}", parameter.name)?;
                separator = ',';
            }
        }
        Ok(())
    }
}

impl FromStr for ClockSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, settings) = match text.trim().split_once(':') {
            Some((name, settings)) => (name.trim(), settings.split(',').collect()),
            None => (text.trim(), vec![]),
        };
        let names: Vec<&str> = CLOCKS.iter().map(|kind| kind.name).collect();
        let kind = ClockKind::named(name).ok_or_else(|| {
            let nearest = nearest_in_words(name, &names);
            format!(
                "there is no clock `{name}`{nearest}; the clocks are {}",
                names.join(", ")
            )
        })?;
        let mut spec = kind.with_defaults();
        for setting in settings {
            spec.set(setting)?;
        }
        Ok(spec)
    }
}

impl ClockSpec {
    /// Applies a setting such as `m=16`.
    fn set(&mut self, setting: &str) -> Result<(), String> {
        let parameters = self.kind.parameters;
        let name = self.kind.name;
        let names = parameters.iter().map(|parameter| parameter.name);
        let parameters_in_words = match parameters {
            [] => format!("{name} has no parameters"),
            _ => format!(
                "the parameters of {name} are {}",
                names.collect::<Vec<_>>().join(", ")
            ),
        };
        let Some((key, value)) = setting.split_once('=') else {
            return Err(format!(
                "`{setting}` must have the form name=value; {parameters_in_words}"
            ));
        };
        let key = key.trim();
        let index = parameters
            .iter()
            .position(|parameter| parameter.name == key)
            .ok_or_else(|| format!("there is no parameter `{key}`; {parameters_in_words}"))?;
        let parameter = &parameters[index];
        self.values[index] = value
            .trim()
            .parse()
            .ok()
            .filter(|&value| (parameter.is_valid)(value))
            .ok_or_else(|| format!("{key} must be {}, not `{value}`", parameter.range))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_clock_is_read_back_and_defaults_are_not_printed() {
        for text in [
            "lamport",
            "bloom",
            "bloom:m=16",
            "bloom:m=16,k=3",
            "hlc:epsilon=0.25",
            "physical:epsilon=0",
        ] {
            let spec: ClockSpec = text.parse().expect("a clock");
            assert_eq!(spec.to_string(), text);
        }
        let spec: ClockSpec = " bloom: k=2 ".parse().expect("a clock");
        assert_eq!(spec.to_string(), "bloom");
    }

    #[test]
    fn mistakes_in_clocks_are_explained() {
        let error = |text: &str| text.parse::<ClockSpec>().expect_err("a mistake");
        let unknown = error("lamprot");
        assert!(unknown.contains("did you mean `lamport`?"), "{unknown}");
        assert_eq!(
            error("bloom:n=3"),
            "there is no parameter `n`; the parameters of bloom are m, k"
        );
        assert_eq!(
            error("vector:m=3"),
            "there is no parameter `m`; vector has no parameters"
        );
        assert_eq!(
            error("bloom:m=0"),
            "m must be a whole number from 1 to 4096, not `0`"
        );
        assert!(error("hlc:epsilon").contains("must have the form name=value"));
        assert!(error("hlc:resolution=0").contains("0.000000001"));
        assert!(error("hlc:epsilon=nan").contains("a number of seconds"));
    }
}
