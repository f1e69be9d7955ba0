//! The data of the tables in a report (an HTML page). The page's script lets the reader sort and filter these tables.
//!
//! Tables with thousands of rows would make the page large and slow. So the page has the data as JSON, and the script shows some rows at a
//! time. A column that several tables share is stored only once. If scripts are switched off, the page shows the first rows of each table.

use serde::{Serialize, Serializer};

use super::contents::ReportError;
use crate::measures::Measure;
use crate::output::table::number;
use crate::output::value::Value;
use crate::read::runs::shown;
use crate::stats::estimate::Estimate;
use crate::stats::intervals::estimate_words;
use crate::stats::tables::{SUMMARY, described, parameter_heading};
use crate::theory::{PredictionComparison, Quantity};

/// Rows that the page shows without its script.
const FIRST_ROWS: usize = 10;

/// The character that stands between the cells of a column in JSON. If a cell contains it, the cell gets a slash instead.
const SEPARATOR: &str = "|";

/// A column: its heading, its meaning, and a text for each row. In JSON, all cells are joined to one text. If they are all equal, JSON has
/// only the first.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) meaning: String,
    #[serde(serialize_with = "join")]
    pub(super) cells: Vec<String>,
}

/// Writes the cells of a column as one text.
fn join<S: Serializer>(cells: &Vec<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let written = match cells.as_slice() {
        [first, others @ ..] if others.iter().all(|other| other == first) => &cells[..1],
        cells => cells,
    };
    let escaped: Vec<String> = written
        .iter()
        .map(|cell| cell.replace(SEPARATOR, "/"))
        .collect();
    serializer.serialize_str(&escaped.join(SEPARATOR))
}

/// A table of some columns.
#[derive(Debug, Serialize)]
pub(super) struct DataTable {
    pub(super) title: String,
    /// The indices of its columns in [`Data::columns`].
    pub(super) columns: Vec<usize>,
}

/// Tables that share their rows and some of their columns.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    /// Number of rows.
    rows: usize,
    /// The columns of all tables, each once.
    pub(super) columns: Vec<Column>,
    pub(super) tables: Vec<DataTable>,
    /// The other fields as JSON.
    #[serde(skip)]
    json: String,
}

