//! The memory that runs need, and the memory that is available.

use std::fs;
use std::mem::size_of;
use std::path::{Path, PathBuf};

use super::finished::ROW_BYTES;
use crate::experiment::{Configuration, EngineKind, Experiment, Isolation};
use crate::log::LoggedEvent;

/// Bytes that an event needs in an engine (the part of the program that makes runs, over TCP or in virtual time). The factor 2 is there
/// because a growing list has space for up to twice as many events as it contains.
const EVENT_BYTES: u64 = 2 * size_of::<LoggedEvent>() as u64;
/// The tcp engine keeps at most this many events of unfinished runs in memory. Further events go to files.
const MAX_EVENTS_IN_MEMORY: u64 = 4_000_000;
/// The events that the tcp engine keeps in memory may use at most a quarter of the available memory.
const DIVISOR_FOR_EVENTS: u64 = 4;
/// Maximum number of bytes of the rows that wait for the writer: 256 MiB. The writer is the thread that writes the rows of ended runs to
/// the event log. In virtual time, each worker (a thread that makes runs) has a queue for its ended runs. Over TCP, all workers share one
/// queue. From there the runs move to one more queue, from which the writer takes them. The maximum is for all queues together.
const MAX_WAITING_BYTES: u64 = 256 << 20;
/// Maximum number of ended runs that may wait for the writer in one of these queues, even if the runs are small.
const MAX_WAITING_RUNS: u64 = 256;

/// Returns how many bytes of memory a run of `configuration` needs, approximately. Its events are counted twice: as values in the engine,
/// and as text in the rows of the event log.
pub(super) fn bytes_of_run(configuration: &Configuration) -> u64 {
    let rows = configuration.expected_rows();
    rows.saturating_mul(EVENT_BYTES + ROW_BYTES as u64)
}

/// Returns whether memory must hold the events of all runs under way. With the engine `tcp` and `isolation = "shared"` (many runs in one
/// process) this is not necessary: at most [`events_in_memory`] events stay in memory. Further events are written to files. After the end
/// of a run its events are read back, one run at a time.
pub(super) fn keeps_every_run_in_memory(experiment: &Experiment) -> bool {
    experiment.engine == EngineKind::Virtual || experiment.isolation == Isolation::Process
}

/// Returns how many events of runs under way the tcp engine may keep in `available` bytes.
pub(super) fn events_in_memory(available: u64) -> u64 {
    MAX_EVENTS_IN_MEMORY.min(available / DIVISOR_FOR_EVENTS / EVENT_BYTES)
}

/// Returns how many bytes of memory are needed, approximately, while `runs` runs of `configuration` are under way. The rows that wait for
/// the writer are not counted. `available` is the available memory in bytes.
pub(super) fn bytes_at_once(
    experiment: &Experiment,
    configuration: &Configuration,
    runs: u64,
    available: u64,
) -> u64 {
    let one_run = bytes_of_run(configuration);
    let all_runs = one_run.saturating_mul(runs);
    if keeps_every_run_in_memory(experiment) {
        return all_runs;
    }
    // Besides the events of runs under way, one ended run is in memory at a time, to be turned into rows.
    one_run.saturating_add(all_runs.min(events_in_memory(available) * EVENT_BYTES))
}

/// Returns how many ended runs of `configuration` may wait for the writer in each of `queues` queues: at least one.
pub(super) fn max_waiting_runs(configuration: &Configuration, queues: u64) -> usize {
    let row_bytes_of_run = configuration.expected_rows().max(1) * ROW_BYTES as u64;
    (MAX_WAITING_BYTES / queues / row_bytes_of_run).clamp(1, MAX_WAITING_RUNS) as usize
}

/// Returns how many bytes of memory the rows of `runs` runs of `configuration` need, while these runs wait for the writer.
pub(super) fn waiting_bytes(configuration: &Configuration, runs: u64) -> u64 {
    let row_bytes_of_run = configuration.expected_rows() * ROW_BYTES as u64;
    runs.saturating_mul(row_bytes_of_run)
}

/// Returns how many bytes of memory this process uses; 0 if the system does not say.
pub(super) fn used_bytes() -> u64 {
    let process = fs::read_to_string("/proc/self/status").unwrap_or_default();
    bytes_after(&process, "VmRSS:").unwrap_or(0)
}

/// Returns how many bytes of memory this process can still get: the available memory of the system, or less if a limit allows less. The
/// process has limits of its own (`ulimit -v`, `ulimit -d`), and its control groups can have limits too (see [`ControlGroup`]). Returns
/// `u64::MAX` if nothing is known.
pub(super) fn available_bytes() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").ok();
    let system = meminfo.and_then(|text| bytes_after(&text, "MemAvailable:"));
    let process = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = [
        (address_space_limit(), "VmSize:"),
        (data_limit(), "VmData:"),
    ];
    let left_by_limits = limits.into_iter().filter_map(|(limit, used_key)| {
        let used = bytes_after(&process, used_key).unwrap_or(0);
        Some(limit?.saturating_sub(used))
    });
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = control_groups(&memberships).into_iter();
    let left_by_groups = groups.filter_map(bytes_left);
    let all = system.into_iter().chain(left_by_limits);
    all.chain(left_by_groups).min().unwrap_or(u64::MAX)
}

