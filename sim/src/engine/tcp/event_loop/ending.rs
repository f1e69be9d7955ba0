//! How runs end in an event loop: they finish, fail, are set up again, or are dropped after an interrupt.

use super::{Endpoints, Host, new_token};
use crate::engine::tcp::hosted::HostedRun;
use crate::engine::{RawLog, RunOutcome};

/// Maximum number of connections that are closed in one turn.
const MAX_CLOSES_PER_TURN: usize = 4;
/// How often the mesh of a run is set up before the run fails.
const MAX_SETUPS: u32 = 3;
/// After an interrupt, runs that are this close to their end are still finished.
const NEARLY_DONE_NS: u64 = 3_000_000_000;

impl<D: FnMut(RunOutcome<RawLog>)> Host<'_, D> {
    /// Ends a run that cannot continue. A run that has not started is set up again a few times.
    pub(super) fn fail(&mut self, slot: usize, reason: String) {
        let Some((_, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        if hosted.has_started() || hosted.setup_count() >= MAX_SETUPS {
            return self.finish(slot, Err(reason));
        }
        let again = self
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
        match again {
            Ok(mut failed) => {
                failed.close_listeners(&mut self.reactor);
                self.closing.push_back(failed);
                if !self.setting_up.contains(&slot) {
                    self.setting_up.push_back(slot);
                }
            }
            Err(_) => self.finish(slot, Err(reason)),
        }
    }

    pub(super) fn finish(&mut self, slot: usize, result: Result<(), String>) {
        let ended = self.remove(slot, result);
        (self.deliver)(ended);
    }

    pub(super) fn remove(&mut self, slot: usize, result: Result<(), String>) -> RunOutcome<RawLog> {
        let (_, mut hosted) = self.runs.remove(slot);
        // This cannot wait: silent connections are listed with the slot of their run, and another run may use this slot soon.
        hosted.close_listeners(&mut self.reactor);
        self.setting_up.retain(|&other| other != slot);
        self.not_started -= usize::from(!hosted.has_started());
        self.control.end();
        self.events_in_memory -= hosted.events_in_memory();
        let (ended, mesh) = hosted.finish(result);
        self.closing.push_back(mesh);
        ended
    }

    /// Does one step of closing the runs that have ended.
    pub(super) fn tear_down(&mut self) {
        if let Some(mesh) = self.closing.front_mut()
            && !mesh.close_some(MAX_CLOSES_PER_TURN, &mut self.reactor)
        {
            self.closing.pop_front();
            // There is room for another run, so the loop looks for one before it waits.
            self.may_take_more = true;
        }
    }

    /// After an interrupt: drops the runs that would take long to end.
    pub(super) fn drop_unfinished(&mut self) {
        if std::mem::replace(&mut self.interrupted, true) {
            return;
        }
        let latest_ns = self.clock.now_ns() + NEARLY_DONE_NS;
        let long = |hosted: &HostedRun| hosted.end_ns().is_none_or(|end_ns| end_ns > latest_ns);
        let slots: Vec<usize> = self
            .runs
            .iter()
            .filter(|(_, (_, hosted))| long(hosted))
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots {
            self.remove(slot, Err("interrupted".to_owned()));
        }
    }
}
