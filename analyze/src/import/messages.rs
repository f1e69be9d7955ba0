//! Matches receives with sends if the log has the sender and the timestamp of each message, but not the tick of the send.
//!
//! A machine's clock rises at every event, so a machine never uses a timestamp twice. The sender and the timestamp therefore
//! identify the send. If a faulty clock repeats a timestamp, receives with this timestamp are matched with the sends one by one,
//! in the order of the log.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// Adds the tick of the send to each receive that does not have it. Returns whether any was added. The tick stays unknown if no
/// send matches.
pub(super) fn find_sends(machines: &mut [Vec<Row>]) -> bool {
    let mut sends: HashMap<(u32, u64), Vec<(u64, Recipients)>> = HashMap::new();
    for row in machines.iter().flatten() {
        if let EventKind::Send { recipients, stamp } = &row.event.kind {
            let sent = (row.event.tick, recipients.clone());
            sends.entry((row.machine, *stamp)).or_default().push(sent);
        }
    }
    let mut found_any = false;
    for (receiver, rows) in (0u32..).zip(machines) {
        let mut taken: HashMap<(u32, u64), usize> = HashMap::new();
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
            let before = taken.entry(key).or_default();
            let to_receiver = |sent: &&(u64, Recipients)| {
                let named = sent.1.among(&[UNKNOWN_MACHINE]);
                named.contains(&receiver) || named == [UNKNOWN_MACHINE]
            };
            let mut possible = sends.get(&key).into_iter().flatten().filter(to_receiver);
            if let Some((tick, _)) = possible.nth(*before) {
                message.sent_tick = *tick;
                *before += 1;
                found_any = true;
            }
        }
    }
    found_any
}
