//! How machines in processes of their own agree on a run's start.

use super::mesh::Mesh;
use crate::experiment::NANOS_PER_SECOND;
use crate::machine::MachineIndex;

/// A start further ahead or past than this was not meant for now.
const FARTHEST_START_NS: u64 = 60 * NANOS_PER_SECOND;

/// What machines in processes of their own have told each other about the start.
pub(super) struct Agreement {
    /// The machines behind this one, as seen from machine 0, that have not said that they and all behind them are ready.
    pub(super) awaited: Vec<MachineIndex>,
    /// Who brings machine 0's word.
    next: Option<MachineIndex>,
    /// Whether this process has said so itself.
    pub(super) told: bool,
    /// When machine 0 says the run starts.
    pub(super) start_ns: Option<u64>,
}

impl Agreement {
    /// Of the machine that is the first here.
    pub(super) fn new(mesh: &Mesh) -> Self {
        let (here, wiring) = (mesh.local().start, mesh.wiring());
        Self::between(wiring.behind(here), wiring.towards_first(here))
    }

    fn between(behind: Vec<MachineIndex>, next: Option<MachineIndex>) -> Self {
        Self {
            awaited: behind,
            next,
            told: false,
            start_ns: None,
        }
    }

    pub(super) fn hear_ready(&mut self, sender: MachineIndex) -> Result<(), String> {
        let index = self.awaited.iter().position(|&awaited| awaited == sender);
        let index = index.ok_or("said that it is ready, but nobody waits for that")?;
        self.awaited.swap_remove(index);
        Ok(())
    }

    pub(super) fn hear_start(
        &mut self,
        sender: MachineIndex,
        at_ns: u64,
        now_ns: u64,
    ) -> Result<(), String> {
        if self.next != Some(sender) || !self.told || self.start_ns.is_some() {
            return Err("said when the run starts, but nobody waits for that".to_owned());
        }
        if at_ns.abs_diff(now_ns) > FARTHEST_START_NS {
            let apart_s = at_ns.abs_diff(now_ns) / NANOS_PER_SECOND;
            let side = if at_ns > now_ns { "ahead" } else { "past" };
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
    fn only_who_is_asked_has_a_say() {
        let mut agreement = Agreement::between(vec![3, 4], Some(0));
        assert!(agreement.hear_ready(2).is_err(), "not behind");
        assert_eq!(agreement.hear_ready(4), Ok(()));
        assert!(agreement.hear_ready(4).is_err(), "twice");
        assert!(agreement.hear_start(0, NOW, NOW).is_err(), "too early");
        agreement.told = true;
        assert!(agreement.hear_start(3, NOW, NOW).is_err(), "from behind");
        assert_eq!(agreement.hear_start(0, NOW, NOW), Ok(()));
        assert!(agreement.hear_start(0, NOW, NOW).is_err(), "twice");
    }

    #[test]
    fn a_start_in_thirty_years_is_refused() {
        for at_ns in [0, NOW + 946_080_000 * NANOS_PER_SECOND, u64::MAX] {
            let mut agreement = Agreement::between(vec![], Some(0));
            agreement.told = true;
            let refused = agreement.hear_start(0, at_ns, NOW).expect_err("refused");
            assert!(refused.starts_with("set the run's start "), "{refused}");
        }
    }
}
