//! Reads logs in JSON, with one object for each event. The objects are on lines of their own or in a list. The list may be a field of an
//! outer object, such as `{"rate": 3, "events": [{...}, {...}]}`.

use std::collections::HashMap;
use std::path::Path;

use csv::StringRecord;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

use super::lines::{RawRow, Table};
use super::numbers::DecimalMark;
use crate::error::Error;

/// The message of the error if a value in the log, such as `5`, is not an object.
const NOT_AN_OBJECT: &str = "this is JSON, but not an object; each event must be an object";

/// Whether a text is JSON: the text begins with an object or a list of objects, and its first object can be parsed.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let begins_with_object = text.starts_with('{')
        || text
            .strip_prefix('[')
            .is_some_and(|rest| rest.trim_start().starts_with('{'));
    // The text without its first brackets and spaces begins with the first object.
    begins_with_object
        && first_value(
            text.trim_start_matches(|letter: char| letter == '[' || letter.is_whitespace()),
        )
        .is_some_and(|first| first.is_ok())
}

/// Parses the first value of a text. Returns the value and the index of the byte after it. `None` if the text has no value.
fn first_value(text: &str) -> Option<Result<(Value, usize), serde_json::Error>> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?;
    Some(value.map(|value| (value, values.byte_offset())))
}

/// Converts the text of a log to a table with a row for each event and a column for each key. The key of a nested field has a dot, such as
/// `message.sender`. Items of a list become one cell, joined by `;`.
///
/// # Errors
///
/// [`Error::Import`] names the line that is not JSON or not an object.
pub(super) fn table(path: &Path, text: &str) -> Result<Table, Error> {
    // For each event, its line in the file, and its keys and values.
    let mut objects: Vec<(u64, Vec<(String, String)>)> = vec![];
    // The position in the text: the index of a byte, and the number of its line.
    let (mut at, mut line) = (0, 1);
    // Brackets count as text between the objects. So a list of objects is read like objects on lines of their own.
    let is_between = |letter: char| letter.is_whitespace() || ",[]".contains(letter);
    loop {
        let rest = &text[at..];
        let between = rest.len() - rest.trim_start_matches(is_between).len();
        line += newlines(&rest[..between]);
        at += between;
        match first_value(&text[at..]) {
            None => break,
            Some(Err(error)) => {
                return Err(not_json(path, line, &error));
            }
            Some(Ok((Value::Object(object), end))) => {
                // If the first object of the file has exactly one list of objects, this list is the log. Every other object is an event,
                // even if it has such a list.
                let list = only_list(&object).filter(|_| objects.is_empty());
                if let Some((key, list)) = list {
                    let lines = lines_of_list(&text[at..at + end], key)
                        .map_err(|error| not_json(path, line, &error))?;
                    for (value, line_in_object) in list.iter().zip(lines) {
                        let line = line + line_in_object;
                        if !value.is_object() {
                            return Err(Error::import(path, Some(line), NOT_AN_OBJECT.to_owned()));
                        }
                        let mut cells = vec![];
                        flatten(String::new(), value, &mut cells);
                        objects.push((line, cells));
                    }
                } else {
                    let mut cells = vec![];
                    flatten(String::new(), &Value::Object(object), &mut cells);
                    objects.push((line, cells));
                }
                line += newlines(&text[at..at + end]);
                at += end;
            }
            Some(Ok(_)) => {
                return Err(Error::import(path, Some(line), NOT_AN_OBJECT.to_owned()));
            }
        }
    }
    Ok(to_table(objects))
}

/// The error that a value, which begins in line `first_line` of the file, is not JSON.
fn not_json(path: &Path, first_line: u64, error: &serde_json::Error) -> Error {
    // `error` counts lines from the start of the value. So the line in the file is computed here, and the position that `error` gives is
    // removed from the end of its message.
    let line = first_line + (error.line() as u64).saturating_sub(1);
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    let problem = message.strip_suffix(&position).unwrap_or(&message);
    Error::import(path, Some(line), format!("this is not JSON: {problem}"))
}

/// Counts the line ends in a text.
fn newlines(text: &str) -> u64 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u64
}

/// The list of objects in an object, with the list's key. `None` if the object has no such list, or several.
fn only_list(object: &serde_json::Map<String, Value>) -> Option<(&str, &Vec<Value>)> {
    let mut lists = object.iter().filter_map(|(key, value)| {
        let list = value.as_array()?;
        list.first()?.is_object().then_some((key.as_str(), list))
    });
    let list = lists.next()?;
    lists.next().is_none().then_some(list)
}

/// Returns the lines in which the items of the list `key` begin. `object` is the text of the object that has this list, and the first line
/// of `object` is line 0. If the object has the key twice, the last list counts, as for [`Value`].
fn lines_of_list(object: &str, key: &str) -> Result<Vec<u64>, serde_json::Error> {
    let fields: HashMap<String, &RawValue> = serde_json::from_str(object)?;
    let items: Vec<&RawValue> = match fields.get(key) {
        Some(list) => serde_json::from_str(list.get())?,
        None => vec![],
    };
    let (mut at, mut line) = (0, 0);
    let lines = items.iter().map(|item| {
        // The text of a `RawValue` is a part of `object`. So its address tells where the item begins.
        let begin = item.get().as_ptr() as usize - object.as_ptr() as usize;
        line += newlines(&object[at..begin]);
        at = begin;
        line
    });
    Ok(lines.collect())
}

