//! Finds the log files of each run that is imported.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::log_text::read_beginning;
use super::report::Report;
use super::{machines, names, selection};
use crate::error::Error;

/// The extensions of logs, in small or capital letters. In a folder, files with other extensions are not read. Files
/// without an extension are read only if the folder and its subfolders have no other logs.
const EXTENSIONS: [&str; 8] = ["csv", "tsv", "txt", "log", "out", "json", "jsonl", "ndjson"];
/// How many levels of subfolders are searched at most.
const MAX_DEPTH: usize = 6;
/// Maximum number of bytes that are read of a file to check whether its text looks like a log.
const MAX_SAMPLE_BYTES: u64 = 1 << 24;
/// Bytes of memory that are used for each byte of a log during an import, approximately.
const MEMORY_PER_BYTE: u64 = 16;
/// Bytes of memory that are assumed to be free if the system does not report them.
const ASSUMED_MEMORY: u64 = 16 << 30;

/// Folders, each with the paths of its logs.
type FolderLogs = Vec<(PathBuf, Vec<PathBuf>)>;

/// The files of a run.
#[derive(Clone, Debug)]
pub(super) struct RunFiles {
    pub(super) name: String,
    pub(super) paths: Vec<PathBuf>,
    /// True if the files were found in a folder, false if the user named the files one by one. A file from a folder is left out if its text
    /// does not look like a log. A file that the user named is not left out for this reason.
    pub(super) from_folder: bool,
}

/// Finds the files of each run. `sources` are the files and folders that the user names. All sources that are files are one group, and the
/// logs in each folder are a group of their own. A group becomes several runs if a part of the files' names tells the runs apart. The user
/// can give a `pattern`, a regular expression that says which part this is. If a file in a folder is not read, the report lists it.
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
    // The name of each group, its files, and whether they come from a folder.
    let mut groups = vec![];
    if !files.is_empty() {
        groups.push((
            "the files".to_owned(),
            files.into_iter().cloned().collect(),
            false,
        ));
    }
    for folder in folders {
        let found = find_logs(folder, MAX_DEPTH, report)?;
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
        // Without a pattern, it is only a guess that all files of a group are one run. So the user is told if the names of the files could
        // also be those of several runs.
        if let ([(_, paths)], None) = (&found[..], pattern)
            && names::are_ambiguous(paths)
        {
            report.understood.assume(format!("{name}: all {} files are taken as one run, but their names \
                could also be those of several runs. If so, use `files` in a mapping to say which part of a \
                name is the run.", paths.len()));
        }
        for (run, paths) in found {
            let name = match run.as_str() {
                // A run without a name of its own has the group's name.
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

/// Finds the folders that contain logs, from `folder` down to `depth` levels below, and lists their logs in the order of their names.
/// The first of these choices that has files is used:
///
/// 1. the folder's own files with an extension of logs. This choice is skipped if none of these files contains both a time and a word for
///    an event (such as `sent`), but some file in a subfolder contains many of both;
/// 2. the logs in its subfolders;
/// 3. its own files without an extension.
///
/// The report lists the files that are not used.
fn find_logs(folder: &Path, depth: usize, report: &mut Report) -> Result<FolderLogs, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(folder))?;
    paths.sort_by_key(|path| machines::natural_order(&path.display().to_string()));
    let (hidden, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_hidden(path));
    // `others` has the other files and the subfolders.
    let (logs, others): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| is_log(path));
    // Adds `left_out` to the files that the report lists as left out. Also adds the number of this folder's hidden files.
    let leave_out = |report: &mut Report, left_out: &[PathBuf]| {
        let left_out = left_out.iter().map(|path| path.display().to_string());
        report.leave_out_files(left_out, hidden.len());
    };
    if !logs.is_empty() {
        if let Some((found, new_report)) = logs_in_subfolders(&logs, &others, depth, report)? {
            *report = new_report;
            let files = others.into_iter().filter(|path| !is_folder(path));
            leave_out(report, &logs.into_iter().chain(files).collect::<Vec<_>>());
            return Ok(found);
        }
        leave_out(report, &others);
        return Ok(vec![(folder.to_owned(), logs)]);
    }
    let (folders, others): (Vec<PathBuf>, Vec<PathBuf>) =
        others.into_iter().partition(|path| is_folder(path));
    let mut found = vec![];
    if depth > 0 {
        for inner in &folders {
            found.extend(find_logs(inner, depth - 1, report)?);
        }
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

/// Returns the logs in a folder's subfolders if these are to be used instead of `own`, the folder's own files with an extension of logs.
/// `others` are the folder's other files and its subfolders. The returned report is a copy of `report`, with the left-out files of
/// the subfolders added.
///
/// Returns `None` if `own` is to be used. There are three such cases:
///
/// - a file of `own` contains both a time and a word for an event ([`selection::may_be_log`]);
/// - no file in the subfolders contains enough times and words for events to look like a log ([`selection::looks_like_log`]);
/// - `depth` is 0.
fn logs_in_subfolders(
    own: &[PathBuf],
    others: &[PathBuf],
    depth: usize,
    report: &Report,
) -> Result<Option<(FolderLogs, Report)>, Error> {
    let folders: Vec<&PathBuf> = others.iter().filter(|path| is_folder(path)).collect();
    // Of a large file, the beginning is enough. A file that cannot be read counts as empty, so it does not look like a log.
    let text = |path: &PathBuf| {
        read_beginning(path, MAX_SAMPLE_BYTES).map_or(String::new(), |beginning| beginning.text)
    };
    if depth == 0 || folders.is_empty() || own.iter().any(|path| selection::may_be_log(&text(path)))
    {
        return Ok(None);
    }
    // A copy, so that `report` stays unchanged if this function returns `None`.
    let mut new_report = report.clone();
    let mut found = vec![];
    for folder in folders {
        found.extend(find_logs(folder, depth - 1, &mut new_report)?);
    }
    let (found, without_logs): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, paths)| {
        paths
            .iter()
            .any(|path| selection::looks_like_log(&text(path)))
    });
    let left_out = without_logs.iter().flat_map(|(_, paths)| paths);
    // `find_logs` has already added the hidden files of the subfolders.
    let hidden_files = 0;
    new_report.leave_out_files(
        left_out.map(|path| path.display().to_string()),
        hidden_files,
    );
    Ok((!found.is_empty()).then_some((found, new_report)))
}

