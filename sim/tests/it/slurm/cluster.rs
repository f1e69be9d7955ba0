//! A Slurm cluster for tests, all on this computer. Slurm is a program that queues jobs and starts them on the nodes (computers) of a
//! cluster. This cluster runs the real daemons: `slurmctld` manages the queue of jobs, a `slurmd` for each node starts jobs, and `munged`
//! lets these daemons check who sent a message. The daemons talk over the loopback interface. They have their own key, socket, ports and
//! files.
//!
//! The daemons and all jobs run in a process namespace. When the first process of a namespace ends, the system ends all others. Here the
//! first process ends when the pipe on its standard input closes. The test holds the other end of the pipe. Even if the test is killed, the
//! system closes the pipe, so no process is left running.
//!
//! The cluster needs root, and Debian's packages `slurmctld`, `slurmd`, `slurm-client` and `munge`.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long an operation of the cluster may take. An operation usually takes seconds, but longer on a busy computer.
const PATIENCE: Duration = Duration::from_secs(180);
/// The programs that a cluster needs.
const PROGRAMS: [&str; 7] = [
    "unshare",
    "munged",
    "slurmctld",
    "slurmd",
    "sbatch",
    "scontrol",
    "sinfo",
];

/// A cluster with two nodes that are ready for jobs. Jobs are submitted in its folder.
pub struct Cluster {
    /// The program `unshare`. It starts the first process of the namespace, and ends when the first process has ended.
    unshare: Child,
    folder: TempDir,
}

/// The state of a job, or of a task of an array (a job that consists of several numbered tasks).
#[derive(Debug)]
pub struct Job {
    pub state: String,
    /// The exit code and the number of the signal that ended the job: `0:0` for success.
    pub exit_code: String,
    /// How often the job was requeued (ended, and put back into the queue).
    pub restarts: u32,
}

impl Cluster {
    /// Starts a cluster, or returns why it cannot.
    pub fn start() -> Result<Self, String> {
        let missing = PROGRAMS.into_iter().find(|program| !is_installed(program));
        if let Some(program) = missing {
            return Err(format!("there is no program {program} here"));
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        write_configuration(folder.path()).map_err(|error| error.to_string())?;
        let output = fs::File::create(folder.path().join("output.log"))
            .map_err(|error| error.to_string())?;
        let unshare = without_slurm_variables(Command::new("unshare"))
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            // Bash takes the first argument after the script as `$0` (the script's name), and the next one, the folder, as `$1`.
            .args(["bash", "-c", include_str!("cluster.sh"), "cluster"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(|error| error.to_string())?)
            .stderr(output)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut cluster = Self { unshare, folder };
        cluster.wait_for_nodes()?;
        Ok(cluster)
    }

    /// Waits until both nodes are ready for jobs.
    fn wait_for_nodes(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        // `sinfo` prints a line for each node, with its state.
        while self.output_of(self.command("sinfo").args(["-hN", "-o", "%T"])) != "idle\nidle\n" {
            let ended = self.unshare.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!(
                    "the daemons do not start: {}",
                    self.read("output.log")
                ));
            }
            yield_now();
        }
        Ok(())
    }

