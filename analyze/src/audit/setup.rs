//! The parameters of a run, according to the run's row in the journal (`runs.csv`). All checks of events use them.

use sim::experiment::{ClockKind, Connection, Delay, PhaseRule, Rate, ReceiveRule, StampRule};
use sim::log::{Imported, JournalRow, UnmeasuredPart};

use super::model::Model;
use super::timetable::Timetable;

/// Times that were converted (from microseconds, or between model time and real time) may be wrong by at most this many nanoseconds,
/// because they were rounded.
pub(super) const ROUNDING_NS: u64 = 1000;
/// The longest delay that the audit expects if delays are exponentially distributed, as a multiple of the mean delay. The probability of a
/// longer delay is exp(-40), which is less than 10^-17.
const LONGEST_DELAY_IN_MEANS: u64 = 40;
/// Another program may send a message first and log the send later. Then the logged time of the send is too late. The audit accepts that it
/// is too late by at most this share of the time between two ticks. If sender and receiver have different rates, the ticks of the slower
/// machine count.
const LOGGED_LATE_IN_TICKS: f64 = 0.05;

/// Which facts about a run are known. For a run of the simulator, all are known. For an imported run, some can be unknown. Checks that need
/// an unknown fact are not made.
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
    /// The rule by which the recipients of sends are drawn (parameter `sends`).
    pub(super) recipient_rule: bool,
    /// The queue lengths after events. They are not known if the import computed some of them from the messages.
    pub(super) queue_lengths: bool,
    /// Whether the times of different machines can be compared, because their system clocks agree.
    pub(super) shared_time: bool,
    /// The timestamps of sent messages.
    pub(super) send_stamps: bool,
    /// The timestamps of received messages.
    pub(super) receive_stamps: bool,
    /// The send of each receive.
    pub(super) send_of_each_receive: bool,
}

impl Known {
    const ALL: Self = Self {
        timetable: true,
        ticks: true,
        internal: true,
        recipients: true,
        recipient_rule: true,
        queue_lengths: true,
        shared_time: true,
        send_stamps: true,
        receive_stamps: true,
        send_of_each_receive: true,
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
        // Whether receives have the ticks of their sends: the log has all these ticks, or the import added ticks by matching timestamps.
        let has_sent_ticks = !missing_fields.sent_ticks || assumed.sent_ticks;
        Self {
            timetable: false,
            ticks: !assumed.ticks,
            internal: !assumed.internal,
            recipients: !missing_fields.recipients,
            // `sends_given` says whether the user gave the parameter `sends` to `analyze import`.
            recipient_rule: *sends_given && !missing_fields.recipients,
            queue_lengths: !assumed.recounted_queues
                && imported.can_measure(UnmeasuredPart::QueueLengths, run),
            shared_time: imported.can_measure(UnmeasuredPart::SharedTime, run),
            send_stamps: !assumed.send_stamps,
            // `missing_fields.stamps` is about received messages only.
            receive_stamps: !missing_fields.stamps,
            send_of_each_receive: has_sent_ticks
                && !missing_fields.recipients
                && !missing_fields.senders
                && !missing_fields.stamps,
        }
    }
}

/// The parameters of a run, and the facts about the run that are known.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) known: Known,
    /// When the ticks of each machine are due.
    pub(super) timetables: Vec<Timetable>,
    pub(super) rates: Vec<Rate>,
    /// The model time of the first tick of each machine.
    pub(super) phases_ns: Vec<u64>,
    /// The rule by which the phases were drawn.
    pub(super) phase: PhaseRule,
    /// The length of the run, in model nanoseconds.
    pub(super) duration_ns: u64,
    /// How many messages a tick takes from the queue.
    pub(super) receive: ReceiveRule,
    /// The rules for idle ticks (ticks without a waiting message).
    pub(super) model: Model,
    /// Whether messages from one machine to another must arrive in the order of their sends. A TCP run that opens a new connection for
    /// each message does not guarantee this, unless it was as scheduled.
    pub(super) keeps_link_order: bool,
    /// Whether a message carries the sender's clock before or after the send.
    pub(super) stamp: StampRule,
    /// The kind of the timestamps that events have in addition to the Lamport clock. It is [`ClockKind::Lamport`] if they have none.
    pub(super) clock: ClockKind,
    /// The shortest and the longest configured delay of a message, in model nanoseconds. If delays are exponentially distributed, there is no
    /// longest one; then the second number is the longest delay that the audit expects.
    pub(super) delay_ns: (u64, u64),
    /// Whether the run was in virtual time, where ticks happen exactly when they are due.
    pub(super) is_virtual: bool,
    /// Whether every message arrived between the same two ticks of its recipient as in the schedule, and in the scheduled order.
    pub(super) as_scheduled: bool,
    /// The longest time from a send until the message is in the recipient's queue, in nanoseconds of real time: the measured time plus
    /// [`ROUNDING_NS`]. `u64::MAX` if it is not known.
    pub(super) latency_ns: u64,
    /// The system time at which the run started.
    started_at_ns: u64,
    /// Model seconds per second of real time.
    time_scale: f64,
    /// The run's parameters as a text, such as `rates=1,3,6 internal=0.7 ...`. It is the same for all runs of a configuration.
    pub(super) configuration: String,
}

