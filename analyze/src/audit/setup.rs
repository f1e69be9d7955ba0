//! The parameters of a run, according to its row in the journal.

use sim::experiment::{ClockKind, Connection, Delay, PhaseRule, Rate, ReceiveRule, StampRule};
use sim::log::{Imported, JournalRow, UnmeasuredPart};

use super::model::Model;
use super::timetable::Timetable;

/// The largest rounding error of converted times, in nanoseconds.
pub(super) const ROUNDING_NS: u64 = 1000;
/// The longest possible delay in an exponential distribution, as a multiple of the mean. A longer delay has a probability of
/// 10^-17, so it never occurs in practice.
const LONGEST_IN_MEANS: u64 = 40;
/// Another program may send a message first and log the send later. This is the longest time from the send to its entry in the log, as a
/// share of the time between two ticks.
const LOGGED_LATE: f64 = 0.05;

/// Which facts about a run are known. In a run of the simulator, all are known. In an imported run, some may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The times at which ticks were due, and the number of ticks.
    pub(super) timetable: bool,
    /// The tick of each event.
    pub(super) ticks: bool,
    /// Probability of an internal event.
    pub(super) internal: bool,
    /// The recipients of each send.
    pub(super) recipients: bool,
    /// The rule by which recipients are drawn.
    pub(super) sends: bool,
    /// Queue lengths that the log contains, and that were not recounted by the import.
    pub(super) queue_lengths: bool,
    /// Times of all machines on one scale.
    pub(super) shared_time: bool,
    /// The timestamps of sent messages.
    pub(super) send_stamps: bool,
    /// The timestamps of received messages.
    pub(super) stamps: bool,
    /// The send of each receive.
    pub(super) messages: bool,
}

impl Known {
    const ALL: Self = Self {
        timetable: true,
        ticks: true,
        internal: true,
        recipients: true,
        sends: true,
        queue_lengths: true,
        shared_time: true,
        send_stamps: true,
        stamps: true,
        messages: true,
    };

    /// Finds the facts that are known about run `run`. `imported` describes the import; it is `None` for runs of the simulator.
    pub(super) fn new(imported: Option<&Imported>, run: u64) -> Self {
        let Some(imported) = imported else {
            return Self::ALL;
        };
        let Imported {
            missing_fields,
            assumed,
            sends_given,
            ..
        } = imported;
        let links_sends = !missing_fields.sent_ticks || assumed.sent_ticks;
        Self {
            timetable: false,
            ticks: !assumed.ticks,
            internal: !assumed.internal,
            recipients: !missing_fields.recipients,
            sends: *sends_given && !missing_fields.recipients,
            queue_lengths: !assumed.recounted_queues
                && imported.measures(UnmeasuredPart::QueueLengths, run),
            shared_time: imported.measures(UnmeasuredPart::SharedTime, run),
            send_stamps: !assumed.send_stamps,
            stamps: !missing_fields.stamps,
            messages: links_sends
                && !missing_fields.recipients
                && !missing_fields.senders
                && !missing_fields.stamps,
        }
    }
}

/// The parameters of a run.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) known: Known,
    /// When the ticks of each machine are due.
    pub(super) timetables: Vec<Timetable>,
    pub(super) rates: Vec<Rate>,
    pub(super) phases_ns: Vec<u64>,
    pub(super) phase: PhaseRule,
    /// The observed model time.
    pub(super) duration_ns: u64,
    /// How many messages a tick takes from the queue.
    pub(super) receive: ReceiveRule,
    /// The rules for idle machines.
    pub(super) model: Model,
    /// Whether all messages from one machine to another use the same connection, which keeps their order.
    pub(super) keeps_links: bool,
    pub(super) stamp: StampRule,
    /// Which timestamps events have.
    pub(super) clock: ClockKind,
    /// The shortest and the longest configured delay of a message, in model nanoseconds.
    pub(super) delay_ns: (u64, u64),
    /// Whether the run was in virtual time, where ticks happen exactly when they are due.
    pub(super) is_virtual: bool,
    /// Whether every message arrived between the two ticks of its recipient that the schedule gives, and in the scheduled order.
    pub(super) on_schedule: bool,
    /// The longest time from a send until its message is in the queue, in wall nanoseconds; `u64::MAX` if it is not known.
    pub(super) latency_ns: u64,
    started_at_ns: u64,
    time_scale: f64,
    /// The part of the key that describes the configuration.
    pub(super) configuration: String,
}

