//! Tests of the rows of the event log: their format, and that written rows are read back.

use super::*;
use proptest::prelude::*;

// The values of a row that can be unknown. A sum of these numbers stands for a set of values: 18 is sender (2) and queue length (16).
const RECIPIENTS: u8 = 1;
const SENDER: u8 = 2;
const STAMP: u8 = 4;
const SENT_TICK: u8 = 8;
const QUEUE_LENGTH: u8 = 16;

// The functions below draw rows without unknown values. If a field can be unknown, the largest number of its type (`UNKNOWN` or
// `UNKNOWN_MACHINE`) stands for an unknown value. So only smaller numbers are drawn for such a field.

fn recipients() -> impl Strategy<Value = Recipients> {
    prop_oneof![
        Just(Recipients::All),
        (0..UNKNOWN_MACHINE).prop_map(Recipients::One),
        prop::collection::btree_set(0..UNKNOWN_MACHINE, 2..20)
            .prop_map(|peers| Recipients::Several(peers.into_iter().collect())),
    ]
}

fn kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        Just(EventKind::Internal),
        (recipients(), any::<u64>())
            .prop_map(|(recipients, stamp)| EventKind::Send { recipients, stamp }),
        (0..UNKNOWN_MACHINE, 0..UNKNOWN, 0..UNKNOWN).prop_map(|(sender, stamp, sent_tick)| {
            EventKind::Receive(Message {
                sender,
                stamp,
                sent_tick,
            })
        }),
    ]
}

fn row() -> impl Strategy<Value = EventRow> {
    (
        any::<u64>(),
        0..UNKNOWN_MACHINE,
        any::<u64>(),
        kind(),
        any::<u64>(),
        any::<u64>(),
        0..UNKNOWN,
    )
        .prop_map(
            |(run, machine, tick, kind, system_time_ns, logical_clock, queue_length)| EventRow {
                run,
                machine,
                logged: LoggedEvent {
                    system_time_ns,
                    event: Event {
                        tick,
                        kind,
                        logical_clock,
                        queue_length,
                        timestamp: None,
                    },
                },
            },
        )
}

/// Marks the values in the set `unknown` as unknown in the row. Values that the row does not have are ignored: an internal event, for
/// example, has no sender.
fn without_values(mut row: EventRow, unknown: u8) -> EventRow {
    let is_unknown = |bit: u8| unknown & bit != 0;
    if is_unknown(QUEUE_LENGTH) {
        row.logged.event.queue_length = UNKNOWN;
    }
    match &mut row.logged.event.kind {
        EventKind::Send { recipients, .. } if is_unknown(RECIPIENTS) => {
            *recipients = Recipients::One(UNKNOWN_MACHINE);
        }
        EventKind::Receive(message) => {
            if is_unknown(SENDER) {
                message.sender = UNKNOWN_MACHINE;
            }
            if is_unknown(STAMP) {
                message.stamp = UNKNOWN;
            }
            if is_unknown(SENT_TICK) {
                message.sent_tick = UNKNOWN;
            }
        }
        _ => {}
    }
    row
}