/// Adds `value` to `cells`: one cell, or the cells of all fields if `value` is an object. `key` is the key of `value`, such as
/// `message.sender`. For a whole event, `key` is empty.
fn flatten(key: String, value: &Value, cells: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let key = match key.is_empty() {
                    true => name.clone(),
                    false => format!("{key}.{name}"),
                };
                flatten(key, value, cells);
            }
        }
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(cell).collect();
            cells.push((key, list.join(";")));
        }
        value => cells.push((key, cell(value))),
    }
}

/// A value as the text of a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        value => value.to_string(),
    }
}

/// Makes a table from the events, each with its line, keys and values. The table has a column for each key, in the order in which the
/// keys first occur.
fn to_table(objects: Vec<(u64, Vec<(String, String)>)>) -> Table {
    let mut keys: Vec<String> = vec![];
    for (key, _) in objects.iter().flat_map(|(_, cells)| cells) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    let row = |(line, cells): (u64, Vec<(String, String)>)| {
        let value = |key: &String| {
            let found = cells.iter().find(|(name, _)| name == key);
            found.map_or("", |(_, value)| value.as_str())
        };
        RawRow {
            line,
            cells: keys.iter().map(value).collect::<StringRecord>(),
        }
    };
    let rows = objects.into_iter().map(row).collect();
    Table {
        header: Some(keys.iter().collect()),
        rows,
        decimal_mark: DecimalMark::Point,
        left_out: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each row, its line and cells; or the error.
    fn rows(text: &str) -> Result<Vec<(u64, Vec<String>)>, String> {
        assert!(is_json(text), "{text}");
        let table = table("a.json".as_ref(), text).map_err(|error| error.to_string())?;
        let rows = table.rows.iter();
        Ok(rows
            .map(|row| (row.line, row.cells.iter().map(str::to_owned).collect()))
            .collect())
    }

    #[test]
    fn events_are_read_from_lines_lists_and_nested_objects() {
        // The columns are `a` and `to`. In the second event `to` is null or missing, so its cell is empty.
        let wanted = vec![
            (1, vec!["1".to_owned(), "1;2".to_owned()]),
            (2, vec!["2.50".to_owned(), String::new()]),
        ];
        let lines = "{\"a\": 1, \"to\": [1, 2]}\n{\"a\": \"2.50\", \"to\": null}\n";
        assert_eq!(rows(lines), Ok(wanted.clone()));
        let list = "[{\"a\": 1, \"to\": [1, 2]},\n{\"a\": \"2.50\"}]";
        assert_eq!(rows(list), Ok(wanted));
        let nested = "{\"a\": {\"b\": 1}, \"c\": \"x\"}";
        assert_eq!(
            rows(nested),
            Ok(vec![(1, vec!["1".to_owned(), "x".to_owned()])])
        );
        let within = "{\"rate\": 3, \"events\": [{\"a\": 1}, {\"a\": 2}]}";
        assert_eq!(rows(within).map(|rows| rows.len()), Ok(2));
        let number_within = "{\"events\": [\n{\"a\": 1},\n5]}";
        let error = rows(number_within).expect_err("5 is not an event");
        assert!(
            error.contains("line 3: this is JSON, but not an object"),
            "{error}"
        );
        // The events begin in lines 4 and 5. The first bracket of the text is inside a string, so it does not begin the list `log`.
        let pretty = "{\n\"events\": \"x [\",\n\"log\": [\n{\"a\": 1},\n{\"a\":\n2}\n]}";
        let lines = rows(pretty).map(|rows| rows.iter().map(|row| row.0).collect::<Vec<_>>());
        assert_eq!(lines, Ok(vec![4, 5]));
        // The key `log` also occurs inside another field, and the key of the list is written with an escape.
        let nested = "{\"of\": {\"log\": [\n{\"x\": 1}, {\"x\": 2}]},\n\"l\\u006fg\": [\n{\"a\": 1},\n{\"a\": 2}],\n\"more\": {\"log\": [{}, {}]}}";
        let lines = rows(nested).map(|rows| rows.iter().map(|row| row.0).collect::<Vec<_>>());
        assert_eq!(lines, Ok(vec![4, 5]));
    }

    #[test]
    fn the_error_names_the_line_that_is_not_json() {
        let problem = rows("{\"a\": 1}\n{\"a\": }\n");
        assert!(
            problem.is_err_and(|problem| problem.starts_with("a.json line 2: this is not JSON"))
        );
        // Texts that are not JSON, although the first two begin like JSON.
        assert!(!is_json("[2026-01-01] {a}") && !is_json("{x") && !is_json("a,b"));
    }
}
