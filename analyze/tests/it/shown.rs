//! Tests of `analyze show`, which prints one run event by event, and of `Execution`: a run as events and messages, with
//! functions that answer questions about them (which send belongs to a receive, what happened before an event, how large the lag was).

use std::fs;
use std::path::Path;

use analyze::Dataset;
use analyze::execution::window::Choice;
use analyze::execution::{Execution, Kind, lag, pick};

use crate::command_line::analyze;
use crate::fixture;

/// The first finished run of the dataset in `root`.
pub fn execution(root: &Path) -> Execution {
    let dataset = Dataset::open(root).unwrap();
    Execution::read(&dataset, &dataset.finished()[0]).unwrap()
}

/// A folder with the dataset `by-hand`: the run of two machines that is described at [`fixture::by_hand`].
pub fn by_hand() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(&folder.path().join("by-hand"));
    folder
}

/// A dataset `lost`: the run of [`by_hand`] with one change. In the unchanged run, machine 1 sends a message at its tick 2, and machine 0
/// receives this message at its own tick 2. In the changed log, this receive names tick 7 of machine 1 as the tick of the send. But machine
/// 1 sends nothing at tick 7, so the receive has no send. And nobody receives the message that machine 1 sends at tick 2, so that message is
/// lost.
pub fn with_lost() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let mut finished = fixture::finished(&experiment, &run, &fixture::by_hand());
    fixture::set(&mut finished, 0, 2, "sent_tick", "7");
    fixture::write(&folder.path().join("lost"), &experiment, vec![finished]);
    folder
}

/// A dataset `empty` with a run of two machines that has no events.
pub fn without_events() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let finished = fixture::finished(&experiment, &run, &[vec![], vec![]]);
    fixture::write(&folder.path().join("empty"), &experiment, vec![finished]);
    folder
}

#[test]
fn a_run_is_shown_event_by_event() {
    let folder = by_hand();
    let (code, out, err) = analyze(&["show", "by-hand", "--to", "2"], folder.path());
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        err,
        "by-hand: run 0 (rates=1,2 internal=0.5 phase=spread stamp=after duration_s=4 repetition=0), because it is the only finished \
         run\n"
    );
    let rows: Vec<String> = out
        .lines()
        // The title, an empty line, the names of the columns, and a rule.
        .skip(4)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    // Time, machine, tick, and event (with the recipient, or with the sender and the age of the message); the clock before and after the
    // event; the queue length.
    assert_eq!(
        rows,
        [
            "0.000 0 0 send to 1 0 → 1 0",
            "0.250 1 0 receive from 0, 0.250 s old 0 → 2 0",
            "0.750 1 1 send to 0 2 → 3 0",
            "1.000 0 1 receive from 1, 0.250 s old 1 → 4 0",
            "1.250 1 2 send to 0 3 → 4 0",
            "1.750 1 3 send to 0 4 → 5 0",
            "2.000 0 2 receive from 1, 0.750 s old 4 → 5 1",
        ]
    );
}

/// A window is the part of a run that is shown.
#[test]
fn a_window_includes_its_first_and_its_last_instant() {
    let folder = by_hand();
    // The events of the printed rows, each as `machine:tick`.
    let shown = |options: &[&str]| {
        let arguments = [&["show", "by-hand", "--format", "csv"], options].concat();
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!(code, 0, "{err}");
        let rows = out.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let (machine, tick) = (cells[2], cells[3]);
            format!("{machine}:{tick}")
        });
        rows.collect::<Vec<_>>().join(" ")
    };
    // The times of some events: 0:1 at 1 s, 1:2 at 1.25 s, 1:3 at 1.75 s, 0:2 at 2 s, 1:4 at 2.25 s, and 0:3 at 3 s.
    assert_eq!(shown(&["--from", "1", "--to", "1.75"]), "0:1 1:2 1:3");
    assert_eq!(shown(&["--from", "1.001", "--to", "1.749"]), "1:2");
    assert_eq!(
        shown(&["--around", "0:2", "--within", "0.25"]),
        "1:3 0:2 1:4"
    );
    assert_eq!(shown(&["--from", "2", "--to", "2"]), "0:2");
    assert_eq!(shown(&["--machines", "0", "--from", "1.5"]), "0:2 0:3");
    assert_eq!(shown(&["--from", "3.9"]), "");
}

