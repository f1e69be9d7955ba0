//! Links each receive to its send, and finds the messages that were never received.

use sim::log::Action;
use sim::machine::MachineIndex;

use crate::read::run_log::{NO_EVENT, Run};

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

/// The messages of `run`, ordered by send and recipient: one for each receive whose send is in the log, and one for each recipient
/// of a send that did not receive it.
pub(super) fn link(run: &Run<'_>) -> Vec<Message> {
    let sends = run.sends();
    let received = sends
        .iter()
        .enumerate()
        .filter(|(_, send)| **send != NO_EVENT);
    let mut messages: Vec<Message> = received
        .map(|(receive, &send)| Message {
            send: send as usize,
            recipient: run.events().machine[receive],
            receive: Some(receive),
            arrival_ns: None,
        })
        .collect();
    let key = |message: &Message| (message.send, message.recipient, message.receive);
    messages.sort_unstable_by_key(key);
    let open = not_received(&messages, run);
    messages.extend(open);
    messages.sort_by_key(key);
    messages
}

/// The messages of which `received` has no receive.
fn not_received(received: &[Message], run: &Run<'_>) -> Vec<Message> {
    let mut open = vec![];
    let mut next = received.iter().peekable();
    let mut reached = vec![];
    for (send, &action) in run.events().action.iter().enumerate() {
        reached.clear();
        while let Some(message) = next.next_if(|message| message.send == send) {
            reached.push(message.recipient);
        }
        if action != Action::Send {
            continue;
        }
        let exists = |recipient: &&MachineIndex| (**recipient as usize) < run.machines();
        let named = run.recipients(send).iter().filter(exists);
        let missed = named.filter(|to| !reached.contains(to));
        open.extend(missed.map(|&recipient| Message {
            send,
            recipient,
            receive: None,
            arrival_ns: None,
        }));
    }
    open
}
