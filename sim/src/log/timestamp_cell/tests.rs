//! Tests of the cell `timestamp` in the event log. Two parsers read this cell: `parse_rows_in` makes one value for each row, and
//! `EventColumns::read` makes columns. Both must read back what was written, and report damaged cells with row and column.

use super::*;
use crate::log::{
    EventColumns, EventRow, LoggedEvent, RowError, parse_rows_in, write_machine_rows,
};
use crate::machine::{Event, EventKind};
use proptest::prelude::*;

/// The run of all rows.
const RUN: u64 = 0;
/// The machine of all rows.
const MACHINE: u32 = 1;
/// All rows are written with the column `timestamp`.
const HAS_TIMESTAMPS: bool = true;
const VECTOR: TimestampFormat = TimestampFormat::Vector { machines: 3 };

fn format(timestamps: TimestampCells) -> RowFormat {
    RowFormat {
        timestamps,
        ..RowFormat::default()
    }
}

fn row(timestamp: Option<CarriedTimestamp>) -> EventRow {
    EventRow {
        run: RUN,
        machine: MACHINE,
        logged: LoggedEvent {
            system_time_ns: 5,
            event: Event {
                tick: 2,
                kind: EventKind::Internal,
                logical_clock: 7,
                queue_length: 0,
                timestamp: timestamp.map(Arc::new),
            },
        },
    }
}

/// Some random timestamps of one kind (vector, hybrid or none), and the format of their cells.
fn timestamps() -> impl Strategy<Value = (TimestampCells, Vec<Option<CarriedTimestamp>>)> {
    let vectors = prop::collection::vec(any::<[u64; 3]>(), 1..5).prop_map(|all| {
        let vector = |numbers: [u64; 3]| {
            Some(CarriedTimestamp::Vector(VectorTimestamp::new(
                numbers.into(),
            )))
        };
        (
            TimestampCells::Filled(VECTOR),
            all.into_iter().map(vector).collect(),
        )
    });
    let hybrids = prop::collection::vec(any::<(i64, u64)>(), 1..5).prop_map(|all| {
        let hybrid = |(time, counter)| {
            Some(CarriedTimestamp::Hybrid(HybridClock::from_parts(
                time, counter,
            )))
        };
        (
            TimestampCells::Filled(TimestampFormat::Hybrid),
            all.into_iter().map(hybrid).collect(),
        )
    });
    let none = (1usize..5).prop_map(|rows| (TimestampCells::Empty, vec![None; rows]));
    prop_oneof![vectors, hybrids, none]
}

proptest! {
    #[test]
    fn written_rows_are_read_back_by_both_parsers((cells, timestamps) in timestamps()) {
        let rows: Vec<EventRow> = timestamps.into_iter().map(row).collect();
        let mut text = vec![];
        for row in &rows {
            write_machine_rows(&mut text, RUN, MACHINE, std::slice::from_ref(&row.logged), HAS_TIMESTAMPS);
        }
        let read: Result<Vec<EventRow>, RowError> = parse_rows_in(&text, format(cells)).collect();
        prop_assert_eq!(read.as_ref(), Ok(&rows));
        let mut columns = EventColumns::default();
        columns.read(RUN, &text, format(cells))?;
        prop_assert_eq!(columns.rows().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn both_parsers_read_the_same_or_report_the_same_error_if_one_byte_has_changed(
        (cells, timestamps) in timestamps(),
        index in any::<prop::sample::Index>(),
        byte in prop_oneof![Just(b','), Just(b'\n'), Just(b';'), Just(b'-'), b'0'..=b'9', any::<u8>()],
    ) {
        let mut text = vec![];
        for timestamp in timestamps {
            write_machine_rows(&mut text, RUN, MACHINE, &[row(timestamp).logged], HAS_TIMESTAMPS);
        }
        let position = index.index(text.len());
        text[position] = byte;
        let mut columns = EventColumns::default();
        let by_columns = columns.read(RUN, &text, format(cells));
        let by_rows: Result<Vec<EventRow>, RowError> = parse_rows_in(&text, format(cells)).collect();
        match by_rows {
            // The text can still be read.
            Ok(rows) if rows.iter().all(|row| row.run == RUN) => {
                prop_assert_eq!(columns.rows().collect::<Vec<_>>(), rows);
            }
            // A run number has changed. Only the parser of columns checks this number: it was told to read the rows of `RUN`.
            Ok(_) => prop_assert!(by_columns.is_err()),
            // The errors differ only if the parser of columns has found a wrong run number, which the other parser does not look for.
            Err(error) if by_columns != Err(error.clone()) => {
                prop_assert_eq!(by_columns.map_err(|error| error.column), Err("run"));
            }
            Err(_) => {}
        }
    }
}

#[test]
fn damaged_cells_are_reported_with_row_and_column() {
    let vector = TimestampCells::Filled(VECTOR);
    let hybrid = TimestampCells::Filled(TimestampFormat::Hybrid);
    // 2^64 is just too large for the `u64` of a vector. 2^63 and -2^63 - 1 are just outside the `i64` of a hybrid clock's time.
    for (cells, cell, problem) in [
        (vector, "", "must be a number, but is empty"),
        (vector, "1;2", "must have one number for each machine"),
        (vector, "1;2;3;4", "must have one number for each machine"),
        (vector, "1;;3", "must be a number, but is empty"),
        (vector, "1;-2;3", "not a whole number"),
        (
            vector,
            "1;2;18446744073709551616",
            "the number is too large",
        ),
        (hybrid, "5", "must have two numbers: time and counter"),
        (hybrid, "5;0;0", "must have two numbers: time and counter"),
        (hybrid, "9223372036854775808;0", "the number is too large"),
        (hybrid, "-9223372036854775809;0", "the number is too large"),
        (hybrid, "5;-1", "not a whole number"),
        (
            TimestampCells::Empty,
            "5;0",
            "must be empty for a run with Lamport clocks only",
        ),
    ] {
        let other_cells = "0,1,0,internal,5,7,0,,,,";
        let good_cell = match cells {
            TimestampCells::Filled(TimestampFormat::Vector { .. }) => "0;1;0",
            TimestampCells::Filled(TimestampFormat::Hybrid) => "-3;0",
            // `Absent` (a log without this column) does not occur above.
            TimestampCells::Empty | TimestampCells::Absent => "",
        };
        // The first row is correct, the second row is damaged. Rows are counted from 1.
        let text = format!("{other_cells}{good_cell}\n{other_cells}{cell}\n");
        let mut columns = EventColumns::default();
        let error = columns.read(RUN, text.as_bytes(), format(cells));
        let (row, column) = (2, TIMESTAMP_COLUMN);
        assert_eq!(
            error,
            Err(RowError {
                row,
                column,
                problem
            }),
            "{cell}"
        );
    }
    // This row ends with the empty cell `sent_tick`: the comma and the cell `timestamp` are missing. The error names the column `sent_tick`,
    // because a comma must follow the cell of that column.
    let mut columns = EventColumns::default();
    let error = columns.read(RUN, b"0,1,0,internal,5,7,0,,,\n", format(vector));
    let (row, column, problem) = (1, "sent_tick", "the row ends too early");
    assert_eq!(
        error,
        Err(RowError {
            row,
            column,
            problem
        })
    );
}