#[test]
fn json_has_every_value_and_markdown_the_cells_of_the_table() {
    let folder = by_hand();
    let (_, out, _) = analyze(&["show", "by-hand", "--format", "json"], folder.path());
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    // Machine 0 has 4 events, and machine 1 has 8.
    assert_eq!(rows.len(), 12);
    // The seventh event of the run: machine 0 receives at tick 2.
    let receive = &rows[6];
    for (name, value) in [
        ("time_s", 2.0.into()),
        ("machine", 0.into()),
        ("tick", 2.into()),
        ("event", "receive".into()),
        ("sender", 1.into()),
        ("recipients", serde_json::Value::Null),
        ("clock_before", 4.into()),
        ("logical_clock", 5.into()),
        ("queue_length", 1.into()),
        ("message_stamp", 4.into()),
        ("sent_tick", 2.into()),
        ("message_age_s", 0.75.into()),
    ] {
        assert_eq!(receive[name], value, "{name}");
    }
    let (_, out, _) = analyze(&["show", "by-hand", "--format", "markdown"], folder.path());
    assert!(
        out.contains("| 2.000 | 0 | 2 | receive | from 1, 0.750 s old | 4 → 5 | 1 |"),
        "{out}"
    );
}

#[test]
fn a_long_table_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let long = fixture::SMALL.replace("duration_s = 20", "duration_s = 200");
    fixture::simulated(&folder.path().join("long"), &long);
    // Every tick is an event: (1 + 3 + 6) ticks per second · 200 s = 2,000 events.
    let (_, out, _) = analyze(&["show", "long", "--run", "0"], folder.path());
    assert!(
        out.contains("These are the first 1,000 of 2,000 events."),
        "{out}"
    );
    let (_, out, _) = analyze(
        &["show", "long", "--run", "0", "--format", "csv"],
        folder.path(),
    );
    // The names of the columns, and all events.
    assert_eq!(out.lines().count(), 1 + 2_000);
}

#[test]
fn a_message_is_followed_through_the_system() {
    let folder = by_hand();
    let follow = |event: &str| {
        let (code, out, err) = analyze(
            &[
                "show", "by-hand", "--run", "0", "--follow", event, "--format", "csv",
            ],
            folder.path(),
        );
        (
            code,
            out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>(),
            err,
        )
    };
    // The cells in order: run 0; machine 1 sent the message at tick 2 (1.25 s); machine 0 has received the message; the message arrived at
    // 1.25 s; machine 0 received it at tick 2 (2.0 s); machine 0 first knew of the send at tick 2 (2.0 s), from machine 1.
    assert_eq!(
        follow("1:2").1,
        ["0,1,2,1.25,0,received,1.25,2,2.0,2,2.0,1"]
    );
    let (code, _, err) = follow("1:4");
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: by-hand, run 0: tick 4 of machine 1 sends no message: its event is internal; `analyze show` lists the sends\n"
    );
    // A message is followed through the whole run, so no part of the run can be chosen.
    let both = ["show", "by-hand", "--follow", "1:2", "--from", "1"];
    let (code, _, err) = analyze(&both, folder.path());
    assert_eq!(code, 2);
    assert!(
        err.contains("'--follow <MACHINE:TICK>' cannot be used with '--from <S>'"),
        "{err}"
    );
}

#[test]
fn errors_say_which_runs_and_machines_and_ticks_exist() {
    let folder = by_hand();
    for (options, problem) in [
        (
            &["--run", "3"][..],
            "has no finished run with number 3; its only finished run is 0",
        ),
        (
            &["--run", "rates=9"],
            "has no finished run with the key `rates=9`",
        ),
        (
            &["--machines", "2"],
            "there is no machine 2; the run has machines 0 to 1",
        ),
        (
            &["--around", "0:9"],
            "machine 0 has no tick 9; its ticks go from 0 to 3",
        ),
        (
            &["--from", "3", "--to", "2"],
            "the part from 3 s to 2 s is empty",
        ),
        // The run ends at 4 s.
        (&["--from", "5"], "the part from 5 s to 4 s is empty"),
        // `14` is a tick without a machine. The message explains the form `machine:tick` by an example.
        (&["--around", "14"], "2:14 is tick 14 of machine 2"),
        // `--within` has no meaning without `--around`.
        (&["--within", "2"], "--around"),
    ] {
        let arguments = [&["show", "by-hand"], options].concat();
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!((code, out.as_str()), (2, ""), "{options:?}");
        assert!(err.contains(problem), "{options:?}: {err}");
    }
}

#[test]
fn a_run_is_found_by_number_and_by_key() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let dataset = Dataset::open(&folder.path().join("small")).unwrap();
    let by_number = pick::find(&dataset, "4").unwrap();
    assert_eq!(by_number.run, 4);
    assert_eq!(pick::find(&dataset, &by_number.key).unwrap(), by_number);
}

