//! Every bug in every setup in which it shows.

use analyze::audit::Check;
use sim::log::FinishedRun;

use super::bugs::{Bug, Law};
use super::setups::{SETUPS, Setup, WORLDS, World, failed};

/// Requires that a program with `bug` fails `check` in every setup and world that `shows` names, at least one.
fn finds(bug: Bug, check: Check, shows: impl Fn(&Setup, World) -> bool) {
    let mut tried = 0;
    for setup in &SETUPS {
        for world in WORLDS {
            if shows(setup, world) {
                let audit = setup.audit(world, bug);
                assert!(
                    audit.counts(check).1 > 0,
                    "{bug:?} in {setup:?}, {world:?}: {:?}",
                    failed(&audit)
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "{bug:?} shows nowhere");
}

fn everywhere(_: &Setup, _: World) -> bool {
    true
}

fn several(setup: &Setup, _: World) -> bool {
    setup.machines() > 2
}

/// Where all of a queue's order is known.
fn is_constant(setup: &Setup) -> bool {
    matches!(setup.law, Law::Constant(_))
}

#[test]
fn a_program_without_a_bug_audits_clean() {
    for setup in &SETUPS {
        for world in WORLDS {
            let audit = setup.audit(world, Bug::None);
            assert!(
                audit.is_clean(),
                "{setup:?}, {world:?}: {:#?}",
                audit.datasets
            );
        }
    }
}

#[test]
fn wrong_clocks() {
    for (bug, check) in [
        (Bug::MaxOfIncremented, Check::ReceiveClock),
        (Bug::MaxOfIncremented, Check::ClockCondition),
        (Bug::UpdatedOnArrival, Check::ReceiveClock),
        (Bug::UpdatedTwice, Check::ReceiveClock),
        (Bug::InternalDoesNotCount, Check::LocalClock),
        (Bug::InternalDoesNotCount, Check::RisingClock),
        (Bug::SendDoesNotCount, Check::LocalClock),
        (Bug::StartsFromOne, Check::InitialClock),
        (Bug::StampedEarly, Check::Stamp),
        (Bug::StampedEarly, Check::ClockCondition),
    ] {
        finds(bug, check, everywhere);
    }
    // Of two machines the slower one has the lower clock, and never gets round to sending.
    finds(Bug::TakesStamp, Check::ReceiveClock, several);
    finds(Bug::TakesStamp, Check::RisingClock, several);
}

#[test]
fn wrong_messages() {
    for (bug, check) in [
        (Bug::LosesMessages, Check::LinkOrder),
        (Bug::DuplicatesMessages, Check::ReceivedOnce),
        (Bug::SwapsMessages, Check::LinkOrder),
        (Bug::CoalescesMessages, Check::Sent),
        (Bug::LastInFirstOut, Check::LinkOrder),
    ] {
        finds(bug, check, everywhere);
    }
    // With two machines, whoever is the wrong sender is the receiver itself.
    finds(Bug::WrongSender, Check::Sent, several);
    finds(Bug::HighestSenderFirst, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && is_constant(setup)
    });
}

/// A message that is never received is passed over by all that came later, in every queue that some others come into.
#[test]
fn messages_in_the_wrong_order() {
    finds(Bug::IgnoresLastSender, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && is_constant(setup)
    });
    finds(
        Bug::HigherSenderWinsTies,
        Check::QueueOrder,
        |setup, world| setup.phase == "aligned" && world != World::Late,
    );
}

#[test]
fn messages_that_take_no_time() {
    for check in [Check::Causality, Check::QueueLength] {
        finds(Bug::IgnoresDelay, check, |setup, _| setup.machines() == 5);
    }
}

/// One in twenty is lost; what is received after it is no violation of its own.
#[test]
fn a_lost_message_is_found_once() {
    let audit = SETUPS[1].audit(World::Virtual, Bug::LosesMessages);
    let (_, violations) = audit.counts(Check::LinkOrder);
    assert!(
        violations > 0 && violations * 20 <= audit.datasets[0].messages,
        "{violations}"
    );
}

#[test]
fn messages_gone_or_double_do_not_add_up() {
    // Where delays have no bound worth the name, what is lost may be under way still.
    let is_known = |setup: &Setup, _: World| is_constant(setup);
    finds(Bug::LosesMessages, Check::Conservation, is_known);
    finds(Bug::DuplicatesMessages, Check::Conservation, is_known);
    finds(Bug::TakesTwo, Check::Conservation, is_known);
    finds(Bug::CoalescesMessages, Check::Conservation, is_known);
}

#[test]
fn wrong_queues() {
    for (bug, check) in [
        (Bug::LengthBeforePop, Check::QueueLength),
        (Bug::LengthOfLastTick, Check::QueueLength),
        (Bug::LooksEveryOtherTick, Check::Idle),
        (Bug::TakesTwo, Check::QueueLength),
    ] {
        finds(bug, check, everywhere);
    }
}

#[test]
fn messages_that_are_seen_at_the_instant_of_their_sending() {
    finds(Bug::NoTimeBetween, Check::Causality, |setup, world| {
        setup.phase == "aligned" && world != World::Late
    });
}

/// A run that is in order has one order in which its messages are received. Of another only bounds are known, here as wide as the
/// run is long; even so, a queue cannot hold what was not yet sent.
#[test]
fn what_is_known_depends_on_what_the_journal_claims() {
    let wide = |run: &mut FinishedRun| {
        run.row.latency_max_us = 60e6;
        run.row.punctual = false;
    };
    let [as_scheduled, late] = [World::InOrder, World::Late]
        .map(|world| SETUPS[1].audit_altered(world, Bug::HighestSenderFirst, wide));
    assert!(as_scheduled.counts(Check::QueueOrder).1 > 0);
    assert_eq!(failed(&late), ["queue_length"]);
}

#[test]
fn wrong_draws() {
    finds(Bug::InternalIsHalf, Check::InternalShare, everywhere);
    finds(
        Bug::MachineOneNeverInternal,
        Check::InternalShare,
        everywhere,
    );
    finds(Bug::NeverToAll, Check::Recipients, everywhere);
    finds(Bug::NeverToLast, Check::Recipients, several);
}

#[test]
fn wrong_ticks_and_times() {
    finds(Bug::TicksFromOne, Check::Ticks, everywhere);
    finds(Bug::EndsEarly, Check::Ticks, everywhere);
    finds(Bug::EndsLate, Check::Ticks, everywhere);
    finds(Bug::AccumulatesTime, Check::Times, everywhere);
}
