//! The version of what the program computes from events: cached measures and exported parts of another version do not count.

/// Raise this by one whenever the same dataset gives another table of measures or other columns of events than before: because a
/// measure is new, is gone, or has another definition, name or type; or because `sim::log` reads rows of events otherwise.
/// Comments, names within the program and whatever else leaves all values as they are need no new version.
///
/// A test computes everything of `data/sample` and fails when its values change: then raise this, and write the checksum that the
/// test names into [`CHECKSUM_OF_SAMPLE`]. Where a change shows only in data that the sample has none of, no test can notice:
/// raise it all the same.
pub(crate) const MEASURES_VERSION: u32 = 1;

/// What this version makes of `data/sample`.
#[cfg(test)]
const CHECKSUM_OF_SAMPLE: &str = "53306b79e922d50f";

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

    /// Names, types and values of a frame. Numbers have ten digits: what the order of a sum or another processor changes is behind
    /// them.
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

    /// All measures, with and without a warm-up, and all events, of the sample.
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
    fn other_values_are_another_version() {
        let checksum = sim::log::checksum(everything().as_bytes());
        assert_eq!(
            checksum, CHECKSUM_OF_SAMPLE,
            "the measures or the events of data/sample are not what version {MEASURES_VERSION} makes of them. If that is meant, \
             raise MEASURES_VERSION in analyze/src/measures/version.rs, and set CHECKSUM_OF_SAMPLE there to {checksum}"
        );
    }
}
