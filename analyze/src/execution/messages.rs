//! Links each receive to its send, and finds the messages that were never received.

use sim::log::EventRow;
use sim::machine::{EventKind, MachineIndex};

use super::recipients;

/// A message from one send to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The index of the event that sent it.
    pub send: usize,
    /// The machine that it was sent to.
    pub recipient: MachineIndex,
    /// The index of the event that received it, or `None` if it was queued or under way when the run ended, or was lost.
    pub receive: Option<usize>,
    /// When it entered the recipient's queue, in model nanoseconds since the run's start. `None` if this is not known.
    pub arrival_ns: Option<i64>,
}

/// The messages of a run, ordered by send and recipient: one for each receive whose send is in the log, and one for each recipient
/// of a send that did not receive it. `sends` has the send of each receive.
pub(super) fn link(
    sends: &[Option<usize>],
    events: &[EventRow],
    neighbours: &[Vec<MachineIndex>],
) -> Vec<Message> {
    let received = sends.iter().enumerate().filter_map(|(receive, &send)| {
        Some(Message {
            send: send?,
            recipient: events[receive].machine,
            receive: Some(receive),
            arrival_ns: None,
        })
    });
    let mut messages: Vec<Message> = received.collect();
    let key = |message: &Message| (message.send, message.recipient, message.receive);
    messages.sort_unstable_by_key(key);
    let open = not_received(&messages, events, neighbours);
    messages.extend(open);
    messages.sort_by_key(key);
    messages
}

/// The messages of which `received` has no receive.
fn not_received(
    received: &[Message],
    events: &[EventRow],
    neighbours: &[Vec<MachineIndex>],
) -> Vec<Message> {
    let mut open = vec![];
    let mut next = received.iter().peekable();
    let mut reached = vec![];
    for (send, row) in events.iter().enumerate() {
        reached.clear();
        while let Some(message) = next.next_if(|message| message.send == send) {
            reached.push(message.recipient);
        }
        let EventKind::Send {
            recipients: named, ..
        } = &row.logged.event.kind
        else {
            continue;
        };
        let named = recipients(named, &neighbours[row.machine as usize]).iter();
        let exists = |recipient: &&MachineIndex| (**recipient as usize) < neighbours.len();
        let missed = named.filter(exists).filter(|to| !reached.contains(to));
        open.extend(missed.map(|&recipient| Message {
            send,
            recipient,
            receive: None,
            arrival_ns: None,
        }));
    }
    open
}
