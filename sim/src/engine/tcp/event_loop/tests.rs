//! Tests of a run whose connections are not completed in time.

use super::*;
use crate::engine::tcp::address::PortRange;
use crate::experiment::{Experiment, Overrides};

const EXPERIMENT: &str =
    "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 1]\ninternal = 0.5\n";

/// A run that does not start in time gets a new mesh, at most twice. Each mesh has a deadline of its own, and the deadline of an earlier
/// mesh has no effect on a later one. The test reads no socket, so no mesh is completed. The test does not wait for deadlines either: the
/// deadlines that it gives to `check_progress` have passed long ago.
#[test]
fn each_mesh_of_a_run_has_a_deadline_of_its_own() {
    let experiment = Experiment::parse(EXPERIMENT, "e.toml".as_ref(), Overrides::default());
    let run = experiment.expect("an experiment").run(0).expect("a run");
    let settings = Settings {
        seed: 1,
        time_scale: 1.0,
        width: 1,
        ports: PortRange::default(),
        max_events_in_memory: usize::MAX,
        spill_folder: std::env::temp_dir(),
        hold_back: false,
    };
    let control = Control::default();
    let mut outcomes = vec![];
    let mut event_loop =
        EventLoop::new(&settings, &control, |outcome| outcomes.push(outcome)).expect("a loop");
    event_loop.start_run(run);
    for setup_count in 1..=3 {
        let is_of_this_mesh = |deadline: &Deadline| matches!(deadline.what, DeadlineKind::Patience { started: false, setup_count: count, .. } if count == setup_count);
        let mut deadlines = event_loop
            .deadlines
            .iter()
            .map(|Reverse(deadline)| *deadline);
        let deadline = deadlines.find(is_of_this_mesh).expect("a deadline");
        let passed_deadline = Deadline {
            at_ns: 0,
            ..deadline
        };
        // Only the first call has an effect: it replaces the mesh of this deadline or, if this is the third mesh, ends the run.
        for _ in 0..2 {
            let (started, suspended_ns) = (false, 0);
            event_loop.check_progress(passed_deadline, started, setup_count, suspended_ns);
        }
        assert_eq!(event_loop.runs.len(), usize::from(setup_count < 3));
    }
    drop(event_loop);
    let [outcome] = &outcomes[..] else {
        panic!("{} outcomes", outcomes.len())
    };
    assert!(outcome.result.is_err());
}
