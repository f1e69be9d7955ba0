//! Links each receive to its send, and finds the messages that were never received.

use sim::log::Action;
use sim::machine::MachineIndex;

use crate::read::run_log::{NO_EVENT, Run};

/// A message from one send to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The index of the event that sent the message.
    pub send: usize,
    /// The machine that the message was sent to.
    pub recipient: MachineIndex,
    /// The index of the event that received the message. `None` if the message was never received: it was queued or under way when the
    /// run ended, or it was lost.
    pub receive: Option<usize>,
    /// When the message entered the recipient's queue, in model nanoseconds since the run's start. `None` if this is not known.
    pub arrival_ns: Option<i64>,
}

/// The messages of `run`, ordered by send and then by recipient. Each receive whose send is in the log gives one message. If a
/// recipient of a send never received the message, there is a message with `receive: None` for this recipient. Arrival times are not set
/// yet.
pub(super) fn link(run: &Run<'_>) -> Vec<Message> {
    // For each event, the send of the message that it receives, or `NO_EVENT`.
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
    // In a damaged log, a recipient can receive the same message twice. Then the earlier receive comes first.
    let key = |message: &Message| (message.send, message.recipient, message.receive);
    messages.sort_unstable_by_key(key);
    // `find_never_received` needs the received messages in order. The messages that it finds are appended, so all are sorted again.
    let never_received = find_never_received(&messages, run);
    messages.extend(never_received);
    messages.sort_by_key(key);
    messages
}

/// The messages that were never received. There is one for each send and each of its recipients, unless `received` has a message from
/// this send to this recipient. `received` must be ordered by send.
fn find_never_received(received: &[Message], run: &Run<'_>) -> Vec<Message> {
    let mut never_received = vec![];
    let mut next = received.iter().peekable();
    // In each step of the loop: the recipients that received the message of the event at `index`. Empty if this event is not a send.
    let mut reached = vec![];
    for (index, &action) in run.events().action.iter().enumerate() {
        reached.clear();
        while let Some(message) = next.next_if(|message| message.send == index) {
            reached.push(message.recipient);
        }
        if action != Action::Send {
            continue;
        }
        // A damaged log can name recipients that the run does not have.
        let exists = |recipient: &&MachineIndex| (**recipient as usize) < run.machines();
        let recipients = run.recipients(index).iter().filter(exists);
        let missed = recipients.filter(|recipient| !reached.contains(recipient));
        never_received.extend(missed.map(|&recipient| Message {
            send: index,
            recipient,
            receive: None,
            arrival_ns: None,
        }));
    }
    never_received
}
