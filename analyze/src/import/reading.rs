//! Reads the log files of an import: groups them by run, recognises their format, and splits them into rows. The cells of the rows
//! are not parsed yet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use once_cell::sync::Lazy;
use regex::Regex;
use sim::log::{ImportedFile, checksum};

use super::lines::{self, Raw};
use super::machines::{self, Machines};
use super::mapping::Mapping;
use super::report::Report;
use super::time::{self, TimeFormat};
use super::{
    explain, files, formats, header, log_text, names, numbers, peers, recognise, selection, trials,
};
use crate::error::Error;

/// The files that were read, and their rows.
#[derive(Debug)]
pub(super) struct Reading {
    /// The mapping, which says how log files are read, for example which character separates cells. It has the values that the user gave,
    /// and those that were recognised from the files.
    pub(super) mapping: Mapping,
    /// The files of all runs, without those that were left out.
    pub(super) files: Vec<ImportedFile>,
    /// Each run's name, and the rows of each of its files.
    pub(super) runs: Vec<(String, Vec<Raw>)>,
}

/// A run's name, and the path and text of each of its files.
#[derive(Debug)]
pub(super) struct RunTexts {
    pub(super) name: String,
    pub(super) files: Vec<(PathBuf, String)>,
    /// Whether the files were found in a folder, and not named by the user one by one. Files of a folder that are not logs are
    /// left out.
    pub(super) from_folder: bool,
}

impl RunTexts {
    /// The first file of the run that is known, with its text. A file is known if the user named it, or if its columns or
    /// lines are understood (see [`lines::is_unknown`]).
    fn first_known(&self, mapping: &Mapping) -> Option<&(PathBuf, String)> {
        let is_known = |(path, text): &&(PathBuf, String)| {
            !self.from_folder || !lines::is_unknown(path, text, mapping)
        };
        self.files.iter().find(is_known)
    }
}

/// Reads the logs in `sources`. What the mapping `given` does not say about the format is recognised from the files.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that is not understood; [`Error::Io`] names the file that cannot be read.
pub(super) fn read(
    sources: &[PathBuf],
    given: &Mapping,
    report: &mut Report,
) -> Result<Reading, Error> {
    let mut imported = vec![];
    let mut texts = vec![];
    // All files together must fit into memory.
    let mut bytes_left = files::max_import_bytes();
    for run in files::find_runs(sources, given.files.as_deref(), report)? {
        let mut files = vec![];
        for path in run.paths {
            let log = log_text::read(&path, bytes_left)?;
            // The text is kept in UTF-8. A letter with 2 bytes in UTF-16 can have 3 bytes in UTF-8. So the text can be longer than the file,
            // and longer than `bytes_left`.
            bytes_left = bytes_left.saturating_sub(log.text.len() as u64);
            imported.push(ImportedFile {
                path: path.display().to_string(),
                bytes: log.file_bytes().len() as u64,
                checksum: checksum(log.file_bytes()),
            });
            files.push((path, without_colours(log.text)));
        }
        texts.push(RunTexts {
            name: run.name,
            files,
            from_folder: run.from_folder,
        });
    }
    // Takes files that are not logs out of `texts`. The same files are then taken out of `imported`.
    selection::select(&mut texts, given, report)?;
    let selected = texts.iter().flat_map(|run| &run.files);
    let selected: BTreeSet<String> = selected
        .map(|(path, _)| path.display().to_string())
        .collect();
    imported.retain(|file| selected.contains(&file.path));
    let mut mapping = recognise::mapping(&texts, given, report)?;
    let first_known = texts.iter().find_map(|run| run.first_known(&mapping));
    let mut runs = vec![];
    for run in &texts {
        // A run without known files is left out. If no run has known files, all are read, so that an error says what is not understood.
        if first_known.is_some() && run.first_known(&mapping).is_none() {
            refuse_other_format(&run.files.iter().collect::<Vec<_>>(), first_known)?;
            let paths = run.files.iter().map(|(path, _)| path.display().to_string());
            // 0, because `find_runs` has already added the hidden files to the report.
            let hidden_files = 0;
            report.leave_out_files(paths, hidden_files);
            continue;
        }
        let raws = read_rows(run, &mapping, report)?;
        runs.extend(split_by_run(run.name.clone(), raws));
    }
    let left_out = report.left_out_paths();
    imported.retain(|file| !left_out.contains(&file.path));
    if mapping.time.is_none() {
        mapping.time = recognise_time_format(&runs);
        if let Some(format) = &mapping.time {
            report
                .understood
                .assume(format!("Times are read as `{format}`; set it with --time."));
        }
    }
    // A file can have several trials, one after the other. To find them, the format of times must be known. `split_trials` writes the
    // number of the trial into the column `run` of each row. Then `split_by_run` makes each trial a run.
    let mut trial_runs = vec![];
    for (name, raws) in runs {
        let raws = trials::split_trials(raws, mapping.time.as_deref(), report)?;
        trial_runs.extend(split_by_run(name, raws));
    }
    let runs = trial_runs;
    explain::add_fields(&mut report.understood, &runs);
    Ok(Reading {
        mapping,
        files: imported,
        runs,
    })
}

