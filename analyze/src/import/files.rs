//! Finds the files of each run, and reads their text up to a limit.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::report::Report;
use super::{machines, names, selection};
use crate::error::Error;

/// From a folder, only files with these extensions are read. They may be in small or capital letters.
const EXTENSIONS: [&str; 8] = ["csv", "tsv", "txt", "log", "out", "json", "jsonl", "ndjson"];
/// How many levels of folders within folders are searched.
const MOST_DEPTH: usize = 6;
/// Maximum number of bytes in a line of a log. A file with a longer line is not a log.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// Maximum number of bytes that are read to decide whether a file is a log.
const MOST_SAMPLE: u64 = 1 << 24;
/// Bytes of memory that are used for each byte of a log during an import, approximately.
const MEMORY_PER_BYTE: u64 = 16;
/// Bytes of memory that are assumed to be free if the system does not report them.
const ASSUMED_MEMORY: u64 = 16 << 30;

/// Folders, each with its logs.
type FolderLogs = Vec<(PathBuf, Vec<PathBuf>)>;

/// The files of a run.
#[derive(Clone, Debug)]
pub(super) struct RunFiles {
    pub(super) name: String,
    pub(super) paths: Vec<PathBuf>,
    /// Whether the files were found in a folder, and not named by the user one by one. Files of a folder that are not logs are
    /// left out.
    pub(super) from_folder: bool,
}