    /// Returns the folder in which jobs are submitted and write their output.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a command that starts `program` in the cluster's folder. Slurm's programs, such as `sbatch`, then use this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = without_slurm_variables(Command::new(program));
        command
            .current_dir(self.folder())
            .env("SLURM_CONF", self.folder().join("slurm.conf"));
        command
    }

    /// Runs a program and requires that it succeeds. Returns its output.
    pub fn run(&self, command: &mut Command) -> String {
        let output = command.output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{command:?}: {stderr}\n{}",
            self.logs()
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns the output of a program, whether it succeeds or not.
    fn output_of(&self, command: &mut Command) -> String {
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns what Slurm shows of `job`. `job` is an array, such as `5`, or a task of an array, such as `5_2`. For an array, there is an
    /// entry for each task that has started or ended, and a single entry for all remaining tasks.
    pub fn jobs(&self, job: &str) -> Vec<Job> {
        let text = self.run(
            self.command("scontrol")
                .args(["--oneliner", "show", "job", job]),
        );
        text.lines().map(Job::from_line).collect()
    }

    /// Waits until every task of an array has ended. There must be `tasks` tasks. Each must have been requeued `restarts` times, and then
    /// have succeeded.
    pub fn wait_for_success(&self, array: &str, tasks: usize, restarts: u32) {
        let has_not_ended = |job: &Job| job.is_running() || job.state == "PENDING";
        self.wait_until(&format!("the end of {array}"), || {
            !self.jobs(array).iter().any(has_not_ended)
        });
        let jobs = self.jobs(array);
        let has_succeeded = |job: &Job| {
            job.state == "COMPLETED" && job.exit_code == "0:0" && job.restarts == restarts
        };
        assert!(
            jobs.len() == tasks && jobs.iter().all(has_succeeded),
            "{jobs:#?}\n{}",
            self.logs()
        );
    }

    /// Waits until a running task is back in the queue, and lets it start again after two seconds. Slurm itself would wait two minutes.
    /// The task must not start again within the second in which it ended, because slurmd would confuse the new start with the old one.
    pub fn wait_for_requeue(&self, task: &str) {
        self.wait_until(&format!("{task} to stop"), || {
            !self.jobs(task).iter().any(Job::is_running)
        });
        let is_queued = self.jobs(task).iter().all(|job| job.state == "PENDING");
        assert!(is_queued, "{:#?}\n{}", self.jobs(task), self.logs());
        self.run(self.command("scontrol").args([
            "update",
            &format!("JobId={task}"),
            "StartTime=now+2",
        ]));
    }

    /// Waits until `is_fulfilled` returns true. `what` names the condition in the message of a failed test.
    pub fn wait_until(&self, what: &str, mut is_fulfilled: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_fulfilled() {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}\n{}",
                self.logs()
            );
            yield_now();
        }
    }

    /// Returns all logs, for the message of a failed test.
    pub fn logs(&self) -> String {
        let mut names: Vec<String> = fs::read_dir(self.folder())
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name.ends_with(".log") || name.ends_with(".out"))
            .collect();
        names.sort();
        let logs = names
            .iter()
            .map(|name| format!("--- {name}\n{}", self.read(name)));
        logs.collect()
    }

    /// Returns the text of a file in the folder, or an empty text if the file does not exist.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // `wait` first closes the pipe to the standard input, so the first process of the namespace ends. When `wait` returns, every
        // process of the namespace has ended, and the folder can be removed.
        let _ = self.unshare.wait();
    }
}

impl Job {
    /// Returns whether the job occupies a node.
    fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "COMPLETING" | "SUSPENDED")
    }

    /// Parses a line of `scontrol --oneliner show job`, which has words such as `JobState=RUNNING`.
    fn from_line(line: &str) -> Self {
        let field = |name: &str| {
            let value = line
                .split(' ')
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().to_owned()
        };
        Self {
            state: field("JobState"),
            exit_code: field("ExitCode"),
            restarts: field("Restarts").parse().expect("a number"),
        }
    }
}

/// Removes Slurm's environment variables from `command`. If the tests run in a job of another cluster, these variables are set, and would
/// affect the command.
pub fn without_slurm_variables(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["SLURM", "SBATCH", "SCONTROL", "SINFO"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Returns whether there is a program with this name.
fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Writes the files `slurm.conf`, `plugstack.conf` (a list of plug-ins, here empty) and `munge.key`, and creates the folders for the
/// daemons.
fn write_configuration(folder: &Path) -> std::io::Result<()> {
    for name in ["state", "spool-one", "spool-two"] {
        fs::create_dir(folder.join(name))?;
    }
    let mut key = [0; 128];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    fs::write(folder.join("munge.key"), key)?;
    fs::set_permissions(folder.join("munge.key"), fs::Permissions::from_mode(0o400))?;
    fs::write(folder.join("plugstack.conf"), "")?;
    let host = fs::read_to_string("/proc/sys/kernel/hostname")?;
    let host = host.trim().split('.').next().unwrap_or_default();
    let [controller, one, two] = free_ports();
    let text = include_str!("slurm.conf")
        .replace("FOLDER", &folder.display().to_string())
        .replace("HOST", host)
        .replace("CONTROLLER_PORT", &controller.to_string())
        .replace("ONE_PORT", &one.to_string())
        .replace("TWO_PORT", &two.to_string());
    fs::write(folder.join("slurm.conf"), text)
}

/// Returns free ports, from 10000 to about 20000. The system takes ports for outgoing connections from a higher range. So no connection
/// takes one of these ports before the daemons do. No port is returned twice. Other test processes most likely use other ports, because
/// the first port depends on the process id.
fn free_ports<const N: usize>() -> [u16; N] {
    static COUNT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 9_000) as u16;
    let mut ports = (0..1_000).map(|_| first + COUNT.fetch_add(1, Ordering::Relaxed));
    let mut next_free = || ports.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    std::array::from_fn(|_| next_free().expect("a free port"))
}
