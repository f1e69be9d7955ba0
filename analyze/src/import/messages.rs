//! Which send a receive belongs to, where the log has the sender and the timestamp but not the sender's tick.
//!
//! A machine's clock rises with every event, so that its timestamps are all different: sender and timestamp name the send. Where
//! they do not, as a wrong clock may have it, sends of the same timestamp are taken in their order.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// Fills in what is missing and can be found; returns whether anything was. A receive that has no send keeps none.
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
