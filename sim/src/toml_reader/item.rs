//! A value of a TOML document. Its methods return the value as a Rust type. If the value has another type or is out of range, most
//! methods note a mistake for the user and return `None`. [`Item::array`] and [`Item::table`] only return `None`.

use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeValue;

use super::{Document, Section, nearest};

/// A value of the document with its key.
#[derive(Debug)]
pub struct Item<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) value: &'d DeValue<'d>,
    /// The full name of the key, such as `parameters.rates[2]`.
    pub(super) key: String,
    /// The line of the key. For a value in an array, the line of the value, because such a value has no key in the document.
    pub(super) line: usize,
}

impl<'d> Item<'d> {
    /// Notes a mistake about this value.
    pub fn note(&self, message: String) {
        self.document.note(self.line, &self.key, message);
    }

    /// Notes that this value does not have the `wanted` type: `wanted a whole number, found a string "six"`. Returns `None`, so that a
    /// method can end with this call.
    pub fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let (kind, value) = (self.value.type_str(), self.shown());
        self.note(format!(
            "wanted {wanted}, found {} {kind}{value}",
            article(kind)
        ));
        None
    }

    /// Returns a space and then the value as text, for messages. Returns an empty text for an array, a table or a date.
    fn shown(&self) -> String {
        match self.value {
            DeValue::String(text) => format!(" \"{text}\""),
            DeValue::Integer(integer) => format!(" {integer}"),
            DeValue::Float(float) => format!(" {float}"),
            DeValue::Boolean(boolean) => format!(" {boolean}"),
            _ => String::new(),
        }
    }

    /// Returns the value as text.
    pub fn text(&self) -> Option<&'d str> {
        self.value
            .as_str()
            .or_else(|| self.wrong_type("a text in quotes"))
    }

    /// Returns the value as a whole number in `range`.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(integer) = self.value else {
            return self.wrong_type("a whole number");
        };
        // For `0x10`, `as_str` returns "10", and `radix` returns 16.
        let value = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let allowed = value.filter(|value| range.contains(value));
        if allowed.is_none() {
            self.note(format!(
                "{integer} is out of range; it must be a whole number from {} to {}",
                range.start(),
                range.end()
            ));
        }
        allowed
    }

    /// Returns the value as a number in `range`, whole or not. `wanted` says what the number is, such as `a probability`.
    pub fn number(&self, range: RangeInclusive<f64>, wanted: &str) -> Option<f64> {
        let value = match self.value {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .map(|value| value as f64),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return self.wrong_type(wanted),
        };
        let allowed = value.filter(|value| range.contains(value));
        if allowed.is_none() {
            self.note(format!(
                "{} is not {wanted} from {} to {}",
                self.shown().trim_start(),
                range.start(),
                range.end()
            ));
        }
        allowed
    }

    /// Returns the value as true or false.
    pub fn boolean(&self) -> Option<bool> {
        self.value
            .as_bool()
            .or_else(|| self.wrong_type("true or false"))
    }

    /// Parses the value, which must be a text, as a `T`. If the text cannot be parsed, notes a mistake. The message suggests one of `names`,
    /// or lists all of them.
    pub fn one_of<T: FromStr>(&self, names: &[&str]) -> Option<T> {
        self.named(names, |text| text.parse().ok())
    }

    /// Returns what `find` returns for the value, which must be a text. If `find` returns `None`, notes a mistake. The message suggests the
    /// most similar of `names`. If none of `names` is similar to the value, the message lists all of them.
    pub fn named<T>(&self, names: &[&str], find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text()?;
        let value = find(text);
        if value.is_none() {
            let hint = match nearest(text, names) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if names.len() == 1 => format!("use \"{}\"", names[0]),
                None => format!("use one of {}", names.join(", ")),
            };
            self.note(format!("\"{text}\" is not known; {hint}"));
        }
        value
    }

    /// Returns the values of an array. If this value is not an array, returns `None` and notes no mistake. The key of each value is this
    /// item's key with the value's number in brackets, counted from 1: `rates[2]` is the second value of `rates`.
    pub fn array(&self) -> Option<Vec<Item<'d>>> {
        let array = self.value.as_array()?;
        let item = |(index, value): (usize, &'d Spanned<DeValue<'d>>)| Item {
            document: self.document,
            value: value.get_ref(),
            key: format!("{}[{}]", self.key, index + 1),
            line: self.document.line(value.span().start),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// Returns the values of an array, as [`Item::array`] does. If this value is not an array, notes that `wanted` (such as
    /// `a list of colours`) was wanted, and what was found instead.
    pub fn items(&self, wanted: &str) -> Option<Vec<Item<'d>>> {
        self.array().or_else(|| self.wrong_type(wanted))
    }

    /// Reads each value of an array with `read`. If this value is not an array, notes a mistake, as [`Item::items`] does. Returns
    /// `None` if `read` returns `None` for any value. Even then `read` is called for all values, so every mistake is noted.
    pub fn each<T>(
        &self,
        wanted: &str,
        read: impl FnMut(&Item<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values: Vec<Option<T>> = self.items(wanted)?.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// Returns the value as a table. If it is not a table, returns `None` and notes no mistake.
    pub fn table(&self) -> Option<Section<'d>> {
        let table = self.value.as_table()?;
        Some(Section {
            document: self.document,
            table,
            prefix: format!("{}.", self.key),
            line: self.line,
        })
    }

    /// Returns the value as a table. Notes a mistake if it is not a table.
    pub fn section(&self) -> Option<Section<'d>> {
        self.table().or_else(|| self.wrong_type("a table"))
    }

    /// Returns the tables of an array of tables (`[[key]]`). Notes a mistake if this value is not such an array.
    pub fn sections(&self) -> Option<Vec<Section<'d>>> {
        let Some(items) = self.array() else {
            return self.wrong_type(&format!("tables, each headed [[{}]]", self.key));
        };
        // All values are looked at, so that every mistake is noted.
        let sections: Vec<Option<Section<'d>>> = items.iter().map(Item::section).collect();
        sections.into_iter().collect()
    }

    /// Returns whether `key` is the full name of this value's key or of a key within this value: `parameters` contains
    /// `parameters.rates[2]`.
    pub(super) fn contains(&self, key: &str) -> bool {
        let end = key.strip_prefix(&self.key);
        end.is_some_and(|end| end.is_empty() || end.starts_with(['.', '[']))
    }

    /// Returns the line of `key`, which is this value's key or begins with this value's key (see [`Item::contains`]). If the document does
    /// not have `key`, returns the line of the innermost value around it. For example, if `rates` has three values, the line of `rates[9]`
    /// is the line of `rates`.
    pub(super) fn line_of(&self, key: &str) -> usize {
        if let Some(section) = self.table() {
            return section.line_of(key);
        }
        let items = self.array().unwrap_or_default();
        let item = items.iter().find(|item| item.contains(key));
        item.map_or(self.line, |item| item.line_of(key))
    }

    /// Returns whether the value is a whole number.
    pub fn is_integer(&self) -> bool {
        self.value.is_integer()
    }

    /// Returns whether the value is a text.
    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    /// Returns whether the value is a number, whole or not.
    pub fn is_number(&self) -> bool {
        self.value.is_integer() || self.value.is_float()
    }
}

/// Returns the article of the name of a type: `an` for `integer`, `a` for `table`.
fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}
