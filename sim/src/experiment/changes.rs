//! Changes the text of an experiment file before it is read: values from the command line (`--set KEY=VALUE`) replace values of the file.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::PARAMETERS;
use crate::toml_reader::{self, COMMAND_LINE, Mistake, nearest};

/// The keys at the top of the file, outside all tables, that can be changed. All other keys that can be changed belong to the table
/// `[parameters]`.
const TOP_LEVEL: [&str; 8] = [
    "name",
    "description",
    "seed",
    "repetitions",
    "duration_s",
    "engine",
    "time_scale",
    "isolation",
];

/// A value that replaces the value of a key in an experiment file. It is written as `KEY=VALUE`, with the value in TOML. Text that begins
/// with a letter needs no quotes.
#[derive(Clone, Debug)]
pub struct Change {
    key: String,
    value: Value,
}

impl Change {
    /// Creates a change that sets the number of repetitions to `count`.
    pub fn repetitions(count: u32) -> Self {
        Self {
            key: "repetitions".to_owned(),
            value: i64::from(count).into(),
        }
    }

    /// Returns the keys that can be changed.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        // The parameters that the table `[parameters]` may contain.
        let parameters = PARAMETERS
            .iter()
            .filter(|parameter| parameter.is_dimension());
        TOP_LEVEL
            .into_iter()
            .chain(parameters.map(|parameter| parameter.name))
    }

    /// Returns each key that can be changed, followed by `=`. Shells offer these texts for completion.
    pub fn beginnings() -> Vec<&'static str> {
        // The library clap takes such a list only as texts that live as long as the program. So the texts are made once and kept.
        static BEGINNINGS: LazyLock<Vec<String>> =
            LazyLock::new(|| Change::keys().map(|key| format!("{key}=")).collect());
        BEGINNINGS.iter().map(String::as_str).collect()
    }

    /// Returns the key together with its table, such as `parameters.internal`. [`Mistake::key`] has the same form.
    fn full_key(&self) -> String {
        match TOP_LEVEL.contains(&self.key.as_str()) {
            true => self.key.clone(),
            false => format!("parameters.{}", self.key),
        }
    }

    /// Makes the change in `document`.
    ///
    /// # Errors
    ///
    /// Returns why the change is not possible.
    fn apply(&self, document: &mut DocumentMut) -> Result<(), String> {
        let root = document.as_table_mut();
        if TOP_LEVEL.contains(&self.key.as_str()) {
            self.set_in(root);
            return Ok(());
        }
        if is_in_cases(root, &self.key) {
            return Err(
                "the cases of the file have their own values; change them there".to_owned(),
            );
        }
        let parameters = root
            .entry("parameters")
            .or_insert_with(|| Item::Table(Table::new()));
        match parameters.as_table_like_mut() {
            Some(table) => {
                self.set_in(table);
                Ok(())
            }
            None => Err("the file's `parameters` is not a table".to_owned()),
        }
    }

    /// Gives the key its value in `table`. If the table has the key, the comments above it and on its line stay.
    fn set_in(&self, table: &mut dyn TableLike) {
        let mut value = self.value.clone();
        if let Some(existing) = table.get_mut(&self.key) {
            if let Some(existing) = existing.as_value() {
                *value.decor_mut() = existing.decor().clone();
            }
            *existing = Item::Value(value);
        } else {
            table.insert(&self.key, Item::Value(value));
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value.to_string().trim())
    }
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "wanted KEY=VALUE, such as internal=0.4 or rates=[[1,3,6],[2,3,4]]";
        let (key, value) = text.split_once('=').ok_or(wanted)?;
        let (key, value) = (key.trim(), value.trim());
        let known: Vec<&str> = Self::keys().collect();
        if !known.contains(&key) {
            return Err(match nearest(key, &known) {
                Some(near) => format!("there is no key `{key}`; did you mean `{near}`?"),
                None => format!("there is no key `{key}`; known here: {}", known.join(", ")),
            });
        }
        let begins_with_letter = value.starts_with(|first: char| first.is_ascii_alphabetic());
        let value = match value.parse() {
            Ok(value) => value,
            // Not TOML, but text without quotes, which must be on one line.
            Err(_) if begins_with_letter && !value.contains('\n') => value.into(),
            Err(_) => {
                return Err(format!(
                    "`{value}` is no value in TOML; give a number, a word, or a list such as [0.4, 0.7]"
                ));
            }
        };
        Ok(Self {
            key: key.to_owned(),
            value,
        })
    }
}

