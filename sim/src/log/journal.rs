//! Writes rows of the journal, and reads them back with a check of every cell. The journal is the file `runs.csv`, with one row for each
//! attempted run.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;

use super::checksum::checksum;
use super::error::DatasetError;
use super::journal_columns::{Cell, JournalColumn, journal_columns};
use super::journal_row::JournalRow;
use super::schema_3;
use crate::experiment::Configuration;
use crate::input::open_stored;

/// Opens the journal at `path` for reading, but only its complete rows, up to the last newline. Any bytes after the last newline are a row
/// that is being written, or that a crash has cut off. The limit of the result ([`Take::limit`]) is the length of the complete rows in
/// bytes. `None` if there is no journal.
pub(super) fn open_whole_rows(path: &Path) -> Result<Option<Take<File>>, DatasetError> {
    let mut file = match open_stored(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(DatasetError::io(path))?,
    };
    let bytes_of_complete_lines =
        bytes_of_complete_lines(&mut file).map_err(DatasetError::io(path))?;
    file.rewind().map_err(DatasetError::io(path))?;
    Ok(Some(file.take(bytes_of_complete_lines)))
}

/// Returns the length of the file up to its last newline, in bytes. Reads the file backwards, block by block, until it finds the newline.
fn bytes_of_complete_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; BLOCK_BYTES as usize];
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(newline) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Number of bytes that are read at once to find the last newline.
const BLOCK_BYTES: u64 = 4096;
/// Approximate length of a row in bytes, for the buffer in which a row is written.
const ROW_BYTES: usize = 1024;

/// The columns of one journal file, in the order of the file. A new journal has all columns of [`journal_columns`]. A journal that an
/// earlier version of `sim` began may lack columns of newer parameters.
#[derive(Clone, Debug)]
pub(super) struct Header(Vec<&'static JournalColumn>);

impl Default for Header {
    fn default() -> Self {
        Self(journal_columns().iter().collect())
    }
}

impl Header {
    /// Reads the columns from the header of the journal at `path`. If the column of a parameter is missing, this parameter has its default
    /// value in every row. Columns that do not belong to a parameter must exist.
    fn parse(path: &Path, names: &StringRecord) -> Result<Self, DatasetError> {
        let wrong = |column: &str, problem: &'static str| DatasetError::JournalHeader {
            path: path.to_owned(),
            column: column.to_owned(),
            problem,
        };
        let columns: Vec<&JournalColumn> = names
            .iter()
            .map(|name| {
                let mut columns = journal_columns().iter();
                // In schema 3, an earlier version of the format, some columns had other names.
                let current_name = schema_3::current_name(name).unwrap_or(name);
                columns
                    .find(|column| column.name == current_name)
                    .ok_or_else(|| wrong(name, "does not belong to a journal"))
            })
            .collect::<Result<_, _>>()?;
        for column in journal_columns() {
            let count = columns
                .iter()
                .filter(|other| other.name == column.name)
                .count();
            if count > 1 {
                return Err(wrong(column.name, "occurs twice"));
            }
            if count == 0 && column.parameter().is_none() {
                return Err(wrong(column.name, "is missing"));
            }
        }
        Ok(Self(columns))
    }

    /// Returns the name of a parameter that has no column in this journal, although its value in `row` is not the default. `None` if there
    /// is no such parameter.
    fn parameter_without_column(&self, row: &JournalRow) -> Option<&'static str> {
        let mut missing = journal_columns()
            .iter()
            .filter(|column| self.0.iter().all(|other| other.name != column.name));
        let parameter = missing.find_map(|column| {
            let parameter = column.parameter()?;
            (!parameter.can_be_left_out(&row.configuration)).then_some(parameter)
        });
        parameter.map(|parameter| parameter.name)
    }

    /// Returns the header line with its newline.
    pub(super) fn line(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|column| column.name).collect();
        names.join(",") + "\n"
    }

    /// Appends the text of `row` to `buffer`. `path` is the path of the journal, for errors.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::NoColumn`] if a parameter of the row has no column, and its value is not the default. Then the journal was
    /// begun before this parameter existed.
    pub(super) fn write_row(
        &self,
        path: &Path,
        buffer: &mut Vec<u8>,
        row: &JournalRow,
    ) -> Result<(), DatasetError> {
        if let Some(parameter) = self.parameter_without_column(row) {
            return Err(DatasetError::NoColumn {
                path: path.to_owned(),
                parameter,
            });
        }
        let cells = self.0.iter().map(|column| column.cell(row).to_string());
        let mut writer = csv::WriterBuilder::new()
            .buffer_capacity(ROW_BYTES)
            .from_writer(buffer);
        writer
            .write_record(&sealed(&cells.collect()))
            .and_then(|()| Ok(writer.flush()?))
            .map_err(DatasetError::journal(path))
    }
}

/// Returns the row `record` with the correct *seal* in its last cell, `row_checksum`. The seal is the checksum of the other cells, joined by
/// line feeds.
fn sealed(record: &StringRecord) -> StringRecord {
    let cells: Vec<&str> = record.iter().take(record.len().saturating_sub(1)).collect();
    let seal = checksum(cells.join("\n").as_bytes());
    cells.into_iter().chain([seal.as_str()]).collect()
}

