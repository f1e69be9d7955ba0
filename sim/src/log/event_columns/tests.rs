//! Tests of event columns (the events of a run as one list for each column). The columns must give back the rows that were written.
//! Event columns have a fast parser for rows of the usual form. A damaged log must give the same error with event columns as with the
//! general parser of rows (`parse_rows_in`).

use proptest::prelude::*;

use super::*;
use crate::log::LoggedEvent;
use crate::log::MissingFields;
use crate::log::events::write_row;
use crate::machine::Event;

const RUN: u64 = 1_234_567;

/// Random rows of run number `RUN`. Some of their values are unknown.
fn rows() -> impl Strategy<Value = Vec<EventRow>> {
    let peer = 0u32..300;
    let number = || prop_oneof![0u64..3, 0u64..100_000, 0u64..u64::MAX];
    let recipients = prop_oneof![
        peer.clone().prop_map(Recipients::One),
        Just(Recipients::One(UNKNOWN_MACHINE)),
        Just(Recipients::All),
        prop::collection::btree_set(peer.clone(), 2..5)
            .prop_map(|peers| Recipients::Several(peers.into_iter().collect())),
    ];
    let number_or_unknown = || prop_oneof![number(), Just(UNKNOWN)];
    let kind = prop_oneof![
        Just(EventKind::Internal),
        (recipients, number())
            .prop_map(|(recipients, stamp)| EventKind::Send { recipients, stamp }),
        (
            prop_oneof![peer, Just(UNKNOWN_MACHINE)],
            number_or_unknown(),
            number_or_unknown()
        )
            .prop_map(|(sender, stamp, sent_tick)| EventKind::Receive(Message {
                sender,
                stamp,
                sent_tick
            })),
    ];
    let row = (
        0u32..3,
        number(),
        number(),
        number(),
        number_or_unknown(),
        kind,
    );
    let row = row.prop_map(
        |(machine, tick, system_time_ns, logical_clock, queue_length, kind)| EventRow {
            run: RUN,
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
    );
    prop::collection::vec(row, 0..20)
}

/// Allows empty cells for every field that an imported log can lack.
const ALL_MISSING: MissingFields = MissingFields {
    recipients: true,
    senders: true,
    stamps: true,
    sent_ticks: true,
    queue_lengths: true,
};

proptest! {
    /// The columns give back the rows in the order in which the rows were written. Once the columns are sorted, the rows come back ordered
    /// by machine and tick.
    #[test]
    fn columns_give_back_what_was_written(rows in rows()) {
        let mut text = vec![];
        rows.iter().for_each(|row| write_row(&mut text, row));
        let mut columns = EventColumns::default();
        columns.read(RUN, &text, ALL_MISSING.into())?;
        let read: Vec<EventRow> = columns.rows().collect();
        prop_assert_eq!(&read, &rows);
        columns.sort_by_machine_and_tick();
        let mut sorted = rows;
        sorted.sort_by_key(|row| (row.machine, row.logged.event.tick));
        let read: Vec<EventRow> = columns.rows().collect();
        prop_assert_eq!(read, sorted);
        // Reading an empty log removes the events that were read before.
        columns.read(RUN, b"", ALL_MISSING.into())?;
        prop_assert!(columns.is_empty());
    }

    /// From a log with one changed byte, the columns read the same rows as the general parser of rows, or give the same error.
    #[test]
    fn damage_gives_the_same_error_as_the_general_parser(
        rows in rows(),
        position in any::<prop::sample::Index>(),
        // A sign that has a meaning in a row (`*` stands for all peers, `;` separates peers), a digit, or any byte.
        byte in prop_oneof![Just(b','), Just(b'\n'), Just(b';'), Just(b'*'), b'0'..=b'9', any::<u8>()],
        cells_may_be_empty in any::<bool>(),
    ) {
        let missing = if cells_may_be_empty { ALL_MISSING } else { MissingFields::default() };
        let mut text = vec![];
        rows.iter().for_each(|row| write_row(&mut text, row));
        if !text.is_empty() {
            let index = position.index(text.len());
            text[index] = byte;
        }
        let mut columns = EventColumns::default();
        let result = columns.read(RUN, &text, missing.into());
        // The general parser accepts rows of any run, but the columns only rows of `RUN`.
        let refuse_other_runs = |(index, row): (usize, Result<EventRow, RowError>)| match row {
            Ok(row) if row.run != RUN => Err(RowError {
                row: index as u64 + 1,
                column: "run",
                problem: "is the number of another run",
            }),
            row => row,
        };
        let parsed = parse_rows_in(&text, missing.into()).enumerate();
        let expected: Result<Vec<EventRow>, RowError> = parsed.map(refuse_other_runs).collect();
        match expected {
            Ok(rows) => {
                prop_assert_eq!(result, Ok(()));
                let read: Vec<EventRow> = columns.rows().collect();
                prop_assert_eq!(read, rows);
            }
            Err(error) => prop_assert_eq!(result, Err(error)),
        }
    }
}

#[test]
fn a_recipient_with_the_index_that_stands_for_all_peers_is_refused() {
    let mut columns = EventColumns::default();
    // In a log, `*` stands for all peers. In the columns, the number `ALL_PEERS` (4294967294) does. The second row has this number as
    // the index of its only recipient. If it were accepted, the columns would take it for all peers.
    let text = b"0,0,0,internal,0,1,0,,,\n0,0,1,send,1,2,0,4294967294,2,\n";
    let error = columns.read(0, text, RowFormat::default());
    assert_eq!(
        error,
        Err(RowError {
            row: 2,
            column: "peers",
            problem: "too large for a machine's index",
        })
    );
}