/// Without `--run`, the command picks a run with the largest ratio of the highest to the lowest rate. Among several such runs, it picks
/// one with the lowest `internal`, because a low `internal` means many messages. If several runs are left, it picks the first of them.
#[test]
fn a_run_with_unequal_rates_and_many_messages_is_picked() {
    let folder = tempfile::tempdir().unwrap();
    let text = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3], [1, 4], [2, 4]]");
    fixture::simulated(&folder.path().join("small"), &text);
    let dataset = Dataset::open(&folder.path().join("small")).unwrap();
    let (row, reason) = pick::pick(&dataset).unwrap();
    assert_eq!(row.configuration.rates.to_string(), "1,4");
    // The values of `internal` in `SMALL` are 0.4 and 0.7.
    assert_eq!(
        (row.configuration.internal.to_string(), row.repetition),
        ("0.4".to_owned(), 0)
    );
    assert_eq!(
        reason,
        "its fastest machine has 4 times the rate of its slowest, and no run has a smaller probability of internal events"
    );
}

/// Each receive belongs to the send that the log names. Each message that was not received still waits in its recipient's queue.
#[test]
fn every_receive_has_its_send_and_every_message_its_recipient() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let execution = execution(&folder.path().join("small"));
    let mut received = 0;
    for (index, event) in execution.events().iter().enumerate() {
        if let Kind::Receive { sender, stamp } = event.kind {
            let send = &execution.events()[execution.send_of(index).unwrap()];
            assert_eq!(Some(send.machine), sender);
            assert!(matches!(send.kind, Kind::Send { stamp: sent } if Some(sent) == stamp));
            received += 1;
        }
    }
    let messages = execution.messages();
    let with_receive = messages.iter().filter(|message| message.receive.is_some());
    assert_eq!(with_receive.count(), received);
    // The log has the length of the queue at each event. Here messages have no delay. So at the last event of a machine, its queue holds
    // each message that was sent to the machine earlier and that the machine never received.
    for machine in 0..3 {
        let not_received = messages
            .iter()
            .filter(|message| message.recipient == machine && message.receive.is_none());
        let last = &execution.events()[execution.range_of(machine).end - 1];
        let is_sent_later = |send: usize| execution.events()[send].time_ns >= last.time_ns;
        let (sent_later, queued): (Vec<_>, Vec<_>) =
            not_received.partition(|message| is_sent_later(message.send));
        assert_eq!(
            last.queue,
            Some(queued.len() as u64),
            "{} messages were sent later",
            sent_later.len()
        );
    }
}

#[test]
fn a_receive_without_send_and_a_lost_message_are_recognised() {
    let folder = with_lost();
    let execution = execution(&folder.path().join("lost"));
    // The index of the event at tick 2 of machine 0.
    let receive = execution.range_of(0).start + 2;
    assert_eq!(execution.received_by(receive), None);
    let lost: Vec<_> = execution
        .messages()
        .iter()
        .filter(|message| message.receive.is_none())
        .collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(
        (execution.events()[lost[0].send].tick, lost[0].recipient),
        (2, 0)
    );
    let (_, out, _) = analyze(&["show", "lost"], folder.path());
    assert!(out.contains("from 1, no such send in the log"), "{out}");
}

#[test]
fn a_run_without_events_is_shown_as_an_empty_table() {
    let folder = without_events();
    let (code, out, err) = analyze(&["show", "empty", "--run", "0"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("time (s)"), "{out}");
    assert_eq!(
        analyze(&["show", "empty", "--format", "json"], folder.path()).1,
        "[]\n"
    );
}

/// The *causes* of an event are the previous event on the same machine and, for a receive, also the send. The test checks:
///
/// - Event a is in the causal past of event b if and only if b is in the causal future of a.
/// - A causal past contains the causes of all its events.
/// - A consistent cut is a set of events that contains the causes of all its events. The smallest consistent cut that contains the event
///   `example` has as many events as the past of `example`. (The past of an event contains the event itself.)
/// - In the causal order, every event comes after its causes.
#[test]
fn past_future_cut_and_causal_order_respect_happens_before() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let execution = execution(&folder.path().join("small"));
    // The index of the event of machine 0 at tick 7.
    let example = execution.range_of(0).start + 7;
    let past = execution.past_of([example]);
    let future = execution.future_of([example]);
    for index in 0..execution.events().len() {
        let its_past = execution.past_of([index]);
        let its_future = execution.future_of([index]);
        assert_eq!(past[index], its_future[example], "{index}");
        assert_eq!(future[index], its_past[example], "{index}");
        if past[index] {
            assert!(execution.send_of(index).is_none_or(|send| past[send]));
            assert!(execution.previous(index).is_none_or(|before| past[before]));
        }
    }
    // For each machine, how many of its events are in the cut.
    let cut = execution.cut([example]);
    assert_eq!(
        cut.iter().sum::<usize>(),
        past.iter().filter(|is_in| **is_in).count()
    );
    let order = execution.causal_order().unwrap();
    // For each event, its rank in this order.
    let mut ranks = vec![0; order.len()];
    for (rank, &index) in order.iter().enumerate() {
        ranks[index] = rank;
    }
    assert_eq!(order.len(), execution.events().len());
    for (index, &rank) in ranks.iter().enumerate() {
        let is_before = |cause: usize| ranks[cause] < rank;
        assert!(
            execution.send_of(index).is_none_or(is_before)
                && execution.previous(index).is_none_or(is_before)
        );
    }
}

