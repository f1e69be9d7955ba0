//! `sources.csv` of imported logs: the file and line from which each event was read.
//!
//! The event log lists first all events of machine 0, then all events of machine 1, and so on. A row of `sources.csv` describes events that
//! follow each other in the event log, and that were read from one imported file at equal distances: from lines 2, 3, 4 or from lines
//! 2, 4, 6, for example. If each machine has its own file with one event in each line, one row is enough for all events of a machine. So
//! `sources.csv` is usually small, even if the logs are long.

use std::fmt::Write;
use std::fs;

use super::checksum::checksum;
use super::dataset::Dataset;
use super::imported::Imported;
use crate::input::open_stored;

/// The columns of the file, in the order of the fields of [`SourceRange`].
const COLUMNS: [&str; 6] = ["run", "row", "rows", "file", "line", "step"];

/// The line of an imported file from which an event was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceLine {
    /// The index of the file in [`Imported::files`], from 0.
    pub file: u32,
    /// The line, from 1.
    pub line: u64,
}

/// A row of `sources.csv`: successive events of a run, read from one file. From each event to the next, the line number grows by the same
/// amount, `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// The number of the run.
    pub run: u64,
    /// The position of the first event among the run's events (rows of the event log), from 0.
    pub row: u64,
    /// Number of events.
    pub rows: u64,
    /// The line of the first event.
    pub first: SourceLine,
    /// Number of lines from one event to the next. It has no meaning if there is only one event.
    pub step: u64,
}

impl SourceRange {
    /// Makes the ranges for the events of `run`. `lines` has, for each event in the order of the event log, the line from which it was
    /// read.
    pub fn of_run(run: u64, lines: impl IntoIterator<Item = SourceLine>) -> Vec<Self> {
        let mut ranges: Vec<Self> = vec![];
        for (row, line) in (0..).zip(lines) {
            if ranges
                .last_mut()
                .is_some_and(|range| range.add_if_next(line))
            {
                continue;
            }
            ranges.push(Self {
                run,
                row,
                rows: 1,
                first: line,
                step: 0,
            });
        }
        ranges
    }

    /// Adds the run's next event to the range if the event was read from the same file as the previous event, `step` lines further down.
    /// `next` is the line of the next event. The second event of a range determines `step`. Returns whether the event was added.
    fn add_if_next(&mut self, next: SourceLine) -> bool {
        let SourceLine { file, line } = self.first;
        if self.rows == 1 && next.line > line {
            self.step = next.line - line;
        }
        // If the second event's line number is not larger than the first event's, `step` is still 0. Then the second event begins a new
        // range.
        let belongs =
            next.file == file && self.step > 0 && next.line == line + self.rows * self.step;
        if belongs {
            self.rows += 1;
        }
        belongs
    }

    /// Returns the line from which event `row` of `run` was read. `None` if the range does not contain this event.
    fn line(&self, run: u64, row: u64) -> Option<SourceLine> {
        let index = row.checked_sub(self.row)?;
        (self.run == run && index < self.rows).then_some(SourceLine {
            file: self.first.file,
            line: self
                .first
                .line
                .saturating_add(index.saturating_mul(self.step)),
        })
    }
}

/// Returns the text of `sources.csv`.
pub(super) fn text(ranges: &[SourceRange]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for range in ranges {
        let SourceRange {
            run,
            row,
            rows,
            first,
            step,
        } = range;
        // Writing to a text in memory cannot fail.
        let _ = writeln!(
            text,
            "{run},{row},{rows},{},{},{step}",
            first.file, first.line
        );
    }
    text
}

/// Parses the text of `sources.csv`.
///
/// # Errors
///
/// Returns the number of the first line that does not have the format of this file. Lines are counted from 1.
fn parse(text: &str) -> Result<Vec<SourceRange>, usize> {
    let mut lines = text.lines();
    if lines.next() != Some(&COLUMNS.join(",")) {
        return Err(1);
    }
    (2..)
        .zip(lines)
        .map(|(number, line)| parse_range(line).ok_or(number))
        .collect()
}

/// Parses a line of `sources.csv`. `None` if it does not have the format of this file.
fn parse_range(line: &str) -> Option<SourceRange> {
    let cells = line.split(',').map(|cell| cell.parse::<u64>().ok());
    let cells: Vec<u64> = cells.collect::<Option<_>>()?;
    let [run, row, rows, file, line, step] = cells[..] else {
        return None;
    };
    let file = file.try_into().ok()?;
    Some(SourceRange {
        run,
        row,
        rows,
        first: SourceLine { file, line },
        step,
    })
}

