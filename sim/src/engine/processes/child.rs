//! The process of one machine: starts it, checks whether it has ended, and makes sure that it ends.
//!
//! The output of a process goes to unnamed files and is read when the process has ended. If the output went through a pipe, a thread would
//! have to read while the process writes. If the process were then suspended in the middle of a line, this thread would have to wait too.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use super::{
    CANNOT_LISTEN, CANNOT_START, CANNOT_WRITE, Report, SET_UP_PATIENCE, Settings, TOKEN_VARIABLE,
};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::MachineResult;
use crate::experiment::Run;
use crate::log::{RowFormat, parse_rows_in};
use crate::machine::MachineIndex;

/// What is needed to start the processes of a run's machines.
pub(super) struct Machines<'r> {
    pub(super) settings: &'r Settings,
    pub(super) run: &'r Run,
    /// The addresses at which the machines listen.
    pub(super) addresses: &'r [SocketAddr],
    /// The run's secret, by which its machines recognise each other, as hexadecimal digits.
    pub(super) token: &'r str,
}

/// Why a machine's process has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The machine's address is in use. The run can be tried again on other addresses.
    AddressTaken(String),
    /// The system allows no more processes, threads or open files.
    Shortage(String),
    /// The machine's log cannot be written to the disk.
    CannotWrite(String),
    /// A signal ended the process.
    Killed(String),
    /// The process could not be started, or it failed with this message. The message is empty if the process was asked to end.
    Failed(String),
}

/// A machine's process.
pub(super) struct MachineProcess {
    machine: MachineIndex,
    /// The format of the rows of the machine's log.
    format: RowFormat,
    child: Child,
    /// The stdin of the process. Closing it asks the process to end.
    stdin: Option<ChildStdin>,
    stdout: File,
    stderr: File,
    /// How the process ended. `None` while it runs.
    status: Option<ExitStatus>,
}

impl MachineProcess {
    pub(super) fn start(machines: &Machines<'_>, machine: MachineIndex) -> Result<Self, Failure> {
        let program = &machines.settings.program;
        let files = unnamed_files(machines.settings)?;
        Self::spawn(machines, machine, files).map_err(|error| {
            let reason = format!(
                "cannot start machine {machine} as {}: {error}",
                program.display()
            );
            if is_shortage(&error) {
                Failure::Shortage(reason)
            } else {
                Failure::Failed(reason)
            }
        })
    }

    fn spawn(
        machines: &Machines<'_>,
        machine: MachineIndex,
        [stdout, stderr]: [File; 2],
    ) -> io::Result<Self> {
        let Machines {
            settings,
            run,
            addresses,
            token,
        } = machines;
        let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        let mut command = Command::new(&settings.program);
        // The machine gets a process group of its own, so an interrupt from the terminal (Ctrl-C) goes only to the parent process.
        // The parent decides when its machines end.
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Lists of processes show argument 0. By default, argument 0 is the path of the program, which may be /proc/self/exe. Here it
            // is set to `sim`.
            command.process_group(0).arg0("sim");
        }
        let mut child = command
            .arg("machine")
            .arg(&settings.experiment)
            .args(["--child", "--run", &run.key()])
            .args(["--machine", &machine.to_string()])
            .args(["--addresses", &addresses.join(",")])
            .args(["--time-scale", &settings.time_scale.to_string()])
            .args(["--patience", &SET_UP_PATIENCE.as_secs().to_string()])
            .env(TOKEN_VARIABLE, token)
            .stdin(Stdio::piped())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()?;
        Ok(Self {
            machine,
            format: RowFormat::of_single_run(&run.configuration),
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            status: None,
        })
    }

    /// Returns whether the process has ended.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status.is_some())
    }

    /// Asks the process to end.
    pub(super) fn ask_to_end(&mut self) {
        self.stdin = None;
    }

    /// Kills the process.
    fn kill(&mut self) {
        if self.status.is_none() {
            // This fails if the process has just ended. Then nothing needs to be done.
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
    }

    /// Returns the machine's result after its process has ended.
    pub(super) fn result(&mut self) -> Result<MachineResult, Failure> {
        let machine = self.machine;
        let unreadable =
            |problem: String| Failure::Failed(format!("machine {machine}'s log: {problem}"));
        match self.status {
            Some(status) if status.success() => {
                let output =
                    read(&mut self.stdout).map_err(|error| unreadable(error.to_string()))?;
                parse_result(&output, self.format).map_err(unreadable)
            }
            Some(status) => {
                let message =
                    read(&mut self.stderr).map_err(|error| unreadable(error.to_string()))?;
                let message = String::from_utf8_lossy(&message).trim().to_owned();
                Err(self.failure(status, message))
            }
            None => Err(Failure::Failed(format!("machine {machine} has not ended"))),
        }
    }

    /// Says why the process failed. `message` is what the process wrote to stderr.
    fn failure(&self, status: ExitStatus, message: String) -> Failure {
        let machine = self.machine;
        // The constants are exit codes of a machine's process. A code that does not fit a `u8` is none of them. `CANNOT_START` means that
        // the system has no more threads or files for the machine.
        match status.code().map(u8::try_from) {
            Some(Ok(CANNOT_LISTEN)) => Failure::AddressTaken(message),
            Some(Ok(CANNOT_WRITE)) => {
                Failure::CannotWrite(format!("machine {machine}'s log: {message}"))
            }
            Some(Ok(CANNOT_START)) => Failure::Shortage(format!("machine {machine}: {message}")),
            Some(_) => Failure::Failed(message),
            // A process without an exit code was ended by a signal.
            None => Failure::Killed(format!("machine {machine}'s process was killed ({status})")),
        }
    }
}

impl Drop for MachineProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Creates two files without names in the dataset's folder, for the stdout and stderr of a machine's process. The system deletes them when
/// no process has them open any more.
fn unnamed_files(settings: &Settings) -> Result<[File; 2], Failure> {
    // `settings.experiment` is the copy of the experiment file in the dataset's folder.
    let folder = settings.experiment.parent().unwrap_or(Path::new("."));
    let file = || {
        tempfile::tempfile_in(folder).map_err(|error| {
            let reason = format!("a machine's log in {}: {error}", folder.display());
            if is_shortage(&error) {
                Failure::Shortage(reason)
            } else {
                Failure::CannotWrite(reason)
            }
        })
    };
    Ok([file()?, file()?])
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Parses the output of a machine's process: a line with its [`Report`], then a row for each event.
fn parse_result(output: &[u8], format: RowFormat) -> Result<MachineResult, String> {
    // Without a line feed there is no whole report. Then `report_bytes` is 0, and the next statement returns an error,
    // because an empty text is not JSON.
    let report_bytes = output.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let report: Report =
        serde_json::from_slice(&output[..report_bytes]).map_err(|error| error.to_string())?;
    let rows: Result<Vec<_>, _> = parse_rows_in(&output[report_bytes + 1..], format).collect();
    let rows = rows.map_err(|error| error.to_string())?;
    Ok(MachineResult {
        started_at_ns: report.started_at_ns,
        events: rows.into_iter().map(|row| row.logged).collect(),
        latency: report.latency_ns,
        as_scheduled: report.as_scheduled,
        rejected_connections: report.rejected_connections,
    })
}
