//! How a run starts: the connections between its machines (its *mesh*) are set up, and the machines agree on a start time.

use std::io;

use super::HostedRun;
use crate::engine::tcp::clock::WallClock;
use crate::engine::tcp::mesh::{Endpoints, Mesh};
use crate::engine::tcp::reactor::{Reactor, Route};
use crate::engine::tcp::secret::Secret;
use crate::engine::wall_margin_ns;
use crate::wire::{Frame, RunToken};

/// If this process has all machines of a run, the run starts this long after its mesh has become complete. In the meantime, the event loop
/// can do ticks that are due in other runs.
const LEAD_NS: u64 = 1_000_000;

impl HostedRun {
    /// Begins to set up a new mesh, because the set-up of the current one failed. Returns the old mesh, which must still be closed. `slot`
    /// is the run's position in the event loop.
    pub(in crate::engine::tcp) fn set_up_again(
        &mut self,
        slot: usize,
        endpoints: Endpoints,
        token: &RunToken,
        clock: WallClock,
        reactor: &mut Reactor,
    ) -> io::Result<Mesh> {
        let wiring = self.mesh.wiring().clone();
        let secret = Secret::new(token, self.seed, self.time_scale, &self.run.key());
        let mesh = Mesh::new(slot, wiring, endpoints, secret, clock, reactor)?;
        let old = std::mem::replace(&mut self.mesh, mesh);
        self.rejected_connections += old.rejected_connections();
        self.setup_count += 1;
        Ok(old)
    }

    /// Does one step of the set-up. Returns whether the mesh has more connections to open.
    pub(in crate::engine::tcp) fn set_up(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        self.mesh.dial(reactor)
    }

    /// Closes an accepted connection that has not yet said from which machine it comes.
    pub(in crate::engine::tcp) fn close_silent(&mut self, route: Route, reactor: &mut Reactor) {
        self.mesh.close_silent(route, reactor);
    }

    /// Closes the listeners, so that no new connection is accepted.
    pub(in crate::engine::tcp) fn close_listeners(&mut self, reactor: &mut Reactor) {
        self.mesh.close_listeners(reactor);
    }

    /// Starts the run if its mesh has become complete. Returns whether it started now.
    pub(in crate::engine::tcp) fn start_if_ready(
        &mut self,
        now_ns: u64,
        reactor: &mut Reactor,
    ) -> bool {
        if self.has_started() || !self.mesh.is_complete() {
            return false;
        }
        self.mesh.end_set_up(reactor);
        self.started_at_ns = Some(now_ns + LEAD_NS);
        true
    }

    /// Does one step towards a common start with machines in other processes ([`crate::engine::tcp::agreement`]). When all machines have
    /// reported that they are ready, machine 0 sets the start to `now_ns + lead_ns`. Returns whether this machine knows the start.
    pub(in crate::engine::tcp) fn agree_to_start(
        &mut self,
        now_ns: u64,
        lead_ns: u64,
        reactor: &mut Reactor,
    ) -> Result<bool, String> {
        if self.has_started() || !self.mesh.is_complete() {
            return Ok(self.has_started());
        }
        // The only machine of this process.
        let here = self.mesh.local().start;
        // The neighbours that report to machine 0 through the machine `here`.
        let beyond = self.mesh.wiring().machines_beyond(here);
        // When all these neighbours have reported, `here` reports too, but only once.
        if self.agreement.awaited.is_empty() && !self.agreement.has_reported {
            self.agreement.has_reported = true;
            match self.mesh.wiring().towards_first(here) {
                Some(next) => self.mesh.send(here, next, &Frame::Ready)?,
                // This is machine 0, to which all others have reported.
                None => self.agreement.start_ns = Some(now_ns + lead_ns),
            }
        }
        if let Some(at_ns) = self.agreement.start_ns {
            // Machine 0 has just set the start itself. Any other machine has received the start in a frame `Start`.
            for peer in beyond {
                self.mesh.send(here, peer, &Frame::Start { at_ns })?;
            }
            self.mesh.end_set_up(reactor);
            self.started_at_ns = Some(at_ns);
        }
        Ok(self.has_started())
    }

    /// Checks whether the system clocks of the machines that are connected so far are close enough for a common start.
    ///
    /// # Errors
    ///
    /// Fails if two system clocks differ by more than `lead_ns`, the time between the announcement of the start and the start. With such
    /// clocks, one clock can already be past the start when the announcement arrives.
    pub(in crate::engine::tcp) fn check_clocks(&self, lead_ns: u64) -> Result<(), String> {
        let difference = self.mesh.clock_difference();
        difference.map_or(Ok(()), |difference| difference.check(lead_ns))
    }

    /// Returns a warning if two system clocks differ by more than `margin_ns`, the run's margin.
    pub(in crate::engine::tcp) fn warning_of_clocks(&self, margin_ns: u64) -> Option<String> {
        self.mesh.clock_difference()?.warning(margin_ns)
    }

    /// Computes the run's margin in nanoseconds of real time: the shortest time between two ticks whose order can change the run's events
    /// ([`crate::experiment::Schedule::margin_ns`]). Do not call this while ticks are due: it compares many ticks of the schedule, which
    /// takes long.
    pub(in crate::engine::tcp) fn margin_ns(&self) -> u64 {
        wall_margin_ns(&self.schedule, self.time_scale)
    }
}