/// Returns the text of an edited journal with the correct seal (`row_checksum`) in each row, for tools that repair journals.
///
/// # Errors
///
/// Returns the error if the text is not CSV.
pub fn seal_journal(text: &str) -> csv::Result<String> {
    let mut records = csv::Reader::from_reader(text.as_bytes());
    let mut buffer = vec![];
    let mut writer = csv::Writer::from_writer(&mut buffer);
    writer.write_record(records.headers()?)?;
    for record in records.records() {
        writer.write_record(&sealed(&record?))?;
    }
    writer.flush()?;
    drop(writer);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

/// Parses the rows of a journal, one by one.
#[derive(Debug, Default)]
pub(super) struct RowParser {
    header: Header,
    /// The configurations of the rows that were parsed already. The key of each is the text of its parameters' cells, joined by line feeds.
    /// So each configuration is parsed only once, and all its rows share it.
    configurations: HashMap<String, Arc<Configuration>>,
}

/// Iterates over the rows of a journal.
pub(super) struct Rows<'p, R> {
    path: &'p Path,
    parser: RowParser,
    records: csv::StringRecordsIntoIter<R>,
}

/// Reads the header and then the rows from `text`, the text of the journal at `path`. The text must end with a complete row.
///
/// # Errors
///
/// Returns [`DatasetError`] if the header is wrong. The iterator returns an error for each row that is not CSV, or that
/// [`RowParser::parse_row`] refuses.
pub(super) fn read_rows<R: Read>(path: &Path, text: R) -> Result<Rows<'_, R>, DatasetError> {
    let mut reader = csv::Reader::from_reader(text);
    let names = reader.headers().map_err(DatasetError::journal(path))?;
    let parser = RowParser::new(path, names)?;
    Ok(Rows {
        path,
        parser,
        records: reader.into_records(),
    })
}

impl<R: Read> Iterator for Rows<'_, R> {
    type Item = Result<JournalRow, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self
            .records
            .next()?
            .map_err(DatasetError::journal(self.path));
        Some(record.and_then(|record| {
            let line = record.position().map_or(0, csv::Position::line);
            self.parser.parse_row(self.path, line, &record)
        }))
    }
}

impl<R: Read> Rows<'_, R> {
    /// Returns the columns of the file.
    pub(super) fn header(&self) -> &Header {
        &self.parser.header
    }
}

impl RowParser {
    /// Makes a parser for the journal at `path`, whose header has these `names`. If the journal has no header yet, `names` is empty, and
    /// there are no rows to parse. The header is then that of a new journal.
    pub(super) fn new(path: &Path, names: &StringRecord) -> Result<Self, DatasetError> {
        let header = match names.is_empty() {
            true => Header::default(),
            false => Header::parse(path, names)?,
        };
        Ok(Self {
            header,
            configurations: HashMap::new(),
        })
    }

    /// Parses the row in line `line` of the journal at `path`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if a cell has an impossible value, if two cells contradict each other, or if the row's seal is wrong. A
    /// wrong seal shows that the row was changed after it had been written.
    pub(super) fn parse_row(
        &mut self,
        path: &Path,
        line: u64,
        record: &StringRecord,
    ) -> Result<JournalRow, DatasetError> {
        let wrong = |column: &str, problem: String| DatasetError::JournalCell {
            path: path.to_owned(),
            line,
            column: column.to_owned(),
            problem,
        };
        let cells = || std::iter::zip(&self.header.0, record.iter());
        let mut row = JournalRow::default();
        let parameter_cells: Vec<&str> = cells()
            .filter(|(column, _)| column.parameter().is_some())
            .map(|(_, cell)| cell)
            .collect();
        let parameters = parameter_cells.join("\n");
        let known_configuration = self.configurations.get(&parameters).map(Arc::clone);
        for (column, cell) in cells() {
            let is_known_parameter = known_configuration.is_some() && column.parameter().is_some();
            if !is_known_parameter {
                column
                    .read(&mut row, cell)
                    .map_err(|problem| wrong(column.name, problem))?;
            }
        }
        if let Some(known) = &known_configuration {
            row.configuration = Arc::clone(known);
        }
        // The cells were checked before the seal, because an error about a cell tells the user which column is wrong.
        if *record != sealed(record) {
            return Err(DatasetError::ChangedRow {
                path: path.to_owned(),
                line,
            });
        }
        // A derived cell must have the value that follows from other cells. For example, `machines` follows from `rates`.
        for (column, cell) in cells() {
            if let Some(problem) = column.contradiction(&row, cell) {
                return Err(wrong(column.name, problem));
            }
        }
        // The other cells must not contradict each other: for example, the number of phases must be the number of machines.
        if let Some((column, problem)) = row.inconsistency() {
            return Err(wrong(column, problem));
        }
        if known_configuration.is_none() {
            self.configurations
                .insert(parameters, Arc::clone(&row.configuration));
        }
        Ok(row)
    }
}

/// Returns the cell of `row` in the column with this name. `None` if the journal has no such column.
pub fn journal_cell(row: &JournalRow, name: &str) -> Option<Cell> {
    let mut columns = journal_columns().iter();
    Some(columns.find(|column| column.name == name)?.cell(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn complete_rows_end_with_the_last_newline() {
        for (text, expected) in [("", 0), ("torn", 0), ("a\n", 2), ("a\nb\nto", 4), ("\n", 1)] {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            assert_eq!(
                bytes_of_complete_lines(&mut file).expect("read"),
                expected,
                "{text:?}"
            );
        }
        // The incomplete row is longer than several blocks.
        let mut file = tempfile::tempfile().expect("a file");
        let torn = "x".repeat(3 * BLOCK_BYTES as usize + 7);
        file.write_all(format!("row\n{torn}").as_bytes())
            .expect("written");
        assert_eq!(
            bytes_of_complete_lines(&mut file).expect("read"),
            "row\n".len() as u64
        );
    }
}