/// Checks and parses the text of `sources.csv`.
///
/// # Errors
///
/// Returns what is wrong with the file.
fn check_and_parse(text: &str, checksum_when_written: &str) -> Result<Vec<SourceRange>, String> {
    if checksum(text.as_bytes()) != checksum_when_written {
        return Err("it has changed since it was written (checksum)".to_owned());
    }
    parse(text).map_err(|line| {
        format!(
            "line {line} does not have the format {}, although the checksum is right; import the logs again",
            COLUMNS.join(",")
        )
    })
}

/// The lines from which the events of an imported dataset were read.
#[derive(Clone, Debug)]
pub struct Sources<'d> {
    imported: &'d Imported,
    ranges: Vec<SourceRange>,
}

impl<'d> Sources<'d> {
    /// Reads `sources.csv` of `dataset`. `None` if its logs were not imported, or were imported by an early version that did not record
    /// lines.
    ///
    /// # Errors
    ///
    /// Returns a sentence about what is wrong with the file.
    pub fn open(dataset: &'d Dataset) -> Result<Option<Self>, String> {
        let Some(imported) = &dataset.manifest().imported else {
            return Ok(None);
        };
        let Some(checksum_when_written) = &imported.sources else {
            return Ok(None);
        };
        let path = dataset.sources();
        let wrong = |problem: String| {
            format!(
                "{}: {problem}; the lines of the imported files are not known",
                path.display()
            )
        };
        // The opened file is not used: opening it only checks that `path` is not a pipe or a device, from which reading might never end.
        open_stored(&path).map_err(|error| wrong(error.to_string()))?;
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let ranges = check_and_parse(&text, checksum_when_written).map_err(wrong)?;
        Ok(Some(Self { imported, ranges }))
    }

    /// Returns the path of the file and the line from which event `row` of `run` was read. Events are counted from 0. `None` if the file
    /// `sources.csv` does not say it.
    pub fn find(&self, run: u64, row: u64) -> Option<(&'d str, u64)> {
        // The ranges are sorted by run and event. So only the last range that starts at this event or before it can contain the event.
        let first_after = self
            .ranges
            .partition_point(|range| (range.run, range.row) <= (run, row));
        let line = self
            .ranges
            .get(first_after.checked_sub(1)?)?
            .line(run, row)?;
        let file = self.imported.files.get(line.file as usize)?;
        Some((&file.path, line.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(lines: &[(u32, u64)]) -> Vec<SourceLine> {
        let line = |&(file, line)| SourceLine { file, line };
        lines.iter().map(line).collect()
    }

    #[test]
    fn lines_of_one_file_at_equal_distances_are_one_range() {
        let ranges = SourceRange::of_run(7, lines(&[(0, 2), (0, 3), (0, 4), (1, 2), (1, 4)]));
        let summaries: Vec<_> = ranges
            .iter()
            .map(|range| (range.row, range.rows, range.first.line, range.step))
            .collect();
        // For each range: the position of its first event, the number of events, the line of the first event, and the step.
        assert_eq!(summaries, [(0, 3, 2, 1), (3, 2, 2, 2)]);
    }

    proptest! {
        #[test]
        fn every_event_is_found_with_its_line(
            lines_of_run_1 in prop::collection::vec((0u32..3, 1u64..12), 0..5),
            lines_of_run_4 in prop::collection::vec((0u32..3, 1u64..12), 0..40),
        ) {
            let (run_1, run_4) = (lines(&lines_of_run_1), lines(&lines_of_run_4));
            let mut ranges = SourceRange::of_run(1, run_1.iter().copied());
            ranges.extend(SourceRange::of_run(4, run_4.iter().copied()));
            prop_assert_eq!(parse(&text(&ranges)), Ok(ranges.clone()));
            let found = |run: u64, row: u64| ranges.iter().find_map(|range| range.line(run, row));
            for (run, lines) in [(1, &run_1), (4, &run_4)] {
                for (row, line) in (0..).zip(lines) {
                    prop_assert_eq!(found(run, row), Some(*line));
                }
                prop_assert_eq!(found(run, lines.len() as u64), None);
            }
        }
    }

    #[test]
    fn texts_with_a_wrong_header_or_too_few_cells_are_refused() {
        for (text, line) in [
            ("", 1),
            ("run,row\n", 1),
            ("run,row,rows,file,line,step\n1,2,3,4,5,6\n1,2,3,4,5\n", 3),
        ] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }

    #[test]
    fn a_wrong_format_and_a_changed_text_have_different_messages() {
        let text = "run,row,rows\n1,2,3\n";
        let problem = |checksum: &str| check_and_parse(text, checksum).expect_err(text);
        assert!(problem("0").contains("it has changed"));
        assert_eq!(
            problem(&checksum(text.as_bytes())),
            "line 1 does not have the format run,row,rows,file,line,step, although the checksum is right; import the logs again"
        );
    }
}
