//! Finds out from the names of files which files belong to the same run: `run1_vm1.csv` and `run1_vm2.csv` are the two machines of run 1.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::machines::{self, Machines, Piece};
use super::report::Report;
use crate::error::Error;

/// Words that come before the number of a run in the names of files.
const RUN_WORDS: [&str; 13] = [
    "run",
    "runs",
    "trial",
    "trials",
    "sim",
    "simulation",
    "experiment",
    "exp",
    "test",
    "round",
    "rep",
    "repetition",
    "iteration",
];

/// A key that sorts runs in natural order (run 2 before run 10). First come the pieces of the run's name: its numbers and the texts between
/// the numbers. Then comes the name itself. Without the name, `run1` and `run01` would have the same key, and be taken as one run.
type RunKey = (Vec<Piece>, String);

/// Groups files by run. Returns the name of each run and its files. `pattern` is the entry `files` of the mapping (the user's description
/// of the logs): a regular expression whose group `run` gives the run of a file. Without a pattern, the names of the files are compared.
///
/// If no runs are found in the names, all files are one run without a name.
///
/// # Errors
///
/// [`Error::Import`] if the pattern is not a regular expression, or does not match a file.
pub(super) fn by_run(
    paths: Vec<PathBuf>,
    pattern: Option<&str>,
    report: &mut Report,
) -> Result<Vec<(String, Vec<PathBuf>)>, Error> {
    let run_names: Vec<String> = match pattern {
        Some(pattern) => {
            let pattern = compile(pattern)?;
            let run_name = |path: &PathBuf| Ok(run_and_machine(&pattern, path)?.0);
            paths.iter().map(run_name).collect::<Result<_, Error>>()?
        }
        None => match by_machine_word(&paths)
            .or_else(|| by_run_word(&paths))
            .or_else(|| by_machine_part(&paths))
        {
            Some(run_names) => {
                report.understood.assume(
                    "Files were grouped into runs by their names; to group them in \
                    another way, set `files` in a mapping."
                        .to_owned(),
                );
                run_names
            }
            None => vec![String::new(); paths.len()],
        },
    };
    let mut runs: BTreeMap<RunKey, Vec<PathBuf>> = BTreeMap::new();
    for (name, path) in run_names.into_iter().zip(paths) {
        runs.entry((machines::natural_order(&name), name))
            .or_default()
            .push(path);
    }
    Ok(runs
        .into_iter()
        .map(|((_, name), paths)| (name, paths))
        .collect())
}

/// The machine that the pattern finds in `path`. `None` if there is no pattern, or if the pattern has no group `machine`.
///
/// # Errors
///
/// [`Error::Import`] if the pattern is not a regular expression, or does not match `path`.
pub(super) fn machine(pattern: Option<&str>, path: &Path) -> Result<Option<String>, Error> {
    let Some(pattern) = pattern else {
        return Ok(None);
    };
    Ok(run_and_machine(&compile(pattern)?, path)?.1)
}

/// Compiles the pattern of files. Its groups may only have the names `run` and `machine`.
fn compile(pattern: &str) -> Result<Regex, Error> {
    // The first argument of `Error::import` is the place of the error, usually a file. Here the pattern itself is wrong.
    let wrong = |problem: String| Error::import("the pattern of files".as_ref(), None, problem);
    let regex = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
    let mut names = regex.capture_names().flatten();
    match names.find(|name| !["run", "machine"].contains(name)) {
        Some(name) => Err(wrong(format!(
            "a group has the name {name}, but it must be run or machine"
        ))),
        None => Ok(regex),
    }
}

/// The run and the machine that the pattern finds in `path`. The run is empty if the pattern has no group `run`.
fn run_and_machine(pattern: &Regex, path: &Path) -> Result<(String, Option<String>), Error> {
    let text = path.display().to_string();
    let groups = pattern.captures(&text).ok_or_else(|| {
        let problem = format!("the pattern of files `{pattern}` does not match its path");
        Error::import(path, None, problem)
    })?;
    let group = |name: &str| groups.name(name).map(|group| group.as_str().to_owned());
    Ok((group("run").unwrap_or_default(), group("machine")))
}

