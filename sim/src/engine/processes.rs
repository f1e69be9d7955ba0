//! Runs whose machines are processes of their own: this one only starts them, waits, gathers and cleans up.
//!
//! The machines find each other, agree on the start and exchange messages by themselves ([`super::tcp::take_part`]). Each holds
//! the reading end of a pipe whose writing end is here: whatever becomes of this process, they end.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use serde::{Deserialize, Serialize};

use super::tcp::{AddressBook, Part, PortRange, new_token};
use super::{Control, Ended, RawLog, Samples, ticks_in};
use crate::experiment::Run;
use crate::log::parse_rows;
use crate::wire::RunToken;

/// The environment variable that tells a machine the run's secret, out of sight of other users.
pub const TOKEN_VARIABLE: &str = "SIM_TOKEN";
/// Exit code of a machine that found its address taken: the run can be tried again on others.
pub const CANNOT_LISTEN: u8 = 75;

/// How often a run is tried on other addresses.
const ATTEMPTS: usize = 3;
/// How soon an interrupt is noticed.
const LOOK_UP: Duration = Duration::from_millis(100);

/// How machines are to be started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that has the verb `machine`.
    pub program: PathBuf,
    /// The experiment file.
    pub experiment: PathBuf,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Runs at once.
    pub width: usize,
    /// Where machines listen.
    pub ports: PortRange,
}

/// What a machine's process says first, before its rows: all but its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    started_at_ns: u64,
    latency_ns: Samples,
    in_order: bool,
    strangers: u32,
}

impl Report {
    /// The report of a machine that did `part`.
    pub fn of(part: &Part) -> Self {
        Self {
            started_at_ns: part.started_at_ns,
            latency_ns: part.latency.clone(),
            in_order: part.in_order,
            strangers: part.strangers,
        }
    }
}

/// A secret as hexadecimal digits.
pub fn token_to_hex(token: &RunToken) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret from its 32 hexadecimal digits.
pub fn token_from_hex(text: &str) -> Option<RunToken> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}

