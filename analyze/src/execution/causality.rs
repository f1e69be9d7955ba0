//! Happens-before: causal past and future of events, consistent cuts, and vector clocks.
//!
//! An event happened before another if it came earlier on the same machine, if it sent the message that the other received, or
//! through a chain of such steps (Lamport 1978).

use std::ops::Range;

use super::Execution;
use crate::error::Error;

/// A set of events, as one flag for each event.
pub type Members = Vec<bool>;

impl Execution {
    /// The events that happened before one of `events`, and these events themselves.
    pub fn past_of(&self, events: impl IntoIterator<Item = usize>) -> Members {
        self.reach(events, |index, visit| {
            self.previous(index).into_iter().for_each(&mut *visit);
            self.send_of(index).into_iter().for_each(visit);
        })
    }

    /// The events that one of `events` happened before, and these events themselves.
    pub fn future_of(&self, events: impl IntoIterator<Item = usize>) -> Members {
        self.reach(events, |index, visit| {
            self.next(index).into_iter().for_each(&mut *visit);
            let receives = self.messages_of(index).iter();
            receives
                .filter_map(|message| message.receive)
                .for_each(visit);
        })
    }

    fn reach(
        &self,
        events: impl IntoIterator<Item = usize>,
        neighbours: impl Fn(usize, &mut dyn FnMut(usize)),
    ) -> Members {
        let mut members = vec![false; self.events().len()];
        let mut to_visit: Vec<usize> = events.into_iter().collect();
        while let Some(index) = to_visit.pop() {
            if !std::mem::replace(&mut members[index], true) {
                neighbours(index, &mut |other| to_visit.push(other));
            }
        }
        members
    }

    /// The smallest consistent cut that contains `events`: for each machine, how many of its events are in it. A cut is consistent
    /// if it has the send of each receive in it.
    pub fn cut(&self, events: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let past = self.past_of(events);
        let count = |range: Range<usize>| past[range].iter().filter(|is_in| **is_in).count();
        let machines = 0..self.machines() as u32;
        machines
            .map(|machine| count(self.range_of(machine)))
            .collect()
    }

    /// The indices of all events in an order in which each event comes after the events that happened before it. It is the order of
    /// times where that is possible.
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if an event happened before itself. Only damaged or imported logs can say that.
    pub fn causal_order(&self) -> Result<Vec<usize>, Error> {
        let mut order = Vec::with_capacity(self.events().len());
        let mut states = vec![State::New; self.events().len()];
        let mut stack = vec![];
        for index in self.timeline() {
            stack.push(index);
            while let Some(&index) = stack.last() {
                match states[index] {
                    State::Done => {
                        stack.pop();
                    }
                    State::Open => {
                        states[index] = State::Done;
                        order.push(index);
                        stack.pop();
                    }
                    State::New => {
                        states[index] = State::Open;
                        for cause in [self.send_of(index), self.previous(index)] {
                            match cause.map(|cause| (cause, states[cause])) {
                                Some((cause, State::New)) => stack.push(cause),
                                Some((cause, State::Open)) => return Err(self.cycle(cause)),
                                _ => {}
                            }
                        }
                    }
                }
            }
        }
        Ok(order)
    }

    fn cycle(&self, index: usize) -> Error {
        let event = &self.events()[index];
        self.choice(format!(
            "by this log, tick {} of machine {} happened before itself, so the events have no causal order; `analyze audit` says what \
             is wrong with the log",
            event.tick, event.machine
        ))
    }
}

/// The state of an event while the causal order is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// The vector clock of an event: for each machine, how many of its events happened before the event. The event itself counts.
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
    // The clocks of sends whose messages are still to be received, with the number of these messages.
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
            && let Some((_, left)) = sent.get_mut(&send)
        {
            *left -= 1;
            if *left == 0 {
                sent.remove(&send);
            }
        }
        let messages = execution.messages_of(index).iter();
        let received = messages.filter(|message| message.receive.is_some()).count();
        if received > 0 {
            sent.insert(index, (clocks[machine].clone(), received));
        }
    }
    Ok(())
}
