//! Draws the live view of `sim status --watch`: writes the state of a dataset into a buffer of characters. The larger the window is, the
//! more is shown.

use jiff::tz::TimeZone;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Style, Stylize};
use ratatui_core::text::{Line, Span};
use ratatui_core::widgets::Widget;

use super::state::{LATENESS_LIMITS_US, WatchState};
use crate::console::printable;
use crate::sweep::words::{grouped, local_time};

/// The smallest size of a window in which something useful fits: columns and rows.
const MIN_SIZE: (u16, u16) = (40, 12);
/// The width of the names of the rows (`runs`, `configurations`, ...), with the space after them.
const NAME_WIDTH: usize = 15;
/// The width of the label of a class of lateness (a range such as `≤ 300 µs`).
const CLASS_WIDTH: usize = 10;
/// The maximum number of lines that are reserved for failed runs. The classes of lateness get only the space that is left. If the classes
/// do not fill this space, more failed runs are shown.
const MAX_RESERVED_FAILURES: usize = 3;

/// The view of one of the watched datasets.
pub(super) struct View<'a> {
    pub state: &'a WatchState,
    /// The index of the dataset among the watched datasets.
    pub dataset_index: usize,
    /// The number of watched datasets.
    pub dataset_count: usize,
    /// The present, in Unix seconds.
    pub now_s: i64,
    pub zone: &'a TimeZone,
}

impl Widget for &View<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let lines = if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
            too_small(area)
        } else {
            self.lines(area.width.into(), area.height.into())
        };
        for (line, row) in lines.iter().zip(area.rows()) {
            line.render(row, buffer);
        }
    }
}

/// The lines for a window that is too small.
fn too_small(area: Rect) -> Vec<Line<'static>> {
    let (columns, rows) = MIN_SIZE;
    vec![
        Line::from("window too small:"),
        Line::from(format!("{} x {}", area.width, area.height)),
        Line::from(format!("needs {columns} x {rows}")),
        Line::from("q: leave"),
    ]
}

