//! `sim status --watch`: a live view of sweeps in a terminal. When a run has ended, its sweep (an execution of `sim run`) adds a row to
//! the journal of the dataset (`runs.csv`). If the dataset has several shards, each shard has its own journal. The view reads the
//! journals while sweeps write them. The sweeps can run on this computer or on other computers that share the folder.
//!
//! # Layout
//!
//! - [`state`]: what the journals say about a dataset so far, updated with each row of its journals
//! - [`draw`]: draws a state into a buffer of characters
//! - [`screen`]: takes the whole screen of the terminal, and restores it at the end

mod draw;
mod screen;
mod state;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::draw::View;
use self::screen::{Action, Screen};
use self::state::WatchState;
use crate::log::{DatasetError, Follower};

/// How often the view is updated.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Why sweeps cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Output goes to a file or a pipe, or to a terminal that cannot move its cursor.
    #[error(
        "--watch needs a terminal that can move its cursor; use `sim status DATASET`, or `sim status DATASET --format json` for programs"
    )]
    NotATerminal,
    /// The dataset was imported: `analyze import` made it from the logs of another program.
    #[error("{}: this dataset was imported, so no sweep writes to it; use `sim status` without --watch", .0.display())]
    Imported(PathBuf),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// A dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// The result of watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// One line for each dataset. It says how far the dataset has come.
    pub lines: Vec<String>,
    /// Whether a signal such as SIGTERM ended watching. If false, a key ended it.
    pub is_interrupted: bool,
}

/// Shows the datasets in the folders `roots` in the terminal until the user presses `q`, Escape or Ctrl+C. If there are several
/// datasets, Tab shows the next one.
///
/// # Errors
///
/// Returns [`WatchError`] if stdout is not a terminal or cannot be used as one, or if a dataset was imported or cannot be read. The
/// terminal is restored before the error is returned.
pub fn watch(roots: &[PathBuf]) -> Result<Watched, WatchError> {
    // `TERM=dumb` means that the terminal cannot move its cursor.
    let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    if !io::stdout().is_terminal() || is_dumb {
        return Err(WatchError::NotATerminal);
    }
    let mut datasets = roots
        .iter()
        .map(|root| WatchedDataset::open(root))
        .collect::<Result<Vec<_>, _>>()?;
    let zone = TimeZone::system();
    let mut screen = Screen::open()?;
    let mut shown_index = 0;
    let mut is_interrupted = false;
    loop {
        for dataset in &mut datasets {
            dataset.update(Instant::now())?;
        }
        let view = View {
            state: &datasets[shown_index].state,
            dataset_index: shown_index,
            dataset_count: datasets.len(),
            now_s: Timestamp::now().as_second(),
            zone: &zone,
        };
        screen.draw(&view)?;
        match screen.wait(UPDATE_EVERY)? {
            Action::Leave => break,
            Action::Interrupt => {
                is_interrupted = true;
                break;
            }
            Action::Next => shown_index = (shown_index + 1) % datasets.len(),
            // The loop updates the view in its next turn.
            Action::Update => {}
        }
    }
    // This restores the terminal.
    drop(screen);
    let now_s = Timestamp::now().as_second();
    let states = datasets.iter().map(|dataset| &dataset.state);
    Ok(Watched {
        lines: states.map(|state| state.in_a_line(now_s)).collect(),
        is_interrupted,
    })
}

/// A watched dataset.
struct WatchedDataset {
    root: PathBuf,
    follower: Follower,
    state: WatchState,
}

impl WatchedDataset {
    fn open(root: &Path) -> Result<Self, WatchError> {
        let follower = Follower::open(root)?;
        if follower.manifest().imported.is_some() {
            return Err(WatchError::Imported(root.to_owned()));
        }
        let mut dataset = Self {
            root: root.to_owned(),
            state: WatchState::new(root, &follower),
            follower,
        };
        dataset.update(Instant::now())?;
        Ok(dataset)
    }

    /// Reads the rows that were added to the journals since the last call. Reads everything again in two cases: a sweep has started, which
    /// can have changed the plan of runs; or a journal was replaced by a shorter one.
    fn update(&mut self, now: Instant) -> Result<(), WatchError> {
        if self.follower.is_outdated() {
            *self = Self::open(&self.root)?;
            return Ok(());
        }
        let state = &mut self.state;
        self.follower.read_new(|row| state.take(&row))?;
        state.sweeps = self.follower.sweeps(now).to_vec();
        Ok(())
    }
}
