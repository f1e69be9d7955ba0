//! Reads all files: groups files by run, recognises their format, and splits them into rows.

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
use super::time::TimeFormat;
use super::{explain, files, formats, header, names, numbers, peers, recognise, selection, trials};
use crate::error::Error;

/// The files that were read, and their rows.
#[derive(Debug)]
pub(super) struct Reading {
    /// How the files were read: the user's mapping, with all recognised values added.
    pub(super) mapping: Mapping,
    pub(super) files: Vec<ImportedFile>,
    /// Each run's name and rows.
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
    let mut bytes_left = files::most_bytes();
    for run in files::find_runs(sources, given.files.as_deref(), report)? {
        let mut files = vec![];
        for path in run.paths {
            let text = files::read(&path, bytes_left)?;
            bytes_left -= text.len() as u64;
            imported.push(ImportedFile {
                path: path.display().to_string(),
                bytes: text.len() as u64,
                checksum: checksum(text.as_bytes()),
            });
            files.push((path, without_colours(text)));
        }
        texts.push(RunTexts {
            name: run.name,
            files,
            from_folder: run.from_folder,
        });
    }
    selection::select(&mut texts, report)?;
    let selected = texts.iter().flat_map(|run| &run.files);
    let selected: BTreeSet<String> = selected
        .map(|(path, _)| path.display().to_string())
        .collect();
    imported.retain(|file| selected.contains(&file.path));
    let mut mapping = recognise::mapping(&texts, given, report)?;
    let is_log = |run: &RunTexts| {
        !run.from_folder
            || run
                .files
                .iter()
                .any(|(path, text)| !lines::is_unknown(path, text, &mapping))
    };
    let has_logs = texts.iter().any(is_log);
    let mut runs = vec![];
    for run in &texts {
        if has_logs && !is_log(run) {
            let read = texts.iter().filter(|run| is_log(run));
            let read = read.flat_map(|run| &run.files).next();
            refuse_other_format(&run.files.iter().collect::<Vec<_>>(), read)?;
            report.leave_out_files(
                run.files.iter().map(|(path, _)| path.display().to_string()),
                0,
            );
            continue;
        }
        let raws = rows_of(run, &mapping, report)?;
        runs.extend(split_by_run(run.name.clone(), raws));
    }
    let left_out = report.left_out_paths();
    imported.retain(|file| !left_out.contains(&file.path));
    if mapping.time.is_none() {
        mapping.time = time_format(&runs);
        if let Some(format) = &mapping.time {
            report
                .understood
                .assume(format!("Times are read as `{format}`; set it with --time."));
        }
    }
    let mut parted = vec![];
    for (name, raws) in runs {
        let raws = trials::split_trials(raws, mapping.time.as_deref(), report)?;
        parted.extend(split_by_run(name, raws));
    }
    let runs = parted;
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

/// Reads the rows of a run's files. A file of a folder is left out if none of its columns is known and other files are logs.
fn rows_of(run: &RunTexts, mapping: &Mapping, report: &mut Report) -> Result<Vec<Raw>, Error> {
    let is_unknown = |(path, text): &&(PathBuf, String)| {
        run.from_folder && lines::is_unknown(path, text, mapping)
    };
    let (unknown, known): (Vec<_>, Vec<_>) = run.files.iter().partition(is_unknown);
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
        report.leave_out_files(unknown, 0);
    }
    Ok(raws)
}

/// Refuses to leave a file out if the file looks like a log. Such a file is probably a log in another format.
///
/// # Errors
///
/// [`Error::Import`] if a file that would be left out looks like a log.
fn refuse_other_format(
    unknown: &[&(PathBuf, String)],
    read: Option<&(PathBuf, String)>,
) -> Result<(), Error> {
    let log = unknown
        .iter()
        .find(|(_, text)| selection::looks_like_log(text));
    match log.zip(read) {
        Some(((path, _), (read, _))) => Err(selection::other_format(path, read)),
        None => Ok(()),
    }
}