/// Returns whether one of the file's cases has a value for `key`. A case is a combination of values. Cases are written as `[[cases]]` or as
/// `cases = [{...}, ...]`.
fn is_in_cases(root: &Table, key: &str) -> bool {
    let Some(cases) = root.get("cases") else {
        return false;
    };
    let mut tables = cases.as_array_of_tables().into_iter().flatten();
    let inline = cases.as_array().into_iter().flatten();
    let mut inline_tables = inline.filter_map(Value::as_inline_table);
    tables.any(|case| case.contains_key(key)) || inline_tables.any(|case| case.contains_key(key))
}

/// Returns `text` with all `changes`. The order of keys stays. Comments stay too, except those inside a changed value. A text that is
/// not TOML stays as it is.
///
/// # Errors
///
/// Returns a mistake for each change that is not possible.
pub(super) fn apply(text: &str, changes: &[Change]) -> Result<String, Vec<Mistake>> {
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        // The code that reads the experiment from the text will report the mistake.
        return Ok(text.to_owned());
    };
    let mut mistakes = vec![];
    for change in changes {
        if let Err(message) = change.apply(&mut document) {
            mistakes.push(Mistake {
                line: COMMAND_LINE,
                key: change.full_key(),
                message,
            });
        }
    }
    match mistakes.is_empty() {
        true => Ok(document.to_string()),
        false => Err(mistakes),
    }
}

/// Corrects the line numbers of `mistakes`. They are lines of the changed text, but users see only the text of the file (`text`).
/// A mistake in a changed value gets [`COMMAND_LINE`] in place of a line. Any other mistake gets the line of its key in the file. A mistake
/// in the syntax has no key and keeps its line: [`apply`] does not change a text with such a mistake, so the line is already right.
pub(super) fn correct_lines(text: &str, changes: &[Change], mistakes: &mut [Mistake]) {
    for mistake in mistakes {
        let is_changed = |change: &Change| {
            // For example, `internal` is changed. For a mistake at `parameters.internal`, `rest` is empty. For a mistake at
            // `parameters.internal[2]`, one value of a list, `rest` is `[2]`.
            let rest = mistake.key.strip_prefix(&change.full_key());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if changes.iter().any(is_changed) {
            mistake.line = COMMAND_LINE;
        } else if !mistake.key.is_empty() {
            mistake.line = toml_reader::line_of(text, &mistake.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(texts: &[&str]) -> Vec<Change> {
        let changes = texts.iter().map(|text| text.parse());
        changes.map(|change| change.expect("a change")).collect()
    }

    #[test]
    fn values_are_replaced_in_place_and_new_keys_are_added_to_their_table() {
        let text = "# A comment.\nseed = 1\n\n[parameters] # the grid\nrates = [\n  [1, 3],\n]\n# Often.\ninternal = 0.7 # 70 %\n";
        let changes = changes(&["internal=[0.4,0.5]", "phase=uniform", "repetitions = 20"]);
        assert_eq!(
            apply(text, &changes).expect("changed"),
            "# A comment.\nseed = 1\nrepetitions = 20\n\n[parameters] # the grid\nrates = [\n  [1, 3],\n]\n# Often.\ninternal = [0.4,0.5] # 70 %\nphase = \"uniform\"\n"
        );
        let dotted = apply("seed = 1\nparameters.internal = 0.7\n", &changes[..1]);
        assert_eq!(
            dotted.expect("changed"),
            "seed = 1\nparameters.internal = [0.4,0.5]\n"
        );
        let written: Vec<String> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            written,
            ["internal=[0.4,0.5]", "phase=\"uniform\"", "repetitions=20"]
        );
    }

    #[test]
    fn texts_that_are_not_changes_are_refused_with_a_reason() {
        for (text, expected) in [
            ("internal", "wanted KEY=VALUE"),
            ("intern=0.4", "did you mean `internal`?"),
            ("exclude=[]", "known here: name, description"),
            ("internal=[0.4", "is no value in TOML"),
            ("internal=0.4\nseed = 3", "is no value in TOML"),
        ] {
            let error = text.parse::<Change>().expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_parameter_with_values_in_cases_cannot_be_changed() {
        let text = "seed = 1\n[parameters]\nrates = [1, 3]\n[[cases]]\ninternal = 0.5\n";
        let mistakes = apply(text, &changes(&["internal=0.4"])).expect_err("a mistake");
        assert_eq!(mistakes[0].key, "parameters.internal");
        assert_eq!(mistakes[0].line, COMMAND_LINE);
    }
}
