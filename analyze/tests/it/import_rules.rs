//! Tests that `analyze import` finds the rules of logs (for example, whether the clock was logged before or after each event) and fills
//! in missing values. The tests write the project's own logs as a program with other rules would write them, and import them.
//! `require_measures` gets a list of measures. In the imported dataset, these measures must be null, and all other measures must be the
//! same as in the original dataset. `failed` lists the checks of the audit that fail on the imported dataset, and `words` has the
//! sentences of the import's report.

use analyze::audit::{self, Check};
use analyze::import::{Mapping, When};
use proptest::prelude::*;

use crate::command_line::analyze;
use crate::foreign::{Imported, Queue, Style, experiment};
use crate::imported;

/// The measures that are calculated from queue lengths. (`backlog_mean` is calculated from sends and receives.)
const OF_QUEUES: [&str; 6] = [
    "backlog_tick_mean",
    "backlog_p95",
    "backlog_max",
    "backlog_share_above_1",
    "backlog_final",
    "backlog_growth",
];

/// The style in which only the rule for queue lengths differs from the default.
fn style_with_queue(queue: Queue) -> Style {
    Style {
        queue,
        ..Style::default()
    }
}

/// Internal events and sends happen only if the queue is empty, so their queue lengths need not be logged.
#[test]
fn queue_lengths_after_receives_are_enough_for_all_measures() {
    let logs = Imported::new(&experiment(1, ""), style_with_queue(Queue::Receives));
    logs.require_measures(&[]);
    assert_eq!(logs.failed(), []);
    let words = logs.words();
    assert!(
        words.contains("queue lengths after internal events and sends are missing in the logs. They are taken as 0"),
        "{words}"
    );
}

#[test]
fn queue_lengths_are_recounted_if_none_is_logged() {
    let logs = Imported::new(&experiment(2, ""), style_with_queue(Queue::Nowhere));
    logs.require_measures(&[]);
    assert_eq!(logs.failed(), []);
    let words = logs.words();
    assert!(
        words.contains(
            "queue lengths after receives are missing in the logs. They are recounted from sends and receives"
        ),
        "{words}"
    );
    // The audit says that it did not make the check `idle`.
    let audit = audit::words(&logs.audit()).join("\n");
    assert!(
        audit.contains("idle (queue lengths are not logged)"),
        "{audit}"
    );
}

/// If receives do not have the sender and stamp of their message, queue lengths cannot be recounted. The tables give the reason.
#[test]
fn queue_lengths_that_cannot_be_recounted_are_null() {
    let style = Style {
        queue: Queue::Nowhere,
        messages: false,
        ..Style::default()
    };
    let logs = Imported::new(&experiment(3, ""), style);
    let of_messages = [
        "message_age_mean_s",
        "message_age_mean_ticks",
        "logical_age_mean",
        "concurrency",
        "false_order",
    ];
    logs.require_measures(&[&OF_QUEUES[..], &of_messages].concat());
    assert_eq!(logs.failed(), []);
    let reason = "not every receive can be matched with a send";
    assert!(logs.words().contains(reason), "{}", logs.words());
    let root = logs.root.display().to_string();
    for verb in ["summary", "backlog"] {
        let (code, table, _) = analyze(&[verb, &root], logs.folder.path());
        let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 0 && table.contains(reason), "{table}");
        // The dataset has 2 runs.
        assert!(table.contains("unknown in 2 runs"), "{table}");
    }
    let (_, drift, _) = analyze(&["drift", &root], logs.folder.path());
    assert!(!drift.contains(reason), "drift needs no queue: {drift}");
    // Null values can be exported.
    let (code, _, err) = analyze(&["export", &root, "--csv"], logs.folder.path());
    assert_eq!(code, 0, "{err}");
    // Only the lengths after receives are unknown: at other events the queue was empty.
    let dataset = logs.dataset();
    let events = dataset.batches().next().unwrap().events().unwrap();
    let lengths = events.column("queue_length").unwrap();
    assert!(lengths.null_count() > 0 && lengths.null_count() < lengths.len());
}

/// Queue lengths are recounted as if each message arrived when it was sent. In these logs, messages arrive later: after a message was sent
/// to a machine, the machine still has internal events or sends before it receives the message. The import notices this, and the lengths
/// are null.
#[test]
fn queues_are_not_recounted_if_messages_have_delays() {
    let logs = Imported::new(
        &experiment(4, "delay_s = [0.3]\n"),
        style_with_queue(Queue::Nowhere),
    );
    logs.require_measures(&OF_QUEUES);
    let words = logs.words();
    assert!(
        words.contains("the times of arrival are not known"),
        "{words}"
    );
}

