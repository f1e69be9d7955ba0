//! `sim machine`: one machine of a run in a process of its own, on this host or another.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sim::console::tell;
use sim::engine::processes::{self, Report, TOKEN_VARIABLE};
use sim::engine::tcp::{self, Part, Participant, ParticipantError};
use sim::engine::wall_margin_ns;
use sim::experiment::{Experiment, Overrides, RunName};
use sim::log::{EVENT_COLUMNS, EventRow, write_row};
use sim::wire::RunToken;

/// A week.
const LONGEST_PATIENCE_S: u64 = 7 * 24 * 3600;
/// The run failed.
const FAILED: u8 = 3;

/// Run one machine of a run as a process of its own, and print its log to stdout
#[derive(clap::Args)]
#[command(after_help = "\
The other machines of the run are started the same way, with the same experiment file, run, addresses and token, each with its \
own --machine; whichever starts first waits for the others. Their hosts' clocks should differ by less than the run's margin (the shortest time between two ticks whose order matters), or the order of events is not guaranteed.

Example, for a run of two machines on two hosts:
  export SIM_TOKEN=$(openssl rand -hex 16)   # the same on both
  sim machine two.toml --run 0 --machine 0 --addresses 10.0.0.1:20000,10.0.0.2:20000 > machine-0.csv
  sim machine two.toml --run 0 --machine 1 --addresses 10.0.0.1:20000,10.0.0.2:20000 > machine-1.csv

Exit codes: 0 ok, 2 usage or experiment file, 3 the run failed.")]
pub struct Args {
    /// The experiment file (TOML)
    experiment: PathBuf,
    /// The run's number in the plan, from 0, or its key
    #[arg(long, value_name = "RUN")]
    run: RunName,
    /// Which of the run's machines this is, from 0
    #[arg(long, value_name = "N")]
    machine: u32,
    /// Where each machine listens, in the order of the machines
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        value_delimiter = ',',
        required = true
    )]
    addresses: Vec<String>,
    /// Model seconds per wall second, instead of what the file says
    #[arg(long, value_name = "X", value_parser = super::time_scale)]
    time_scale: Option<f64>,
    /// Seconds to wait for the other machines
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=LONGEST_PATIENCE_S))]
    patience: u64,
    /// End when stdin does, and report to the process that started this one
    #[arg(long, hide = true)]
    child: bool,
}

/// Takes part in the run, and writes the machine's log.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.child
        && let Err(error) = end_with_stdin()
    {
        tell(format!("the system has no more threads ({error})"));
        return Ok(ExitCode::from(processes::CANNOT_START));
    }
    super::survive_file_limits()?;
    let seat = seat(args)?;
    let part = match tcp::take_part(&seat) {
        Ok(part) => part,
        Err(error) => {
            tell(&error);
            return Ok(ExitCode::from(match error {
                ParticipantError::Listen { .. } => processes::CANNOT_LISTEN,
                ParticipantError::NoRoom(_) => processes::CANNOT_START,
                ParticipantError::Failed(_) => FAILED,
            }));
        }
    };
    let mut text = if args.child {
        serde_json::to_vec(&Report::from_part(&part))?
    } else {
        EVENT_COLUMNS.join(",").into_bytes()
    };
    text.push(b'\n');
    for logged in part.events.iter().cloned() {
        let (run, machine) = (seat.run.index, args.machine);
        write_row(
            &mut text,
            &EventRow {
                run,
                machine,
                logged,
            },
        );
    }
    let mut stdout = io::stdout();
    let written = stdout.write_all(&text).and_then(|()| stdout.flush());
    if !args.child {
        tell(in_words(&seat, &part));
    } else if let Err(error) = &written {
        tell(error);
        return Ok(ExitCode::from(processes::CANNOT_WRITE));
    }
    super::printed(written)
}

