//! The cell `timestamp` of a row of the event log. Only datasets with a run whose messages carry other timestamps than Lamport's have
//! this column.

use std::io::Write;
use std::sync::Arc;

use super::events::{CellError, MissingFields, digits};
use crate::clock::vector::VectorTimestamp;
use crate::clock::{CarriedTimestamp, HybridClock, TimestampFormat};
use crate::experiment::Configuration;

/// The column of `events-NNNN.csv` after all others, in datasets that have it.
pub const TIMESTAMP_COLUMN: &str = "timestamp";

/// The longest number with its separator, in bytes.
const LONGEST_NUMBER: u64 = 21;
/// The separator between the numbers of a timestamp.
const SEPARATOR: u8 = b';';

/// What the rows of a run have in the column `timestamp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampCells {
    /// There is no such column.
    #[default]
    Absent,
    /// The column is empty, because the machines of the run only have Lamport clocks.
    Empty,
    /// Each cell has a timestamp.
    Filled(TimestampFormat),
}

/// Which cells the rows of a run have, and which of them may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowFormat {
    /// The cells that may be empty. Only imported logs have such cells.
    pub missing_fields: MissingFields,
    /// The cells of the column `timestamp`.
    pub timestamps: TimestampCells,
}

impl From<MissingFields> for RowFormat {
    fn from(missing_fields: MissingFields) -> Self {
        Self {
            missing_fields,
            ..Self::default()
        }
    }
}

impl RowFormat {
    /// The format of the rows of a run with this `configuration`, if only this run is written: the column `timestamp` exists if the run
    /// has timestamps.
    pub fn of_single_run(configuration: &Configuration) -> Self {
        let format = TimestampFormat::new(configuration);
        Self {
            timestamps: format.map_or(TimestampCells::Absent, TimestampCells::Filled),
            ..Self::default()
        }
    }
}

impl TimestampCells {
    /// The cells of a run with this `configuration`, in a log that has the column or does not have it.
    pub(super) fn new(has_column: bool, configuration: &Configuration) -> Self {
        match (has_column, TimestampFormat::new(configuration)) {
            (false, _) => Self::Absent,
            (true, None) => Self::Empty,
            (true, Some(format)) => Self::Filled(format),
        }
    }

    /// Whether the log has the column.
    pub fn has_column(self) -> bool {
        self != Self::Absent
    }

    /// Reads a cell.
    pub(super) fn parse(self, cell: &[u8]) -> Result<Option<Arc<CarriedTimestamp>>, CellError> {
        let wrong = |problem: &'static str| (TIMESTAMP_COLUMN, problem);
        let format = match self {
            Self::Filled(format) => format,
            _ if cell.is_empty() => return Ok(None),
            _ => return Err(wrong("must be empty for a run with Lamport clocks only")),
        };
        let mut numbers = cell.split(|&byte| byte == SEPARATOR);
        let number = |cell: &[u8]| digits(TIMESTAMP_COLUMN, cell);
        let timestamp = match format {
            TimestampFormat::Vector { machines } => {
                let components = numbers.map(number).collect::<Result<Vec<_>, _>>()?;
                if components.len() != machines as usize {
                    return Err(wrong("must have one number for each machine"));
                }
                CarriedTimestamp::Vector(VectorTimestamp::new(components))
            }
            TimestampFormat::Hybrid => {
                let parts = (numbers.next(), numbers.next(), numbers.next());
                let (Some(time), Some(counter), None) = parts else {
                    return Err(wrong("must have two numbers: time and counter"));
                };
                CarriedTimestamp::Hybrid(HybridClock::from_parts(signed(time)?, number(counter)?))
            }
        };
        Ok(Some(Arc::new(timestamp)))
    }
}

/// Reads a number that may be negative.
fn signed(cell: &[u8]) -> Result<i64, CellError> {
    let too_large = |_| (TIMESTAMP_COLUMN, "the number is too large");
    match cell.strip_prefix(b"-") {
        Some(cell) => 0i64
            .checked_sub_unsigned(digits(TIMESTAMP_COLUMN, cell)?)
            .ok_or(())
            .map_err(too_large),
        None => i64::try_from(digits(TIMESTAMP_COLUMN, cell)?).map_err(|_| too_large(())),
    }
}

/// Approximate length of the longest cell in runs with this `configuration`, in bytes.
pub(super) fn longest_cell(configuration: &Configuration) -> u64 {
    let numbers = match TimestampFormat::new(configuration) {
        None => 0,
        Some(TimestampFormat::Hybrid) => 2,
        Some(TimestampFormat::Vector { machines }) => u64::from(machines),
    };
    LONGEST_NUMBER * numbers
}

/// Appends the cell of `timestamp`; nothing if there is none.
pub(super) fn write_cell(buffer: &mut Vec<u8>, timestamp: Option<&CarriedTimestamp>) {
    if let Some(timestamp) = timestamp {
        // Writing to a buffer in memory cannot fail.
        let _ = write!(buffer, "{timestamp}");
    }
}

#[cfg(test)]
mod tests;
