//! `sim machine`: runs one machine of a run as a process of its own. The other machines of the run can be on other hosts (computers).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sim::console::tell;
use sim::engine::processes::{self, Report, TOKEN_VARIABLE};
use sim::engine::tcp::{self, MachineResult, Participant, ParticipantError};
use sim::engine::wall_margin_ns;
use sim::experiment::{Experiment, Overrides, RunName};
use sim::log::{RowFormat, event_header, write_machine_rows};
use sim::wire::RunToken;

/// The largest value of --patience: one week, in seconds.
const MAX_PATIENCE_S: u64 = 7 * 24 * 3600;
/// Exit code: the run failed.
const FAILED: u8 = 3;

/// Run one machine of a run in this process, and print its log to stdout
#[derive(clap::Args)]
#[command(after_help = "\
Start the other machines of the run the same way: with the same experiment file, --run, --addresses and environment variable SIM_TOKEN \
(a shared secret of 32 hexadecimal digits), but each with its own --machine. The machine that starts first waits for the others.

On several hosts (computers), delays can change the order of events. Take the sum of the largest lateness of a tick, the largest latency of \
a message, and the difference between the hosts' clocks. If the sum is less than the run's margin, the run certainly has the same events as \
in virtual time. `sim plan` shows the shortest margin of an experiment's runs.

At the end, each machine prints its own largest lateness, its largest latency and the run's margin to stderr. It also prints whether it \
was punctual: whether its lateness plus its latency is less than half of the margin. (Half, because a \
machine knows only its own delays. If every machine is punctual, the largest lateness of the run and the largest latency of the run are \
each less than half of the margin, even if they are on different machines. So their sum is less than the margin.) If all machines were punctual and the hosts' clocks agree, the run has the same events as in virtual time.

Example, for a run of two machines on two hosts:
  export SIM_TOKEN=$(openssl rand -hex 16)   # the same on both
  sim machine two.toml --run 0 --machine 0 \\
    --addresses 10.0.0.1:20000,10.0.0.2:20000 > machine-0.csv
  sim machine two.toml --run 0 --machine 1 \\
    --addresses 10.0.0.1:20000,10.0.0.2:20000 > machine-1.csv

Exit codes: 0 done; 2 the command line or the experiment cannot be used; 3 the run failed; 71 the system has no more threads or files; \
75 the machine's address is in use.")]
pub struct Args {
    /// The experiment file (TOML)
    experiment: PathBuf,
    /// The run's number (from 0) or its key, as in the columns run and key of runs.csv
    #[arg(long, value_name = "RUN")]
    run: RunName,
    /// The number of this machine in the run, from 0
    #[arg(long, value_name = "N")]
    machine: u32,
    /// The addresses at which the machines listen, in the order of the machines
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        value_delimiter = ',',
        required = true
    )]
    addresses: Vec<String>,
    /// Model seconds that pass in a second of real time; replaces the value in the file. All machines of a run need the same value
    #[arg(long, value_name = "X", value_parser = super::time_scale)]
    time_scale: Option<f64>,
    /// Seconds to wait for the other machines at the start
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=MAX_PATIENCE_S))]
    patience: u64,
    /// End when stdin is closed, and report to the process that started this one (used by sim itself)
    #[arg(long, hide = true)]
    child: bool,
}