#[cfg(unix)]
fn address_space_limit() -> Option<u64> {
    rlimit::Resource::AS.get_soft().ok()
}

#[cfg(unix)]
fn data_limit() -> Option<u64> {
    rlimit::Resource::DATA.get_soft().ok()
}

#[cfg(not(unix))]
fn address_space_limit() -> Option<u64> {
    None
}

#[cfg(not(unix))]
fn data_limit() -> Option<u64> {
    None
}

/// Returns the number after `name` in a text with lines such as `MemAvailable:  8049932 kB`, converted to bytes.
fn bytes_after(text: &str, name: &str) -> Option<u64> {
    let number = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number = number.trim().strip_suffix("kB")?.trim().parse::<u64>();
    Some(number.ok()? * 1024)
}

/// A control group (a group of processes, for example of a container) that may limit memory.
#[derive(Debug, PartialEq, Eq)]
struct ControlGroup {
    folder: PathBuf,
    /// The name of the file that has the limit in bytes.
    limit_file: &'static str,
    /// The key in the file `memory.stat` for the memory that counts as used. The page cache (copies of files in memory) does not count,
    /// because the system can take this memory back.
    used_key: &'static str,
}

/// Returns the control groups of this process that may limit memory, each followed by its ancestors. `memberships` is the text of
/// `/proc/self/cgroup`. Linux has two versions of control groups. Version 1 has several trees of groups, each with a line
/// `number:controllers:path` (a controller limits one resource, such as `memory`). Version 2 has one tree, with the line `0::path`.
fn control_groups(memberships: &str) -> Vec<ControlGroup> {
    let mut groups = vec![];
    for line in memberships.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, limit_file, used_key) = match controllers {
            // This is the tree of version 2.
            "" => ("/sys/fs/cgroup", "memory.max", "anon"),
            // This is the tree of version 1 that limits memory.
            _ if controllers.split(',').any(|name| name == "memory") => (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "total_rss",
            ),
            _ => continue,
        };
        for path in Path::new(path.trim_start_matches('/')).ancestors() {
            groups.push(ControlGroup {
                folder: Path::new(root).join(path),
                limit_file,
                used_key,
            });
        }
    }
    groups
}

/// Returns how many bytes a control group still allows, if it has a limit.
fn bytes_left(group: ControlGroup) -> Option<u64> {
    let limit = fs::read_to_string(group.folder.join(group.limit_file)).ok()?;
    // Without a limit, the text in version 2 is `max`, which is not a number.
    let limit: u64 = limit.trim().parse().ok()?;
    let statistics = fs::read_to_string(group.folder.join("memory.stat")).unwrap_or_default();
    let used = statistics
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == group.used_key);
    let used = used.and_then(|(_, bytes)| bytes.trim().parse().ok());
    Some(limit.saturating_sub(used.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let text = "MemTotal:  16 kB\nMemAvailable:    8049932 kB\n";
        assert_eq!(bytes_after(text, "MemAvailable:"), Some(8_049_932 * 1024));
        assert_eq!(bytes_after(text, "VmSize:"), None);
    }

    #[test]
    fn groups_that_may_limit_memory_are_found_with_all_their_ancestors() {
        let folders = |text| {
            let groups = control_groups(text).into_iter();
            let files = groups.map(|group| group.folder.join(group.limit_file));
            files
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            folders("0::/a/b\n"),
            [
                "/sys/fs/cgroup/a/b/memory.max",
                "/sys/fs/cgroup/a/memory.max",
                "/sys/fs/cgroup/memory.max"
            ]
        );
        // Two trees of version 1. Only the one with the controller `memory` limits memory.
        assert_eq!(
            folders("5:cpu:/x\n4:hugetlb,memory:/\n"),
            ["/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
    }

    #[test]
    fn used_memory_is_subtracted_from_a_groups_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = || ControlGroup {
            folder: folder.path().to_owned(),
            limit_file: "memory.max",
            used_key: "anon",
        };
        assert_eq!(bytes_left(group()), None);
        let write = |name, text| fs::write(folder.path().join(name), text).expect("written");
        // The system can take back the 400 bytes of `file`, so they do not count as used.
        write("memory.stat", "anon 300\nfile 400\n");
        write("memory.max", "max\n");
        assert_eq!(bytes_left(group()), None);
        write("memory.max", "1000\n");
        assert_eq!(bytes_left(group()), Some(700));
    }

    #[test]
    fn memory_of_this_process_is_found() {
        assert!(available_bytes() > 0);
    }
}