impl View<'_> {
    /// All lines of a window with this width and height. The last line says what keys do.
    fn lines(&self, width: usize, height: usize) -> Vec<Line<'static>> {
        let mut lines = self.summary(width);
        // One line is for the keys.
        let space = height - lines.len() - 1;
        // Lines that are reserved for the failures: one for their heading, and at most MAX_RESERVED_FAILURES for failed runs.
        let reserved = 1 + self.state.failures.len().min(MAX_RESERVED_FAILURES);
        let lateness = self.lateness(width, space.saturating_sub(reserved));
        // If there is space for it, an empty line stands before the classes of lateness, and another one after them.
        let empty_lines = (space - lateness.len()).saturating_sub(reserved).min(2);
        if empty_lines > 0 {
            lines.push(Line::default());
        }
        lines.extend(lateness);
        if empty_lines > 1 {
            lines.push(Line::default());
        }
        lines.extend(self.failures(width, height - 1 - lines.len()));
        lines.resize(height - 1, Line::default());
        lines.push(self.keys());
        lines
    }

    /// The first lines: the dataset, how far it has come, and how many of its runs are in which state.
    fn summary(&self, width: usize) -> Vec<Line<'static>> {
        let state = self.state;
        let configurations = state.configuration_counts();
        let tally = &state.tally;
        let progress = state.progress(self.now_s);
        let words = progress.beside_bar(width);
        // One column is for the space between the bar and the words.
        let bar_width = width - words.chars().count() - 1;
        let mut lines = vec![
            self.title(width),
            fitted(state.activity(), width).style(self.activity_style()),
            Line::from(vec![
                Span::from(progress_bar(progress.share, bar_width)).cyan(),
                Span::from(format!(" {words}")),
            ]),
            row(
                "runs",
                format!(
                    "{} of {} done, {} failed",
                    grouped(tally.done),
                    grouped(state.planned),
                    grouped(tally.failed())
                ),
                width,
            ),
            row(
                "configurations",
                format!(
                    "{} done, {} under way, {} failed, {} not begun",
                    grouped(configurations.done),
                    grouped(configurations.under_way),
                    grouped(configurations.failed),
                    grouped(configurations.not_begun)
                ),
                width,
            ),
            row("runs a minute", self.speed(), width),
        ];
        if state.engine == "tcp" {
            // If the experiment file was changed and has fewer runs now, some finished runs are no longer planned. `tally.done` does not
            // count these runs, but `tally.punctual` and `tally.as_scheduled` do. So the percentages are shares of all finished runs.
            let finished = tally.done + tally.no_longer_planned;
            let percentage = |part: u64| format!("{:.1} %", 100.0 * part as f64 / finished as f64);
            let words = match finished {
                0 => "no run has finished yet".to_owned(),
                _ => format!(
                    "{}, as scheduled {}",
                    percentage(tally.punctual),
                    percentage(tally.as_scheduled)
                ),
            };
            lines.push(row("punctual", words, width));
        }
        lines
    }

    /// The line with the dataset's folder, its engine and its shards (parts of the runs, each made by a `sim run` of its own).
    fn title(&self, width: usize) -> Line<'static> {
        let state = self.state;
        let mut words = printable(&state.folder).into_owned();
        if self.dataset_count > 1 {
            words = format!(
                "{words} ({} of {})",
                self.dataset_index + 1,
                self.dataset_count
            );
        }
        words += &match state.engine.as_str() {
            "tcp" => format!(", tcp, time scale {}", state.time_scale),
            engine => format!(", {engine}"),
        };
        let all_shards = state.shards + state.missing_shards;
        if state.missing_shards > 0 {
            words += &format!(", {} of {all_shards} shards have started", state.shards);
        } else if all_shards > 1 {
            words += &format!(", {all_shards} shards");
        }
        fitted(words, width).bold()
    }

    /// The colour of the line about running sweeps (processes `sim run`): green if the dataset is finished, yellow if runs are left and
    /// no sweep is running, no colour while a sweep is running.
    fn activity_style(&self) -> Style {
        let color = match (&self.state.sweeps[..], self.state.is_finished()) {
            ([], true) => Color::Green,
            ([], false) => Color::Yellow,
            _ => return Style::new(),
        };
        Style::new().fg(color)
    }

    /// How many runs end in a minute, and when the last run will end.
    fn speed(&self) -> String {
        let state = self.state;
        let rate = match state.runs_per_minute() {
            // No sweep is running, or no run of the running sweeps has ended yet.
            None => "-".to_owned(),
            // From 9.95 on, a rate is rounded to 10 or more. Then it needs no decimal.
            Some(rate) if rate < 9.95 => format!("{rate:.1}"),
            Some(rate) => grouped(rate.round() as u64),
        };
        match state.finishes_at_s() {
            Some(at_s) => format!("{rate}, ends {}", local_time(at_s, self.zone)),
            None => rate,
        }
    }

    /// A heading, and a line with the number of runs for each class of lateness, in at most `space` lines. If there is too little space,
    /// some classes are joined, so that every limit is a power of ten. If there is too little space even then, or if no run has
    /// finished yet, returns no lines. In virtual time, returns one line, which says that there is no lateness.
    fn lateness(&self, width: usize, space: usize) -> Vec<Line<'static>> {
        if self.state.engine != "tcp" {
            let words = "lateness: none, because time is simulated";
            return vec![fitted(words.to_owned(), width)];
        }
        // One line is for the heading.
        let fits = |classes: &[(String, u64)]| classes.len() < space;
        let mut classes = lateness_classes(&self.state.lateness, false);
        if !fits(&classes) {
            classes = lateness_classes(&self.state.lateness, true);
        }
        if classes.is_empty() || !fits(&classes) {
            return vec![];
        }
        let max_runs = classes.iter().map(|(_, runs)| *runs).max().unwrap_or(1);
        let counts: Vec<String> = classes.iter().map(|(_, runs)| grouped(*runs)).collect();
        let count_width = counts.iter().map(String::len).max().unwrap_or(0);
        // The 3 columns are: a space after the label, a space after the count, and a free column after the bar.
        let bar_width = width.saturating_sub(CLASS_WIDTH + count_width + 3);
        let heading = "lateness (99th percentile of each run): number of runs";
        let mut lines = vec![fitted(heading.to_owned(), width).bold()];
        for ((label, runs), count) in classes.iter().zip(counts) {
            let share = *runs as f64 / max_runs.max(1) as f64;
            lines.push(Line::from(vec![
                Span::from(format!("{label:>CLASS_WIDTH$} {count:>count_width$} ")),
                Span::from(histogram_bar(share, bar_width)).cyan(),
            ]));
        }
        lines
    }

    /// A heading and the last failures, in at most `space` lines.
    fn failures(&self, width: usize, space: usize) -> Vec<Line<'static>> {
        let failures = &self.state.failures;
        if space == 0 {
            return vec![];
        }
        if failures.is_empty() {
            return vec![Line::from("no run has failed").dim()];
        }
        let mut lines = vec![Line::from("last failures").bold()];
        lines.extend(failures.iter().take(space - 1).map(|failure| {
            let words = format!("run {}: {}", failure.run, failure.reason);
            fitted(printable(&words).into_owned(), width).red()
        }));
        lines
    }

    /// The last line: what keys do.
    fn keys(&self) -> Line<'static> {
        let tab_key = if self.dataset_count > 1 {
            "Tab: next dataset, "
        } else {
            ""
        };
        let remark = match self.state.sweeps.is_empty() {
            true => "",
            false => " (the sweep continues)",
        };
        Line::from(format!("{tab_key}q: leave{remark}")).dim()
    }
}

