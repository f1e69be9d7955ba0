//! How runs enter an event loop: they are taken from the queue of runs, and their meshes (the connections between their machines) are set
//! up in small steps.

use std::cmp::Reverse;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::{
    Deadline, DeadlineKind, Endpoints, EventLoop, LONGEST_WAIT, MAX_SETTING_UP, PATIENCE_NS,
    STEP_EVERY_NS, new_token,
};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::hosted::HostedRun;
use crate::engine::tcp::mesh::Mesh;
use crate::engine::tcp::secret::Secret;
use crate::engine::tcp::wiring::Wiring;
use crate::engine::{RawLog, RunOutcome};
use crate::experiment::Run;

/// Why the set-up of a run's mesh cannot begin.
struct MeshError {
    reason: String,
    /// Whether the set-up may work later, when another run has ended and its file descriptors are free.
    may_work_later: bool,
}

impl<D: FnMut(RunOutcome<RawLog>)> EventLoop<'_, D> {
    /// Takes the next run and begins to set it up, if another run is possible now. Returns false after an interrupt, and when
    /// the channel `runs` is empty and closed. Otherwise there may be more runs to take, and it returns true.
    pub(super) fn take(&mut self, runs: &Receiver<Run>) -> bool {
        self.may_take_more = false;
        if self.control.is_stopped() {
            self.drop_unfinished();
            return false;
        }
        let run_count = self.runs.len() + self.closing.len();
        if run_count >= self.settings.width
            || self.not_started >= MAX_SETTING_UP
            || self.holds_back()
        {
            return true;
        }
        let idle = self.is_idle();
        // A run is postponed if there are no free file descriptors for it. A postponed run goes before new runs. It is tried again only if
        // a mesh was closed, or if the loop has no other run (`idle`).
        //
        // `taken` is `Ok` with the run to start. If there is no such run, `taken` is `Err`, and the value in it says whether `runs` has ended.
        let may_retry = idle || self.closed_since_postponed;
        let taken = if let Some(run) = self.postponed.take_if(|_| may_retry) {
            Ok(run)
        } else if self.postponed.is_some() {
            return true;
        } else if idle {
            // Nothing else is to do, so the loop may wait here.
            runs.recv_timeout(LONGEST_WAIT)
                .map_err(|error| error == RecvTimeoutError::Disconnected)
        } else {
            runs.try_recv()
                .map_err(|error| error == TryRecvError::Disconnected)
        };
        match taken {
            Ok(run) => {
                self.start_run(run);
                // If `start_run` has postponed the run, there are no free file descriptors. Then `may_take_more` stays false until
                // the mesh of another run was closed.
                self.may_take_more = self.postponed.is_none();
                true
            }
            Err(has_ended) => !has_ended,
        }
    }

    /// Returns whether new runs should wait because many ticks are late. Reports this to the progress display too.
    fn holds_back(&mut self) -> bool {
        let late = self.settings.hold_back && !self.is_idle() && self.pressure.is_high();
        self.control.hold_back(late);
        late
    }

    /// Begins to set up `run`. If the system has no more file descriptors, `run` is postponed until another run has freed some. But if the
    /// loop has no other run, `run` fails.
    pub(super) fn start_run(&mut self, run: Run) {
        let slot = self.runs.vacant_key();
        let mesh = self.begin_mesh(slot, &run);
        match mesh {
            Ok(mesh) => {
                // After this run, other runs can have its slot, but no other run ever has its serial number.
                let serial = self.next_serial;
                self.next_serial += 1;
                let hosted =
                    HostedRun::new(run, self.settings.seed, self.settings.time_scale, mesh);
                self.runs.insert((serial, hosted));
                self.control.begin();
                self.not_started += 1;
                self.setting_up.push_back(slot);
                self.set_start_deadline(slot);
            }
            Err(problem) if problem.may_work_later && !self.is_idle() => {
                self.postponed = Some(run);
                self.closed_since_postponed = false;
            }
            Err(problem) => (self.deliver)(RunOutcome {
                run,
                result: Err(problem.reason),
                rejected_connections: 0,
            }),
        }
    }

    /// Opens the listeners of the machines of `run`. No connection is opened yet.
    fn begin_mesh(&mut self, slot: usize, run: &Run) -> Result<Mesh, MeshError> {
        let configuration = &run.configuration;
        let listeners = self
            .addresses
            .listen(configuration.rates.machines())
            .map_err(|error| MeshError {
                may_work_later: error.is_shortage(),
                reason: error.to_string(),
            })?;
        let token = new_token().map_err(|reason| MeshError {
            may_work_later: false,
            reason,
        })?;
        let wiring = Wiring::new(configuration);
        let secret = Secret::new(
            &token,
            self.settings.seed,
            self.settings.time_scale,
            &run.key(),
        );
        let (clock, reactor) = (self.clock, &mut self.reactor);
        Endpoints::in_this_process(listeners)
            .and_then(|endpoints| Mesh::new(slot, wiring, endpoints, secret, clock, reactor))
            .map_err(|error| MeshError {
                may_work_later: is_shortage(&error),
                reason: format!("cannot listen: {error}"),
            })
    }

    /// Sets the deadline for the start of the run in `slot`, whose mesh begins to be set up now.
    pub(super) fn set_start_deadline(&mut self, slot: usize) {
        let Some((_, hosted)) = self.runs.get(slot) else {
            return;
        };
        // A rough estimate of when the set-up will end: under load there is one step in each STEP_EVERY_NS, and a step opens one or
        // two connections.
        let set_up_end_ns = self.clock.now_ns() + hosted.connection_count() * STEP_EVERY_NS;
        let has_started = false;
        self.set_deadline(slot, has_started, set_up_end_ns);
    }

    /// Sets a deadline for the run in `slot`: [`PATIENCE_NS`] after `from_ns`. If the run has not `started` yet, it must start by this
    /// deadline. If it has started, it must end by this deadline.
    pub(super) fn set_deadline(&mut self, slot: usize, started: bool, from_ns: u64) {
        let Some((serial, hosted)) = self.runs.get(slot) else {
            return;
        };
        self.deadlines.push(Reverse(Deadline {
            at_ns: from_ns + PATIENCE_NS,
            serial: *serial,
            what: DeadlineKind::Patience {
                started,
                setup_count: hosted.setup_count(),
                // How long this process has been suspended in total until now. Only later suspensions postpone the deadline.
                suspended_ns: self.suspension.suspended_ns(),
            },
            slot,
        }));
    }

    /// Does one step of setting up a mesh. The mesh whose last step is longest ago has its turn.
    pub(super) fn set_up(&mut self) {
        let Some(slot) = self.setting_up.pop_front() else {
            return;
        };
        let Some((_, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        match hosted.set_up(&mut self.reactor) {
            // The mesh may have more connections to open.
            Ok(true) => self.setting_up.push_back(slot),
            Ok(false) => {}
            Err(reason) => self.fail(slot, reason),
        }
    }
}