/// Whether `path` is a folder. A link to a folder does not count, because it could lead back to a folder above.
fn is_folder(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
}

/// Whether `path` is a file with an extension of logs.
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

/// Maximum number of bytes of logs that can be imported at once. It depends on the free memory, which Linux reports in `/proc/meminfo`.
pub(super) fn max_import_bytes() -> u64 {
    let available_kib = |line: &str| {
        let kib = line.strip_prefix("MemAvailable:")?;
        kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(available_kib).map(|kib| kib * 1024);
    available.unwrap_or(ASSUMED_MEMORY) / MEMORY_PER_BYTE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of all logs that are found in `folder`.
    fn found(folder: &Path) -> Vec<PathBuf> {
        let runs = find_runs(&[folder.to_owned()], None, &mut Report::default());
        let runs = runs.expect("logs").into_iter();
        runs.flat_map(|run| run.paths).collect()
    }

    /// Of a large file, only the beginning is examined. This is enough to recognise a log, both beside a subfolder and in a subfolder.
    #[test]
    fn large_logs_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let line = |letters: usize| format!("10:00:00 internal {}\n", "x".repeat(letters));
        // Three such lines already look like a log, so 5 are enough. 17 lines of 1 MB are more than `MAX_SAMPLE_BYTES` (16.8 MB).
        let (small, large) = (line(1).repeat(5), line(1_000_000).repeat(17));
        assert!(large.len() as u64 > MAX_SAMPLE_BYTES);
        let (own_log, inner_log) = (folder.path().join("own.log"), inner.join("inner.log"));
        fs::write(&own_log, &large).expect("written");
        fs::write(&inner_log, small).expect("written");
        assert_eq!(found(folder.path()), std::slice::from_ref(&own_log));
        // Now `own.log` has neither a time nor a word for an event (like a `requirements.txt`), so the log in the subfolder is found.
        fs::write(&own_log, "numpy\n").expect("written");
        fs::write(&inner_log, large).expect("written");
        assert_eq!(found(folder.path()), [inner_log]);
    }

    /// A folder has a file that is no log, a hidden file, and a subfolder with a log. Each file that is left out is reported once.
    #[test]
    fn files_beside_a_subfolder_with_logs_are_left_out_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let requirements = folder.path().join("requirements.txt");
        for (path, text) in [
            (requirements.clone(), "numpy\n".to_owned()),
            (folder.path().join(".DS_Store"), String::new()),
            (inner.join("vm.log"), "10:00:00 internal x\n".repeat(5)),
        ] {
            fs::write(path, text).expect("written");
        }
        let mut report = Report::default();
        let runs = find_runs(&[folder.path().to_owned()], None, &mut report).expect("logs");
        assert_eq!(runs.len(), 1);
        let expected = format!("; left out: {}, 1 hidden file", requirements.display());
        assert_eq!(report.files_left_out(), expected);
    }
}