/// The run of each file: the file's name without its machine, such as `run 1 vm` for `run1_vm2.csv`. The machine is the number or letter
/// after a word for machines (here 2 after `vm`). `None` if a name has no word for runs or no word for machines, if there is only one run,
/// or if the runs do not all have the same machines.
fn by_machine_word(paths: &[PathBuf]) -> Option<Vec<String>> {
    let mut runs: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    let mut run_names = vec![];
    for path in paths {
        // Only a check that the name has a word for runs.
        run_word_and_number(path)?;
        let parts = machines::parts(&stem(path));
        let machine = machines::after_machine_word(&parts)?;
        // The index of the machine in `parts`.
        let at = (1..parts.len())
            .find(|&at| parts[at] == machine && machines::is_machine_word(&parts[at - 1]))?;
        let run_name = name_without(path, at);
        runs.entry(run_name.clone()).or_default().push(machine);
        run_names.push(run_name);
    }
    (runs.len() > 1 && have_same_machines(&mut runs)).then_some(run_names)
}

/// Whether all runs have the same machines. A run must have at least two machines, and no machine twice. Sorts the machines of each run.
fn have_same_machines(runs: &mut BTreeMap<String, Vec<Piece>>) -> bool {
    runs.values_mut().for_each(|machines| machines.sort());
    let Some(first) = runs.values().next() else {
        return false;
    };
    let are_different = first.windows(2).all(|pair| pair[0] != pair[1]);
    first.len() > 1 && are_different && runs.values().all(|machines| machines == first)
}

/// The run of each file: the word for runs in the file's name and the number or letter after it. `None` if a name has no such word, if
/// there is only one run, if a run has only one file, or if a run has two files whose names differ only in folder or extension.
fn by_run_word(paths: &[PathBuf]) -> Option<Vec<String>> {
    let run_names: Vec<String> = paths
        .iter()
        .map(|path| run_word_and_number(path))
        .collect::<Option<_>>()?;
    let mut runs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (run_name, path) in run_names.iter().zip(paths) {
        runs.entry(run_name).or_default().push(stem(path));
    }
    let have_machines = runs.values().all(|names| {
        // Each file of a run is one machine, and the file's name is the machine's name. `Machines::new` removes duplicates. So if two files
        // have the same name, `machines` has fewer names than `names`.
        let machines = Machines::new(names.iter().map(String::as_str));
        machines.0.len() == names.len() && names.len() > 1
    });
    (runs.len() > 1 && have_machines).then_some(run_names)
}

/// The word for runs in a file's name and the number or letter after it, such as `run 1` for `run1_vm2.csv`.
fn run_word_and_number(path: &Path) -> Option<String> {
    let parts = machines::parts(&stem(path));
    let is_word =
        |piece: &Piece| matches!(piece, Piece::Text(word) if RUN_WORDS.contains(&word.as_str()));
    let pair = parts
        .windows(2)
        .find(|pair| is_word(&pair[0]) && machines::is_number_or_letter(&pair[1]))?;
    let words = pair.iter().map(|piece| match piece {
        Piece::Number(number) => number.to_string(),
        Piece::Text(text) => text.clone(),
    });
    Some(words.collect::<Vec<String>>().join(" "))
}

/// A file's name without its extension.
pub(super) fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}

/// The run of each file: the file's name without the part that is the machine. A part is a word or a number: `log0_low` has the parts log, 0
/// and low. If only one part can be the machine, this part is taken. If several parts can be the machine, but only one of them gives
/// runs of three machines, that one is taken, because the classroom exercise has three machines. `None` in all other cases.
fn by_machine_part(paths: &[PathBuf]) -> Option<Vec<String>> {
    let possible = machine_parts(paths);
    let found = match possible[..] {
        [(part, _)] => Some(part),
        _ => {
            let mut with_three = possible.iter().filter(|(_, machines)| *machines == 3);
            let first = with_three.next().map(|(part, _)| *part);
            let is_only_one = with_three.next().is_none();
            first.filter(|_| is_only_one)
        }
    };
    let found = found?;
    Some(paths.iter().map(|path| name_without(path, found)).collect())
}

/// Finds the parts of the names that can be the machine. Returns the index of each such part, counted from 0, and the number of machines
/// in each run.
///
/// In `log0_low`, `log1_low`, `log0_high`, `log1_high`, the second part (0 or 1) can be the machine. Without the second part, these names
/// form two groups, `log low` and `log high`, and in both groups the second part has the values 0 and 1. The groups are the runs. In
/// general, a part can be the machine if there are several groups, if the part has the same values in each group, and if these values are
/// numbers or single letters.
fn machine_parts(paths: &[PathBuf]) -> Vec<(usize, usize)> {
    let parts: Vec<Vec<Piece>> = paths
        .iter()
        .map(|path| machines::parts(&stem(path)))
        .collect();
    let fewest_parts = parts.iter().map(Vec::len).min().unwrap_or(0);
    // The number of machines in each run if the part at index `part` is the machine. None if this part cannot be the machine.
    let count_machines = |part: usize| {
        let mut runs: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
        for (path, parts) in paths.iter().zip(&parts) {
            let run_name = name_without(path, part);
            runs.entry(run_name).or_default().push(parts[part].clone());
        }
        let are_same = runs.len() > 1 && have_same_machines(&mut runs);
        let first = runs.values().next()?;
        let are_numbers_or_letters = first.iter().all(machines::is_number_or_letter);
        (are_same && are_numbers_or_letters).then_some(first.len())
    };
    (0..fewest_parts)
        .filter_map(|part| Some((part, count_machines(part)?)))
        .collect()
}