/// Takes part in the run, and prints the machine's log.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.child
        && let Err(error) = end_when_stdin_closes()
    {
        tell(format!("the system has no more threads ({error})"));
        return Ok(ExitCode::from(processes::CANNOT_START));
    }
    // Without this call, the system would end the process if stdout is a file that reaches the limit for its size (`ulimit -f`).
    super::turn_file_limits_into_errors()?;
    let participant = participant(args)?;
    let result = match tcp::take_part(&participant) {
        Ok(result) => result,
        Err(error) => {
            tell(&error);
            return Ok(ExitCode::from(match error {
                ParticipantError::Listen { .. } => processes::CANNOT_LISTEN,
                ParticipantError::Shortage(_) => processes::CANNOT_START,
                ParticipantError::Failed(_) => FAILED,
            }));
        }
    };
    let format = RowFormat::of_single_run(&participant.run.configuration);
    // If the run has a second clock besides the Lamport clock, the log has a column for its timestamps.
    let has_timestamps = format.timestamps.has_column();
    // The first line of the output is the header of the log or, with --child, a report for the process that started this one.
    let mut text = if args.child {
        serde_json::to_vec(&Report::from_result(&result))?
    } else {
        event_header(has_timestamps).trim_end().into()
    };
    text.push(b'\n');
    write_machine_rows(
        &mut text,
        participant.run.index,
        args.machine,
        &result.events,
        has_timestamps,
    );
    let mut stdout = io::stdout();
    let written = stdout.write_all(&text).and_then(|()| stdout.flush());
    if !args.child {
        // This goes to stderr, so it is printed even if stdout has failed.
        tell(describe(&participant, &result));
    } else if let Err(error) = &written {
        tell(error);
        return Ok(ExitCode::from(processes::CANNOT_WRITE));
    }
    super::exit_code_of_printing(written)
}

/// Describes this machine's lateness and latency in one line. The machine is punctual if its largest lateness plus its largest
/// latency is less than half the margin. Half, because the run's largest lateness can be that of one machine, and the run's largest
/// latency that of another. If each of the two is less than half the margin, their sum is less than the margin.
///
/// If all machines of the run are punctual and the system clocks of their hosts agree, the events are those of the simulated run with the
/// same seed. (If the system clocks differ, a message can seem to arrive before it was sent. Its latency then counts as 0.)
fn describe(participant: &Participant, result: &MachineResult) -> String {
    let schedule = participant.run.schedule(participant.seed);
    let margin_ns = wall_margin_ns(&schedule, participant.time_scale) as f64;
    let latenesses_ns = result.events.iter().map(|logged| {
        let due_ns = schedule.due_ns(participant.machine as usize, logged.event.tick) as f64;
        let happened_ns = logged.system_time_ns - result.started_at_ns;
        // Due times are in model time. Division by the scale makes them real time.
        happened_ns as f64 - due_ns / participant.time_scale
    });
    let largest_lateness_ns = latenesses_ns.fold(0.0, f64::max);
    let largest_latency_ns = result.latency.clone().quantiles().max_ns as f64;
    let is_punctual = (largest_lateness_ns + largest_latency_ns) * 2.0 < margin_ns;
    format!(
        "machine {}: {} events, ticks up to {:.2} ms late, messages travelled up to {:.2} ms, margin {:.2} ms: {}punctual",
        participant.machine,
        result.events.len(),
        largest_lateness_ns / 1e6,
        largest_latency_ns / 1e6,
        margin_ns / 1e6,
        if is_punctual { "" } else { "not " }
    )
}

/// Collects what this process needs to take part in the run, from the command line and the experiment file.
///
/// # Errors
///
/// Fails if the run or the machine does not exist, or if the addresses do not fit the run.
fn participant(args: &Args) -> Result<Participant> {
    let overrides = Overrides {
        time_scale: args.time_scale,
        ..Overrides::default()
    };
    let experiment = Experiment::read(&args.experiment, overrides)?;
    let Some(run) = args.run.find(&experiment) else {
        bail!(
            "--run {}: the experiment has runs 0 to {}",
            args.run,
            experiment.run_count() - 1
        );
    };
    let machines = run.configuration.rates.machines();
    if args.addresses.len() != machines as usize {
        bail!(
            "--addresses names {} machines, but run {} has {machines}",
            args.addresses.len(),
            args.run
        );
    }
    for (index, address) in args.addresses.iter().enumerate() {
        if address.ends_with(":0") || args.addresses[..index].contains(address) {
            bail!(
                "--addresses: `{address}`: each machine needs its own address, with a port from 1 to 65535"
            );
        }
    }
    if args.machine >= machines {
        bail!(
            "--machine {}: run {} has machines 0 to {}",
            args.machine,
            args.run,
            machines - 1
        );
    }
    let addresses: Vec<_> = args
        .addresses
        .iter()
        .map(|text| resolve(text))
        .collect::<Result<_>>()?;
    let machine = args.machine as usize;
    Ok(Participant {
        run,
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        machine: args.machine,
        listen: addresses_to_listen_on(&args.addresses[machine], machine, &addresses),
        addresses,
        token: token()?,
        patience: Duration::from_secs(args.patience),
    })
}

