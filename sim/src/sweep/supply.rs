//! Limits how many runs are in progress. A run is in progress from the time at which an event loop gets it until its rows are
//! written.

use crossbeam_channel::{Receiver, Sender};

use crate::experiment::Run;

/// Gives a new run to the event loops when another run has ended. Event loops must not wait for the disk. So without this limit,
/// logs would fill the memory if the disk is slower than the runs.
pub(super) struct Supply<I> {
    rest: I,
    /// `None` when all runs have been given out.
    hand_out: Option<Sender<Run>>,
}

impl<I: Iterator<Item = Run>> Supply<I> {
    /// Gives out the first `most` of `runs`. Returns the supply of the other runs, and the channel from which event loops take
    /// runs.
    pub(super) fn new(runs: I, most: usize) -> (Self, Receiver<Run>) {
        let (sender, receiver) = crossbeam_channel::bounded(most);
        let mut supply = Self {
            rest: runs,
            hand_out: Some(sender),
        };
        (0..most).for_each(|_| supply.hand_out_one());
        (supply, receiver)
    }

    /// Gives out another run, after one has been turned into its rows. After the last run, closes the channel, so that event loops
    /// stop.
    pub(super) fn hand_out_one(&mut self) {
        let Some(sender) = &self.hand_out else { return };
        // The channel has space for all runs in progress, so this does not wait. It fails if all event loops have ended.
        let is_out = self.rest.next().is_some_and(|run| sender.send(run).is_ok());
        if !is_out {
            self.hand_out = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::TryRecvError;

    use super::*;
    use crate::experiment::{Experiment, Overrides};

    #[test]
    fn never_exceeds_the_limit_and_ends() {
        let text =
            "seed = 1\nrepetitions = 5\n[parameters]\nrates = [1, 3]\ninternal = 0.5".to_owned();
        let experiment = Experiment::parse(&text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let (mut supply, runs) = Supply::new(experiment.runs(), 2);
        let take = || runs.try_recv().map(|run| run.index);
        assert_eq!([take(), take()], [Ok(0), Ok(1)]);
        for ended in 2..5 {
            assert_eq!(take(), Err(TryRecvError::Empty));
            supply.hand_out_one();
            assert_eq!(take(), Ok(ended));
        }
        supply.hand_out_one();
        assert_eq!(take(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn accepts_fewer_runs_than_the_limit() {
        let text = "seed = 1\n[parameters]\nrates = [1, 3]\ninternal = 0.5";
        let experiment = Experiment::parse(text, "e.toml".as_ref(), Overrides::default());
        let (_, runs) = Supply::new(experiment.expect("an experiment").runs(), 9);
        assert_eq!(runs.iter().count(), 1);
    }
}