/// Runs what comes from `runs` until there are no more, a few at a time, and sends each to `ended`.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    ended: &Sender<Ended<RawLog>>,
) {
    thread::scope(|scope| {
        for _ in 0..settings.width {
            scope.spawn(|| {
                let mut addresses = AddressBook::new(settings.ports.clone());
                while !control.is_stopped()
                    && let Ok(run) = runs.try_recv()
                {
                    control.begin();
                    let result = run_apart(settings, &run, &mut addresses, control);
                    control.end();
                    let Some((result, strangers)) = result else {
                        return;
                    };
                    if ended
                        .send(Ended {
                            run,
                            result,
                            strangers,
                        })
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
}

/// A run from its start to its end; nothing if it was interrupted.
fn run_apart(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> Option<(Result<RawLog, String>, u32)> {
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        match attempt(settings, run, addresses, control) {
            Outcome::Done(parts) => {
                control.ticked(parts.iter().map(|part| ticks_in(&part.events)).sum());
                let strangers = parts.iter().map(|part| part.strangers).sum();
                return Some((Ok(log_of(parts)), strangers));
            }
            Outcome::Interrupted => return None,
            Outcome::Failed { reason, again } => {
                failure = reason;
                if !again {
                    break;
                }
            }
        }
    }
    Some((Err(failure), 0))
}

fn log_of(parts: Vec<Part>) -> RawLog {
    let mut latency = Samples::default();
    let (mut started_at_ns, mut machines, mut in_order) = (u64::MAX, vec![], true);
    for part in parts {
        in_order &= part.in_order;
        latency.append(part.latency);
        started_at_ns = started_at_ns.min(part.started_at_ns);
        machines.push(part.events);
    }
    RawLog {
        started_at_ns,
        machines,
        spilled: vec![],
        latency,
        in_order,
    }
}

enum Outcome {
    Done(Vec<Part>),
    Failed { reason: String, again: bool },
    Interrupted,
}

impl Outcome {
    fn failed(reason: impl ToString) -> Self {
        Self::Failed {
            reason: reason.to_string(),
            again: false,
        }
    }
}

fn attempt(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> Outcome {
    let machines = run.configuration.rates.machines();
    let started = addresses
        .reserve(machines)
        .map_err(|error| error.to_string())
        .and_then(|addresses| Processes::start(settings, run, &addresses));
    match started {
        Ok(processes) => processes.wait(control),
        Err(reason) => Outcome::failed(reason),
    }
}

/// The processes of a run. Whatever happens to this value, none of them is left behind.
struct Processes {
    /// Their stdin: closing one ends its process.
    lifelines: Vec<Option<ChildStdin>>,
    /// Each process's end, by machine.
    ends: Receiver<(usize, Result<Part, MachineFailure>)>,
}

/// Why a machine's process brought nothing.
struct MachineFailure {
    reason: String,
    /// Killed from outside: the cause, where the other machines only see the effect.
    killed: bool,
    again: bool,
}

impl Processes {
    fn start(settings: &Settings, run: &Run, addresses: &[SocketAddr]) -> Result<Self, String> {
        let token = token_to_hex(&new_token()?);
        let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        let (sender, ends) = crossbeam_channel::unbounded();
        let mut lifelines = vec![];
        for machine in 0..addresses.len() {
            let mut command = Command::new(&settings.program);
            // An interrupt from the terminal is for this process alone: it decides what becomes of its machines.
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            let mut child = command
                .arg("machine")
                .arg(&settings.experiment)
                .args(["--child", "--run", &run.key()])
                .args(["--machine", &machine.to_string()])
                .args(["--addresses", &addresses.join(",")])
                .args(["--time-scale", &settings.time_scale.to_string()])
                .env(TOKEN_VARIABLE, &token)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| {
                    let program = settings.program.display();
                    format!("cannot start machine {machine} as {program}: {error}")
                })?;
            lifelines.push(child.stdin.take());
            let sender = sender.clone();
            thread::spawn(move || sender.send((machine, gather(machine, child))));
        }
        Ok(Self { lifelines, ends })
    }

    fn wait(mut self, control: &Control) -> Outcome {
        let mut parts: Vec<Option<Part>> = self.lifelines.iter().map(|_| None).collect();
        let mut failures: Vec<MachineFailure> = vec![];
        let mut open = parts.len();
        while open > 0 {
            match self.ends.recv_timeout(LOOK_UP) {
                Ok((machine, end)) => {
                    open -= 1;
                    match end {
                        Ok(part) => parts[machine] = Some(part),
                        Err(failure) => failures.push(failure),
                    }
                }
                Err(RecvTimeoutError::Timeout) if control.is_stopped() => {
                    return Outcome::Interrupted;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !failures.is_empty() {
                self.lifelines.clear();
            }
        }
        let cause = failures
            .iter()
            .position(|failure| failure.killed)
            .unwrap_or(0);
        match (failures.into_iter().nth(cause), parts.into_iter().collect()) {
            (None, Some(parts)) => Outcome::Done(parts),
            (Some(MachineFailure { reason, again, .. }), _) => Outcome::Failed { reason, again },
            (None, None) => Outcome::failed("a machine's process was lost"),
        }
    }
}

/// Reads what a machine's process says, to its end.
fn gather(machine: usize, mut child: Child) -> Result<Part, MachineFailure> {
    let failure = |reason: String| MachineFailure {
        reason,
        killed: false,
        again: false,
    };
    let unreadable = |error: std::io::Error| failure(format!("machine {machine}'s log: {error}"));
    let mut said = vec![];
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut said).map_err(unreadable)?;
    }
    let mut complaint = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut complaint).map_err(unreadable)?;
    }
    let status = child.wait().map_err(unreadable)?;
    if !status.success() {
        return Err(MachineFailure {
            again: status.code() == Some(i32::from(CANNOT_LISTEN)),
            killed: status.code().is_none(),
            reason: match status.code() {
                None => format!("machine {machine}'s process was killed ({status})"),
                Some(_) => complaint.trim().to_owned(),
            },
        });
    }
    part(&said).map_err(|problem| failure(format!("machine {machine}'s log: {problem}")))
}

fn part(said: &[u8]) -> Result<Part, String> {
    let line = said.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let report: Report =
        serde_json::from_slice(&said[..line]).map_err(|error| error.to_string())?;
    let rows: Result<Vec<_>, _> = parse_rows(&said[line + 1..]).collect();
    let rows = rows.map_err(|error| error.to_string())?;
    Ok(Part {
        started_at_ns: report.started_at_ns,
        events: rows.into_iter().map(|row| row.logged).collect(),
        latency: report.latency_ns,
        in_order: report.in_order,
        strangers: report.strangers,
    })
}
