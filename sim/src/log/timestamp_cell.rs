//! The cell `timestamp` of a row of the event log: the event's timestamp of a vector clock or a hybrid logical clock. A machine can keep
//! such a clock beside its Lamport clock. A dataset has the column only if the machines of at least one of its runs do so. The cell of a
//! vector clock has one number for each machine, such as `3;0;2`. The cell of a hybrid logical clock has two numbers, a time and a counter,
//! such as `1200;1`.

use std::io::Write;
use std::sync::Arc;

use super::events::{CellError, MissingFields, digits};
use crate::clock::vector::VectorTimestamp;
use crate::clock::{CarriedTimestamp, HybridClock, TimestampFormat};
use crate::experiment::Configuration;

/// The name of the column. It is the last column of `events-NNNN.csv`, in datasets that have it.
pub const TIMESTAMP_COLUMN: &str = "timestamp";

/// The length of the longest number with a separator, in bytes: a 64-bit number has at most 20 characters, including its sign.
const LONGEST_NUMBER_BYTES: u64 = 21;
/// The separator between the numbers of a timestamp.
const SEPARATOR: u8 = b';';

/// What the rows of a run have in the column `timestamp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampCells {
    /// There is no such column.
    #[default]
    Absent,
    /// The log has the column, but the cells of this run are empty, because its machines have only Lamport clocks.
    Empty,
    /// Each cell has a timestamp in this format.
    Filled(TimestampFormat),
}

/// Which cells the rows of a run have, and which of them may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowFormat {
    /// The cells that may be empty because their values are not known. Only imported logs have such cells.
    pub missing_fields: MissingFields,
    /// The cells of the column `timestamp`.
    pub timestamps: TimestampCells,
}

/// A format without the column `timestamp`.
impl From<MissingFields> for RowFormat {
    fn from(missing_fields: MissingFields) -> Self {
        Self {
            missing_fields,
            ..Self::default()
        }
    }
}

impl RowFormat {
    /// Returns the format of the rows in a log that has only one run. `configuration` is the configuration of this run. The log has the
    /// column `timestamp` if this run has timestamps.
    pub fn of_single_run(configuration: &Configuration) -> Self {
        let format = TimestampFormat::new(configuration);
        Self {
            timestamps: format.map_or(TimestampCells::Absent, TimestampCells::Filled),
            ..Self::default()
        }
    }
}

impl TimestampCells {
    /// Returns what the cells of a run with this `configuration` contain. `has_column` says whether the log has the column
    /// `timestamp`. A log has the column if at least one of its runs has timestamps, not necessarily this run.
    pub(super) fn new(has_column: bool, configuration: &Configuration) -> Self {
        match (has_column, TimestampFormat::new(configuration)) {
            (false, _) => Self::Absent,
            (true, None) => Self::Empty,
            (true, Some(format)) => Self::Filled(format),
        }
    }

    /// Returns whether the log has the column.
    pub fn has_column(self) -> bool {
        self != Self::Absent
    }

    /// Parses a cell. In a run without timestamps, the cell must be empty, and the result is `Ok(None)`.
    pub(super) fn parse(self, cell: &[u8]) -> Result<Option<Arc<CarriedTimestamp>>, CellError> {
        let wrong = |problem: &'static str| (TIMESTAMP_COLUMN, problem);
        let format = match self {
            Self::Filled(format) => format,
            _ if cell.is_empty() => return Ok(None),
            _ => return Err(wrong("must be empty for a run with Lamport clocks only")),
        };
        let mut numbers = cell.split(|&byte| byte == SEPARATOR);
        let unsigned = |text: &[u8]| digits(TIMESTAMP_COLUMN, text);
        let timestamp = match format {
            TimestampFormat::Vector { machines } => {
                let components = numbers.map(unsigned).collect::<Result<Vec<_>, _>>()?;
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
                CarriedTimestamp::Hybrid(HybridClock::from_parts(signed(time)?, unsigned(counter)?))
            }
        };
        Ok(Some(Arc::new(timestamp)))
    }
}

/// Parses the time of a hybrid logical clock. It may be negative: a run starts at time 0, and a machine's physical clock can be behind the
/// true time.
fn signed(text: &[u8]) -> Result<i64, CellError> {
    let too_large = (TIMESTAMP_COLUMN, "the number is too large");
    match text.strip_prefix(b"-") {
        // Computes 0 - amount. If the amount were first parsed as an `i64` and then negated, the lowest `i64` (-2^63) could not be read:
        // 2^63 is too large for an `i64`.
        Some(amount) => 0i64
            .checked_sub_unsigned(digits(TIMESTAMP_COLUMN, amount)?)
            .ok_or(too_large),
        None => i64::try_from(digits(TIMESTAMP_COLUMN, text)?).map_err(|_| too_large),
    }
}

/// An upper limit of the length of a cell in runs with this `configuration`, in bytes.
pub(super) fn longest_cell_bytes(configuration: &Configuration) -> u64 {
    let number_count = match TimestampFormat::new(configuration) {
        None => 0,
        Some(TimestampFormat::Hybrid) => 2,
        Some(TimestampFormat::Vector { machines }) => u64::from(machines),
    };
    LONGEST_NUMBER_BYTES * number_count
}

/// Appends the text of the cell: the numbers of `timestamp`, joined by [`SEPARATOR`]. Appends nothing if there is no timestamp.
pub(super) fn write_cell(buffer: &mut Vec<u8>, timestamp: Option<&CarriedTimestamp>) {
    if let Some(timestamp) = timestamp {
        // Writing to a buffer in memory cannot fail.
        let _ = write!(buffer, "{timestamp}");
    }
}

#[cfg(test)]
mod tests;