#[test]
fn a_log_in_which_an_event_causes_itself_has_no_causal_order() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let mut finished = fixture::finished(&experiment, &run, &fixture::by_hand());
    // The changes below make a cycle. Machine 0 sends at tick 2, and machine 1 receives this message at tick 0. Then machine 1 sends at
    // tick 1, and machine 0 receives that message at tick 1, which is before its send at tick 2.
    for (column, value) in [("event", "send"), ("peers", "1"), ("sent_tick", "")] {
        fixture::set(&mut finished, 0, 2, column, value);
    }
    fixture::set(&mut finished, 1, 0, "sent_tick", "2");
    fixture::write(&folder.path().join("odd"), &experiment, vec![finished]);
    let execution = execution(&folder.path().join("odd"));
    let error = execution.causal_order().unwrap_err().to_string();
    assert!(error.contains("happened before itself"), "{error}");
    // The run can still be shown: choosing a window (a part of the run) needs no causal order.
    assert!(Choice::default().window(&execution).is_ok());
}

/// For a window (a part of the run), [`lag::steps`] finds the same lags as a simple loop that looks at all events of the run. The
/// events before the window matter too: they determine the clocks at the start of the window.
#[test]
fn lags_in_a_window_are_those_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let execution = execution(&folder.path().join("small"));
    let (from_ns, to_ns) = (4_100_000_000, 9_000_000_000);
    // For machine 2, then for machine 0: each value of the lag, with the time from which the machine has this lag.
    let steps = lag::steps(&execution, &[2, 0], (from_ns, to_ns));
    let clock_at = |machine: u32, at_ns: i64| {
        let log = &execution.events()[execution.range_of(machine)];
        let latest = log.iter().rfind(|event| event.time_ns <= at_ns);
        latest.map_or(0, |event| event.clock)
    };
    for (steps, machine) in steps.iter().zip([2, 0]) {
        assert_eq!(steps[0].from_ns, from_ns);
        let times = execution.events().iter().map(|event| event.time_ns);
        for at_ns in times.filter(|at_ns| (from_ns..=to_ns).contains(at_ns)) {
            let largest = (0..3)
                .map(|machine| clock_at(machine, at_ns))
                .max()
                .unwrap();
            let step = steps.iter().rfind(|step| step.from_ns <= at_ns).unwrap();
            assert_eq!(
                step.lag,
                largest - clock_at(machine, at_ns),
                "{machine} at {at_ns}"
            );
        }
        assert!(steps.iter().all(|step| step.from_ns <= to_ns));
    }
    // The comparison above would show little if all lags were 0 or nearly 0.
    assert!(steps.iter().flatten().any(|step| step.lag > 3));
}

/// Other programs often log neither senders nor recipients. Then it is not known which send a receive belongs to.
#[test]
fn senders_and_recipients_that_a_log_does_not_have_are_shown_as_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    let header = "time,event,clock,queue\n";
    let logs = [
        "0.0,send,1,0\n1.0,internal,2,0\n2.0,receive,5,1\n3.0,receive,6,0\n",
        "0.5,receive,2,0\n1.5,send,3,0\n2.5,send,4,0\n3.5,internal,5,0\n",
    ];
    for (machine, log) in logs.iter().enumerate() {
        fs::write(
            run.join(format!("m{machine}.csv")),
            format!("{header}{log}"),
        )
        .unwrap();
    }
    let (code, _, err) = analyze(&["import", "run", "--into", "mine"], folder.path());
    assert_eq!(code, 0, "{err}");
    let unknown = "mine: for 3 of 3 receives, the log does not tell which send they belong to: these messages have no arrow, and what \
                   happened before these receives is not completely known\n";
    let (_, out, err) = analyze(&["show", "mine", "--run", "0"], folder.path());
    assert_eq!(err, unknown);
    assert!(
        out.contains(" to unknown ") && out.contains(" from unknown "),
        "{out}"
    );
    let (_, svg, err) = analyze(&["diagram", "mine", "--run", "0"], folder.path());
    assert_eq!(err, unknown);
    assert_eq!(svg.matches("data-event=").count(), 8);
    // Only arrows have `data-from`, and this diagram has no arrows.
    assert_eq!(svg.matches("data-from=").count(), 0);
    let follow = [
        "show", "mine", "--run", "0", "--follow", "0:0", "--format", "csv",
    ];
    let (_, out, _) = analyze(&follow, folder.path());
    assert!(out.lines().nth(1).unwrap().contains(",not known,"), "{out}");
}
