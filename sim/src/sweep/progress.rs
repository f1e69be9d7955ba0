//! Shows the progress of a sweep (all runs that one `sim run` makes): a bar in a terminal, or a line every half minute if there is
//! no terminal (nohup, a cluster's log).

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use console::Term;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress_line::ProgressState;
use super::words::{bytes_in_words, grouped, in_words};
use super::{Plan, advice};
use crate::console::tell;
use crate::engine::Control;
use crate::experiment::EngineKind;
use crate::log::{DatasetWriter, JournalRow, set_options};

/// How often the display is updated: the bar is drawn again, and new warnings and advice are printed.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// The position at which the bar is full.
const BAR_LENGTH: u64 = 10_000;
/// The number of columns that is assumed if the terminal does not say how wide it is.
const DEFAULT_WIDTH: u16 = 80;
/// Advice about punctuality is shown only after this number of ok runs with a margin above 0. Over TCP, only such runs can be punctual.
/// Among fewer runs, the share of punctual runs depends too much on chance.
const RUNS_BEFORE_ADVICE: u64 = 20;
/// How often a progress line (a heartbeat) is written if there is no terminal.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(30);

/// What the sweep tells the progress display. (This is not a message to the user.)
pub(super) enum Message {
    /// A run was ok.
    Ok {
        /// Whether the run was punctual: its delays were too short to change the order of its events.
        is_punctual: bool,
        /// Whether the run's margin is above 0. Over TCP, a run with margin 0 cannot be punctual.
        has_margin: bool,
    },
    /// A run failed. The value is the run's row of the journal (`runs.csv`).
    Failed(Box<JournalRow>),
    /// There are no more runs. The state is shown a last time.
    Over,
}

impl Message {
    pub(super) fn from_row(row: &JournalRow) -> Self {
        if row.is_ok() {
            Self::Ok {
                is_punctual: row.punctual,
                has_margin: row.margin_us > 0.0,
            }
        } else {
            Self::Failed(Box::new(row.clone()))
        }
    }
}

/// Shows the progress of a sweep on stderr.
pub struct Progress {
    mode: DisplayMode,
    started: Instant,
    /// Number of runs that the sweep makes.
    to_do: u64,
    /// Wall time of the whole sweep, according to the plan.
    planned_time: Duration,
    /// Number of runs that have ended, failed runs included.
    done: u64,
    /// Number of runs that have failed.
    failed: u64,
    /// Whether the line "no new runs start until fewer ticks are late" has been printed.
    has_reported_hold_back: bool,
    /// Whether the line "stopping" has been printed.
    has_reported_stop: bool,
    /// The sweep's time scale. `None` if the sweep is in virtual time, in which no tick can be late.
    time_scale: Option<f64>,
    /// Wall time of the longest run.
    run_time: Duration,
    /// Number of ticks of all runs of the sweep, according to the plan.
    planned_ticks: u64,
    /// Number of runs that were ok and have a margin above 0.
    with_margin: u64,
    /// Number of the runs counted in `with_margin` that were punctual.
    punctual: u64,
    /// Whether the advice about punctuality has been shown.
    has_advised: bool,
    /// The share of the sweep that is done, from 0 to 1, as it was last shown. It never becomes smaller.
    share: f64,
    /// The command that repeats a run, without the run's number.
    repeat_command: Option<String>,
    /// Lines about the plan, which are shown before any run ends.
    first_lines: Vec<String>,
}

enum DisplayMode {
    /// Nothing is shown, not even messages to the user.
    Silence,
    /// Messages to the user (failures, warnings and advice) are shown, but no progress.
    MessagesOnly,
    /// A bar in a terminal.
    Bar(ProgressBar),
    /// A line from time to time, without a terminal.
    Heartbeat(Heartbeat),
}

/// Says when the next progress line must be written.
struct Heartbeat {
    /// When the last line was written. Before the first line, this is the time at which the display was created.
    last: Instant,
}

