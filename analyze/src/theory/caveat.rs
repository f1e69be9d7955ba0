//! Caveats: reasons why the prediction of a measure may be inaccurate for a machine.
//!
//! The numbers in [`Caveat::applies`], from which on a caveat is given, were chosen by comparing predictions with simulated runs
//! (`experiments/bench/theory.py`).

use super::circumstances::Circumstances;
use super::quantity::Quantity;

/// An effect that the derivation ignores and that matters for a measure of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caveat {
    /// Machines send each other so many messages that few idle ticks (ticks that receive nothing) are left.
    Coupled,
    /// Messages come from machines that are hardly ever idle.
    BusySenders,
    /// Messages come often, but the predicted queue is almost empty.
    ShortQueue,
    /// A tick takes several messages.
    Batches,
    /// The fastest clock is advanced by messages of other machines.
    Gains,
    /// Messages of a faster machine reach this one only through other machines.
    Relayed,
    /// Several machines share the highest rate.
    SharedRate,
    /// Many machines pass on the time of the fastest clock.
    ManySenders,
    /// Messages have long delays.
    Delays,
    /// Delays of messages differ, so messages wait for earlier ones on the same link.
    VaryingDelays,
    /// Ticks take all waiting messages, and all machines first tick at the same instant.
    Aligned,
    /// The lag grows only at the start of the run, so its slope depends on how long it grows.
    Start,
    /// The machine has few ticks in the observed time.
    FewTicks,
    /// Another machine is critical too.
    CriticalTogether,
    /// Several long-run states are possible, and chance decides between them.
    SeveralStates,
}

impl Caveat {
    /// All caveats.
    pub const ALL: [Self; 15] = [
        Self::Coupled,
        Self::BusySenders,
        Self::ShortQueue,
        Self::Batches,
        Self::Gains,
        Self::Relayed,
        Self::SharedRate,
        Self::ManySenders,
        Self::Delays,
        Self::VaryingDelays,
        Self::Aligned,
        Self::Start,
        Self::FewTicks,
        Self::CriticalTogether,
        Self::SeveralStates,
    ];

    /// The caveats for `quantity` of a machine in these `circumstances`.
    pub(super) fn reasons(quantity: Quantity, circumstances: &Circumstances) -> Vec<Self> {
        // If ticks take all waiting messages, the predicted backlog of 0 is exact.
        let has_no_queue = circumstances.takes_all
            && matches!(quantity, Quantity::BacklogGrowth | Quantity::BacklogFinal);
        let applies = |reason: &Self| !has_no_queue && reason.applies(quantity, circumstances);
        Self::ALL.into_iter().filter(applies).collect()
    }

    /// Whether this caveat is given for `quantity`.
    fn applies(self, quantity: Quantity, circumstances: &Circumstances) -> bool {
        use Quantity::{
            BacklogFinal, BacklogGrowth, JumpMean, LagFinal, LagSlope, LogicalRate, ReceiveShare,
        };
        let (takes_all, about_clocks) = (circumstances.takes_all, quantity.is_about_clocks());
        match self {
            Self::Coupled => {
                let limit = match quantity {
                    BacklogGrowth => 0.5,
                    BacklogFinal => 0.45,
                    ReceiveShare if takes_all => 0.45,
                    LagFinal if takes_all => 0.1,
                    LagFinal => 0.3,
                    ReceiveShare => 0.6,
                    LogicalRate | LagSlope | JumpMean => 0.8,
                };
                circumstances.coupling >= limit
            }
            Self::BusySenders => match quantity {
                ReceiveShare | JumpMean if takes_all => {
                    circumstances.share_from_rather_busy >= 0.03
                }
                ReceiveShare => circumstances.share_from_busy >= 0.05,
                BacklogGrowth => {
                    circumstances.share_from_busy >= 0.05 && circumstances.messages >= 1.0
                }
                _ => false,
            },
            Self::ShortQueue => quantity == BacklogFinal && circumstances.is_short_queue,
            Self::Batches => {
                let several = takes_all && circumstances.senders > 1;
                match quantity {
                    ReceiveShare => {
                        several && (0.4..3.0).contains(&circumstances.messages_per_tick)
                    }
                    JumpMean => several && circumstances.messages_per_tick > 0.6,
                    _ => false,
                }
            }
            Self::Gains => {
                let limit = match quantity {
                    LagFinal => 0.02,
                    _ if takes_all => 0.025,
                    _ => 0.04,
                };
                about_clocks && quantity != LagSlope && circumstances.gain_share >= limit
            }
            Self::Relayed => {
                // An overloaded machine sends almost nothing, and then each clock counts its own ticks.
                let counts_itself = !takes_all && circumstances.share_from_busy > 0.5;
                about_clocks && circumstances.is_relayed && !(counts_itself && quantity == LagSlope)
            }
            Self::SharedRate => match quantity {
                LagFinal => circumstances.fastest_machines > 1,
                LagSlope => circumstances.fastest_machines > 1 && circumstances.is_fastest,
                _ => false,
            },
            Self::ManySenders => quantity == LagFinal && circumstances.senders >= 4,
            Self::Delays => {
                let gains_late = about_clocks && circumstances.gain_share > 0.02;
                circumstances.delay_in_ticks >= 0.6
                    && (gains_late || (quantity == LagFinal && takes_all))
            }
            Self::VaryingDelays => match quantity {
                ReceiveShare => takes_all && circumstances.arrivals_in_varying_delay > 0.1,
                BacklogFinal if !takes_all => circumstances.arrivals_in_varying_delay > 0.2,
                LagSlope | LagFinal if !takes_all => circumstances.arrivals_in_varying_delay > 0.4,
                BacklogGrowth if !takes_all => {
                    circumstances.arrivals_in_varying_delay > 0.4
                        && circumstances.messages_per_tick > 0.9
                }
                _ => {
                    takes_all && about_clocks && circumstances.max_arrivals_in_varying_delay > 0.05
                }
            },
            Self::Aligned => quantity == LagFinal && takes_all && circumstances.is_aligned,
            Self::Start => quantity == LagSlope && (0.003..0.2).contains(&circumstances.lag_slope),
            Self::FewTicks => quantity == BacklogGrowth && circumstances.ticks < 20.0,
            Self::CriticalTogether => circumstances.is_critical_with_another,
            // In this case nothing is predicted, and `predict` gives the caveat itself.
            Self::SeveralStates => false,
        }
    }

