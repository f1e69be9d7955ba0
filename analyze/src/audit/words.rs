//! Describes an event in words, for the message about a violation.

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::log::Entry;

/// Describes an event in a clause, such as "machine 0 had an internal event at tick 5". In an imported log, the sender or the recipients
/// of a message can be unknown (`UNKNOWN_MACHINE`). The stamp of a received message and the tick at which it was sent can be unknown too
/// (`UNKNOWN`).
pub(super) fn event(machine: usize, entry: &Entry) -> String {
    let tick = entry.tick;
    match &entry.kind {
        EventKind::Internal => format!("machine {machine} had an internal event at tick {tick}"),
        EventKind::Send { recipients, stamp } => {
            let to = match recipients {
                Recipients::One(UNKNOWN_MACHINE) => "an unnamed machine".to_owned(),
                Recipients::One(peer) => format!("machine {peer}"),
                Recipients::Several(peers) => {
                    let peers: Vec<String> = peers.iter().map(u32::to_string).collect();
                    format!("machines {}", peers.join(", "))
                }
                Recipients::All => "all".to_owned(),
            };
            format!("machine {machine} sent to {to} at tick {tick} (stamp {stamp})")
        }
        EventKind::Receive(message) => {
            let sender = match message.sender {
                UNKNOWN_MACHINE => "an unnamed machine".to_owned(),
                sender => format!("machine {sender}"),
            };
            let if_known = |prefix: &str, number: u64, suffix: &str| match number {
                UNKNOWN => String::new(),
                number => format!("{prefix}{number}{suffix}"),
            };
            format!(
                "machine {machine} received at tick {tick} a message that {sender} sent{}{}",
                if_known(" at tick ", message.sent_tick, ""),
                if_known(" (stamp ", message.stamp, ")")
            )
        }
    }
}
