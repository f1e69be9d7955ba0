//! How machines in different processes agree on the time at which their run starts.
//!
//! A machine is ready when all its connections are open. Each machine except machine 0 sends one report, to the next machine on a shortest
//! path to machine 0. The report says that the sender and all machines that report through the sender are ready. When machine 0 is ready
//! and has a report from each of its neighbours, it sets the start time. The start time travels back along the same paths.

use super::mesh::Mesh;
use crate::experiment::NANOS_PER_SECOND;
use crate::machine::MachineIndex;

/// A machine refuses a start time that is more than a minute before or after its current time.
const MAX_START_DISTANCE_NS: u64 = 60 * NANOS_PER_SECOND;

/// What this machine knows from other machines about the start.
pub(super) struct Agreement {
    /// The neighbours that report to machine 0 through this machine and have not reported yet.
    pub(super) awaited: Vec<MachineIndex>,
    /// The next machine on the way to machine 0: this machine reports to it, and receives the start time from it. `None` for
    /// machine 0.
    next: Option<MachineIndex>,
    /// Whether this machine has reported itself as ready.
    pub(super) has_reported: bool,
    /// The start of the run as set by machine 0, in Unix time.
    pub(super) start_ns: Option<u64>,
}

impl Agreement {
    /// Creates the state before any report, for a process that executes one machine of a run. (A process that executes all machines of a
    /// run starts them without this agreement.)
    pub(super) fn new(mesh: &Mesh) -> Self {
        // `local()` is the range of this process's machines. Its `start` is the first of them, here the only one.
        let (here, wiring) = (mesh.local().start, mesh.wiring());
        let awaited = wiring.machines_beyond(here);
        let next = wiring.towards_first(here);
        Self::with_neighbours(awaited, next)
    }

    fn with_neighbours(awaited: Vec<MachineIndex>, next: Option<MachineIndex>) -> Self {
        Self {
            awaited,
            next,
            has_reported: false,
            start_ns: None,
        }
    }

    /// Notes that `sender` and all machines that report through it are ready.
    ///
    /// # Errors
    ///
    /// Fails if `sender` does not report through this machine, or has reported before. The text of an error is the end of a sentence that
    /// begins with "machine 0's connection to machine 2".
    pub(super) fn receive_ready(&mut self, sender: MachineIndex) -> Result<(), String> {
        let index = self.awaited.iter().position(|&awaited| awaited == sender);
        let index =
            index.ok_or("carried a report of readiness that this machine does not expect")?;
        self.awaited.swap_remove(index);
        Ok(())
    }

    /// Notes that the run starts at `at_ns`, as `sender` says. `at_ns` and the current time `now_ns` are Unix times.
    ///
    /// # Errors
    ///
    /// Fails if this machine does not expect a start time from `sender` now, or if the start is too far from `now_ns`. The text of an error
    /// is the end of a sentence that begins with "machine 0's connection to machine 2".
    pub(super) fn receive_start(
        &mut self,
        sender: MachineIndex,
        at_ns: u64,
        now_ns: u64,
    ) -> Result<(), String> {
        let is_expected = self.next == Some(sender) && self.has_reported && self.start_ns.is_none();
        if !is_expected {
            return Err("carried a start time that this machine does not expect".to_owned());
        }
        if at_ns.abs_diff(now_ns) > MAX_START_DISTANCE_NS {
            let apart_s = at_ns.abs_diff(now_ns) / NANOS_PER_SECOND;
            let direction = if at_ns > now_ns {
                "in the future"
            } else {
                "in the past"
            };
            return Err(format!(
                "carried a start time that is {apart_s} s {direction}"
            ));
        }
        self.start_ns = Some(at_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000 * NANOS_PER_SECOND;

    #[test]
    fn a_report_or_a_start_that_is_not_expected_is_refused() {
        let mut agreement = Agreement::with_neighbours(vec![3, 4], Some(0));
        assert!(
            agreement.receive_ready(2).is_err(),
            "reports through another machine"
        );
        assert_eq!(agreement.receive_ready(4), Ok(()));
        assert!(agreement.receive_ready(4).is_err(), "twice");
        assert!(
            agreement.receive_start(0, NOW, NOW).is_err(),
            "before this machine has reported"
        );
        agreement.has_reported = true;
        assert!(
            agreement.receive_start(3, NOW, NOW).is_err(),
            "from a machine that reports through this one"
        );
        assert_eq!(agreement.receive_start(0, NOW, NOW), Ok(()));
        assert!(agreement.receive_start(0, NOW, NOW).is_err(), "twice");
    }

    #[test]
    fn a_start_far_in_the_past_or_future_is_refused() {
        const THIRTY_YEARS_NS: u64 = 30 * 365 * 24 * 3600 * NANOS_PER_SECOND;
        for at_ns in [0, NOW + THIRTY_YEARS_NS, u64::MAX] {
            let mut agreement = Agreement::with_neighbours(vec![], Some(0));
            agreement.has_reported = true;
            let refused = agreement.receive_start(0, at_ns, NOW).expect_err("refused");
            assert!(
                refused.starts_with("carried a start time that is "),
                "{refused}"
            );
        }
    }
}