/// The format or the unit of times, if it must be recognised from the times: the title of the column does not give it, and it is
/// neither seconds nor ISO 8601.
fn time_format(runs: &[(String, Vec<Raw>)]) -> Option<String> {
    let raws = || runs.iter().flat_map(|(_, raws)| raws);
    let first = raws().next()?;
    let cells = || {
        raws().flat_map(|raw| {
            raw.rows
                .iter()
                .filter_map(|row| raw.cell(row, "system_time"))
        })
    };
    let clock =
        TimeFormat::from_first_cell(None, &header::plain(&first.time_title), cells().next()?);
    match clock {
        TimeFormat::Unit(1_000_000_000) => {
            unit(first, &raws().collect::<Vec<&Raw>>()).map(str::to_owned)
        }
        TimeFormat::Iso => formats::common(cells()).map(str::to_owned),
        TimeFormat::Unit(_) | TimeFormat::Format(_) => None,
    }
}

/// Finds the unit of times that are numbers, from the size of the times and from the number of a machine's rows per unit.
fn unit(first: &Raw, raws: &[&Raw]) -> Option<&'static str> {
    let number = |raw: &Raw, cell: &str| {
        let mark = raw.mark;
        let micros = numbers::times_ten_to(cell, 6, mark);
        micros.ok().map(|micros| micros as f64 / 1e6).or_else(|| {
            numbers::times_ten_to(cell, 0, mark)
                .ok()
                .map(|whole| whole as f64)
        })
    };
    let times_of = |raw: &Raw| -> BTreeMap<String, Vec<f64>> {
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
    let rate = |times: Vec<f64>| {
        let elapsed = times.last()? - times.first()?;
        (elapsed > 0.0).then(|| (times.len() - 1) as f64 / elapsed)
    };
    let first_time = first
        .rows
        .first()
        .and_then(|row| number(first, first.cell(row, "system_time")?))?;
    let rates: Vec<f64> = raws
        .iter()
        .flat_map(|raw| times_of(raw).into_values().filter_map(rate))
        .collect();
    formats::unit(first_time, &rates)
}

/// Splits rows by their `run` column. Rows without a value in this column stay together.
fn split_by_run(name: String, files: Vec<Raw>) -> Vec<(String, Vec<Raw>)> {
    let mut of_run: BTreeMap<(Vec<machines::Piece>, String), Vec<Raw>> = BTreeMap::new();
    for file in files {
        for (run, part) in file.by_run() {
            of_run
                .entry((machines::natural_order(&run), run))
                .or_default()
                .push(part);
        }
    }
    of_run
        .into_iter()
        .map(|((_, run), files)| match run.as_str() {
            "" => (name.clone(), files),
            run => (format!("{name}, run {run}"), files),
        })
        .collect()
}

/// Whether the peers are named in the text of events. This is so if the files have no column for peers, and each name found in
/// the text is the name of another machine.
pub(super) fn words_name_peers(
    files: &[Raw],
    machines: &Machines,
    mapping: &Mapping,
    report: &mut Report,
) -> bool {
    let columns = ["peers", "recipients", "sender"];
    let mut is_any = false;
    for raw in files
        .iter()
        .filter(|raw| !columns.iter().any(|column| raw.has(column)))
    {
        let own = machines.number(&names::stem(&raw.path));
        for cell in raw.rows.iter().filter_map(|row| raw.cell(row, "event")) {
            let Some(name) = mapping
                .kind(cell)
                .and_then(|kind| peers::find_names_in_text(cell, kind))
            else {
                continue;
            };
            if !peers::name_other_machines(name, machines, own) {
                report.understood.assume(format!(
                    "Peers are not taken from the text of events, because `{name}` is not another machine of the run."
                ));
                return false;
            }
            is_any = true;
        }
    }
    is_any
}
