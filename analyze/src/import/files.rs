//! Finds the files of each run, and reads their text up to a limit.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::report::Report;
use super::{machines, names};
use crate::error::Error;

/// Files with these extensions, in small letters or capitals, are read from a folder.
const EXTENSIONS: [&str; 8] = ["csv", "tsv", "txt", "log", "out", "json", "jsonl", "ndjson"];
/// Levels of folders that are searched.
const MOST_DEPTH: usize = 6;
/// A file with a line of more bytes is no log.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// Bytes of memory that a byte of a log takes during an import, about.
const MEMORY_PER_BYTE: u64 = 16;
/// Bytes of memory that are assumed to be free if the system does not report them.
const USUAL_MEMORY: u64 = 16 << 30;

/// The files of a run.
#[derive(Clone, Debug)]
pub(super) struct RunFiles {
    pub(super) name: String,
    pub(super) paths: Vec<PathBuf>,
    /// Whether the files were found in a folder. Then files that are no logs may be left out.
    pub(super) from_folder: bool,
}

/// Finds the files of each run. All sources that are files are one group, and so are the files of each folder; a group is split if
/// the names of its files show several runs. The report lists the files of folders that are not read.
///
/// # Errors
///
/// [`Error::Import`] if a source is given twice or a folder has no log; [`Error::Io`] if a source cannot be read.
pub(super) fn find_runs(
    sources: &[PathBuf],
    pattern: Option<&str>,
    report: &mut Report,
) -> Result<Vec<RunFiles>, Error> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        sources.iter().partition(|path| path.is_dir());
    let mut seen = HashSet::new();
    for source in sources {
        let path = fs::canonicalize(source).map_err(Error::io(source))?;
        if !seen.insert(path) {
            let problem = "is given twice; it would count twice".to_owned();
            return Err(Error::import(source, None, problem));
        }
    }
    let mut groups = vec![];
    if !files.is_empty() {
        groups.push((
            "the files".to_owned(),
            files.into_iter().cloned().collect(),
            false,
        ));
    }
    for folder in folders {
        let found = logs_within(folder, MOST_DEPTH, report)?;
        if found.is_empty() {
            let problem = format!(
                "no log in it: files that end with .{}, or without an ending{}",
                EXTENSIONS.join(", ."),
                report.files_left_out()
            );
            return Err(Error::import(folder, None, problem));
        }
        groups.extend(
            found
                .into_iter()
                .map(|(folder, logs)| (folder.display().to_string(), logs, true)),
        );
    }
    let mut runs = vec![];
    for (name, paths, from_folder) in groups {
        let found = names::by_run(paths, pattern, report)?;
        let single = found
            .first()
            .filter(|_| found.len() == 1 && pattern.is_none());
        if let Some((_, paths)) = single.filter(|(_, paths)| names::may_be_several(paths)) {
            report.understood.assume(format!("{name}: all {} files are taken as one run, though their names may be those of several; say with `files` in a mapping which part is the run.", paths.len()));
        }
        for (run, paths) in found {
            let name = match run.as_str() {
                "" => name.clone(),
                run => format!("{name}, {run}"),
            };
            runs.push(RunFiles {
                name,
                paths,
                from_folder,
            });
        }
    }
    Ok(runs)
}

/// The folders that have logs, each with its logs in the order of their names: the folder itself if it has files with the extension
/// of a log, otherwise the folders in it, otherwise the folder itself with its files without extension.
fn logs_within(
    folder: &Path,
    depth: usize,
    report: &mut Report,
) -> Result<Vec<(PathBuf, Vec<PathBuf>)>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(folder))?;
    paths.sort_by_key(|path| machines::natural(&path.display().to_string()));
    let (hidden, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_hidden(path));
    let (logs, others): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_log(path));
    let leave_out = |report: &mut Report, others: &[PathBuf]| {
        let others = others.iter().map(|path| path.display().to_string());
        report.leave_out_files(others, hidden.len());
    };
    if !logs.is_empty() {
        leave_out(report, &others);
        return Ok(vec![(folder.to_owned(), logs)]);
    }
    let (folders, others): (Vec<PathBuf>, Vec<PathBuf>) = others
        .into_iter()
        .partition(|path| path.is_dir() && !path.is_symlink());
    let mut found = vec![];
    for inner in folders.iter().filter(|_| depth > 0) {
        found.extend(logs_within(inner, depth - 1, report)?);
    }
    if !found.is_empty() {
        leave_out(report, &others);
        return Ok(found);
    }
    let (logs, others): (Vec<PathBuf>, Vec<PathBuf>) = others
        .into_iter()
        .partition(|path| path.extension().is_none() && is_file(path));
    leave_out(report, &others);
    Ok(match logs.is_empty() {
        true => vec![],
        false => vec![(folder.to_owned(), logs)],
    })
}

fn is_log(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_known = extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    });
    is_known && is_file(path)
}

/// Whether `path` is no pipe or device, since reading these may block forever. A broken link counts as a file: reading it gives the
/// error.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Whether a name begins with a point, such as those of files that editors and macOS create.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.as_encoded_bytes().starts_with(b".")
}

/// Number of bytes of logs that can be imported at once: a share of the free memory.
pub(super) fn most_bytes() -> u64 {
    let of_line = |line: &str| {
        let kib = line.strip_prefix("MemAvailable:")?;
        kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(of_line).map(|kib| kib << 10);
    available.unwrap_or(USUAL_MEMORY) / MEMORY_PER_BYTE
}

/// Reads the text of a log line by line, and stops with an error at the first line that cannot be part of a log.
///
/// # Errors
///
/// [`Error::Import`] with the line if it has more than [`MOST_LINE_BYTES`] bytes, is not UTF-8, or ends after `most_bytes` bytes;
/// [`Error::Io`] if the file cannot be read.
pub(super) fn read(path: &Path, most_bytes: u64) -> Result<String, Error> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let (mut text, mut line) = (String::new(), vec![]);
    for number in 1.. {
        let refuse = |problem: String| Error::import(path, Some(number), problem);
        line.clear();
        let length = (&mut file)
            .take(MOST_LINE_BYTES + 1)
            .read_until(b'\n', &mut line)
            .map_err(Error::io(path))? as u64;
        if length == 0 {
            break;
        }
        let cells = std::str::from_utf8(&line).map_err(|_| refuse(not_text(&line)))?;
        if length > MOST_LINE_BYTES {
            return Err(refuse(format!(
                "the line has more than {MOST_LINE_BYTES} bytes: this is no log"
            )));
        }
        if text.len() as u64 + length > most_bytes {
            return Err(refuse(format!(
                "there are more than {most_bytes} bytes of logs up to here, too many for the memory that is free; import fewer runs at a time"
            )));
        }
        text.push_str(cells);
    }
    Ok(text)
}

fn not_text(line: &[u8]) -> String {
    let packed = [
        (&[0x1f, 0x8b][..], "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"PK\x03\x04", "zip"),
    ];
    match packed.iter().find(|(magic, _)| line.starts_with(magic)) {
        Some((_, name)) => format!("packed by {name}; unpack the file first"),
        None => "not text in UTF-8; convert the file, as with iconv".to_owned(),
    }
}
