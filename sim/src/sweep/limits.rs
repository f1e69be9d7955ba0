//! How many processes and threads this process may still start, and how much CPU time it may use.
//!
//! On Linux, the kernel counts processes and threads together, as *tasks*. Two limits apply to them: `ulimit -u` limits the tasks of a
//! user, and a control group (of a container, Slurm or systemd) limits the tasks of the group and its subgroups. Control groups limit
//! CPU time too. There are two versions of control groups. Version 1 has several trees of folders, each for one or more kinds of resource.
//! Version 2 has a single tree for all kinds. A folder in a tree is a group. The folders above it are its *ancestors*, whose limits apply
//! too. On other systems than Linux no limit is known.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Returns how many processes and threads this process and its children together may still start. `None` if no limit is known.
pub(super) fn free_tasks() -> Option<u64> {
    let free_in_groups = ControlGroups::for_this_process().free_tasks();
    free_in_groups.into_iter().chain(free_tasks_of_user()).min()
}

/// Returns the CPU time that this process and its children may use, in cores: 1.5 means 1.5 seconds of CPU time in each second. `None` if no
/// limit is known.
pub(super) fn cpu_quota() -> Option<f64> {
    ControlGroups::for_this_process().cpu_quota()
}

/// Returns the number of cores on which the system may run this process, without regard to quotas. (The standard library's
/// `available_parallelism` rounds quotas down: with a quota of 1.5 cores it returns 1.)
pub(super) fn cores() -> usize {
    #[cfg(target_os = "linux")]
    if let Ok(cores) = rustix::thread::sched_getaffinity(None) {
        return cores.count() as usize;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The control groups of a process.
struct ControlGroups {
    /// The text of /proc/self/cgroup. It has a line for each tree, with the path of the process's group in this tree. For example, the line
    /// is `3:cpu,cpuacct:/docker/x` (number, controllers, path) in version 1, and `0::/docker/x` in version 2. A controller is the part of
    /// the kernel that limits one kind of resource: `cpu` limits CPU time, `pids` limits tasks.
    memberships: String,
    /// The folder under which the trees are mounted.
    mount: PathBuf,
}

impl ControlGroups {
    /// Returns the control groups of this process. There are none on a system without control groups.
    fn for_this_process() -> Self {
        Self {
            memberships: fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
            mount: PathBuf::from(CGROUPS),
        }
    }

    /// Returns how many more processes and threads may start. Each group and each ancestor still allows a number of them; the smallest of
    /// these numbers counts. `None` if there is no limit.
    fn free_tasks(&self) -> Option<u64> {
        let free_in_group = |folder: PathBuf| {
            let limit = number(&folder.join("pids.max"))?;
            let used = number(&folder.join("pids.current")).unwrap_or(0);
            Some(limit.saturating_sub(used))
        };
        let folders = self.folders("pids").into_iter();
        folders.filter_map(free_in_group).min()
    }

    /// Returns the smallest CPU quota of the groups and their ancestors, in cores. `None` if there is no quota.
    fn cpu_quota(&self) -> Option<f64> {
        let quota = |folder: PathBuf| {
            let (quota_us, period_us) = match fs::read_to_string(folder.join("cpu.max")) {
                // Version 2 has a file with two words, such as `150000 100000`. The first word is `max` if there is no quota.
                Ok(text) => {
                    let mut words = text.split_whitespace();
                    (words.next()?.parse().ok()?, words.next()?.parse().ok()?)
                }
                // Version 1 has two files. If there is no quota, the first file has the number -1, and `number` returns `None`.
                Err(_) => (
                    number(&folder.join("cpu.cfs_quota_us"))?,
                    number(&folder.join("cpu.cfs_period_us"))?,
                ),
            };
            (period_us > 0).then(|| quota_us as f64 / period_us as f64)
        };
        let quotas = self.folders("cpu").into_iter().filter_map(quota);
        quotas.min_by(f64::total_cmp)
    }

    /// Returns the folders that can contain a limit of `controller`: the folder of the process's group and the folders of the group's
    /// ancestors. They are taken from the tree of version 2 and from the tree of version 1 that has this controller.
    ///
    /// Some of the folders do not exist. For example, a process in a container is in the group `/docker/x`, and the container mounts only
    /// the part of the tree that begins with this group. Then the root of the mounted tree is the group's folder, and there is no folder
    /// `docker/x`.
    fn folders(&self, controller: &str) -> Vec<PathBuf> {
        let mut folders = vec![];
        for line in self.memberships.lines() {
            let mut cells = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (cells.next(), cells.next()) else {
                continue;
            };
            let roots = if controllers.is_empty() {
                // This is the tree of version 2. On a system that uses version 1 too, it is in the folder `unified`.
                vec![self.mount.clone(), self.mount.join("unified")]
            } else if controllers.split(',').any(|name| name == controller) {
                // A tree of version 1 with several controllers has a folder with all their names (`cpu,cpuacct`). There may also be a
                // link with a single name.
                vec![self.mount.join(controllers), self.mount.join(controller)]
            } else {
                continue;
            };
            let path = Path::new(path.trim_start_matches('/'));
            for root in roots {
                // For `docker/x`, `ancestors` returns `docker/x`, `docker` and the empty path. Joined to `root`, the empty path is the root.
                folders.extend(path.ancestors().map(|group| root.join(group)));
            }
        }
        folders
    }
}

/// Returns the number in a file. `None` if the file does not exist, or if its text is not a number (`max`) or is negative (`-1`).
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Returns how many processes and threads `ulimit -u` still allows this process's user. The limit does not apply to root.
#[cfg(target_os = "linux")]
fn free_tasks_of_user() -> Option<u64> {
    let (limit, _) = rlimit::Resource::NPROC.get().ok()?;
    let user = rustix::process::getuid();
    if user.is_root() || limit == rlimit::INFINITY {
        return None;
    }
    // The file /proc/NUMBER/status of a process has lines such as `Uid: 1000 1000 1000 1000` and `Threads: 4`.
    let threads_of_processes = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let status = fs::read_to_string(entry.ok()?.path().join("status")).ok()?;
        let number_after = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line?.split_whitespace().next()?.parse::<u64>().ok()
        };
        let is_own = number_after("Uid:")? == u64::from(user.as_raw());
        is_own.then(|| number_after("Threads:").unwrap_or(1))
    });
    Some(limit.saturating_sub(threads_of_processes.sum()))
}