/// A file's name without the part at this index. The other parts are joined by blanks.
fn name_without(path: &Path, part: usize) -> String {
    let parts = machines::parts(&stem(path));
    let others = parts.iter().enumerate().filter(|(index, _)| *index != part);
    let words = others.map(|(_, piece)| match piece {
        Piece::Number(number) => number.to_string(),
        Piece::Text(text) => text.clone(),
    });
    words.collect::<Vec<String>>().join(" ")
}

/// Whether files can be grouped into runs in several ways by their names. In `a1`, `a2`, `b1`, `b2`, the run can be the letter or the number.
pub(super) fn are_ambiguous(paths: &[PathBuf]) -> bool {
    machine_parts(paths).len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of each run and the number of its files.
    fn runs(names: &[&str], pattern: Option<&str>) -> Vec<(String, usize)> {
        let paths = names.iter().map(PathBuf::from).collect();
        let runs = by_run(paths, pattern, &mut Report::default()).expect("runs");
        runs.into_iter()
            .map(|(name, paths)| (name, paths.len()))
            .collect()
    }

    #[test]
    fn files_are_grouped_into_runs_by_their_names() {
        let run_first = [
            "run1_vm1.csv",
            "run1_vm2.csv",
            "run2_vm1.csv",
            "run2_vm2.csv",
        ];
        let two = vec![("run 1 vm".to_owned(), 2), ("run 2 vm".to_owned(), 2)];
        assert_eq!(runs(&run_first, None), two);
        let run_last = [
            "vm1-trial-1.log",
            "vm2-trial-1.log",
            "vm1-trial-10.log",
            "vm2-trial-10.log",
        ];
        assert_eq!(runs(&run_last, None)[1], ("vm trial 10".to_owned(), 2));
        // Each of these sets of files is taken as a single run.
        for one in [
            &["vm1.csv", "vm2.csv"][..],
            &["run1_vm1.csv", "run1_vm2.csv"],
            // Each of two runs would have only one file.
            &["run1.csv", "run2.csv"],
            // The run could be the letter or the number.
            &["a1", "a2", "b1", "b2"],
        ] {
            assert_eq!(runs(one, None).len(), 1, "{one:?}");
        }
        // Names without a word for runs: the number after `log` is the machine, and the rest of the name is the run.
        let levels = [
            "log0_low.txt",
            "log1_low.txt",
            "log0_low2.txt",
            "log1_low2.txt",
        ];
        assert_eq!(
            runs(&levels, None),
            [("log low".to_owned(), 2), ("log low 2".to_owned(), 2)]
        );
        // The second part (1 or 2) or the third part (0 to 2) can be the machine. Only the third part gives runs of three machines.
        let three = ["low1_0", "low1_1", "low1_2", "low2_0", "low2_1", "low2_2"];
        assert_eq!(
            runs(&three, None),
            [("low 1".to_owned(), 3), ("low 2".to_owned(), 3)]
        );
        let pattern = Some(r"(?<run>[a-z])(?<machine>\d)");
        assert_eq!(
            runs(&["a1", "a2", "b1", "b2"], pattern),
            [("a".to_owned(), 2), ("b".to_owned(), 2)]
        );
        assert_eq!(
            machine(pattern, "a2".as_ref()).expect("a machine"),
            Some("2".to_owned())
        );
    }

    #[test]
    fn names_that_can_be_grouped_in_several_ways_are_recognised() {
        let is_ambiguous =
            |names: &[&str]| are_ambiguous(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert!(is_ambiguous(&["a1", "a2", "b1", "b2"]));
        // No part of these names gives several runs with the same machines.
        for names in [
            &["vm1_rate3", "vm2_rate6", "vm3_rate1"][..],
            &["vm1", "vm2"],
            &["vm1", "other_2"],
        ] {
            assert!(!is_ambiguous(names), "{names:?}");
        }
    }
}
