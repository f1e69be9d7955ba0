//! Reports how each field of the imported logs was read, and what was assumed. A field is a column that `analyze import` knows, such as
//! `logical_clock`.

use std::collections::BTreeMap;

use super::header;
use super::left_out::shortened;
use super::lines::Raw;
use super::mapping::COLUMNS;
use crate::output::table::Table;

/// Maximum number of different values of a field that are shown as examples.
const MAX_EXAMPLES: usize = 2;

/// How the logs were read.
#[derive(Clone, Debug, Default)]
pub(super) struct HowRead {
    /// For logs that are lines of text: the name of each field, and a text that says where the field was found. For example, the text for
    /// the field `event` is `words of the line`. For logs that are files with columns, [`Raw::found`] has these texts, and this map is
    /// empty.
    pub(super) found: BTreeMap<String, String>,
    fields: Vec<Field>,
    /// One sentence per assumption.
    pub(super) assumptions: Vec<String>,
}

/// How one field was read.
#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    /// Where the field was found, in words such as ``column `clock` ``.
    found: String,
    /// At most [`MAX_EXAMPLES`] of its values.
    examples: Vec<String>,
    /// Number of rows with a value.
    rows_with_value: usize,
    /// Number of all rows.
    all_rows: usize,
}

impl HowRead {
    /// Adds an assumption if it is not listed yet.
    pub(super) fn assume(&mut self, sentence: String) {
        if !self.assumptions.contains(&sentence) {
            self.assumptions.push(sentence);
        }
    }

    /// The fields as a table: where each was found, one or two of its values, and how many rows have a value.
    pub(super) fn table(&self) -> Table {
        let row = |field: &Field| {
            vec![
                field.name.to_owned(),
                field.found.clone(),
                field.examples.join(", "),
                format!("{} of {}", field.rows_with_value, field.all_rows),
            ]
        };
        Table {
            title: "How the logs are read",
            headings: ["field", "found", "such as", "rows"]
                .map(str::to_owned)
                .into(),
            // "3 of 10" is not a number, but it is aligned like one.
            numeric: vec![false, false, false, true],
            rows: self.fields.iter().map(row).collect(),
            ..Table::default()
        }
    }
}

/// Adds to `how_read` an entry for each field that the logs have. `runs` has the name and the files of each run.
pub(super) fn add_fields(how_read: &mut HowRead, runs: &[(String, Vec<Raw>)]) {
    // All files of all runs, each with its rows.
    let raws = || runs.iter().flat_map(|(_, raws)| raws);
    let all_rows = raws().map(|raw| raw.rows.len()).sum();
    for name in COLUMNS {
        let Some(raw) = raws().find(|raw| raw.has(name)) else {
            continue;
        };
        // If `how_read.found` has no entry for the field, the first file that has the field says where the field was found.
        let found = match how_read.found.get(name) {
            Some(found) => found.clone(),
            None => raw.found[header::index(name)].clone().unwrap_or_default(),
        };
        let mut examples: Vec<String> = vec![];
        let mut rows_with_value = 0;
        for cell in raws().flat_map(|raw| raw.rows.iter().filter_map(|row| raw.cell(row, name))) {
            rows_with_value += 1;
            if examples.len() < MAX_EXAMPLES {
                let example = shortened(cell);
                if !examples.contains(&example) {
                    examples.push(example);
                }
            }
        }
        how_read.fields.push(Field {
            name,
            found,
            examples,
            rows_with_value,
            all_rows,
        });
    }
}