/// Returns all addresses that `HOST:PORT` stands for. A host may have several.
fn resolve(text: &str) -> Result<Vec<SocketAddr>> {
    let addresses = text.to_socket_addrs().with_context(|| {
        format!("--addresses: `{text}` is not an address such as 10.0.0.1:20000")
    })?;
    let addresses: Vec<_> = addresses.collect();
    if addresses.is_empty() {
        bail!("--addresses: `{text}` has no address");
    }
    Ok(addresses)
}

/// Returns the addresses at which machine `machine` tries to listen, the best one first. `text` is its address on the command line, and
/// `addresses` has what [`resolve`] returns for each machine.
///
/// On many systems, a host finds only 127.0.1.1 for its own name, and other hosts cannot reach this address. If `text` contains a host
/// name that stands only for such addresses, and another machine of the run is on another host, the machine listens on all addresses of
/// its host.
fn addresses_to_listen_on(
    text: &str,
    machine: usize,
    addresses: &[Vec<SocketAddr>],
) -> Vec<SocketAddr> {
    let is_loopback = |address: &SocketAddr| address.ip().is_loopback();
    let mut own = addresses[machine].clone();
    // Addresses that other hosts can reach come first: `false` is sorted before `true`.
    own.sort_by_key(is_loopback);
    let is_name = text.parse::<SocketAddr>().is_err();
    let others_elsewhere = addresses
        .iter()
        .flatten()
        .any(|address| !is_loopback(address));
    if is_name && others_elsewhere && own.iter().all(is_loopback) {
        for address in &mut own {
            // The unspecified addresses, 0.0.0.0 and ::, stand for all addresses of this host.
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            });
        }
    }
    own
}

/// Reads the run's secret from the environment. All machines of the run must have the same secret.
fn token() -> Result<RunToken> {
    let text = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    processes::token_from_hex(&text).with_context(|| {
        format!("set the environment variable {TOKEN_VARIABLE} to the run's secret: 32 hexadecimal digits, the same for all its machines")
    })
}

/// Ends this process when its stdin closes, which happens when the process that started it ends.
fn end_when_stdin_closes() -> io::Result<()> {
    std::thread::Builder::new().spawn(|| {
        let mut byte = [0];
        // What is read does not matter. A read of 0 bytes means that stdin is closed.
        while !matches!(io::stdin().read(&mut byte), Ok(0) | Err(_)) {}
        std::process::exit(i32::from(FAILED));
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses at which machine 0 listens. Its address on the command line is `text`, which stands for the addresses `own`. The
    /// address of machine 1 is `other`.
    fn listens(text: &str, own: &[&str], other: &str) -> Vec<String> {
        let parsed = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let own = own.iter().map(|text| parsed(text)).collect();
        let listen = addresses_to_listen_on(text, 0, &[own, vec![parsed(other)]]);
        listen.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn a_host_name_that_means_loopback_is_replaced_by_all_addresses() {
        let own = ["127.0.1.1:20000"];
        assert_eq!(
            listens("me:20000", &own, "10.0.0.2:20000"),
            ["0.0.0.0:20000"]
        );
        // If all machines are on one host, its loopback address is used. An address in numbers is used as given.
        assert_eq!(listens("me:20000", &own, "127.0.0.1:20001"), own);
        assert_eq!(listens("127.0.1.1:20000", &own, "10.0.0.2:20000"), own);
    }

    #[test]
    fn addresses_that_other_hosts_reach_come_first() {
        let own = ["127.0.1.1:20000", "10.0.0.1:20000", "[2001:db8::1]:20000"];
        assert_eq!(
            listens("me:20000", &own, "10.0.0.2:20000"),
            ["10.0.0.1:20000", "[2001:db8::1]:20000", "127.0.1.1:20000"]
        );
    }
}
