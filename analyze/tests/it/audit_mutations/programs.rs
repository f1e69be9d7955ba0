//! For each bug and each setup (a configuration), a program with this bug is simulated. The audit must find the bug wherever it shows in
//! the logs. The simulated logs are written as three kinds of runs: as runs in virtual time, as runs over TCP that are as scheduled, and as
//! runs over TCP that are *late* (not as scheduled). No real TCP connection is used.

use analyze::audit::Check;
use sim::log::EndedRun;

use super::bugs::{Bug, DelayDistribution};
use super::setups::{RUN_KINDS, RunKind, SETUPS, Setup, failed};

/// Requires that the logs of a program with `bug` fail `check` in every setup and every kind of run for which `is_visible` is true. There
/// must be at least one such setup.
fn require_found(bug: Bug, check: Check, is_visible: impl Fn(&Setup, RunKind) -> bool) {
    let mut tried = 0;
    for setup in &SETUPS {
        for kind in RUN_KINDS {
            if is_visible(setup, kind) {
                let audit = setup.audit(kind, bug);
                let (_, violations) = audit.counts(check);
                assert!(
                    violations > 0,
                    "{bug:?} in {setup:?}, {kind:?}: {:?}",
                    failed(&audit)
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "{bug:?} is visible in no setup");
}

fn everywhere(_: &Setup, _: RunKind) -> bool {
    true
}

fn with_three_or_more_machines(setup: &Setup, _: RunKind) -> bool {
    setup.machines() > 2
}

/// Tells whether all messages have the same delay. Then they arrive in the order in which they were sent, so the audit can find a wrong
/// order in the queue. If delays are drawn at random, the audit does not know in which order messages arrived.
fn has_constant_delay(setup: &Setup) -> bool {
    matches!(setup.delays, DelayDistribution::Constant(_))
}

#[test]
fn a_program_without_a_bug_passes_the_audit() {
    for setup in &SETUPS {
        for kind in RUN_KINDS {
            let audit = setup.audit(kind, Bug::None);
            assert!(
                audit.is_clean(),
                "{setup:?}, {kind:?}: {:#?}",
                audit.datasets
            );
        }
    }
}

#[test]
fn wrong_clocks_are_found() {
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
    // A program with the bug `TakesStamp` sets the clock to stamp + 1 at each receive. This is wrong only if the stamp is lower than the
    // clock. With two machines, it can happen that no receive is wrong. The slower machine receives at nearly every tick. When it receives
    // stamp 7, its clock becomes 8. The next stamp of the other machine is 8 or more, so it is not lower than this clock. The faster
    // machine hardly ever receives, because the slower machine hardly ever sends.
    require_found(
        Bug::TakesStamp,
        Check::ReceiveClock,
        with_three_or_more_machines,
    );
    require_found(
        Bug::TakesStamp,
        Check::RisingClock,
        with_three_or_more_machines,
    );
}

#[test]
fn lost_repeated_and_changed_messages_are_found() {
    for (bug, check) in [
        (Bug::LosesMessages, Check::LinkOrder),
        (Bug::DuplicatesMessages, Check::ReceivedOnce),
        (Bug::SwapsMessages, Check::LinkOrder),
        (Bug::CoalescesMessages, Check::Sent),
        (Bug::LastInFirstOut, Check::LinkOrder),
    ] {
        require_found(bug, check, everywhere);
    }
    // The bug replaces the logged sender by a machine that is neither the sender nor the receiver. So it needs a third machine.
    require_found(Bug::WrongSender, Check::Sent, with_three_or_more_machines);
    // With two machines, all messages in a queue have the same sender.
    require_found(Bug::HighestSenderFirst, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && has_constant_delay(setup)
    });
}

#[test]
fn messages_that_are_received_in_the_wrong_order_are_found() {
    // The messages of one sender are never received, so later messages of other senders overtake them in the queue.
    require_found(Bug::IgnoresLastSender, Check::QueueOrder, |setup, _| {
        setup.machines() > 2 && has_constant_delay(setup)
    });
    // The bug needs two messages that arrive at the same time. Only the setup with aligned phases has such messages, because its machines
    // tick at the same time. In late runs the audit does not know which of two such messages arrived first.
    require_found(
        Bug::HigherSenderWinsTies,
        Check::QueueOrder,
        |setup, kind| setup.phase == "aligned" && kind != RunKind::NotAsScheduled,
    );
}

#[test]
fn messages_without_the_configured_delay_are_found() {
    // The setup with five machines is the only one with a constant delay above 0.
    for check in [Check::Causality, Check::QueueLength] {
        require_found(Bug::IgnoresDelay, check, |setup, _| setup.machines() == 5);
    }
}

/// The program loses every twentieth message. The audit must report only lost messages, and not the messages that follow them. So there
/// must be at most messages / 20 violations.
#[test]
fn a_lost_message_causes_one_violation() {
    // Three machines, and messages without delay.
    let setup = SETUPS[1];
    let audit = setup.audit(RunKind::Virtual, Bug::LosesMessages);
    let (_, violations) = audit.counts(Check::LinkOrder);
    assert!(
        violations > 0 && violations * 20 <= audit.datasets[0].messages,
        "{violations}"
    );
}

/// Conservation: each message that was sent was received, or waits at the end of the run, or is still under way.
#[test]
fn lost_and_repeated_messages_break_conservation() {
    // If delays are drawn at random, they can be very long. Then the audit cannot tell a lost message from one that is still under way.
    let is_visible = |setup: &Setup, _: RunKind| has_constant_delay(setup);
    require_found(Bug::LosesMessages, Check::Conservation, is_visible);
    require_found(Bug::DuplicatesMessages, Check::Conservation, is_visible);
    require_found(Bug::TakesTwo, Check::Conservation, is_visible);
    require_found(Bug::CoalescesMessages, Check::Conservation, is_visible);
}

#[test]
fn wrong_queues_are_found() {
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
fn messages_that_are_received_at_the_time_of_their_send_are_found() {
    // The bug needs a machine that sends exactly at the time of another machine's tick. This happens only in the setup with aligned phases.
    // In late runs the audit cannot find the bug, because it does not know exactly when a message arrived.
    require_found(
        Bug::ReceivesAtArrivalTime,
        Check::Causality,
        |setup, kind| setup.phase == "aligned" && kind != RunKind::NotAsScheduled,
    );
}

/// The machines receive messages in the wrong order. If the run is as scheduled, the audit knows the right order, and `queue_order` fails.
///
/// If the run is late, the audit knows only the earliest and the latest possible arrival of each message. In this test a message can travel
/// as long as the whole run lasts. So every order is possible, and `queue_order` passes. But `queue_length` fails. The logged queue lengths
/// show when messages entered the queue, but not which messages. So this check assumes that messages are received in the order in which
/// they entered: for example, that the third message received is the third that entered. Because of the bug, the third message received
/// can be one that was sent after the third message had entered. But a message cannot enter before it is sent, so the check fails.
#[test]
fn a_wrong_order_in_a_late_run_is_found_by_queue_length() {
    let allow_long_latencies = |run: &mut EndedRun| {
        // 60 s, the duration of the run.
        run.row.latency_max_us = 60e6;
        run.row.punctual = false;
    };
    // Three machines, and messages without delay.
    let setup = SETUPS[1];
    let [as_scheduled, late] = [RunKind::AsScheduled, RunKind::NotAsScheduled]
        .map(|kind| setup.audit_altered(kind, Bug::HighestSenderFirst, allow_long_latencies));
    let (_, violations) = as_scheduled.counts(Check::QueueOrder);
    assert!(violations > 0);
    assert_eq!(failed(&late), ["queue_length"]);
}

#[test]
fn wrong_shares_of_random_outcomes_are_found() {
    require_found(Bug::InternalIsHalf, Check::InternalShare, everywhere);
    require_found(
        Bug::MachineOneNeverInternal,
        Check::InternalShare,
        everywhere,
    );
    require_found(Bug::NeverToAll, Check::Recipients, everywhere);
    // With three machines, a send to two machines is a send to all others, which is correct.
    require_found(
        Bug::SometimesTwoRecipients,
        Check::Recipients,
        |setup, _| setup.machines() > 3,
    );
    require_found(
        Bug::NeverToLast,
        Check::Recipients,
        with_three_or_more_machines,
    );
}

#[test]
fn wrong_ticks_and_times_are_found() {
    require_found(Bug::TicksFromOne, Check::Ticks, everywhere);
    require_found(Bug::EndsEarly, Check::Ticks, everywhere);
    require_found(Bug::EndsLate, Check::Ticks, everywhere);
    require_found(Bug::AccumulatesTime, Check::Times, everywhere);
}
