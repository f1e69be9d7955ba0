//! Where a prediction is crude, and why.

use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// Something the derivation neglects that matters for a machine of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caveat {
    /// Three or more machines share the greatest rate.
    ManyFastest,
    /// A slower machine that sends may overtake the fastest.
    Overtaken,
    /// All machines first tick at the same instant.
    Aligned,
    /// Messages carry the clock before the send's increment.
    StampsBefore,
    /// Messages are under way for long.
    Delays,
    /// The machine ticks too seldom.
    FewTicks,
    /// Another machine is critical too.
    CriticalTogether,
    /// Idle ticks always send to everybody.
    AlwaysSending,
    /// A warm-up was cut off.
    WarmUp,
    /// Messages of a faster machine reach this one only through other machines.
    Relayed,
    /// A tick takes every message that waits.
    Drained,
    /// Several long-run states are possible.
    SeveralStates,
}

/// With fewer ticks than this in the observed time, the start (first message, phase of the ticks) affects the means noticeably.
const FEW_TICKS: f64 = 20.0;
/// A mean delay of more than this share of the shortest period is long.
const LONG_DELAY: f64 = 0.1;

impl Caveat {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::ManyFastest,
        Self::Overtaken,
        Self::Aligned,
        Self::StampsBefore,
        Self::Delays,
        Self::FewTicks,
        Self::CriticalTogether,
        Self::AlwaysSending,
        Self::WarmUp,
        Self::Relayed,
        Self::Drained,
        Self::SeveralStates,
    ];

    /// What is neglected for `machine`, where the machines are in these `regimes` and follow the clocks of these `sources`.
    pub(super) fn reasons(
        system: &System,
        flow: &Flow,
        (regimes, sources): (&[Regime], &[Source]),
        machine: usize,
    ) -> Vec<Self> {
        let applies = |reason: &Self| reason.applies(system, flow, (regimes, sources), machine);
        Self::ALL.into_iter().filter(applies).collect()
    }

    fn applies(
        self,
        system: &System,
        flow: &Flow,
        (regimes, sources): (&[Regime], &[Source]),
        machine: usize,
    ) -> bool {
        let fastest = system.fastest();
        let sending = || (0..regimes.len()).filter(|&machine| flow.links.sends(machine));
        let critical = |machine: usize| regimes[machine] == Regime::Critical;
        match self {
            Self::ManyFastest => {
                let equals = system.rates.iter().filter(|rate| **rate == fastest);
                equals.count() > 2 && sending().next().is_some()
            }
            Self::Overtaken => {
                let nearly = |rate: f64| rate < fastest && rate > fastest / 2.0;
                let keeps_up = |machine: usize| regimes[machine] != Regime::Overloaded;
                sending().any(|machine| nearly(system.rates[machine]) && keeps_up(machine))
            }
            Self::Aligned => system.aligned,
            Self::StampsBefore => system.stamps_before,
            Self::Delays => system.delay_s * fastest > LONG_DELAY,
            Self::FewTicks => system.rates[machine] * system.duration_s < FEW_TICKS,
            Self::CriticalTogether => {
                let criticals = (0..regimes.len()).filter(|&machine| critical(machine));
                critical(machine) && criticals.count() > 1
            }
            Self::AlwaysSending => flow.links.always_send(),
            Self::WarmUp => system.warm_up_s > 0.0,
            Self::Relayed => sources[machine].is_relayed,
            Self::Drained => system.drains(),
            Self::SeveralStates => false,
        }
    }

    /// A letter, to mark rows with.
    pub fn letter(self) -> char {
        match self {
            Self::ManyFastest => 'a',
            Self::Overtaken => 'b',
            Self::Aligned => 'c',
            Self::StampsBefore => 'd',
            Self::Delays => 'e',
            Self::FewTicks => 'f',
            Self::CriticalTogether => 'g',
            Self::AlwaysSending => 'h',
            Self::WarmUp => 'i',
            Self::Relayed => 'j',
            Self::Drained => 'k',
            Self::SeveralStates => 'l',
        }
    }

    /// The reason in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ManyFastest => {
                "three or more machines share the highest rate; how much their clocks gain from each other is estimated from pairs"
            }
            Self::Overtaken => {
                "a slower machine with more than half the highest rate sends too; its clock can be ahead of the fastest clock for part \
                 of a tick, and how much that adds is an estimate"
            }
            Self::Aligned => {
                "phases are aligned, so machines tick at the same instants; the theory assumes that they do not"
            }
            Self::StampsBefore => {
                "messages carry the clock before the increment; the theory of the clocks assumes after"
            }
            Self::Delays => {
                "messages take more than a tenth of the shortest period; the theory assumes no delays"
            }
            Self::FewTicks => "the machine ticks fewer than 20 times, so the start-up matters",
            Self::CriticalTogether => {
                "two or more machines are critical; each is treated as if it were the only one"
            }
            Self::AlwaysSending => {
                "every idle tick sends to everybody, so the machine that is idle first may stay idle"
            }
            Self::WarmUp => {
                "the measurements ignore a warm-up; the theory covers the whole time from an empty start"
            }
            Self::Relayed => {
                "messages of a faster machine arrive only through other machines; the theory ignores that these send nothing while they \
                 receive, and that an overloaded one sends something at the start"
            }
            Self::Drained => {
                "a tick takes every message that waits; that machines are busy at the same times is neglected, so the receive share of \
                 those that hear more than they tick is off by up to 0.15 either way, and what clocks gain by counting messages is an \
                 estimate"
            }
            Self::SeveralStates => {
                "machines can overload each other until they stop sending, and chance decides which; there is no prediction"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::predict;

    fn reasons(system: &System) -> Vec<Vec<Caveat>> {
        predict(system)
            .into_iter()
            .map(|machine| machine.caveats)
            .collect()
    }

    #[test]
    fn the_plain_case_has_none() {
        let plain = System::new(&[1.0, 3.0, 6.0], 0.7, 60.0);
        assert!(reasons(&plain).iter().all(Vec::is_empty));
        let pair = System::new(&[5.0, 1.0, 5.0], 0.7, 60.0);
        assert!(reasons(&pair).iter().all(Vec::is_empty));
    }

    #[test]
    fn each_reason_is_given_where_it_applies() {
        let plain = || System::new(&[1.0, 3.0, 6.0], 0.7, 60.0);
        let with = |rates: &[f64], internal| System::new(rates, internal, 60.0);
        let aligned = System {
            aligned: true,
            ..plain()
        };
        let before = System {
            stamps_before: true,
            ..plain()
        };
        let delayed = System {
            delay_s: 0.05,
            ..plain()
        };
        for (system, reason) in [
            (with(&[3.0, 3.0, 3.0], 0.7), Caveat::ManyFastest),
            (with(&[2.0, 3.0, 4.0], 0.7), Caveat::Overtaken),
            (aligned, Caveat::Aligned),
            (before, Caveat::StampsBefore),
            (delayed, Caveat::Delays),
            (System::new(&[1.0, 3.0, 6.0], 0.7, 10.0), Caveat::FewTicks),
            (with(&[2.0, 2.0, 3.0, 4.0], 0.22), Caveat::CriticalTogether),
            (with(&[3.0, 3.0], 0.0), Caveat::AlwaysSending),
        ] {
            let given = reasons(&system);
            assert!(given[0].contains(&reason), "{reason:?}: {given:?}");
        }
    }

    #[test]
    fn letters_are_told_apart() {
        let mut letters = Caveat::ALL.map(Caveat::letter).to_vec();
        letters.dedup();
        assert_eq!(letters.len(), Caveat::ALL.len());
    }
}