impl Heartbeat {
    /// Returns whether a line must be written at `now`. If so, notes that this line is written.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now.duration_since(self.last) >= HEARTBEAT_EVERY;
        if is_due {
            self.last = now;
        }
        is_due
    }
}

/// Number of failures that are shown. Further failures are only counted.
const MAX_FAILURES_SHOWN: u64 = 5;

impl Progress {
    /// Shows a bar if stderr is a terminal, and lines if it is not.
    pub fn on_stderr() -> Self {
        let mode = if std::io::stderr().is_terminal() {
            DisplayMode::Bar(ProgressBar::with_draw_target(
                Some(0),
                ProgressDrawTarget::stderr(),
            ))
        } else {
            DisplayMode::Heartbeat(Heartbeat {
                last: Instant::now(),
            })
        };
        Self::new(mode)
    }

    /// Shows no progress, only messages: failures, warnings and advice.
    pub fn quiet() -> Self {
        Self::new(DisplayMode::MessagesOnly)
    }

    /// Shows nothing. This is for code that calls a sweep as a function (tests, for example) and reads the returned summary and the journal.
    pub fn silent() -> Self {
        Self::new(DisplayMode::Silence)
    }

    fn new(mode: DisplayMode) -> Self {
        Self {
            mode,
            started: Instant::now(),
            to_do: 0,
            planned_time: Duration::ZERO,
            done: 0,
            failed: 0,
            has_reported_hold_back: false,
            has_reported_stop: false,
            time_scale: None,
            run_time: Duration::ZERO,
            planned_ticks: 0,
            with_margin: 0,
            punctual: 0,
            has_advised: false,
            share: 0.0,
            repeat_command: None,
            first_lines: vec![],
        }
    }

    /// Shows with every failure the command that repeats the run: `command` and the run's number.
    pub fn with_repeat_command(self, command: String) -> Self {
        Self {
            repeat_command: Some(command),
            ..self
        }
    }

    /// Returns the end of a failure's line: how to repeat the run. Empty without a command.
    fn repeat_hint(&self, run: u64) -> String {
        match &self.repeat_command {
            Some(command) => format!("; to repeat it: {command} {run}"),
            None => String::new(),
        }
    }