impl Data {
    /// The tables of drift, jumps, backlog and theory. Each row is about one entry of `compared`: one machine of one configuration.
    pub(super) fn new(compared: &[PredictionComparison<'_>]) -> Result<Self, ReportError> {
        let mut data = Self {
            rows: compared.len(),
            columns: key_columns(compared),
            tables: vec![],
            json: String::new(),
        };
        // So far there are only the columns that say what a row is about. Every table begins with them.
        let keys: Vec<usize> = (0..data.columns.len()).collect();
        for spec in &SUMMARY {
            let measures = spec.measures();
            let columns = measures
                .iter()
                .map(|measure| data.add_measured(measure, compared));
            let columns: Vec<usize> = columns.collect();
            data.push_table(spec.title, &keys, columns);
        }
        let mut columns = vec![];
        for quantity in Quantity::ALL {
            // The quantity has the name of the measure that theory predicts.
            let measure = crate::measures::named(quantity.name());
            columns.push(data.add_measured(measure, compared));
            columns.push(data.add_predicted(quantity, measure, compared));
        }
        data.push_table("Theory", &keys, columns);
        data.json = serde_json::to_string(&data)?;
        Ok(data)
    }

    /// Adds a table with the columns at the indices `keys`, followed by those at the indices `columns`.
    fn push_table(&mut self, title: &str, keys: &[usize], columns: Vec<usize>) {
        self.tables.push(DataTable {
            title: title.to_owned(),
            columns: [keys, &columns].concat(),
        });
    }

    /// Adds `column`, unless a column with the same heading exists already. Returns the index of the new or the existing column.
    fn add_column(&mut self, column: Column) -> usize {
        let existing = self
            .columns
            .iter()
            .position(|other| other.heading == column.heading);
        existing.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    /// Adds the column of a measure, and returns its index.
    fn add_measured(&mut self, measure: &Measure, compared: &[PredictionComparison<'_>]) -> usize {
        let cells = compared.iter().map(|machine| {
            let estimate = machine.group.estimate(measure);
            estimate.map_or(String::new(), |estimate| cell(&estimate, measure))
        });
        self.add_column(Column {
            heading: crate::plot::heading(measure),
            meaning: described(measure),
            cells: cells.collect(),
        })
    }

    /// Adds the column of a prediction, and returns its index.
    fn add_predicted(
        &mut self,
        quantity: Quantity,
        measure: &Measure,
        compared: &[PredictionComparison<'_>],
    ) -> usize {
        let cells = compared.iter().map(|machine| {
            let comparison = machine.of(quantity);
            let caveat = if comparison.caveats.is_empty() {
                ""
            } else {
                " *"
            };
            let predicted = comparison.predicted;
            predicted.map_or(String::new(), |value| {
                number(value, measure.decimals) + caveat
            })
        });
        self.add_column(Column {
            heading: format!("predicted {}", crate::plot::heading(measure)),
            meaning: "what theory predicts; * marks a caveat: theory neglects something that affects this value".to_owned(),
            cells: cells.collect(),
        })
    }

    /// The columns and tables as JSON that can stand in an HTML `script` element: it has no `<`.
    pub(super) fn json(&self) -> String {
        self.json.replace('<', "\\u003c")
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The first rows of a table.
    pub(super) fn first_rows(&self, table: &DataTable) -> Vec<Vec<&str>> {
        let row = |row: usize| {
            let cells = table
                .columns
                .iter()
                .map(|&column| &self.columns[column].cells[row]);
            cells.map(String::as_str).collect()
        };
        (0..self.rows.min(FIRST_ROWS)).map(row).collect()
    }
}

/// The columns that say which machine of which configuration a row is about.
fn key_columns(compared: &[PredictionComparison<'_>]) -> Vec<Column> {
    let values: Vec<Vec<Value>> = compared
        .iter()
        .map(|machine| machine.group.parameters.clone())
        .collect();
    // The parameters that differ between configurations.
    let names = crate::plot::distinguishing_parameters(&values);
    let mut columns: Vec<Column> = names
        .iter()
        .map(|name| Column {
            heading: parameter_heading(name).to_owned(),
            meaning: format!("parameter {name}"),
            cells: values.iter().map(|values| shown(values, name)).collect(),
        })
        .collect();
    let groups = || compared.iter().map(|machine| machine.group);
    columns.push(Column {
        heading: "machine".to_owned(),
        meaning: "the machine within the run, from 0".to_owned(),
        cells: groups().map(|group| group.machine.to_string()).collect(),
    });
    columns.push(Column {
        heading: "rate (1/s)".to_owned(),
        meaning: "ticks of the machine per model second".to_owned(),
        cells: groups().map(|group| group.rate.to_string()).collect(),
    });
    columns.push(Column {
        heading: "n".to_owned(),
        meaning: "number of runs".to_owned(),
        cells: groups().map(|group| group.n.to_string()).collect(),
    });
    columns
}

/// A mean and its interval in a short form that the page's script can sort by: `1234.5±6.7`, without spaces and without commas between
/// thousands. If the value is equal in all runs, there is no interval, and the form is `3=`. `page::spaced` makes such a text readable.
fn cell(estimate: &Estimate, measure: &Measure) -> String {
    let words = estimate_words(estimate, measure.digits()).join(" ");
    // The first step removes spaces (U+00A0 is the no-break space): `3, all equal` becomes `3,allequal`.
    words
        .replace([' ', '\u{a0}'], "")
        .replace(",allequal", "=")
        .replace(',', "")
}
