//! Tests of a run whose connections are not completed in time.

use super::*;
use crate::engine::tcp::address::PortRange;
use crate::experiment::{Experiment, Overrides};

const EXPERIMENT: &str =
    "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 1]\ninternal = 0.5\n";

/// A run that does not start in time gets a new mesh, at most twice. Each mesh has a deadline of its own, and the deadline of an earlier mesh
/// has no effect on a later one. Nothing waits in this test: no socket is read, so no mesh is completed, and the deadlines that are passed to
/// `check_progress` are long over.
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
        let is_of_this_mesh = |deadline: &Deadline| matches!(deadline.what, DeadlineKind::Patience { started: false, setup_count: of, .. } if of == setup_count);
        let mut deadlines = event_loop
            .deadlines
            .iter()
            .map(|Reverse(deadline)| *deadline);
        let deadline = deadlines.find(is_of_this_mesh).expect("a deadline");
        let over = Deadline {
            at_ns: 0,
            ..deadline
        };
        // The second time, this mesh has been replaced already (or the run has ended).
        for _ in 0..2 {
            let (started, suspended_ns) = (false, 0);
            event_loop.check_progress(over, started, setup_count, suspended_ns);
        }
        assert_eq!(event_loop.runs.len(), usize::from(setup_count < 3));
    }
    drop(event_loop);
    let [outcome] = &outcomes[..] else {
        panic!("{} outcomes", outcomes.len())
    };
    assert!(outcome.result.is_err());
}