#[test]
fn rows_have_the_documented_format() {
    let row_of = |kind| EventRow {
        run: 17,
        machine: 2,
        logged: LoggedEvent {
            system_time_ns: 99,
            event: Event {
                tick: 134,
                kind,
                logical_clock: 210,
                queue_length: 3,
                timestamp: None,
            },
        },
    };
    let mut text = Vec::new();
    write_row(&mut text, &row_of(EventKind::Internal));
    write_row(
        &mut text,
        &row_of(EventKind::Send {
            recipients: Recipients::One(1),
            stamp: 210,
        }),
    );
    write_row(
        &mut text,
        &row_of(EventKind::Send {
            recipients: Recipients::All,
            stamp: 210,
        }),
    );
    write_row(
        &mut text,
        &row_of(EventKind::Send {
            recipients: Recipients::Several([0, 3, 12].into()),
            stamp: 210,
        }),
    );
    write_row(
        &mut text,
        &row_of(EventKind::Receive(Message {
            sender: 0,
            stamp: 209,
            sent_tick: 77,
        })),
    );
    // The columns are those of `EVENT_COLUMNS`; the last three are `peers`, `message_stamp` and `sent_tick`.
    insta::assert_snapshot!(String::from_utf8_lossy(&text), @r"
    17,2,134,internal,99,210,3,,,
    17,2,134,send,99,210,3,1,210,
    17,2,134,send,99,210,3,*,210,
    17,2,134,send,99,210,3,0;3;12,210,
    17,2,134,receive,99,210,3,0,209,77
    ");
}

/// In memory, the largest `u32` stands for an unknown machine, and the largest `u64` for other unknown values. In a log, an unknown value
/// is an empty cell, and neither of the two numbers is accepted as a machine's index.
#[test]
fn numbers_that_stand_for_unknown_values_are_refused_as_machines() {
    let machines_may_be_empty = MissingFields {
        recipients: true,
        senders: true,
        ..MissingFields::default()
    };
    for number in [u64::from(UNKNOWN_MACHINE), u64::MAX] {
        for row in [
            format!("17,2,134,send,99,210,3,{number},210,\n"),
            format!("17,2,134,receive,99,210,3,{number},209,77\n"),
            format!("17,{number},134,internal,99,210,3,,,\n"),
        ] {
            for missing_fields in [MissingFields::default(), machines_may_be_empty] {
                let read = parse_rows_in(row.as_bytes(), missing_fields.into()).next();
                let error = read.expect("a row").expect_err("an error").to_string();
                assert!(error.contains("too large for a machine's index"), "{error}");
            }
        }
    }
}

proptest! {
    #[test]
    fn written_rows_are_read_back(rows in prop::collection::vec(row(), 0..50)) {
        let mut text = Vec::new();
        rows.iter().for_each(|row| write_row(&mut text, row));
        let read: Result<Vec<EventRow>, RowError> = parse_rows(&text).collect();
        prop_assert_eq!(read, Ok(rows));
    }

    #[test]
    fn unknown_values_are_empty_cells_and_by_default_an_empty_cell_is_an_error(unknown in 1u8..32, row in row()) {
        // The numbers from 1 to 31 are all sets of the five bits, except the empty set.
        let row = without_values(row, unknown);
        let mut text = Vec::new();
        write_row(&mut text, &row);
        let all_may_be_empty = MissingFields { recipients: true, senders: true, stamps: true, sent_ticks: true, queue_lengths: true };
        let read: Result<Vec<EventRow>, RowError> = parse_rows_in(&text, all_may_be_empty.into()).collect();
        prop_assert_eq!(read, Ok(vec![row.clone()]));
        // By default, a row with an unknown value is an error. `text` has only one row.
        let has_unknown_value = unknown & QUEUE_LENGTH != 0
            || matches!(row.logged.event.kind, EventKind::Send { .. } if unknown & RECIPIENTS != 0)
            || matches!(row.logged.event.kind, EventKind::Receive(_) if unknown & (SENDER | STAMP | SENT_TICK) != 0);
        prop_assert_eq!(parse_rows(&text).all(|row| row.is_err()), has_unknown_value);
    }

    #[test]
    fn a_row_that_is_cut_off_is_an_error_and_earlier_rows_are_read(rows in prop::collection::vec(row(), 1..20), cut in 1usize..1000) {
        let mut text = Vec::new();
        rows.iter().for_each(|row| write_row(&mut text, row));
        text.truncate(text.len().saturating_sub(cut));
        let complete_rows = text.iter().filter(|&&byte| byte == b'\n').count();
        let read: Vec<_> = parse_rows(&text).collect();
        prop_assert_eq!(read.iter().filter(|row| row.is_ok()).count(), complete_rows);
        let ends_within_a_row = !text.is_empty() && text.last() != Some(&b'\n');
        prop_assert_eq!(read.iter().any(Result::is_err), ends_within_a_row);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_rows(&bytes).count();
    }
}