/// How the run went for this machine. Where every machine stayed below half the margin, the seed settled every event.
fn in_words(seat: &Participant, part: &Part) -> String {
    let schedule = seat.run.schedule(seat.seed);
    let margin_ns = wall_margin_ns(&schedule, seat.time_scale) as f64;
    let lateness_ns = part.events.iter().map(|logged| {
        let due_ns = schedule.due_ns(seat.machine as usize, logged.event.tick) as f64;
        let happened_ns = logged.system_time_ns - part.started_at_ns;
        happened_ns as f64 - due_ns / seat.time_scale
    });
    let lateness_ns = lateness_ns.fold(0.0, f64::max);
    let latency_ns = part.latency.clone().quantiles().max_ns as f64;
    let punctual = (lateness_ns + latency_ns) * 2.0 < margin_ns;
    format!(
        "machine {}: {} events, late by up to {:.2} ms, messages under way for up to {:.2} ms, margin {:.2} ms: {}punctual",
        seat.machine,
        part.events.len(),
        lateness_ns / 1e6,
        latency_ns / 1e6,
        margin_ns / 1e6,
        if punctual { "" } else { "not " }
    )
}

fn seat(args: &Args) -> Result<Participant> {
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
                "--addresses: `{address}`: each machine listens on a port of its own, from 1 to 65535"
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
        .map(|text| addresses(text))
        .collect::<Result<_>>()?;
    let machine = args.machine as usize;
    Ok(Participant {
        run,
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        machine: args.machine,
        listen: where_to_listen(&args.addresses[machine], machine, &addresses),
        addresses,
        token: token()?,
        patience: Duration::from_secs(args.patience),
    })
}

/// All addresses of `HOST:PORT`: a host may have several.
fn addresses(text: &str) -> Result<Vec<SocketAddr>> {
    let found = text.to_socket_addrs().with_context(|| {
        format!("--addresses: `{text}` is not an address such as 10.0.0.1:20000")
    })?;
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        bail!("--addresses: `{text}` has no address");
    }
    Ok(found)
}

/// Where machine `machine`, which is given as `text`, may listen, the best first.
///
/// A host's own name may mean several addresses; and on many systems it means 127.0.1.1 on the host itself, where no other host
/// gets. If others are elsewhere, it listens on all its addresses then.
fn where_to_listen(text: &str, machine: usize, addresses: &[Vec<SocketAddr>]) -> Vec<SocketAddr> {
    let is_here = |address: &SocketAddr| address.ip().is_loopback();
    let mut own = addresses[machine].clone();
    own.sort_by_key(is_here);
    let is_name = text.parse::<SocketAddr>().is_err();
    let others_elsewhere = addresses.iter().flatten().any(|address| !is_here(address));
    if is_name && others_elsewhere && own.iter().all(is_here) {
        for address in &mut own {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            });
        }
    }
    own
}

fn token() -> Result<RunToken> {
    let text = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    processes::token_from_hex(&text).with_context(|| {
        format!("the environment variable {TOKEN_VARIABLE} is to hold the run's secret, 32 hexadecimal digits that all its machines share")
    })
}

/// Whoever started this process holds its stdin: when that closes, there is nobody left to report to.
fn end_with_stdin() -> io::Result<()> {
    std::thread::Builder::new().spawn(|| {
        let mut byte = [0];
        while !matches!(io::stdin().read(&mut byte), Ok(0) | Err(_)) {}
        std::process::exit(i32::from(FAILED));
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listens(text: &str, own: &[&str], others: &str) -> Vec<String> {
        let parsed = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let own = own.iter().map(|text| parsed(text)).collect();
        let listen = where_to_listen(text, 0, &[own, vec![parsed(others)]]);
        listen.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn a_name_that_means_loopback_is_reached_from_elsewhere_all_the_same() {
        let own = ["127.0.1.1:20000"];
        assert_eq!(
            listens("me:20000", &own, "10.0.0.2:20000"),
            ["0.0.0.0:20000"]
        );
        // On one host there is no need, and what is said in numbers is meant.
        assert_eq!(listens("me:20000", &own, "127.0.0.1:20001"), own);
        assert_eq!(listens("127.0.1.1:20000", &own, "10.0.0.2:20000"), own);
    }

    #[test]
    fn of_several_addresses_those_that_others_reach_come_first() {
        let own = ["127.0.1.1:20000", "10.0.0.1:20000", "[2001:db8::1]:20000"];
        assert_eq!(
            listens("me:20000", &own, "10.0.0.2:20000"),
            ["10.0.0.1:20000", "[2001:db8::1]:20000", "127.0.1.1:20000"]
        );
    }
}