/// A text without the terminal codes for colours.
fn without_colours(text: String) -> String {
    static CODE: Lazy<Regex> = Lazy::new(|| {
        Regex::new(r"\x1b\[[0-9;]*[mK]").unwrap_or_else(|error| unreachable!("{error}"))
    });
    match CODE.replace_all(&text, "") {
        Cow::Borrowed(_) => text,
        Cow::Owned(plain) => plain,
    }
}

/// Reads the rows of a run's files. If only some of the files are known (see [`RunTexts::first_known`]), the unknown files are left out.
fn read_rows(run: &RunTexts, mapping: &Mapping, report: &mut Report) -> Result<Vec<Raw>, Error> {
    let is_unknown = |(path, text): &&(PathBuf, String)| {
        run.from_folder && lines::is_unknown(path, text, mapping)
    };
    let (unknown, known): (Vec<_>, Vec<_>) = run.files.iter().partition(is_unknown);
    // If all files are unknown, all are read, so that the error says what is not understood.
    let all_unknown = known.is_empty();
    let files = match all_unknown {
        true => &unknown,
        false => &known,
    };
    refuse_other_format(&unknown, known.first().copied())?;
    let mut raws = vec![];
    for (path, text) in files {
        let mut raw = lines::read(path, text, mapping, report)?;
        raw.machine = names::machine(mapping.files.as_deref(), path)?;
        raws.push(raw);
    }
    if !all_unknown {
        let unknown = unknown.iter().map(|(path, _)| path.display().to_string());
        // 0, because `find_runs` has already added the hidden files to the report.
        let hidden_files = 0;
        report.leave_out_files(unknown, hidden_files);
    }
    Ok(raws)
}

/// Checks that no file in `unknown` looks like a log. The files in `unknown` are those that would be left out, because their format is not
/// understood. If one looks like a log, it is probably a log in another format. The error then names `known_file`, a file that is
/// understood, for comparison.
///
/// # Errors
///
/// [`Error::Import`] if a file in `unknown` looks like a log, and there is a `known_file`.
fn refuse_other_format(
    unknown: &[&(PathBuf, String)],
    known_file: Option<&(PathBuf, String)>,
) -> Result<(), Error> {
    let log = unknown
        .iter()
        .find(|(_, text)| selection::looks_like_log(text));
    match log.zip(known_file) {
        Some(((path, _), (known_path, _))) => Err(selection::other_format(path, known_path)),
        None => Ok(()),
    }
}

/// Recognises the format or the unit of times from the times themselves. Returns a value for `time` in a mapping, such as `ms`. None if
/// the times are seconds or ISO 8601, if the title of their column gives a unit such as `ms`, or if no known format or unit fits.
fn recognise_time_format(runs: &[(String, Vec<Raw>)]) -> Option<String> {
    let raws = || runs.iter().flat_map(|(_, raws)| raws);
    let first = raws().next()?;
    let cells = || {
        raws().flat_map(|raw| {
            raw.rows
                .iter()
                .filter_map(|row| raw.cell(row, "system_time"))
        })
    };
    // This function is only called if the mapping gives no format of times.
    let given = None;
    let format_of_first_cell =
        TimeFormat::from_first_cell(given, &header::plain(&first.time_title), cells().next()?);
    match format_of_first_cell {
        // Seconds (10^9 ns) are also the first guess for numbers whose title names no unit. So it is tested whether another unit fits better.
        TimeFormat::Unit(1_000_000_000) => {
            recognise_unit(first, &raws().collect::<Vec<&Raw>>()).map(str::to_owned)
        }
        // Here `Iso` only means that the first time is not a number.
        TimeFormat::Iso => formats::common(cells()).map(str::to_owned),
        TimeFormat::Unit(_) | TimeFormat::Format(_) => None,
    }
}

