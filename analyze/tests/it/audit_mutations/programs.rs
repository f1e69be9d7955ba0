//! Tests every bug in every setup that shows it.

use analyze::audit::Check;
use sim::log::FinishedRun;

use super::bugs::{Bug, Law};
use super::setups::{SETUPS, Setup, WORLDS, World, failed};

/// Requires that a program with `bug` fails `check` in every setup and world for which `shows` is true. There must be at least one.
fn require_found(bug: Bug, check: Check, shows: impl Fn(&Setup, World) -> bool) {
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

/// Tells whether the delay is constant, so that the order of the queue is known.
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
        require_found(bug, check, everywhere);
    }
    // Of two machines, the slower one has the lower clock and always has a message to receive, so it never sends.
    require_found(Bug::TakesStamp, Check::ReceiveClock, several);
    require_found(Bug::TakesStamp, Check::RisingClock, several);
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
        require_found(bug, check, everywhere);
    }
    // With two machines, the wrong sender would be the receiver itself.
    require_found(Bug::WrongSender, Check::Sent, several);
    require_found(Bug::HighestSenderFirst, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && is_constant(setup)
    });
}

/// If a message is never received, later messages overtake it in every queue that other messages enter.
#[test]
fn messages_in_the_wrong_order() {
    require_found(Bug::IgnoresLastSender, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && is_constant(setup)
    });
    require_found(
        Bug::HigherSenderWinsTies,
        Check::QueueOrder,
        |setup, world| setup.phase == "aligned" && world != World::Late,
    );
}

#[test]
fn messages_that_take_no_time() {
    for check in [Check::Causality, Check::QueueLength] {
        require_found(Bug::IgnoresDelay, check, |setup, _| setup.machines() == 5);
    }
}

/// One message in twenty is lost. Later messages are not reported as further violations.
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
fn lost_and_repeated_messages_break_conservation() {
    // If delays may be very long, a lost message may still be under way.
    let is_known = |setup: &Setup, _: World| is_constant(setup);
    require_found(Bug::LosesMessages, Check::Conservation, is_known);
    require_found(Bug::DuplicatesMessages, Check::Conservation, is_known);
    require_found(Bug::TakesTwo, Check::Conservation, is_known);
    require_found(Bug::CoalescesMessages, Check::Conservation, is_known);
}

#[test]
fn wrong_queues() {
    for (bug, check) in [
        (Bug::LengthBeforePop, Check::QueueLength),
        (Bug::LengthOfLastTick, Check::QueueLength),
        (Bug::LooksEveryOtherTick, Check::Idle),
        (Bug::TakesTwo, Check::QueueLength),
    ] {
        require_found(bug, check, everywhere);
    }
}

#[test]
fn messages_that_are_seen_at_the_time_of_their_send() {
    require_found(Bug::NoTimeBetween, Check::Causality, |setup, world| {
        setup.phase == "aligned" && world != World::Late
    });
}

/// If a run is as scheduled, there is only one possible order in which its messages are received. For other runs only lower and
/// upper limits are known. Here the limits are as wide as possible, but a queue still cannot contain a message that was not sent
/// yet.
#[test]
fn limits_of_queues_depend_on_column_as_scheduled() {
    let wide = |run: &mut FinishedRun| {
        run.row.latency_max_us = 60e6;
        run.row.punctual = false;
    };
    let [as_scheduled, late] = [World::AsScheduled, World::Late]
        .map(|world| SETUPS[1].audit_altered(world, Bug::HighestSenderFirst, wide));
    assert!(as_scheduled.counts(Check::QueueOrder).1 > 0);
    assert_eq!(failed(&late), ["queue_length"]);
}

#[test]
fn wrong_draws() {
    require_found(Bug::InternalIsHalf, Check::InternalShare, everywhere);
    require_found(
        Bug::MachineOneNeverInternal,
        Check::InternalShare,
        everywhere,
    );
    require_found(Bug::NeverToAll, Check::Recipients, everywhere);
    require_found(Bug::NeverToLast, Check::Recipients, several);
}

#[test]
fn wrong_ticks_and_times() {
    require_found(Bug::TicksFromOne, Check::Ticks, everywhere);
    require_found(Bug::EndsEarly, Check::Ticks, everywhere);
    require_found(Bug::EndsLate, Check::Ticks, everywhere);
    require_found(Bug::AccumulatesTime, Check::Times, everywhere);
}
