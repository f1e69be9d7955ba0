//! Caveats: reasons why the prediction of a quantity (such as the final lag) may be inaccurate for a machine.
//!
//! A caveat is given if a number that describes the machine, such as its number of senders, reaches a limit. The limits in
//! [`Caveat::is_given_for`] have no derivation: they were chosen by comparing predictions with simulated runs
//! (`experiments/bench/theory.py`).

use super::circumstances::Circumstances;
use super::quantity::Quantity;

/// An effect that the derivation of a prediction ignores, and that may make the prediction inaccurate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caveat {
    /// Machines send each other so many messages that few idle ticks (ticks that receive nothing) are left.
    Coupled,
    /// A few per cent or more of the machine's messages come from machines that are hardly ever idle.
    BusySenders,
    /// Messages come often, but the predicted queue is almost empty.
    ShortQueue,
    /// A tick takes all waiting messages (a receive rule that an experiment can choose), and several machines send to this one.
    Batches,
    /// Messages of other machines advance the fastest clock.
    Gains,
    /// The clock value of a faster machine reaches this one only through other machines.
    Relayed,
    /// Several machines share the highest rate.
    SharedRate,
    /// Four or more machines send to this one.
    ManySenders,
    /// Messages travel for more than half of the time between two ticks of the fastest machine.
    Delays,
    /// Delays of messages differ, but a message never overtakes an earlier one of the same sender. So some messages wait for earlier ones.
    VaryingDelays,
    /// Ticks take all waiting messages, and all machines first tick at the same instant.
    Aligned,
    /// The lag grows only at the start of the run. The slope of the lag is an average over the whole run, so the slope depends on how
    /// long this growth lasts.
    Start,
    /// The machine has few ticks in the observed time (the run without its warm-up).
    FewTicks,
    /// This machine and another one are critical: about as many messages arrive at each as it has ticks.
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
    pub(super) fn find_all(quantity: Quantity, circumstances: &Circumstances) -> Vec<Self> {
        // If ticks take all waiting messages, the predicted backlog is 0, which is exact. So it needs no caveat.
        let is_exact = circumstances.takes_all
            && matches!(quantity, Quantity::BacklogGrowth | Quantity::BacklogFinal);
        if is_exact {
            return vec![];
        }
        let is_given = |caveat: &Self| caveat.is_given_for(quantity, circumstances);
        Self::ALL.into_iter().filter(is_given).collect()
    }

    /// Whether this caveat is given for `quantity`. The top of this file says where the limits come from.
    fn is_given_for(self, quantity: Quantity, circumstances: &Circumstances) -> bool {
        use Quantity::{
            BacklogFinal, BacklogGrowth, JumpMean, LagFinal, LagSlope, LogicalRate, ReceiveShare,
        };
        let takes_all = circumstances.takes_all;
        let is_about_clocks = quantity.is_about_clocks();
        // The mean number of messages that are under way to the machine. If all delays are equal, the number is set to 0, so that the
        // caveat `VaryingDelays` is not given.
        let under_way = circumstances.messages_under_way_if_delays_vary;
        match self {
            // `coupling` says how strongly the machines influence each other. If it is 1 or more, they may overload each other until some of
            // them stop sending.
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
            // `share_from_idle_below_30_percent` is the share of the machine's messages that come from machines with less than 30 % idle ticks.
            Self::BusySenders => match quantity {
                ReceiveShare | JumpMean if takes_all => {
                    circumstances.share_from_idle_below_30_percent >= 0.03
                }
                ReceiveShare => circumstances.share_from_idle_below_10_percent >= 0.05,
                BacklogGrowth => {
                    // At least one message must arrive in the observed time.
                    circumstances.share_from_idle_below_10_percent >= 0.05
                        && circumstances.messages >= 1.0
                }
                _ => false,
            },
            Self::ShortQueue => quantity == BacklogFinal && circumstances.is_short_queue,
            Self::Batches => {
                let is_affected = match quantity {
                    ReceiveShare => (0.4..3.0).contains(&circumstances.messages_per_tick),
                    JumpMean => circumstances.messages_per_tick > 0.6,
                    _ => false,
                };
                takes_all && circumstances.senders > 1 && is_affected
            }
            // Take the fastest clock whose values reach the machine. A `gain_share` of 0.1 means that this clock advances 10 % faster than its
            // own machine ticks.
            Self::Gains => {
                let limit = match quantity {
                    LagFinal => 0.02,
                    _ if takes_all => 0.025,
                    _ => 0.04,
                };
                is_about_clocks && quantity != LagSlope && circumstances.gain_share >= limit
            }
            Self::Relayed => {
                // Machines that are hardly ever idle send almost nothing. If most of this machine's messages come from them, it receives
                // few messages. So its clock advances almost only by its own ticks, and the predicted slope of its lag is accurate.
                let receives_little =
                    !takes_all && circumstances.share_from_idle_below_10_percent > 0.5;
                let is_accurate = receives_little && quantity == LagSlope;
                is_about_clocks && circumstances.is_relayed && !is_accurate
            }
            Self::SharedRate => match quantity {
                LagFinal => circumstances.fastest_machines > 1,
                LagSlope => circumstances.fastest_machines > 1 && circumstances.is_fastest,
                _ => false,
            },
            Self::ManySenders => quantity == LagFinal && circumstances.senders >= 4,
            Self::Delays => {
                let depends_on_gains = is_about_clocks && circumstances.gain_share > 0.02;
                let is_final_lag_of_batches = quantity == LagFinal && takes_all;
                circumstances.delay_in_periods >= 0.6
                    && (depends_on_gains || is_final_lag_of_batches)
            }
            Self::VaryingDelays => match quantity {
                ReceiveShare if takes_all => under_way > 0.1,
                // The greatest `under_way` among all machines is compared, not the one of this machine.
                _ if takes_all => {
                    is_about_clocks && circumstances.max_messages_under_way_if_delays_vary > 0.05
                }
                BacklogFinal => under_way > 0.2,
                LagSlope | LagFinal => under_way > 0.4,
                BacklogGrowth => under_way > 0.4 && circumstances.messages_per_tick > 0.9,
                ReceiveShare | LogicalRate | JumpMean => false,
            },
            Self::Aligned => quantity == LagFinal && takes_all && circumstances.is_aligned,
            // The slope is in 1/s: by how much the lag grows per second.
            Self::Start => quantity == LagSlope && (0.003..0.2).contains(&circumstances.lag_slope),
            Self::FewTicks => quantity == BacklogGrowth && circumstances.ticks < 20.0,
            Self::CriticalTogether => circumstances.is_critical_with_another,
            // If several states are possible, nothing is predicted, and the function `predict` gives this caveat.
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
                "many of the machine's messages come from machines that are hardly ever idle; how often these \
                 machines are idle is only an estimate"
            }
            Self::ShortQueue => {
                "several machines send often, but the predicted queue is almost empty; the theory models a queue \
                 as a continuous random walk (a Brownian motion), which is too coarse for so short a queue"
            }
            Self::Batches => {
                "a tick takes all waiting messages, and several machines send; the theory ignores that these \
                 machines are busy at the same times"
            }
            Self::Gains => {
                "other machines send larger clock values to the fastest machine, so its clock advances faster than \
                 the machine ticks; how much faster is an estimate"
            }
            Self::Relayed => {
                "the clock value of a faster machine arrives only through other machines; the theory ignores that \
                 these machines send nothing at ticks that receive, and that even overloaded ones send at the start, \
                 before their queues have filled"
            }
            Self::SharedRate => {
                "two or more machines have the highest rate; the difference of their clocks depends on the times \
                 of their first ticks"
            }
            Self::ManySenders => {
                "four or more machines send to this one; the theory treats the clock values that they send as \
                 independent of each other"
            }
            Self::Delays => {
                "messages travel for more than half of the time between two ticks of the fastest machine; the theory \
                 ignores what the clocks do while messages travel"
            }
            Self::VaryingDelays => {
                "delays vary, so messages wait for earlier ones of the same sender and arrive together; the theory uses the mean delay"
            }
            Self::Aligned => {
                "phases are aligned, so at the end of the run the time since the machine's last tick is not random; the theory uses the average of this time"
            }
            Self::Start => {
                "the lag grows only until the first messages have arrived, so its slope over the whole run is small; \
                 how long it grows is an estimate"
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

    /// A system with the default values of the model: for example, its topology is a mesh, and messages arrive without delay.
    fn plain(rates: &[f64], internal: f64) -> System {
        System::new(rates, internal, 60.0)
    }

    fn caveats(system: &System, machine: usize, quantity: Quantity) -> Vec<Caveat> {
        predict(system)[machine].caveats(quantity).to_vec()
    }

    /// The caveat `Start` is allowed: it is given for a small slope of the lag, which such configurations can have too.
    #[test]
    fn common_configurations_have_no_caveats_except_start() {
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
                    let caveats = prediction.caveats(quantity).iter();
                    let not_allowed = caveats.filter(|caveat| **caveat != Caveat::Start);
                    assert_eq!(not_allowed.count(), 0, "{quantity:?}: {system:?}");
                }
            }
        }
    }

    /// In a star, machine 0 (the hub) and the other machines send each other messages. If they send often, they leave each other few idle
    /// ticks.
    #[test]
    fn machines_of_a_star_are_coupled_only_if_they_send_often() {
        let star = |internal| System {
            topology: Topology::Star,
            ..plain(&[8.0, 1.1, 0.9, 2.1, 3.5, 2.8, 0.6], internal)
        };
        for (internal, expected) in [(0.3, true), (0.9, false)] {
            for quantity in Quantity::ALL {
                let is_coupled = caveats(&star(internal), 1, quantity).contains(&Caveat::Coupled);
                assert_eq!(is_coupled, expected, "{quantity:?}");
            }
        }
    }

    /// Each row of the list is a system, the index of a machine, a quantity, and a caveat that must be given for them. The list
    /// has no row for `SeveralStates`, because `is_given_for` never gives this caveat: only `predict` does.
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
        let delayed = System {
            delay_s: 0.3,
            ..plain(&[3.0, 3.0, 3.0], 0.7)
        };
        let with_varying_delays = System {
            delay_s: 0.2,
            delays_vary: true,
            ..plain(&[3.0, 5.0, 6.0], 0.5)
        };
        let short_run = System {
            duration_s: 15.0,
            ..plain(&[1.0, 3.0, 6.0], 0.7)
        };
        for (system, machine, quantity, expected) in [
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
            (delayed, 0, Quantity::LogicalRate, Caveat::Delays),
            (short_queue, 2, Quantity::BacklogFinal, Caveat::ShortQueue),
            (aligned, 0, Quantity::LagFinal, Caveat::Aligned),
            (
                with_varying_delays,
                0,
                Quantity::LagFinal,
                Caveat::VaryingDelays,
            ),
            (short_run, 0, Quantity::BacklogGrowth, Caveat::FewTicks),
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
            let caveats = caveats(&system, machine, quantity);
            assert!(caveats.contains(&expected), "{expected:?}: {caveats:?}");
        }
    }

    #[test]
    fn letters_and_names_are_unique() {
        let mut letters = Caveat::ALL.map(Caveat::letter).to_vec();
        let mut names = Caveat::ALL.map(Caveat::name).to_vec();
        letters.sort_unstable();
        names.sort_unstable();
        letters.dedup();
        names.dedup();
        assert_eq!(
            (letters.len(), names.len()),
            (Caveat::ALL.len(), Caveat::ALL.len())
        );
    }
}
