//! The version of the rules by which the program computes measures and columns of events. Cached measures (`.cache`) and exported events
//! (`processed/events/`) that were made with another version are not used again, but computed anew.

/// Raise this number by one whenever you change the program in such a way that the same dataset gives other measures or other columns
/// of events. This happens if a measure is new, is removed, or gets another definition, name or type, or if `sim::log` reads events
/// differently. A change of comments or private names needs no new version.
///
/// A test computes the measures and events of `data/sample` and fails if a value has changed. Then raise this number, and write the
/// checksum that the test prints into [`CHECKSUM_OF_SAMPLE`]. The test cannot notice a change that has no effect on `data/sample`;
/// raise the number after such a change too.
pub(crate) const MEASURES_VERSION: u32 = 3;

/// Checksum of all measures and events of `data/sample` in this version.
#[cfg(test)]
const CHECKSUM_OF_SAMPLE: &str = "9a5bf8a47aa5fdf6";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::{Path, PathBuf};

    use polars::prelude::*;

    use super::*;
    use crate::output::value::Value;
    use crate::read::dataset::Dataset;

    fn sample() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample")
    }

    /// Names, types and values of a frame. Numbers are written with ten significant digits (`.9e`: one digit before the point and nine after
    /// it), because further digits depend on the order of sums and on the processor.
    fn text(frame: &DataFrame) -> String {
        let mut text = String::new();
        for column in frame.columns() {
            text += &format!("{} {}:", column.name(), column.dtype());
            for row in 0..frame.height() {
                text += &match Value::from_cell(column, row).unwrap() {
                    Value::Number(number) => format!(" {number:.9e}"),
                    other => format!(" {other:?}"),
                };
            }
            text.push('\n');
        }
        text
    }

    /// A text with all measures of the sample, then all its events, and then the measures with a warm-up of one second (they ignore the first
    /// second of each run).
    fn everything() -> String {
        let mut dataset = Dataset::open(&sample()).unwrap();
        let mut everything = text(&dataset.machines().unwrap());
        for batch in dataset.batches() {
            everything += &text(&batch.events().unwrap());
        }
        dataset.cut_warm_up(1.0).unwrap();
        everything + &text(&dataset.machines().unwrap())
    }

    #[test]
    fn changed_values_need_a_new_version() {
        let checksum = sim::log::checksum(everything().as_bytes());
        assert_eq!(
            checksum, CHECKSUM_OF_SAMPLE,
            "the measures or the events of data/sample differ from those of version {MEASURES_VERSION}. If this is intended, \
             raise MEASURES_VERSION in analyze/src/measures/version.rs, and set CHECKSUM_OF_SAMPLE there to {checksum}"
        );
    }
}
