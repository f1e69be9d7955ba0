//! Shows the progress of a sweep: a bar in a terminal, or a line every half minute if there is no terminal (nohup, a cluster's
//! log).

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

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// The number of steps of the bar.
const BAR_LENGTH: u64 = 10_000;
/// The width of a terminal whose width is not known.
const DEFAULT_WIDTH: u16 = 80;
/// After this number of runs, a line is shown if few of them were punctual.
const RUNS_BEFORE_ADVICE: u64 = 20;
/// How often a progress line is written if there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// A message to the progress display.
pub(super) enum Message {
    /// A run was ok.
    Ok {
        /// Whether it was punctual.
        punctual: bool,
        /// Whether it has a margin, so that it could be punctual.
        with_margin: bool,
    },
    /// A run failed. This is its row.
    Failed(Box<JournalRow>),
    /// There are no more runs.
    Over,
}

impl Message {
    pub(super) fn from_row(row: &JournalRow) -> Self {
        if row.is_ok() {
            Self::Ok {
                punctual: row.punctual,
                with_margin: row.margin_us > 0.0,
            }
        } else {
            Self::Failed(Box::new(row.clone()))
        }
    }
}

/// Shows the progress of a sweep on stderr.
pub struct Progress {
    shown: DisplayMode,
    started: Instant,
    to_do: u64,
    expected: Duration,
    done: u64,
    failed: u64,
    held_back: bool,
    stopping: bool,
    /// The sweep's time scale, if it is over TCP, so that ticks can be late.
    time_scale: Option<f64>,
    /// Wall time of a run.
    run_time: Duration,
    ticks: u64,
    /// Number of runs that were ok and have a margin, and number of these that were punctual.
    with_margin: u64,
    punctual: u64,
    has_advised: bool,
    /// The share that was shown last. It never becomes smaller.
    share: f64,
    repeat_command: Option<String>,
    /// Messages that are shown before any run ends.
    opening: Vec<String>,
}

enum DisplayMode {
    /// Nothing is shown, not even messages.
    Silence,
    Nothing,
    Bar(ProgressBar),
    Heartbeat(Heartbeat),
}

/// Writes a line from time to time.
struct Heartbeat {
    last: Instant,
}