impl Setup {
    /// Reads the parameters of a run from its row in the journal.
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
            keeps_link_order: configuration.connection == Connection::Persistent
                || is_virtual
                || row.as_scheduled,
            stamp: configuration.stamp,
            clock: configuration.clock,
            delay_ns: delay_bounds_ns(configuration.delay),
            is_virtual,
            as_scheduled: is_virtual || row.as_scheduled,
            // Only runs of the simulator have a known timetable and a measured latency.
            latency_ns: match known.timetable {
                true => ns_from_us(row.latency_max_us).saturating_add(ROUNDING_NS),
                false => u64::MAX,
            },
            started_at_ns: row.started_at_ns,
            time_scale: row.time_scale,
            configuration: configuration.to_string(),
        }
    }

    /// In an imported log, the send of a message can have a later time than the receive, because the send was logged too late. Returns the
    /// largest such difference that the audit accepts, in nanoseconds of real time. It is 0 for runs of the simulator.
    pub(super) fn logged_late_ns(&self, sender: usize, receiver: usize) -> u64 {
        // Only runs of the simulator have a known timetable.
        if self.known.timetable {
            return 0;
        }
        let slower = self.rates[sender].min(self.rates[receiver]);
        (LOGGED_LATE_IN_TICKS * 1e9 / slower.hertz() / self.time_scale) as u64
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

    /// Tells whether the model time at which each message enters its queue can be computed. The run must be as scheduled, and all messages
    /// must have the same delay. Then a message enters its queue at the time at which the sending tick is due, plus this delay.
    pub(super) fn knows_arrival_times(&self) -> bool {
        self.as_scheduled && self.delay_ns.0 == self.delay_ns.1
    }

    /// Tells whether the configuration gives messages a delay.
    pub(super) fn has_delay(&self) -> bool {
        self.delay_ns != (0, 0)
    }

    /// Converts the model time `due_ns` of a tick into the system time at which the tick is due. In virtual time, both times are the same.
    pub(super) fn due_at_ns(&self, due_ns: u64) -> u64 {
        if self.is_virtual {
            return due_ns;
        }
        self.started_at_ns.saturating_add(self.real_ns(due_ns))
    }

    /// Converts model nanoseconds into nanoseconds of real time.
    pub(super) fn real_ns(&self, model_ns: u64) -> u64 {
        (model_ns as f64 / self.time_scale) as u64
    }

    /// With `phase = "spread"`, every phase is a multiple of one step: 1 / (L N) seconds, where L is the least common multiple of the rates
    /// in ticks per second, and N the number of machines. For example, with the rates 1, 3 and 6, L is 6 and N is 3, so a step is 1/18 s.
    ///
    /// Returns the number of steps in a million seconds: 10^6 * L * N. `None` if this number does not fit into 64 bits. Rates can be
    /// fractions such as 0.5, but in micro-hertz every rate is a whole number. So the code computes 10^6 * L as the least common multiple
    /// of the rates in micro-hertz.
    pub(super) fn steps_per_million_seconds(&self) -> Option<u64> {
        let lcm_micro_hertz = self.rates.iter().try_fold(1u64, |lcm, rate| {
            let rate = rate.micro_hertz();
            (lcm / gcd(lcm, rate)).checked_mul(rate)
        });
        lcm_micro_hertz?.checked_mul(self.machines() as u64)
    }
}

/// The greatest common divisor.
fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The values of [`Setup::delay_ns`] for this `delay`.
fn delay_bounds_ns(delay: Delay) -> (u64, u64) {
    match delay {
        Delay::Constant { ns } => (ns, ns),
        Delay::Uniform { from_ns, to_ns } => (from_ns, to_ns),
        Delay::Exponential { mean_ns } => (0, mean_ns.saturating_mul(LONGEST_DELAY_IN_MEANS)),
    }
}

/// Converts microseconds into nanoseconds.
pub(super) fn ns_from_us(us: f64) -> u64 {
    (us * 1e3).round() as u64
}