    /// The letter that marks a value with this caveat in tables.
    pub fn letter(self) -> char {
        match self {
            Self::Coupled => 'a',
            Self::BusySenders => 'b',
            Self::ShortQueue => 'c',
            Self::Batches => 'd',
            Self::Gains => 'e',
            Self::Relayed => 'f',
            Self::SharedRate => 'g',
            Self::ManySenders => 'h',
            Self::Delays => 'i',
            Self::VaryingDelays => 'j',
            Self::Aligned => 'k',
            Self::Start => 'l',
            Self::FewTicks => 'm',
            Self::CriticalTogether => 'n',
            Self::SeveralStates => 'o',
        }
    }

    /// The name of the caveat in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coupled => "coupled",
            Self::BusySenders => "busy senders",
            Self::ShortQueue => "short queue",
            Self::Batches => "batches",
            Self::Gains => "gains",
            Self::Relayed => "relayed",
            Self::SharedRate => "shared rate",
            Self::ManySenders => "many senders",
            Self::Delays => "delays",
            Self::VaryingDelays => "varying delays",
            Self::Aligned => "aligned",
            Self::Start => "start",
            Self::FewTicks => "few ticks",
            Self::CriticalTogether => "critical together",
            Self::SeveralStates => "several states",
        }
    }

    /// The reason in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Coupled => {
                "machines send each other so many messages that few idle ticks are left; now and then one \
                 machine stops sending for a while and the others send more, which the theory ignores"
            }
            Self::BusySenders => {
                "many of the machine's messages come from machines that are hardly ever idle; their number \
                 of idle ticks is only an estimate"
            }
            Self::ShortQueue => {
                "several machines send often, but the predicted queue is almost empty; a Brownian motion is \
                 too coarse for so short a queue"
            }
            Self::Batches => {
                "a tick takes all waiting messages, and several machines send; the theory ignores that they \
                 are busy at the same times"
            }
            Self::Gains => {
                "other machines send later times to the fastest machine, so its clock advances faster than \
                 it ticks; how much faster is an estimate"
            }
            Self::Relayed => {
                "the time of a faster machine arrives only through other machines; the theory ignores that \
                 they send nothing while they receive, and that an overloaded machine sends a few messages \
                 at the start"
            }
            Self::SharedRate => {
                "two or more machines have the highest rate; the difference of their clocks depends on their phases"
            }
            Self::ManySenders => {
                "four or more machines send to this one; the theory treats the ages of the times that they send as independent"
            }
            Self::Delays => {
                "messages travel for more than half of the shortest period; the theory ignores what the clocks do in that time"
            }
            Self::VaryingDelays => {
                "delays vary, so messages wait for earlier ones of the same sender and arrive together; the theory uses the mean delay"
            }
            Self::Aligned => {
                "phases are aligned, so the time since the machine's last tick is not random; the theory takes its average"
            }
            Self::Start => {
                "the lag grows only until the first messages have arrived, so its slope is small; the time \
                 of this growth is an estimate"
            }
            Self::FewTicks => "the machine ticks fewer than 20 times, so the start matters",
            Self::CriticalTogether => {
                "two or more machines are critical; each is treated as if it were the only one"
            }
            Self::SeveralStates => {
                "machines can overload each other until some of them stop sending; chance decides which, so \
                 there is no prediction"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::{System, predict};
    use sim::experiment::{ReceiveRule, Sends, Topology};

    fn plain(rates: &[f64], internal: f64) -> System {
        System::new(rates, internal, 60.0)
    }

    fn reasons(system: &System, machine: usize, quantity: Quantity) -> Vec<Caveat> {
        predict(system)[machine].caveats(quantity).to_vec()
    }

    /// Except the caveat `Start`, for the slope of a lag that hardly grows.
    #[test]
    fn common_configurations_have_no_caveats() {
        for system in [
            plain(&[1.0, 3.0, 6.0], 0.7),
            System {
                aligned: true,
                stamps_before: true,
                warm_up_s: 10.0,
                delay_s: 0.05,
                ..plain(&[1.0, 3.0, 6.0], 0.7)
            },
        ] {
            for prediction in predict(&system) {
                for quantity in Quantity::ALL {
                    let given = prediction.caveats(quantity).iter();
                    let others = given.filter(|reason| **reason != Caveat::Start);
                    assert_eq!(others.count(), 0, "{quantity:?}: {system:?}");
                }
            }
        }
    }

    /// The hub of a star and the other machines send each other messages. They leave each other few idle ticks if they send often.
    #[test]
    fn machines_of_a_star_that_send_often_are_coupled() {
        let star = |internal| System {
            topology: Topology::Star,
            ..plain(&[8.0, 1.1, 0.9, 2.1, 3.5, 2.8, 0.6], internal)
        };
        for (internal, expected) in [(0.3, true), (0.9, false)] {
            for quantity in Quantity::ALL {
                let given = reasons(&star(internal), 1, quantity);
                assert_eq!(given.contains(&Caveat::Coupled), expected, "{quantity:?}");
            }
        }
    }

    #[test]
    fn each_caveat_is_given_for_a_system_in_which_it_applies() {
        let star = |rates: &[f64], internal| System {
            topology: Topology::Star,
            ..plain(rates, internal)
        };
        let taking_all = |system: System| System {
            receive: ReceiveRule::All,
            ..system
        };
        let broadcasting = |rates: &[f64], internal| System {
            sends: Sends::Broadcast,
            ..plain(rates, internal)
        };
        let aligned = System {
            aligned: true,
            ..taking_all(plain(&[1.0, 3.0, 6.0], 0.7))
        };
        let short_queue = broadcasting(&[1.4, 5.6, 8.2, 4.8, 8.9], 0.75);
        let late = System {
            delay_s: 0.3,
            ..plain(&[3.0, 3.0, 3.0], 0.7)
        };
        let varying = System {
            delay_s: 0.2,
            delays_vary: true,
            ..plain(&[3.0, 5.0, 6.0], 0.5)
        };
        let short = System {
            duration_s: 15.0,
            ..plain(&[1.0, 3.0, 6.0], 0.7)
        };
        for (system, machine, quantity, reason) in [
            (
                broadcasting(&[3.0, 4.0, 5.0], 0.3),
                1,
                Quantity::BacklogGrowth,
                Caveat::Coupled,
            ),
            (
                star(&[1.0, 4.0, 6.0], 0.5),
                1,
                Quantity::ReceiveShare,
                Caveat::BusySenders,
            ),
            (
                taking_all(plain(&[2.0, 3.0, 4.0], 0.4)),
                0,
                Quantity::ReceiveShare,
                Caveat::Batches,
            ),
            (
                plain(&[3.0, 3.0, 3.0], 0.7),
                0,
                Quantity::LogicalRate,
                Caveat::Gains,
            ),
            (
                star(&[3.0, 1.0, 6.0], 0.9),
                1,
                Quantity::LagFinal,
                Caveat::Relayed,
            ),
            (
                plain(&[3.0, 3.0, 1.0], 0.9),
                0,
                Quantity::LagFinal,
                Caveat::SharedRate,
            ),
            (
                plain(&[1.0, 2.0, 3.0, 4.0, 5.0, 9.0], 0.9),
                0,
                Quantity::LagFinal,
                Caveat::ManySenders,
            ),
            (late, 0, Quantity::LogicalRate, Caveat::Delays),
            (short_queue, 2, Quantity::BacklogFinal, Caveat::ShortQueue),
            (aligned, 0, Quantity::LagFinal, Caveat::Aligned),
            (varying, 0, Quantity::LagFinal, Caveat::VaryingDelays),
            (short, 0, Quantity::BacklogGrowth, Caveat::FewTicks),
            (
                plain(&[1.0, 6.0], 0.9),
                0,
                Quantity::LagSlope,
                Caveat::Start,
            ),
            (
                plain(&[2.0, 2.0, 3.0, 4.0], 0.22),
                0,
                Quantity::BacklogGrowth,
                Caveat::CriticalTogether,
            ),
        ] {
            let given = reasons(&system, machine, quantity);
            assert!(given.contains(&reason), "{reason:?}: {given:?}");
        }
    }

    #[test]
    fn letters_and_names_are_unique() {
        let mut letters = Caveat::ALL.map(Caveat::letter).to_vec();
        let mut names = Caveat::ALL.map(Caveat::name).to_vec();
        names.sort_unstable();
        letters.dedup();
        names.dedup();
        assert_eq!(
            (letters.len(), names.len()),
            (Caveat::ALL.len(), Caveat::ALL.len())
        );
    }
}
