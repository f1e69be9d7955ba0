//! Records (lists of names and values) as CSV and JSON, and data frames as CSV, in full precision.

use std::io::Write;

use polars::prelude::DataFrame;

use crate::output::value::{Record, Value};

/// Writes records as CSV, with the names as the header. All records have the same names. Without records, nothing is written. A missing
/// value is an empty cell. A real number always has a decimal point.
///
/// # Errors
///
/// If writing to `out` fails.
pub fn csv(records: &[Record], out: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if let Some(first) = records.first() {
        writer.write_record(first.iter().map(|(name, _)| name))?;
    }
    for record in records {
        writer.write_record(record.iter().map(|(_, value)| value.as_cell()))?;
    }
    Ok(writer.flush()?)
}

/// Writes records as a JSON array with one object per line. A missing value is null.
///
/// # Errors
///
/// If writing to `out` fails.
pub fn json(records: &[Record], mut out: impl Write) -> std::io::Result<()> {
    // The text before a record: the opening bracket before the first record, and a comma before every other record.
    let mut before_record = "[\n";
    for record in records {
        out.write_all(before_record.as_bytes())?;
        before_record = ",\n";
        // The object is put together here, because the map type of `serde_json` does not keep the order of the fields. `serde_json` only writes
        // each name and each value, with quotes where they are needed.
        let mut before_field = "{";
        for (name, value) in record {
            let value = serde_json::Value::from(value.clone());
            write!(
                out,
                "{before_field}{}: {value}",
                serde_json::Value::from(name.as_str())
            )?;
            before_field = ", ";
        }
        out.write_all(b"}")?;
    }
    out.write_all(if records.is_empty() {
        b"[]\n"
    } else {
        b"\n]\n"
    })
}

/// Writes the rows of a data frame as CSV, with a header if `with_header` is true.
///
/// # Errors
///
/// If writing to `out` fails.
pub fn frame_csv(frame: &DataFrame, with_header: bool, out: impl Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if with_header {
        writer.write_record(frame.get_column_names().iter().map(|name| name.as_str()))?;
    }
    let mut cells = Vec::with_capacity(frame.width());
    for row in 0..frame.height() {
        cells.clear();
        for column in frame.columns() {
            cells.push(
                Value::from_cell(column, row)
                    .map_err(std::io::Error::other)?
                    .as_cell(),
            );
        }
        writer.write_record(&cells)?;
    }
    writer.flush()
}
