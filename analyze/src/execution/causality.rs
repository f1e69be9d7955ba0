//! Happens-before: causal past and future of events, consistent cuts, and vector clocks.
//!
//! Event a happened before event b if a came earlier on the same machine, or if a sent the message that b received, or if a chain of such
//! steps leads from a to b (Lamport 1978).

use std::ops::Range;

use super::Execution;
use crate::error::Error;

/// A set of events: for each event of the run, whether it is a member.
pub type Members = Vec<bool>;

impl Execution {
    /// The causal past of `events`: these events, and every event that happened before at least one of them.
    pub fn past_of(&self, events: impl IntoIterator<Item = usize>) -> Members {
        self.reach(events, |index, visit| {
            let previous = self.previous(index).into_iter();
            previous.chain(self.send_of(index)).for_each(visit);
        })
    }

    /// The causal future of `events`: these events, and every event that has at least one of them in its causal past.
    pub fn future_of(&self, events: impl IntoIterator<Item = usize>) -> Members {
        self.reach(events, |index, visit| {
            let next = self.next(index).into_iter();
            let messages = self.messages_of(index).iter();
            let receives = messages.filter_map(|message| message.receive);
            next.chain(receives).for_each(visit);
        })
    }

    /// All events that can be reached from `events` by steps to neighbours, and `events` themselves. `neighbours(index, visit)` calls `visit`
    /// for each event that is one step away from the event `index`.
    fn reach(
        &self,
        events: impl IntoIterator<Item = usize>,
        neighbours: impl Fn(usize, &mut dyn FnMut(usize)),
    ) -> Members {
        let mut members = vec![false; self.events().len()];
        let mut to_visit: Vec<usize> = events.into_iter().collect();
        while let Some(index) = to_visit.pop() {
            let was_member = std::mem::replace(&mut members[index], true);
            if !was_member {
                neighbours(index, &mut |other| to_visit.push(other));
            }
        }
        members
    }

    /// The smallest consistent cut that contains `events`. A cut contains, for each machine, all its events up to some point. It is
    /// consistent if, for each receive in the cut, the send is in the cut too. The smallest consistent cut that contains `events` is the
    /// causal past of `events`. Returns, for each machine, how many of its events are in the cut.
    pub fn cut(&self, events: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let past = self.past_of(events);
        let count = |range: Range<usize>| past[range].iter().filter(|is_in| **is_in).count();
        let machines = 0..self.machines() as u32;
        machines
            .map(|machine| count(self.range_of(machine)))
            .collect()
    }

    /// The indices of all events in an order that respects happens-before: if a happened before b, a comes first. The events are in the
    /// order of their times, except where these times are wrong: if a happened before b but has a later time, a comes first all the same.
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if the log says that an event happened before itself. Only damaged or imported logs can say this.
    pub fn causal_order(&self) -> Result<Vec<usize>, Error> {
        let mut order = Vec::with_capacity(self.events().len());
        let mut states = vec![State::New; self.events().len()];
        // This is a depth-first search. The causes of an event are the previous event on its machine and, for a receive, the send of the
        // message. They get their positions in the order before the event gets its own.
        let mut stack = vec![];
        for index in self.timeline() {
            stack.push(index);
            while let Some(&index) = stack.last() {
                match states[index] {
                    // The event got its position earlier, as a cause of another event.
                    State::Done => {
                        stack.pop();
                    }
                    State::WaitsForCauses => {
                        states[index] = State::Done;
                        order.push(index);
                        stack.pop();
                    }
                    State::New => {
                        states[index] = State::WaitsForCauses;
                        for cause in [self.send_of(index), self.previous(index)] {
                            match cause.map(|cause| (cause, states[cause])) {
                                Some((cause, State::New)) => stack.push(cause),
                                // `cause` itself still waits for this event, directly or through other events. So each of the two
                                // happened before the other. This is a cycle.
                                Some((cause, State::WaitsForCauses)) => {
                                    return Err(self.cycle_error(cause));
                                }
                                // The cause has its position already, or the event has no such cause.
                                Some((_, State::Done)) | None => {}
                            }
                        }
                    }
                }
            }
        }
        Ok(order)
    }

    /// Makes the error for an event that happened before itself.
    fn cycle_error(&self, index: usize) -> Error {
        let event = &self.events()[index];
        self.choice(format!(
            "by this log, tick {} of machine {} happened before itself, so the events have no causal order; `analyze audit` says what \
             is wrong with the log",
            event.tick, event.machine
        ))
    }
}

/// The state of an event while [`Execution::causal_order`] runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not visited yet.
    New,
    /// Visited. It gets its position when all its causes have theirs.
    WaitsForCauses,
    /// Has a position in the order.
    Done,
}

/// The vector clock of an event: for each machine, how many events of that machine happened before the event. The number for the event's
/// own machine includes the event itself.
pub type VectorClock = Box<[u32]>;

/// Calls `visit` for each event in causal order, with the event's vector clock.
///
/// # Errors
///
/// The error of [`Execution::causal_order`], and any error of `visit`.
pub fn visit_with_vector_clocks<E: From<Error>>(
    execution: &Execution,
    mut visit: impl FnMut(usize, &[u32]) -> Result<(), E>,
) -> Result<(), E> {
    let machines = execution.machines();
    let mut clocks: Vec<VectorClock> = vec![vec![0; machines].into(); machines];
    // The sends that were visited, but whose receives were not all visited yet. For each of them: its vector clock, and the number of
    // receives that are still to be visited.
    let mut sent: std::collections::HashMap<usize, (VectorClock, usize)> = Default::default();
    for index in execution.causal_order()? {
        let machine = execution.events()[index].machine as usize;
        let send = execution.send_of(index);
        let carried = send.and_then(|send| sent.get(&send));
        if let Some((carried, _)) = carried {
            let merged = clocks[machine].iter_mut().zip(carried);
            merged.for_each(|(own, other)| *own = (*own).max(*other));
        }
        clocks[machine][machine] += 1;
        visit(index, &clocks[machine])?;
        if let Some(send) = send
            && let Some((_, receives_left)) = sent.get_mut(&send)
        {
            *receives_left -= 1;
            if *receives_left == 0 {
                sent.remove(&send);
            }
        }
        let messages = execution.messages_of(index).iter();
        let receives = messages.filter(|message| message.receive.is_some()).count();
        if receives > 0 {
            sent.insert(index, (clocks[machine].clone(), receives));
        }
    }
    Ok(())
}