impl Heartbeat {
    /// Returns whether a line must be written at `now`. If so, sets the time of the next line.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now.duration_since(self.last) >= HEARTBEAT;
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
        let shown = if std::io::stderr().is_terminal() {
            DisplayMode::Bar(ProgressBar::with_draw_target(
                Some(0),
                ProgressDrawTarget::stderr(),
            ))
        } else {
            DisplayMode::Heartbeat(Heartbeat {
                last: Instant::now(),
            })
        };
        Self::new(shown)
    }

    /// Shows only failures.
    pub fn quiet() -> Self {
        Self::new(DisplayMode::Nothing)
    }

    /// Shows nothing, for a program that reads the summary and the journal.
    pub fn silent() -> Self {
        Self::new(DisplayMode::Silence)
    }

    fn new(shown: DisplayMode) -> Self {
        Self {
            shown,
            started: Instant::now(),
            to_do: 0,
            expected: Duration::ZERO,
            done: 0,
            failed: 0,
            held_back: false,
            stopping: false,
            time_scale: None,
            run_time: Duration::ZERO,
            ticks: 0,
            with_margin: 0,
            punctual: 0,
            has_advised: false,
            share: 0.0,
            repeat_command: None,
            opening: vec![],
        }
    }

    /// Shows with every failure the command that repeats the run: `command` and the run's number.
    pub fn with_repeat_command(self, command: String) -> Self {
        Self {
            repeat_command: Some(command),
            ..self
        }
    }

    fn repeat(&self, run: u64) -> String {
        match &self.repeat_command {
            Some(command) => format!("; to repeat it: {command} {run}"),
            None => String::new(),
        }
    }

    /// Notes which runs are to do. Shows nothing yet.
    pub(super) fn begin(&mut self, plan: &Plan, dataset: &DatasetWriter) {
        self.to_do = plan.to_do.len() as u64;
        // One display may serve several sweeps, one after the other.
        (self.done, self.failed) = (0, 0);
        self.expected = plan.wall_time;
        self.started = Instant::now();
        let experiment = dataset.experiment();
        self.time_scale = (experiment.engine == EngineKind::Tcp).then_some(experiment.time_scale);
        let durations = experiment.configurations().iter();
        let longest_s = durations.map(|one| one.duration_s()).fold(0.0, f64::max);
        self.run_time = Duration::from_secs_f64(longest_s / experiment.time_scale);
        (self.ticks, self.share) = (plan.ticks.max(1), 0.0);
        (self.with_margin, self.punctual, self.has_advised) = (0, 0, false);
        if !dataset.is_locked() {
            self.print_line(&format!(
                "the file system of {} has no locks, so a second `sim run` could write to it at the same time; start only one",
                dataset.folder().display()
            ));
        }
        if !dataset.recovered().is_empty() {
            self.opening.push(dataset.recovered().to_string());
        }
        if let Some(before) = dataset.other_changes_before() {
            self.opening.push(format!(
                "the sweep before this one had {}, this one has {}: the plan below is that of this sweep",
                options_in_words(before),
                options_in_words(dataset.experiment().changes())
            ));
        }
        if let before @ 1.. = dataset.planned_before()
            && before < plan.planned
        {
            self.opening.push(format!(
                "the experiment was extended: {} runs were added to the earlier {}",
                grouped(plan.planned - before),
                grouped(before)
            ));
        }
        if plan.no_longer_planned > 0 {
            self.opening.push(format!(
                "{} runs of the dataset are not planned any more; they are kept",
                grouped(plan.no_longer_planned)
            ));
        }
        if !plan.to_do.is_empty()
            && matches!(self.shown, DisplayMode::Bar(_) | DisplayMode::Heartbeat(_))
        {
            self.opening.push(format!(
                "{} runs to do, {} at once ({}), about {}",
                grouped(self.to_do),
                grouped(plan.width.runs as u64),
                plan.width.limit,
                in_words(plan.wall_time)
            ));
        }
        if let DisplayMode::Bar(bar) = &self.shown {
            let style = ProgressStyle::with_template("{wide_bar} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("=> "));
            bar.set_length(BAR_LENGTH);
        }
    }

    pub(super) fn warn_of_disk(&mut self, needed: u64, free: u64) {
        self.opening.push(format!(
            "the runs to do need about {}, but only {} are free on the disk: when the disk is full, `sim run` stops; free some space, then run the same command again",
            bytes_in_words(needed),
            bytes_in_words(free)
        ));
    }

    /// Shows the progress until there are no more messages.
    pub(super) fn follow(&mut self, messages: &Receiver<Message>, control: &Control) {
        for line in std::mem::take(&mut self.opening) {
            self.print_line(&line);
        }
        let mut shown = Instant::now();
        loop {
            let mut is_due = shown.elapsed() >= SHOW_EVERY;
            match messages.recv_timeout(SHOW_EVERY) {
                Ok(Message::Ok {
                    punctual,
                    with_margin,
                }) => {
                    self.done += 1;
                    self.punctual += u64::from(punctual && with_margin);
                    self.with_margin += u64::from(with_margin);
                }
                Ok(Message::Failed(row)) => self.failed(&row),
                Ok(Message::Over) | Err(RecvTimeoutError::Timeout) => is_due = true,
                Err(RecvTimeoutError::Disconnected) => return self.end(control),
            }
            if is_due {
                self.show(control);
                shown = Instant::now();
            }
        }
    }

    fn failed(&mut self, row: &JournalRow) {
        self.done += 1;
        self.failed += 1;
        if self.failed <= MAX_FAILURES_SHOWN {
            self.print_line(&format!(
                "run {} failed: {} ({}){}",
                row.run,
                row.reason,
                row.key,
                self.repeat(row.run)
            ));
        } else if self.failed == MAX_FAILURES_SHOWN + 1 {
            self.print_line("more runs failed; runs.csv has the reasons");
        }
    }

    fn print_remarks(&self, control: &Control) {
        for line in control.take_remarks() {
            self.print_line(&line);
        }
    }

    fn show(&mut self, control: &Control) {
        self.print_remarks(control);
        self.advise();
        let state = self.state(control);
        if control.is_stopped() && !self.stopping {
            self.stopping = true;
            self.print_line(
                "stopping: runs that are about to end are completed; press Ctrl+C again to stop at once",
            );
        }
        if control.is_holding_back() && !self.held_back {
            self.held_back = true;
            self.print_line(
                "many ticks are more than a millisecond late: no new runs start until fewer ticks are late",
            );
        }
        match &mut self.shown {
            DisplayMode::Silence | DisplayMode::Nothing => {}
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
        if let DisplayMode::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }

    /// Shows once what to do if few runs are punctual.
    fn advise(&mut self) {
        let Some(time_scale) = self.time_scale else {
            return;
        };
        if self.has_advised || self.with_margin < RUNS_BEFORE_ADVICE {
            return;
        }
        let runs = (self.punctual, self.with_margin);
        if let Some(advice) = advice::on_punctuality(runs.0, runs.1, runs.1, time_scale) {
            self.has_advised = true;
            self.print_line(&format!("so far, {advice}"));
        }
    }

    fn state(&mut self, control: &Control) -> ProgressState {
        let ticks = control.ticks();
        // Runs whose ticks are counted when they have ended have about the same number of ticks each.
        let ticks_per_run = self.ticks as f64 / self.to_do.max(1) as f64;
        let under_way = control.share_of_timed_runs(self.run_time) * ticks_per_run;
        let share = ((ticks as f64 + under_way) / self.ticks as f64).min(1.0);
        self.share = self.share.max(share);
        ProgressState {
            share: self.share,
            done: self.done,
            to_do: self.to_do,
            remaining: Some(self.remaining()),
            active: Some(control.active()),
            failed: self.failed,
            late: match self.time_scale {
                Some(_) => control.late_ticks() as f64 / ticks.max(1) as f64,
                None => 0.0,
            },
        }
    }

    /// Returns the wall time that is left. Before the planned end, it follows from the plan; after it, from the runs so far.
    fn remaining(&self) -> Duration {
        let elapsed = self.started.elapsed();
        if elapsed < self.expected || self.done == 0 {
            return self.expected.saturating_sub(elapsed);
        }
        elapsed.mul_f64((self.to_do - self.done) as f64 / self.done as f64)
    }

    /// Shows a line above the bar.
    fn print_line(&self, line: &str) {
        match &self.shown {
            DisplayMode::Silence => {}
            DisplayMode::Bar(bar) => bar.println(line),
            DisplayMode::Nothing | DisplayMode::Heartbeat(_) => tell(line),
        }
    }
}

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
    fn a_heartbeat_every_half_minute() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat { last: start };
        let beats: Vec<u64> = (0..120)
            .filter(|&second| heartbeat.is_due(start + Duration::from_secs(second)))
            .collect();
        assert_eq!(beats, [30, 60, 90]);
    }
}
