//! Helpers that find the child processes of a sweep in `/proc`, and wait until they have ended. Each child process runs one machine.

use super::*;

/// Waits until `parent` has `count` child processes. Returns their ids.
#[cfg(target_os = "linux")]
pub(super) fn wait_for_children(parent: &Child, count: usize) -> Vec<u32> {
    loop {
        // The folder of a process has its id as name. Other entries are skipped, and so are processes that end during the search.
        let processes = fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
            let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
            (parent_and_state(process)?.0 == parent.id()).then_some(process)
        });
        let children: Vec<u32> = processes.collect();
        if children.len() == count {
            return children;
        }
        yield_now();
    }
}

/// Waits until a process has ended. A zombie process counts as ended.
#[cfg(target_os = "linux")]
pub(super) fn wait_until_gone(process: u32) {
    while parent_and_state(process).is_some_and(|(_, state)| state != 'Z') {
        yield_now();
    }
}

/// Returns the id of a process's parent, and the letter of its state (`Z` for a zombie process). `None` if there is no process with
/// this id.
#[cfg(target_os = "linux")]
pub(super) fn parent_and_state(process: u32) -> Option<(u32, char)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The text is `ID (NAME) STATE PARENT ...`. The name can contain `) ` too, so the last `) ` counts.
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    let state = words.next()?.chars().next()?;
    Some((words.next()?.parse().ok()?, state))
}