#[cfg(not(target_os = "linux"))]
fn free_tasks_of_user() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates control groups with these files (path, text), for a process whose file /proc/self/cgroup has the text `memberships`.
    fn groups(memberships: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, ControlGroups) {
        let mount = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let groups = ControlGroups {
            memberships: memberships.to_owned(),
            mount: mount.path().to_owned(),
        };
        (mount, groups)
    }

    #[test]
    fn the_smallest_limit_of_the_group_and_its_ancestors_counts() {
        let (_mount, groups) = groups(
            "0::/pod/task\n",
            &[
                ("pod/task/pids.max", "max\n"),
                ("pod/task/pids.current", "3\n"),
                ("pod/pids.max", "150\n"),
                ("pod/pids.current", "30\n"),
                ("pod/task/cpu.max", "150000 100000\n"),
                ("pod/cpu.max", "max 100000\n"),
            ],
        );
        // Only the ancestor `pod` limits tasks: 150 - 30.
        assert_eq!(groups.free_tasks(), Some(120));
        // Only the group itself limits CPU time: 150000 / 100000.
        assert_eq!(groups.cpu_quota(), Some(1.5));
    }

    #[test]
    fn version_1_has_several_trees() {
        let (_mount, groups) = groups(
            "8:pids:/docker/x\n3:cpu,cpuacct:/docker/x\n",
            &[
                // More tasks than allowed, because the limit was lowered after they had started.
                ("pids/docker/x/pids.max", "50\n"),
                ("pids/docker/x/pids.current", "60\n"),
                // As in a container: the process's own group is the root of this tree, so there is no folder `docker/x`.
                ("cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
                ("cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ],
        );
        assert_eq!(groups.free_tasks(), Some(0));
        assert_eq!(groups.cpu_quota(), Some(0.5));
    }

    #[test]
    fn there_is_no_limit_if_none_is_given() {
        let (_mount, nothing) = groups("", &[]);
        assert_eq!((nothing.free_tasks(), nothing.cpu_quota()), (None, None));
        let (_mount, unlimited) = groups(
            "1:cpu:/\n",
            &[
                ("cpu/cpu.cfs_quota_us", "-1\n"),
                ("cpu/cpu.cfs_period_us", "100000\n"),
            ],
        );
        assert_eq!(unlimited.cpu_quota(), None);
    }
}
