//! Tests the import of logs of a program that treats a send to both peers as two sends: for each recipient it adds 1 to its clock and
//! logs a row. Both sends belong to one tick, and the import must count them as one tick.

use std::collections::VecDeque;
use std::fs;

use analyze::audit::{Audit, Check};
use analyze::import::{self, Mapping};
use proptest::prelude::*;

use crate::foreign::HEADER;
use crate::imported;

/// How long the program runs.
const SECONDS: u64 = 30;
/// The ticks per second of each machine.
const RATES: [u64; 3] = [1, 3, 6];

/// The time between the two rows of a send to both peers, in microseconds.
const BETWEEN_ROWS_US: u64 = 400;

/// A machine of the program.
#[derive(Default)]
struct Machine {
    clock: u64,
    /// The sender and the timestamp of each waiting message.
    queue: VecDeque<(usize, u64)>,
    /// The lines of its log.
    log: Vec<String>,
    ticks: i64,
}

/// Runs the program. Returns its machines, and the number of sends to both peers.
fn run(seed: u64) -> ([Machine; 3], usize) {
    let mut machines: [Machine; 3] = Default::default();
    // The time of each tick in microseconds, and the machine that ticks.
    let mut ticks: Vec<(u64, usize)> = (0..3)
        .flat_map(|machine| {
            let rate = RATES[machine];
            (0..SECONDS * rate).map(move |tick| {
                // Machines begin at different times, so that two machines never tick at the same time.
                let phase_us = 37_000 * machine as u64;
                (phase_us + tick * 1_000_000 / rate, machine)
            })
        })
        .collect();
    ticks.sort_unstable();
    let (mut random, mut sends_to_both) = (seed, 0);
    // Each line of a log has the columns of `HEADER`: time_ns, event, clock, queue, recipients, sender, stamp. In the format strings below,
    // `{time_us}000` writes microseconds as nanoseconds.
    for (time_us, index) in ticks {
        // Linear congruential generator with Knuth's MMIX constants.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The low bits of such a generator are hardly random, so they are dropped.
        let digit = (random >> 33) % 10;
        let peers = [(index + 1) % 3, (index + 2) % 3];
        // Three of ten digits mean a send: to the first peer, to the second peer, or to both.
        let recipients = match digit {
            0 => &peers[..1],
            1 => &peers[1..],
            2 => &peers[..],
            _ => &[],
        };
        machines[index].ticks += 1;
        // If a message waits, the tick takes it, and the digit is not used.
        if let Some((sender, stamp)) = machines[index].queue.pop_front() {
            let machine = &mut machines[index];
            machine.clock = machine.clock.max(stamp) + 1;
            let line = format!(
                "{time_us}000,receive,{},{},,vm{},{stamp}",
                machine.clock,
                machine.queue.len(),
                sender + 1
            );
            machine.log.push(line);
            continue;
        }
        if recipients.is_empty() {
            let machine = &mut machines[index];
            machine.clock += 1;
            let line = format!("{time_us}000,internal,{},0,,,", machine.clock);
            machine.log.push(line);
        }
        if recipients.len() == 2 {
            sends_to_both += 1;
        }
        for (row, &peer) in (0..).zip(recipients) {
            machines[index].clock += 1;
            let clock = machines[index].clock;
            let time_us = time_us + BETWEEN_ROWS_US * row;
            let line = format!("{time_us}000,send,{clock},0,vm{},,{clock}", peer + 1);
            machines[index].log.push(line);
            // The message arrives at once.
            machines[peer].queue.push_back((index, clock));
        }
    }
    (machines, sends_to_both)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// If the program has sent to both peers, the import reports that it counts the two rows of such a send as one tick. The audit
    /// finds no mistake. The imported dataset has the same numbers of ticks, final clocks and queue lengths as the program.
    #[test]
    fn sends_with_a_clock_for_each_recipient_are_one_tick(seed in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let (machines, sends_to_both) = run(seed);
        for (index, machine) in machines.iter().enumerate() {
            let text = format!("{HEADER}\n{}\n", machine.log.join("\n"));
            fs::write(folder.path().join(format!("vm{}.csv", index + 1)), text).unwrap();
        }
        let into = folder.path().join("into");
        let files = ["vm1.csv", "vm2.csv", "vm3.csv"].map(|name| folder.path().join(name));
        let report = import::import(&files, &Mapping::default(), &into).unwrap();
        let words = report.words().join("\n");
        let sentence = "several rows of sends with different clocks, at most 0.4 ms apart, are counted as one tick that sent to all";
        prop_assert_eq!(words.contains(sentence), sends_to_both > 0, "{}", words);
        prop_assert!(words.contains("rates=1,3,6"), "{}", words);
        let audit = Audit::run(std::slice::from_ref(&into)).unwrap();
        let has_failed = |check: &Check| {
            let (_, violations) = audit.counts(*check);
            violations > 0
        };
        let failed: Vec<Check> = Check::ALL.into_iter().filter(has_failed).collect();
        prop_assert_eq!(failed, vec![]);
        let measured = imported::measured(&into);
        let integers = |name: &str| -> Vec<Option<i64>> {
            measured.column(name).unwrap().i64().unwrap().iter().collect()
        };
        let of_program = |value: fn(&Machine) -> i64| machines.iter().map(|machine| Some(value(machine))).collect::<Vec<_>>();
        prop_assert_eq!(integers("ticks"), of_program(|machine| machine.ticks));
        prop_assert_eq!(integers("clock_final"), of_program(|machine| machine.clock as i64));
        prop_assert_eq!(integers("own_drift"), of_program(|machine| machine.clock as i64 - machine.ticks));
        // The queue length in a machine's last line (the fourth column). `Machine::queue` can be longer, because messages may have arrived
        // after that line.
        let last_length = |machine: &Machine| {
            let last_line = machine.log.last().unwrap();
            last_line.split(',').nth(3).unwrap().parse().unwrap()
        };
        prop_assert_eq!(integers("backlog_final"), of_program(last_length));
        // The age of a message is the time from its send to its receive. There are mean ages only if the import has found the sends of
        // nearly all received messages.
        let ages = measured.column("message_age_mean_s").unwrap();
        prop_assert_eq!(ages.null_count(), 0);
    }
}