/// Finds the unit of times that are numbers. None if the unit is seconds, or if no unit is plausible. Either of two signs shows that the
/// unit is not seconds. The first: if read as seconds, the times would be dates in the far future. The second: if read as seconds, the
/// machines would have far less than one row per second. (A few rows per second are usual.) If the title of the times names seconds, the
/// second sign does not count, because then the machines really are slow.
fn recognise_unit(first: &Raw, raws: &[&Raw]) -> Option<&'static str> {
    // Six decimals of a number are enough here. A number that is too large to be multiplied by 10^6 is read without decimals.
    let number = |raw: &Raw, cell: &str| {
        let mark = raw.decimal_mark;
        let millionths = numbers::parse_times_ten_to(cell, 6, mark).ok();
        millionths.map(|count| count as f64 / 1e6).or_else(|| {
            numbers::parse_times_ten_to(cell, 0, mark)
                .ok()
                .map(|whole| whole as f64)
        })
    };
    let times_by_machine = |raw: &Raw| -> BTreeMap<String, Vec<f64>> {
        let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in &raw.rows {
            let time = raw
                .cell(row, "system_time")
                .and_then(|cell| number(raw, cell));
            let machine = raw.cell(row, "machine").unwrap_or_default().to_owned();
            times.entry(machine).or_default().extend(time);
        }
        times
    };
    // A machine's number of rows per unit of time. The unit is not known yet.
    let row_rate = |times: Vec<f64>| {
        let elapsed = times.last()? - times.first()?;
        (elapsed > 0.0).then(|| (times.len() - 1) as f64 / elapsed)
    };
    let first_time = first
        .rows
        .first()
        .and_then(|row| number(first, first.cell(row, "system_time")?))?;
    // This function is not called if the title names another unit than seconds. If it names seconds, the second sign does not count, so
    // `unit` gets no row rates.
    if time::unit_of_title(&header::plain(&first.time_title)).is_some() {
        return formats::unit(first_time, &[]);
    }
    let row_rates: Vec<f64> = raws
        .iter()
        .flat_map(|raw| {
            let times = times_by_machine(raw).into_values();
            times.filter_map(row_rate)
        })
        .collect();
    formats::unit(first_time, &row_rates)
}

/// Splits the rows of `files` into runs by the value in their column `run`. Returns the name and rows of each run, in natural order (run 2
/// before run 10). Example: `name` is `logs`. Then the rows with the value 2 become the run `logs, run 2`, and the rows without a value
/// become the run `logs`.
fn split_by_run(name: String, files: Vec<Raw>) -> Vec<(String, Vec<Raw>)> {
    let mut runs: BTreeMap<(Vec<machines::Piece>, String), Vec<Raw>> = BTreeMap::new();
    for file in files {
        for (run, part) in file.by_run() {
            runs.entry((machines::natural_order(&run), run))
                .or_default()
                .push(part);
        }
    }
    runs.into_iter()
        .map(|((_, run), files)| match run.as_str() {
            "" => (name.clone(), files),
            run => (format!("{name}, run {run}"), files),
        })
        .collect()
}

/// Whether the text of events names the peers (recipients and senders), as `Send to 1 and 3` and `Send to all` do. False if no text names
/// peers, if a named peer is not a machine of the run, or if a text names only the machine of its own file, such as `Send to 1` in the
/// file of machine 1. Files with a column for peers are not examined.
pub(super) fn words_name_peers(
    files: &[Raw],
    machines: &Machines,
    mapping: &Mapping,
    report: &mut Report,
) -> bool {
    let columns = ["peers", "recipients", "sender"];
    let mut has_names = false;
    for raw in files
        .iter()
        .filter(|raw| !columns.iter().any(|column| raw.has(column)))
    {
        // The machine of this file, if the name of the file (without its extension) is the name of a machine.
        let own = machines.number(&names::stem(&raw.path));
        for cell in raw.rows.iter().filter_map(|row| raw.cell(row, "event")) {
            let Some(names) = mapping
                .kind(cell)
                .and_then(|kind| peers::find_names_in_text(cell, kind))
            else {
                continue;
            };
            if !peers::names_other_machines(names, machines, own) {
                report.understood.assume(format!(
                    "Peers are not taken from the text of events, because `{names}` does not name other machines of the run."
                ));
                return false;
            }
            has_names = true;
        }
    }
    has_names
}