/// Finds the files of each run. All sources that are files are one group, and the files of each folder are another group. A group
/// is split into several runs if the names of its files contain runs. The report lists the files in folders that are not read.
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
            let problem =
                "is given twice, so its events would count twice; name it once".to_owned();
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
        let found = find_logs(folder, MOST_DEPTH, report)?;
        if found.is_empty() {
            let problem = format!(
                "no log is in this folder; files count as logs if their names end with .{}, or have no extension{}",
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
        let paths = selection::without_copies(paths, report)?;
        let found = names::by_run(paths, pattern, report)?;
        let single = found
            .first()
            .filter(|_| found.len() == 1 && pattern.is_none());
        if let Some((_, paths)) = single.filter(|(_, paths)| names::may_be_several(paths)) {
            report.understood.assume(format!("{name}: all {} files are taken as one run, but their names \
                could also be those of several runs. If so, give the part of the name that is the run with \
                `files` in a mapping.", paths.len()));
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

/// Finds the folders that contain logs, and lists their logs in the order of their names. The first of these choices that has
/// files is used: the folder's own files with an extension of logs (unless these do not look like logs, and files in its
/// subfolders do); the files in its subfolders; its own files with any other name.
fn find_logs(folder: &Path, depth: usize, report: &mut Report) -> Result<FolderLogs, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(folder))?;
    paths.sort_by_key(|path| machines::natural_order(&path.display().to_string()));
    let (hidden, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_hidden(path));
    let (logs, others): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_log(path));
    let leave_out = |report: &mut Report, others: &[PathBuf]| {
        let others = others.iter().map(|path| path.display().to_string());
        report.leave_out_files(others, hidden.len());
    };
    if !logs.is_empty() {
        if let Some((found, within)) = logs_in_subfolders(&logs, &others, depth, report)? {
            *report = within;
            leave_out(report, &logs);
            leave_out(
                report,
                &others
                    .into_iter()
                    .filter(|path| !is_folder(path))
                    .collect::<Vec<_>>(),
            );
            return Ok(found);
        }
        leave_out(report, &others);
        return Ok(vec![(folder.to_owned(), logs)]);
    }
    let (folders, others): (Vec<PathBuf>, Vec<PathBuf>) =
        others.into_iter().partition(|path| is_folder(path));
    let mut found = vec![];
    for inner in folders.iter().filter(|_| depth > 0) {
        found.extend(find_logs(inner, depth - 1, report)?);
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

/// Finds the logs in the subfolders, with the report of them. None unless files in subfolders look like logs, and none of the
/// folder's own files does.
fn logs_in_subfolders(
    own: &[PathBuf],
    others: &[PathBuf],
    depth: usize,
    report: &Report,
) -> Result<Option<(FolderLogs, Report)>, Error> {
    let folders: Vec<&PathBuf> = others.iter().filter(|path| is_folder(path)).collect();
    let text = |path: &PathBuf| read(path, MOST_SAMPLE).unwrap_or_default();
    if depth == 0 || folders.is_empty() || own.iter().any(|path| selection::may_be_log(&text(path)))
    {
        return Ok(None);
    }
    let mut within = report.clone();
    let mut found = vec![];
    for folder in folders {
        found.extend(find_logs(folder, depth - 1, &mut within)?);
    }
    let (found, no_logs): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, paths)| {
        paths
            .iter()
            .any(|path| selection::looks_like_log(&text(path)))
    });
    let no_logs = no_logs.iter().flat_map(|(_, paths)| paths);
    within.leave_out_files(no_logs.map(|path| path.display().to_string()), 0);
    Ok((!found.is_empty()).then_some((found, within)))
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
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

/// Whether `path` is a file, and not a pipe or a device, which could block for ever when it is read. A broken link counts as a
/// file, so that the user sees the error of reading it.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// Whether a file or folder is hidden: its name begins with a dot, like the extra files of editors and macOS, or it is the folder
/// `__MACOSX` that macOS adds to archives.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}

/// The number of bytes of logs that can be imported at once. It depends on the free memory.
pub(super) fn most_bytes() -> u64 {
    let of_line = |line: &str| {
        let kib = line.strip_prefix("MemAvailable:")?;
        kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(of_line).map(|kib| kib << 10);
    available.unwrap_or(ASSUMED_MEMORY) / MEMORY_PER_BYTE
}

/// Reads the text of a log line by line, and stops with an error at the first line that cannot be part of a log.
///
/// # Errors
///
/// [`Error::Import`] with the line if it has more than [`MOST_LINE_BYTES`] bytes, is not UTF-8, or ends after `most_bytes` bytes;
/// [`Error::Io`] if the file cannot be read.
pub(super) fn read(path: &Path, most_bytes: u64) -> Result<String, Error> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let is_little = match file.fill_buf().map_err(Error::io(path))? {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    };
    if let Some(is_little) = is_little {
        return read_utf16(path, file, is_little, most_bytes);
    }
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
                "the line has more than {MOST_LINE_BYTES} bytes, so this file is not a log; leave it out"
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

/// Reads the text of a file in UTF-16. Its first two bytes (the byte order mark) give the order of the two bytes of each
/// character.
fn read_utf16(
    path: &Path,
    file: impl Read,
    is_little: bool,
    most_bytes: u64,
) -> Result<String, Error> {
    let mut bytes = vec![];
    let mut file = file.take(most_bytes.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > most_bytes {
        let problem = format!(
            "there are more than {most_bytes} bytes of logs up to here, too many for the memory that is free; import fewer runs at a time"
        );
        return Err(Error::import(path, None, problem));
    }
    let units = bytes.chunks_exact(2).skip(1).map(|pair| {
        let pair = [pair[0], pair[1]];
        match is_little {
            true => u16::from_le_bytes(pair),
            false => u16::from_be_bytes(pair),
        }
    });
    let units: Vec<u16> = units.collect();
    let text = String::from_utf16(&units);
    text.ok().filter(|_| bytes.len() % 2 == 0).ok_or_else(|| {
        let problem = "the text is neither UTF-8 nor UTF-16; convert the file to UTF-8, for example with iconv";
        Error::import(path, None, problem.to_owned())
    })
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
        Some((_, name)) => format!("the file is packed by {name}; unpack it first"),
        None => {
            "the text is not UTF-8; convert the file to UTF-8, for example with iconv".to_owned()
        }
    }
}