/// The logs are changed: now 2 messages wait after every receive. Still, some receives are directly followed by an internal event or a
/// send. So these logs show internal events and sends while messages wait. Then the import cannot assume that the missing queue lengths
/// after internal events and sends are 0.
#[test]
fn a_program_that_idles_while_messages_wait_is_recognised() {
    let logs = Imported::altered(
        &experiment(5, ""),
        style_with_queue(Queue::Receives),
        &Mapping::default(),
        |_, rows| {
            for [_, event, _, queue, ..] in rows {
                if *event == "receive" {
                    *queue = "2".to_owned();
                }
            }
        },
    );
    let words = logs.words();
    assert!(
        words.contains("happen while messages wait in the queue"),
        "{words}"
    );
    let measured = logs.measured();
    for name in OF_QUEUES {
        let column = measured.column(name).unwrap();
        assert_eq!(column.null_count(), column.len(), "{name}");
    }
}

#[test]
fn a_send_logged_as_a_row_for_each_recipient_is_one_event() {
    let style = Style {
        row_per_recipient: true,
        ..Style::default()
    };
    let logs = Imported::new(&experiment(6, ""), style);
    logs.require_measures(&[]);
    assert_eq!(logs.failed(), []);
    let words = logs.words();
    // The logs were written with 0.4 ms between the rows of a send.
    assert!(
        words.contains("several rows of sends with the same clock, at most 0.4 ms apart, are counted as one event"),
        "{words}"
    );
}

/// A message can carry the sender's clock from before the send or from after it. In these logs, only receives have the timestamps of
/// messages. From these timestamps, the import finds out that messages carry the clock from before the send. If the user states `after`,
/// sends and receives contradict each other.
#[test]
fn timestamps_from_before_the_increment_are_recognised() {
    let style = Style {
        send_stamps: false,
        ..Style::default()
    };
    let logs = Imported::new(&experiment(7, "stamp = [\"before\"]\n"), style);
    logs.require_measures(&[]);
    // The check `clock_condition_before` fails for the original dataset too: a receive can have the same clock as its send. For example, a
    // send takes the sender's clock from 4 to 5, and the message carries 4. If the receiver's clock is 3, the receive sets it to 4 + 1 = 5.
    assert_eq!(logs.failed(), [Check::ClockConditionBefore]);
    let words = logs.words();
    assert!(
        words.contains("Messages carry the sender's clock before 1 is added for the send: "),
        "{words}"
    );
    let wrong = Mapping {
        stamp: Some("after".to_owned()),
        ..Mapping::default()
    };
    let with_wrong_rule = Imported::altered(
        &experiment(7, "stamp = [\"before\"]\n"),
        style,
        &wrong,
        |_, _| {},
    );
    assert!(with_wrong_rule.failed().contains(&Check::Sent));
    let words = with_wrong_rule.words();
    // Such as "only 3 of 50 receives match a send".
    assert!(words.contains("receives match a send"), "{words}");
}

/// The import finds out that clocks and queue lengths are logged before each event. If the user states that clocks and queue lengths are
/// logged after each event, the audit finds mistakes.
#[test]
fn clocks_and_queues_from_before_the_event_are_recognised() {
    let style = Style {
        clock_before: true,
        queue: Queue::Before,
        ..Style::default()
    };
    let logs = Imported::new(&experiment(8, ""), style);
    logs.require_measures(&[]);
    assert_eq!(logs.failed(), []);
    let words = logs.words();
    for found in [
        "Logical clocks are logged before the event: ",
        "Queue lengths are logged before the event: ",
    ] {
        assert!(words.contains(found), "{words}");
    }
    let wrong = Mapping {
        clock: Some(When::After),
        queue: Some(When::After),
        ..Mapping::default()
    };
    let with_wrong_rule = Imported::altered(&experiment(8, ""), style, &wrong, |_, _| {});
    let failed = with_wrong_rule.failed();
    assert!(failed.contains(&Check::ReceiveClock) && failed.contains(&Check::Idle));
}