impl Setup {
    /// The parameters of the run in a row of the journal.
    pub(super) fn from_row(row: &JournalRow, known: Known) -> Self {
        let configuration = &*row.configuration;
        let rates: Vec<Rate> = configuration.rates.iter().collect();
        let phases_ns = row.phases_ns.clone();
        let duration_ns = configuration.duration_ns;
        let timetables = phases_ns.iter().zip(&rates);
        let timetables = timetables
            .map(|(&phase_ns, rate)| Timetable::new(phase_ns, rate.micro_hertz(), duration_ns))
            .collect();
        let is_virtual = row.engine == "virtual";
        Self {
            known,
            timetables,
            phases_ns,
            rates,
            phase: configuration.phase,
            duration_ns,
            receive: configuration.receive,
            model: Model::new(configuration),
            keeps_links: configuration.connection == Connection::Persistent
                || is_virtual
                || row.as_scheduled,
            stamp: configuration.stamp,
            clock: configuration.clock,
            delay_ns: bounds_ns(configuration.delay),
            is_virtual,
            on_schedule: is_virtual || row.as_scheduled,
            latency_ns: match known.timetable {
                true => nanos(row.latency_max_us).saturating_add(ROUNDING_NS),
                false => u64::MAX,
            },
            started_at_ns: row.started_at_ns,
            time_scale: row.time_scale,
            configuration: configuration.to_string(),
        }
    }

    /// How much earlier than its send a receive can be logged, in wall nanoseconds. It is 0 for runs of the simulator.
    pub(super) fn logged_late_ns(&self, sender: usize, receiver: usize) -> u64 {
        if self.known.timetable {
            return 0;
        }
        let slower = self.rates[sender].min(self.rates[receiver]);
        (LOGGED_LATE * 1e9 / slower.hertz() / self.time_scale) as u64
    }

    /// Number of machines.
    pub(super) fn machines(&self) -> usize {
        self.rates.len()
    }

    /// Number of ticks of all machines together.
    pub(super) fn ticks(&self) -> u64 {
        let ticks = self.timetables.iter().map(|timetable| timetable.ticks);
        ticks.fold(0, u64::saturating_add)
    }

    /// Tells whether the time at which a message enters the queue is known to the nanosecond.
    pub(super) fn is_exact(&self) -> bool {
        self.on_schedule && self.delay_ns.0 == self.delay_ns.1
    }

    /// Tells whether the configuration gives messages a delay.
    pub(super) fn has_delay(&self) -> bool {
        self.delay_ns != (0, 0)
    }

    /// The system time at which a tick is due.
    pub(super) fn due_at_ns(&self, due_ns: u64) -> u64 {
        if self.is_virtual {
            return due_ns;
        }
        self.started_at_ns.saturating_add(self.wall_ns(due_ns))
    }

    /// Converts model nanoseconds into wall nanoseconds.
    pub(super) fn wall_ns(&self, model_ns: u64) -> u64 {
        (model_ns as f64 / self.time_scale) as u64
    }

    /// With `spread` phases, every phase is a multiple of a step of 1 / (lcm(rates) N) seconds, where N is the number of
    /// machines. Returns the number of steps in a million seconds.
    pub(super) fn steps(&self) -> Option<u64> {
        let lcm = self.rates.iter().try_fold(1u64, |lcm, rate| {
            let rate = rate.micro_hertz();
            (lcm / gcd(lcm, rate)).checked_mul(rate)
        });
        lcm?.checked_mul(self.machines() as u64)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bounds_ns(delay: Delay) -> (u64, u64) {
    match delay {
        Delay::Constant { ns } => (ns, ns),
        Delay::Uniform { from_ns, to_ns } => (from_ns, to_ns),
        Delay::Exponential { mean_ns } => (0, mean_ns.saturating_mul(LONGEST_IN_MEANS)),
    }
}

/// Converts microseconds into nanoseconds.
pub(super) fn nanos(us: f64) -> u64 {
    (us * 1e3).round() as u64
}