    /// Notes the plan of a sweep and collects lines about it, which [`Progress::follow`] shows later. Only the warning about missing
    /// locks is shown at once.
    pub(super) fn begin(&mut self, plan: &Plan, dataset: &DatasetWriter) {
        self.to_do = plan.to_do.len() as u64;
        // One `Progress` may serve several sweeps, one after the other. So all counts begin again.
        (self.done, self.failed) = (0, 0);
        self.planned_time = plan.wall_time;
        self.started = Instant::now();
        let experiment = dataset.experiment();
        self.time_scale = (experiment.engine == EngineKind::Tcp).then_some(experiment.time_scale);
        let configurations = experiment.configurations().iter();
        let longest_s = configurations
            .map(|configuration| configuration.duration_s())
            .fold(0.0, f64::max);
        self.run_time = Duration::from_secs_f64(longest_s / experiment.time_scale);
        (self.planned_ticks, self.share) = (plan.ticks.max(1), 0.0);
        (self.with_margin, self.punctual, self.has_advised) = (0, 0, false);
        (self.has_reported_hold_back, self.has_reported_stop) = (false, false);
        if !dataset.is_locked() {
            self.print_line(&format!(
                "the file system of {} has no locks, so a second `sim run` could write to it at the same time; start only one",
                dataset.folder().display()
            ));
        }
        if !dataset.recovered().is_empty() {
            self.first_lines.push(dataset.recovered().to_string());
        }
        if let Some(changes_before) = dataset.other_changes_before() {
            self.first_lines.push(format!(
                "the sweep before this one had {}, this one has {}: the plan below is that of this sweep",
                options_in_words(changes_before),
                options_in_words(dataset.experiment().changes())
            ));
        }
        // For a new dataset, `planned_before` is 0.
        let planned_before = dataset.planned_before();
        if planned_before > 0 && planned_before < plan.planned {
            self.first_lines.push(format!(
                "the experiment was extended: {} runs were added to the earlier {}",
                grouped(plan.planned - planned_before),
                grouped(planned_before)
            ));
        }
        if plan.no_longer_planned > 0 {
            self.first_lines.push(format!(
                "{} runs of the dataset are not planned any more; they are kept",
                grouped(plan.no_longer_planned)
            ));
        }
        if !plan.to_do.is_empty()
            && matches!(self.mode, DisplayMode::Bar(_) | DisplayMode::Heartbeat(_))
        {
            self.first_lines.push(format!(
                "{} runs to do, {} at once ({}), about {}",
                grouped(self.to_do),
                grouped(plan.width.runs as u64),
                plan.width.limit,
                in_words(plan.wall_time)
            ));
        }
        if let DisplayMode::Bar(bar) = &self.mode {
            let style = ProgressStyle::with_template("{wide_bar} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("=> "));
            bar.set_length(BAR_LENGTH);
        }
    }

    /// Adds a line that warns of too little space on the disk. Both numbers are bytes.
    pub(super) fn warn_of_disk(&mut self, needed: u64, free: u64) {
        self.first_lines.push(format!(
            "the runs to do need about {}, but only {} are free on the disk: when the disk is full, `sim run` stops; free some space, then run the same command again",
            bytes_in_words(needed),
            bytes_in_words(free)
        ));
    }

    /// Shows the progress until the channel of `messages` is closed.
    pub(super) fn follow(&mut self, messages: &Receiver<Message>, control: &Control) {
        for line in std::mem::take(&mut self.first_lines) {
            self.print_line(&line);
        }
        let mut last_shown = Instant::now();
        loop {
            let mut is_due = last_shown.elapsed() >= SHOW_EVERY;
            match messages.recv_timeout(SHOW_EVERY) {
                Ok(Message::Ok {
                    is_punctual,
                    has_margin,
                }) => {
                    self.done += 1;
                    // `has_margin` is also required because a run in virtual time is punctual even if its margin is 0.
                    self.punctual += u64::from(is_punctual && has_margin);
                    self.with_margin += u64::from(has_margin);
                }
                Ok(Message::Failed(row)) => self.show_failure(&row),
                Ok(Message::Over) | Err(RecvTimeoutError::Timeout) => is_due = true,
                Err(RecvTimeoutError::Disconnected) => return self.end(control),
            }
            if is_due {
                self.show(control);
                last_shown = Instant::now();
            }
        }
    }

    fn show_failure(&mut self, row: &JournalRow) {
        self.done += 1;
        self.failed += 1;
        if self.failed <= MAX_FAILURES_SHOWN {
            self.print_line(&format!(
                "run {} failed: {} ({}){}",
                row.run,
                row.reason,
                row.key,
                self.repeat_hint(row.run)
            ));
        } else if self.failed == MAX_FAILURES_SHOWN + 1 {
            self.print_line("more runs failed; runs.csv has the reasons");
        }
    }

    /// Prints what the engine has remarked since the last call.
    fn print_remarks(&self, control: &Control) {
        for line in control.take_remarks() {
            self.print_line(&line);
        }
    }

    fn show(&mut self, control: &Control) {
        self.print_remarks(control);
        self.advise();
        let state = self.state(control);
        if control.is_stopped() && !self.has_reported_stop {
            self.has_reported_stop = true;
            self.print_line(
                "stopping: runs that are about to end are completed; press Ctrl+C again to stop at once",
            );
        }
        if control.is_holding_back() && !self.has_reported_hold_back {
            self.has_reported_hold_back = true;
            self.print_line(
                "many ticks are more than a millisecond late: no new runs start until fewer ticks are late",
            );
        }
        match &mut self.mode {
            DisplayMode::Silence | DisplayMode::MessagesOnly => {}
            DisplayMode::Bar(bar) => {
                let columns = Term::stderr().size_checked();
                let width = columns.map_or(DEFAULT_WIDTH, |(_, columns)| columns);
                bar.set_position((state.share * BAR_LENGTH as f64) as u64);
                bar.set_message(state.beside_bar(width.into()));
            }
            DisplayMode::Heartbeat(heartbeat) => {
                if heartbeat.is_due(Instant::now()) {
                    let now = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                    tell(format_args!("{now}  {}", state.in_full()));
                }
            }
        }
    }

    fn end(&mut self, control: &Control) {
        self.print_remarks(control);
        if let DisplayMode::Bar(bar) = &self.mode {
            bar.finish_and_clear();
        }
    }

    /// If few runs are punctual, shows advice about what to do. The advice is shown only once.
    fn advise(&mut self) {
        let Some(time_scale) = self.time_scale else {
            return;
        };
        if self.has_advised || self.with_margin < RUNS_BEFORE_ADVICE {
            return;
        }
        let (punctual, with_margin) = (self.punctual, self.with_margin);
        // `on_punctuality` only checks that `finished` is not 0. So it does not matter that runs with margin 0 are missing here.
        let finished = with_margin;
        if let Some(advice) = advice::on_punctuality(punctual, with_margin, finished, time_scale) {
            self.has_advised = true;
            self.print_line(&format!("so far, {advice}"));
        }
    }

    fn state(&mut self, control: &Control) -> ProgressState {
        let ticks = control.ticks();
        // If the machines of a run are processes of their own, the ticks of the run are counted only when the run has ended. Until then, the
        // number of ticks so far is estimated: the share of the run's time that is over, times the mean number of ticks of a run.
        // `timed_runs_done` is the sum of these shares over all such runs: a run whose time is half over adds 0.5.
        let ticks_per_run = self.planned_ticks as f64 / self.to_do.max(1) as f64;
        let estimated_ticks = control.timed_runs_done(self.run_time) * ticks_per_run;
        let share = ((ticks as f64 + estimated_ticks) / self.planned_ticks as f64).min(1.0);
        self.share = self.share.max(share);
        ProgressState {
            share: self.share,
            done: self.done,
            to_do: self.to_do,
            remaining: Some(self.remaining()),
            active: Some(control.active()),
            failed: self.failed,
            late_share: match self.time_scale {
                Some(_) => control.late_ticks() as f64 / ticks.max(1) as f64,
                None => 0.0,
            },
        }
    }

    /// Returns the wall time that is left. Before the planned end, this is the time until the planned end. After the planned end, it is
    /// `elapsed / done * (to_do - done)`: the mean time per ended run, times the number of runs that have not ended. If no run has ended
    /// by the planned end, the result is 0.
    fn remaining(&self) -> Duration {
        let elapsed = self.started.elapsed();
        if elapsed < self.planned_time || self.done == 0 {
            return self.planned_time.saturating_sub(elapsed);
        }
        elapsed.mul_f64((self.to_do - self.done) as f64 / self.done as f64)
    }

    /// Shows a line: above the bar, or simply on stderr if there is no bar.
    fn print_line(&self, line: &str) {
        match &self.mode {
            DisplayMode::Silence => {}
            DisplayMode::Bar(bar) => bar.println(line),
            DisplayMode::MessagesOnly | DisplayMode::Heartbeat(_) => tell(line),
        }
    }
}

/// Returns the `--set` options that make these changes, or `no --set`.
fn options_in_words(changes: &[String]) -> String {
    match changes {
        [] => "no --set".to_owned(),
        _ => set_options(changes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_line_is_due_every_half_minute() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat { last: start };
        let due_seconds: Vec<u64> = (0..120)
            .filter(|&second| heartbeat.is_due(start + Duration::from_secs(second)))
            .collect();
        assert_eq!(due_seconds, [30, 60, 90]);
    }
}
