//! How machines in processes of their own agree on a run's start, and whether their clocks let them.

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
        let place = self.awaited.iter().position(|&awaited| awaited == sender);
        let place = place.ok_or("said that it is ready, but nobody waits for that")?;
        self.awaited.swap_remove(place);
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

/// By how much the clocks of two machines in different processes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockDifference {
    /// The two, ascending.
    pub(super) machines: (MachineIndex, MachineIndex),
    /// They differ at least by so much: the time that was spent on comparing them is taken off.
    pub(super) at_least_ns: u64,
}

impl ClockDifference {
    /// Whether machines with these clocks can start together at a time that is `lead_ns` ahead when it is said.
    pub(super) fn check(&self, lead_ns: u64, margin_ns: u64) -> Result<(), String> {
        if self.at_least_ns <= lead_ns {
            return Ok(());
        }
        let difference = self.in_words(margin_ns);
        Err(format!("{difference}: set them by the same time server"))
    }

    /// What to say if they differ by more than the margin.
    pub(super) fn remark(&self, margin_ns: u64) -> Option<String> {
        let difference = self.in_words(margin_ns);
        (self.at_least_ns > margin_ns)
            .then(|| format!("{difference}: the order of events is not guaranteed"))
    }

    fn in_words(&self, margin_ns: u64) -> String {
        let (a, b) = self.machines;
        format!(
            "the clocks of machines {a} and {b} are {} apart (margin {})",
            short(self.at_least_ns),
            short(margin_ns)
        )
    }
}

/// A duration with two digits or so.
fn short(duration_ns: u64) -> String {
    match duration_ns as f64 / 1e6 {
        ms if ms >= 10_000.0 => format!("{:.0} s", ms / 1e3),
        ms if ms >= 1_000.0 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
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

    #[test]
    fn clocks_that_disagree_are_named() {
        let clocks = |at_least_ns| ClockDifference {
            machines: (0, 1),
            at_least_ns,
        };
        let (lead_ns, margin_ns) = (250_000_000, 83_333_333);
        let far = clocks(20 * NANOS_PER_SECOND).check(lead_ns, margin_ns);
        assert_eq!(
            far.expect_err("refused"),
            "the clocks of machines 0 and 1 are 20 s apart (margin 83 ms): set them by the same time server"
        );
        let near = clocks(100_000_000);
        assert_eq!(near.check(lead_ns, margin_ns), Ok(()));
        assert_eq!(
            near.remark(margin_ns).as_deref(),
            Some(
                "the clocks of machines 0 and 1 are 100 ms apart (margin 83 ms): the order of events is not guaranteed"
            )
        );
        assert_eq!(clocks(50_000_000).remark(margin_ns), None);
    }
}
