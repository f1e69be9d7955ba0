//! Follows one message: who received it and when, and at which event each machine first knew of it (directly, or through other messages).

use sim::machine::MachineIndex;

use super::{EventName, Execution, Kind};
use crate::error::Error;

/// Whether one machine learnt of a message, and how: by receiving it, or through other messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The machine.
    pub machine: MachineIndex,
    /// The index in [`Execution::events`] of the first event at which the machine knows of the message: the send happened before this event
    /// in Lamport's sense. `None` if there is no such event.
    pub first: Option<usize>,
    /// The index of the event at which the machine received the message itself. `None` if it did not receive it.
    pub receive: Option<usize>,
    /// Whether the log says that the message was sent to this machine.
    pub is_recipient: bool,
    /// When the message entered the machine's queue, in model nanoseconds since the run's start. `None` if this is not known.
    pub arrival_ns: Option<i64>,
}

/// Follows the message that machine `name.machine` sends at its tick `name.tick`. Returns the index of the send, and one entry for each
/// other machine.
///
/// # Errors
///
/// [`Error::Choice`] if there is no such tick, or if nothing is sent at it.
pub fn follow(execution: &Execution, name: EventName) -> Result<(usize, Vec<Reach>), Error> {
    // A tick has several events if its machine receives several messages at it.
    let tick_events = execution.find(name)?;
    let is_send = |index: &usize| matches!(execution.events()[*index].kind, Kind::Send { .. });
    let Some(send) = tick_events.clone().find(is_send) else {
        return Err(execution.choice(format!(
            "tick {} of machine {} sends no message: its event is {}; `analyze show` lists the sends",
            name.tick,
            name.machine,
            execution.events()[tick_events.start].kind.name()
        )));
    };
    let future = execution.future_of([send]);
    let messages = execution.messages_of(send);
    let reach = |machine: MachineIndex| {
        let message = messages.iter().find(|message| message.recipient == machine);
        Reach {
            machine,
            first: execution.range_of(machine).find(|&index| future[index]),
            receive: message.and_then(|message| message.receive),
            is_recipient: message.is_some(),
            arrival_ns: message.and_then(|message| message.arrival_ns),
        }
    };
    let others = (0..execution.machines() as MachineIndex).filter(|&other| other != name.machine);
    Ok((send, others.map(reach).collect()))
}