/// If clocks are logged before each event, the clock after an event is in the next row. The last event of a machine has no next row. If this
/// last event is a receive without a timestamp, the clock after it cannot be calculated. So the row is left out, and the report says so.
#[test]
fn the_last_receive_is_left_out_if_its_clock_is_unknown() {
    let style = Style {
        clock_before: true,
        messages: false,
        ..Style::default()
    };
    let logs = Imported::new(&experiment(9, ""), style);
    // For each run, the number of machines whose last event is a receive.
    let last_receives = imported::events(&logs.original).into_iter().map(|run| {
        let last = |machine| run.iter().rfind(|row| row.machine == machine).unwrap();
        let receives = (0..3).filter(|&machine| {
            matches!(
                last(machine).logged.event.kind,
                sim::machine::EventKind::Receive(_)
            )
        });
        receives.count()
    });
    let left_out: usize = last_receives.sum();
    let count_events = |root| {
        let dataset = analyze::Dataset::open(root).unwrap();
        let events: u64 = dataset.finished().iter().map(|run| run.events).sum();
        events as usize
    };
    // If no log ended with a receive, nothing would be tested here.
    assert!(left_out > 0);
    assert_eq!(
        count_events(&logs.root) + left_out,
        count_events(&logs.original)
    );
    let words = logs.words();
    // The report has `machine` or `machines`, depending on the number.
    assert!(
        words.contains(&format!("In the logs of {left_out} machine")),
        "{words}"
    );
    // With this seed, each machine has its largest jump at an event that is not left out. So the largest jumps stay the same.
    let original = imported::measured(&logs.original);
    assert_eq!(
        logs.measured().column("jump_max").unwrap(),
        original.column("jump_max").unwrap()
    );
}

/// All styles in which the sender and the timestamp of each received message are logged.
fn styles() -> impl Strategy<Value = Style> {
    let queues = prop::sample::select(vec![
        Queue::All,
        Queue::Receives,
        Queue::Nowhere,
        Queue::Before,
    ]);
    let ends = prop::sample::select(vec!["\n", "\r\n"]);
    (queues, any::<[bool; 3]>(), ends).prop_map(
        |(queue, [clock_before, send_stamps, row_per_recipient], line_end)| Style {
            queue,
            clock_before,
            send_stamps,
            messages: true,
            row_per_recipient,
            line_end,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For every style, the import has the measures of the original dataset, and its audit finds no mistake. With timestamps from before
    /// the increment, the check `clock_condition_before` may fail, as for the original.
    #[test]
    fn all_combinations_of_rules_are_recognised(
        style in styles(),
        seed in 0u64..1_000,
        stamp in prop::sample::select(vec!["after", "before"]),
    ) {
        let experiment = experiment(seed, &format!("stamp = [\"{stamp}\"]\n"));
        let logs = Imported::new(&experiment, style);
        logs.require_measures(&[]);
        let failed = logs.failed();
        prop_assert!(failed.is_empty() || (stamp == "before" && failed == [Check::ClockConditionBefore]), "{:?}", failed);
    }

    /// The logs have no queue lengths, and each message travels for `delay_ms`. If `messages` is true, receives are logged with the sender
    /// and timestamp of their message. After the import, the measures of queue lengths are null, or they are the same as in the original.
    #[test]
    fn recounted_lengths_are_right_or_missing(
        seed in 0u64..1_000,
        delay_ms in prop::sample::select(vec![0, 100, 250, 700, 2_500]),
        messages in any::<bool>(),
    ) {
        let delay_s = f64::from(delay_ms) / 1e3;
        let style = Style { queue: Queue::Nowhere, messages, ..Style::default() };
        let logs = Imported::new(&experiment(seed, &format!("delay_s = [{delay_s}]\n")), style);
        let (original, measured) = (imported::measured(&logs.original), logs.measured());
        let are_null = measured.column("backlog_max").unwrap().null_count() > 0;
        if !messages {
            prop_assert!(are_null, "without senders and timestamps of messages, lengths cannot be recounted");
        } else if delay_ms == 0 {
            prop_assert!(!are_null, "without delays, lengths are recounted");
        }
        // In the remaining case there is a delay, and receives have senders and timestamps. Then lengths are null if the logs show that
        // messages arrive late. Otherwise they are recounted.
        if !are_null {
            for name in OF_QUEUES {
                prop_assert_eq!(measured.column(name).unwrap(), original.column(name).unwrap());
            }
        }
    }
}
