//! How runs leave an event loop: they finish, fail, or are dropped after an interrupt. A run that fails while its mesh (the connections
//! between its machines) is set up gets a new mesh.

use super::{Endpoints, EventLoop, new_token};
use crate::engine::tcp::hosted::HostedRun;
use crate::engine::{RawLog, RunOutcome};

/// Maximum number of connections that are closed in one turn of the loop. With more, the ticks of other runs would be delayed.
const MAX_CLOSES_PER_TURN: usize = 4;
/// How many meshes are set up for a run, one after the other, before the run fails.
const MAX_SETUPS: u32 = 3;
/// After an interrupt, runs that will end within this time are still finished.
const NEARLY_DONE_NS: u64 = 3_000_000_000;

impl<D: FnMut(RunOutcome<RawLog>)> EventLoop<'_, D> {
    /// Handles a run that cannot continue because of `reason`. If the run has not started and has had fewer than [`MAX_SETUPS`] meshes, the
    /// run gets a new mesh. Otherwise the run fails.
    pub(super) fn fail(&mut self, slot: usize, reason: String) {
        let Some((_, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        if hosted.has_started() || hosted.setup_count() >= MAX_SETUPS {
            return self.finish(slot, Err(reason));
        }
        // `set_up_again` gives the run a new mesh, and returns the old mesh.
        let old_mesh = self
            .addresses
            .listen(hosted.machine_count())
            .map_err(|error| error.to_string())
            .and_then(|listeners| {
                let token = new_token()?;
                Endpoints::in_this_process(listeners)
                    .and_then(|endpoints| {
                        hosted.set_up_again(slot, endpoints, &token, self.clock, &mut self.reactor)
                    })
                    .map_err(|error| error.to_string())
            });
        match old_mesh {
            Ok(mut old_mesh) => {
                old_mesh.close_listeners(&mut self.reactor);
                self.closing.push_back(old_mesh);
                if !self.setting_up.contains(&slot) {
                    self.setting_up.push_back(slot);
                }
                self.set_start_deadline(slot);
            }
            // The new set-up could not begin. Its error is not reported: the run fails with `reason`, which says why the earlier set-up
            // failed.
            Err(_) => self.finish(slot, Err(reason)),
        }
    }

    /// Removes the run in `slot`, and delivers its outcome.
    pub(super) fn finish(&mut self, slot: usize, result: Result<(), String>) {
        let outcome = self.remove(slot, result);
        (self.deliver)(outcome);
    }

    /// Removes the run in `slot` from the loop. Returns its outcome. Its connections are closed later, in small steps.
    pub(super) fn remove(&mut self, slot: usize, result: Result<(), String>) -> RunOutcome<RawLog> {
        let (_, mut hosted) = self.runs.remove(slot);
        // `close_listeners` also closes the silent connections (those that have not yet said from which machine they come). They must be
        // closed now: the reactor lists them with the slot of their run, and another run can get this slot soon.
        hosted.close_listeners(&mut self.reactor);
        self.setting_up.retain(|&other| other != slot);
        if !hosted.has_started() {
            self.not_started -= 1;
        }
        // There is one active run less.
        self.control.end();
        self.events_in_memory -= hosted.events_in_memory();
        let (outcome, mesh) = hosted.finish(result);
        self.closing.push_back(mesh);
        outcome
    }

    /// Does one step of closing the connections of runs that have ended. `close_some` returns whether the mesh has connections left.
    pub(super) fn tear_down(&mut self) {
        if let Some(mesh) = self.closing.front_mut()
            && !mesh.close_some(MAX_CLOSES_PER_TURN, &mut self.reactor)
        {
            self.closing.pop_front();
            // The closed connections have freed file descriptors, perhaps enough for another run. So the loop tries to take another run
            // before it waits.
            self.may_take_more = true;
            self.closed_since_postponed = true;
        }
    }

    /// After an interrupt: drops the runs that will not end within [`NEARLY_DONE_NS`]. Their outcomes are not delivered, so these runs do
    /// not count as made. If the user gives the same command again, it makes them. Only the first call does something.
    pub(super) fn drop_unfinished(&mut self) {
        let was_interrupted = std::mem::replace(&mut self.interrupted, true);
        if was_interrupted {
            return;
        }
        let latest_ns = self.clock.now_ns() + NEARLY_DONE_NS;
        // A run that has not started has no end yet. It is dropped too.
        let ends_late =
            |hosted: &HostedRun| hosted.end_ns().is_none_or(|end_ns| end_ns > latest_ns);
        let slots: Vec<usize> = self
            .runs
            .iter()
            .filter(|(_, (_, hosted))| ends_late(hosted))
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots {
            self.remove(slot, Err("interrupted".to_owned()));
        }
    }
}
