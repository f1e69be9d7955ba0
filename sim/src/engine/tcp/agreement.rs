//! How machines in different processes agree on the start of their run.

use super::mesh::Mesh;
use crate::experiment::NANOS_PER_SECOND;
use crate::machine::MachineIndex;

/// If the announced start is further away than this, in the past or in the future, it is an error.
const MAX_START_DISTANCE_NS: u64 = 60 * NANOS_PER_SECOND;

/// What this machine knows from other machines about the start. Machines report to machine 0 that they are ready, each through
/// the next machine on the way to machine 0. Machine 0 then sets the start time, which goes back the same way.
pub(super) struct Agreement {
    /// The neighbours further from machine 0 that have not reported yet. A neighbour reports when it and all machines beyond it
    /// are ready.
    pub(super) awaited: Vec<MachineIndex>,
    /// The next machine on the way to machine 0. It sends the start time to this machine.
    next: Option<MachineIndex>,
    /// Whether this machine has reported itself as ready.
    pub(super) has_reported: bool,
    /// The start of the run as set by machine 0, in Unix time.
    pub(super) start_ns: Option<u64>,
}

impl Agreement {
    /// Creates the state of the first machine of this process.
    pub(super) fn new(mesh: &Mesh) -> Self {
        let (here, wiring) = (mesh.local().start, mesh.wiring());
        Self::between(wiring.machines_beyond(here), wiring.towards_first(here))
    }

    fn between(awaited: Vec<MachineIndex>, next: Option<MachineIndex>) -> Self {
        Self {
            awaited,
            next,
            has_reported: false,
            start_ns: None,
        }
    }

    pub(super) fn receive_ready(&mut self, sender: MachineIndex) -> Result<(), String> {
        let index = self.awaited.iter().position(|&awaited| awaited == sender);
        let index =
            index.ok_or("reported that it is ready, but this machine does not wait for it")?;
        self.awaited.swap_remove(index);
        Ok(())
    }

    pub(super) fn receive_start(
        &mut self,
        sender: MachineIndex,
        at_ns: u64,
        now_ns: u64,
    ) -> Result<(), String> {
        if self.next != Some(sender) || !self.has_reported || self.start_ns.is_some() {
            return Err(
                "announced the start of the run, but this machine does not wait for it".to_owned(),
            );
        }
        if at_ns.abs_diff(now_ns) > MAX_START_DISTANCE_NS {
            let apart_s = at_ns.abs_diff(now_ns) / NANOS_PER_SECOND;
            let side = if at_ns > now_ns {
                "in the future"
            } else {
                "in the past"
            };
            return Err(format!("set the run's start {apart_s} s {side}"));
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
    fn only_awaited_machines_may_report() {
        let mut agreement = Agreement::between(vec![3, 4], Some(0));
        assert!(agreement.receive_ready(2).is_err(), "not behind");
        assert_eq!(agreement.receive_ready(4), Ok(()));
        assert!(agreement.receive_ready(4).is_err(), "twice");
        assert!(agreement.receive_start(0, NOW, NOW).is_err(), "too early");
        agreement.has_reported = true;
        assert!(agreement.receive_start(3, NOW, NOW).is_err(), "from behind");
        assert_eq!(agreement.receive_start(0, NOW, NOW), Ok(()));
        assert!(agreement.receive_start(0, NOW, NOW).is_err(), "twice");
    }

    #[test]
    fn a_start_in_thirty_years_is_refused() {
        for at_ns in [0, NOW + 946_080_000 * NANOS_PER_SECOND, u64::MAX] {
            let mut agreement = Agreement::between(vec![], Some(0));
            agreement.has_reported = true;
            let refused = agreement.receive_start(0, at_ns, NOW).expect_err("refused");
            assert!(refused.starts_with("set the run's start "), "{refused}");
        }
    }
}