/// A line with a name and, from column [`NAME_WIDTH`] on, words.
fn row(name: &str, words: String, width: usize) -> Line<'static> {
    fitted(format!("{name:<NAME_WIDTH$}{words}"), width)
}

/// A line that is at most `width` columns wide. If text is cut off, the line ends with `…`.
fn fitted(text: String, width: usize) -> Line<'static> {
    if unicode_width::UnicodeWidthStr::width(text.as_str()) <= width {
        return Line::from(text);
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        // The last column is for `…`.
        if unicode_width::UnicodeWidthStr::width(kept.as_str()) >= width {
            kept.pop();
            break;
        }
    }
    Line::from(kept + "…")
}

/// A bar of `width` characters. It is filled from the left: if `share` is 0.25, the first quarter of the characters is filled.
fn progress_bar(share: f64, width: usize) -> String {
    let full = (share * width as f64) as usize;
    let full = full.min(width);
    "█".repeat(full) + &"░".repeat(width - full)
}

/// A bar whose length is `share` (from 0 to 1) of `width` characters, rounded to eighths of a character. If the share is not 0, the bar has
/// at least one eighth.
fn histogram_bar(share: f64, width: usize) -> String {
    // The index of each character is its width in eighths.
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * 8.0 * width as f64).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// The label and the number of runs of each class of lateness. `counts` has the number of runs in each class: first the classes that end
/// at the limits in [`LATENESS_LIMITS_US`], then the class above the last limit. The result begins with the first class that has runs, and
/// ends with the last class that has runs. If `is_coarse`, every limit is a power of ten.
fn lateness_classes(counts: &[u64], is_coarse: bool) -> Vec<(String, u64)> {
    let mut classes = vec![];
    let mut runs = 0;
    for (index, count) in counts.iter().enumerate() {
        runs += count;
        let limit = LATENESS_LIMITS_US.get(index);
        // The limits with an even index are powers of ten (10 µs, 100 µs, ...). The runs of a class with another limit are added to the
        // next class.
        let is_power_of_ten = index.is_multiple_of(2);
        if is_coarse && limit.is_some() && !is_power_of_ten {
            continue;
        }
        let label = match (limit, LATENESS_LIMITS_US.last()) {
            (Some(limit), _) => format!("≤ {}", limit_in_words(*limit)),
            // The last class has no upper limit.
            (None, last) => format!("> {}", limit_in_words(*last.unwrap_or(&0.0))),
        };
        classes.push((label, std::mem::take(&mut runs)));
    }
    let has_runs = |class: &(String, u64)| class.1 > 0;
    let Some(first) = classes.iter().position(has_runs) else {
        return vec![];
    };
    let last = classes.iter().rposition(has_runs).unwrap_or(first);
    classes[first..=last].to_vec()
}

/// Writes a limit without decimals: `300 µs`, `1 ms`.
fn limit_in_words(limit_us: f64) -> String {
    match limit_us {
        1000.0.. => format!("{} ms", limit_us / 1000.0),
        _ => format!("{limit_us} µs"),
    }
}

#[cfg(test)]
mod tests;
