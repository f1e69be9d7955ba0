//! Finds the tick in which each received message was sent, if an imported log does not name this tick. For this, the log must have the
//! message's sender and timestamp.
//!
//! A machine's clock rises at every event, so a machine never uses a timestamp twice. The sender and the timestamp therefore
//! identify the send. A faulty clock can repeat a timestamp. Then several sends fit a receive, and they are matched in order: a machine's
//! first receive with this timestamp belongs to the first of these sends that can have reached the machine, the second receive to the
//! second such send, and so on.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// Adds the tick of the send to each receive that does not have it. If no send matches, the tick stays unknown. Returns whether any tick
/// was added.
pub(super) fn find_sends(machines: &mut [Vec<Row>]) -> bool {
    // By sender and timestamp: the tick and the recipients of each send.
    let mut sends: HashMap<(u32, u64), Vec<(u64, Recipients)>> = HashMap::new();
    for row in machines.iter().flatten() {
        if let EventKind::Send { recipients, stamp } = &row.event.kind {
            let sent = (row.event.tick, recipients.clone());
            sends.entry((row.machine, *stamp)).or_default().push(sent);
        }
    }
    let mut found_any = false;
    for (receiver, rows) in (0u32..).zip(machines) {
        // By sender and timestamp: how many receives are already matched.
        let mut matched_counts: HashMap<(u32, u64), usize> = HashMap::new();
        for row in rows {
            let EventKind::Receive(message) = &mut row.event.kind else {
                continue;
            };
            if message.sent_tick != UNKNOWN
                || message.sender == UNKNOWN_MACHINE
                || message.stamp == UNKNOWN
            {
                continue;
            }
            let key = (message.sender, message.stamp);
            let matched = matched_counts.entry(key).or_default();
            let can_reach_receiver = |(_, recipients): &&(u64, Recipients)| match recipients {
                // `One(UNKNOWN_MACHINE)` means that the log does not name the recipients.
                Recipients::All | Recipients::One(UNKNOWN_MACHINE) => true,
                Recipients::One(recipient) => *recipient == receiver,
                Recipients::Several(recipients) => recipients.contains(&receiver),
            };
            let sends_with_key = sends.get(&key).into_iter().flatten();
            let mut possible = sends_with_key.filter(can_reach_receiver);
            if let Some((tick, _)) = possible.nth(*matched) {
                message.sent_tick = *tick;
                *matched += 1;
                found_any = true;
            }
        }
    }
    found_any
}
