//! Reads TOML files from users. All mistakes are noted with their line and key; reading does not stop at the first mistake.
//!
//! [`read`] passes the document to the caller as a [`Section`], a table whose values are [`Item`]s. Methods of an item return its value as
//! a Rust type. If the value is wrong, such a method notes a mistake and returns `None`. This module does not know which keys a file
//! may have. Its callers do: the readers of experiments, claims and mappings (descriptions of how log files of other programs are read).
//!
//! # Layout
//!
//! - [`item`]: a value, and the types that it may have

mod item;

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

pub use item::Item;

/// The number that [`Mistake::line`] has if the mistake is not in the file, but in a value from the command line.
pub(crate) const COMMAND_LINE: usize = 0;

/// A mistake in a file, or in a value from the command line (`--set`) that replaces a value of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line in the file, counted from 1. It is 0 for a value from the command line.
    pub line: usize,
    /// The key's full name, with the names of the tables around it (`parameters.internal`). It is empty for a mistake in the syntax.
    pub key: String,
    /// What is wrong, and how to correct it.
    pub message: String,
}

/// Number of mistakes that are shown. Further mistakes are only counted.
const MAX_MISTAKES_SHOWN: usize = 100;

/// Shows mistakes, one line each: `FILE:LINE: KEY: what is wrong`. For values from the command line: `--set: KEY: what is wrong`.
#[derive(Clone, Copy, Debug)]
pub struct MistakeList<'a> {
    /// The file.
    pub path: &'a Path,
    /// The mistakes, in the order of their lines.
    pub mistakes: &'a [Mistake],
}

impl fmt::Display for MistakeList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.mistakes.iter().take(MAX_MISTAKES_SHOWN);
        for (index, Mistake { line, key, message }) in shown.enumerate() {
            let new_line = if index == 0 { "" } else { "\n" };
            match *line {
                COMMAND_LINE => write!(f, "{new_line}--set: ")?,
                line => write!(f, "{new_line}{}:{line}: ", self.path.display())?,
            }
            if !key.is_empty() {
                write!(f, "`{key}`: ")?;
            }
            f.write_str(message)?;
        }
        match self.mistakes.len().saturating_sub(MAX_MISTAKES_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nmistakes not shown: {more}"),
        }
    }
}

/// Parses the TOML in `text`, passes its outermost table to `read_root`, and returns what `read_root` returns. `read_root` notes
/// mistakes by calls of methods such as [`Section::note`].
///
/// # Errors
///
/// Returns all noted mistakes in the order of their lines, if there are any. If `read_root` returns `None`, it must have noted a mistake:
/// otherwise the list of mistakes would be empty.
pub fn read<T>(
    text: &str,
    read_root: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let document = Document::new(text);
    let table = document.parse();
    let value = table
        .as_ref()
        .and_then(|table| read_root(&document.root(table.get_ref())));
    match value {
        Some(value) if !document.has_mistakes() => Ok(value),
        _ => {
            // The table borrows the document, which `mistakes` consumes.
            drop(table);
            Err(document.mistakes())
        }
    }
}

/// Returns the line of `key` in `text`. The key is a full name such as `parameters.internal[2]` (the second value of `internal`). If the
/// text does not have this key, returns the line of the innermost table or array that would contain the key.
pub(crate) fn line_of(text: &str, key: &str) -> usize {
    let document = Document::new(text);
    let table = document.parse();
    table
        .as_ref()
        .map_or(1, |table| document.root(table.get_ref()).line_of(key))
}

/// A document that is being read: its text, the positions of its line ends, and the mistakes so far.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    /// The position of every newline, in ascending order, so that the line of a value can be looked up.
    newlines: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            newlines: text.match_indices('\n').map(|(offset, _)| offset).collect(),
            mistakes: RefCell::default(),
        }
    }

    /// Returns the outermost table. If the text is not TOML, notes a mistake and returns `None`.
    pub(crate) fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text)
            .map_err(|error| {
                let line = error.span().map_or(1, |span| self.line(span.start));
                self.note(
                    line,
                    "",
                    format!("this is not valid TOML: {}", error.message()),
                );
            })
            .ok()
    }

    /// Returns the outermost table as a section. The argument `table` is the table that [`Document::parse`] returned.
    pub(crate) fn root<'d>(&'d self, table: &'d DeTable<'a>) -> Section<'d> {
        Section {
            document: self.with_shorter_lifetime(),
            table,
            prefix: String::new(),
            line: 1,
        }
    }

    /// Returns this `Document<'a>` as a `Document<'d>`, which a [`Section`] needs. The compiler allows this because the text lives for
    /// `'a`, so it also lives for the shorter lifetime `'d`.
    fn with_shorter_lifetime<'d>(&'d self) -> &'d Document<'d>
    where
        'a: 'd,
    {
        self
    }

    /// Returns all mistakes in the order of their lines.
    pub(crate) fn mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes
    }

    fn has_mistakes(&self) -> bool {
        !self.mistakes.borrow().is_empty()
    }

    fn note(&self, line: usize, key: &str, message: String) {
        self.mistakes.borrow_mut().push(Mistake {
            line,
            key: key.to_owned(),
            message,
        });
    }

    /// Returns the line of the byte at `offset`, counted from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.newlines.partition_point(|&newline| newline < offset)
    }
}

/// A table of the document.
#[derive(Debug)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    /// The start of the full name of each key of this table, such as `parameters.`. It is empty for the outermost table.
    prefix: String,
    /// The line at which the table begins.
    line: usize,
}

impl<'d> Section<'d> {
    /// Returns the names of the table's keys.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// Returns the value of `key`, if it exists.
    pub fn get(&self, key: &str) -> Option<Item<'d>> {
        let (spanned_key, value) = self.table.get_key_value(key)?;
        Some(Item {
            document: self.document,
            value: value.get_ref(),
            key: format!("{}{key}", self.prefix),
            line: self.document.line(spanned_key.span().start),
        })
    }

    /// Reads the value of `key` with `read`. Returns `Some(None)` if the key does not exist, and `None` if `read` notes a mistake.
    pub fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Item<'d>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.get(key) {
            None => Some(None),
            Some(item) => read(&item).map(Some),
        }
    }

    /// Returns the value of `key`. If the key does not exist, notes a mistake that ends with `hint`, which says what to write.
    pub fn require(&self, key: &str, hint: &str) -> Option<Item<'d>> {
        let item = self.get(key);
        if item.is_none() {
            self.note(key, format!("missing; {hint}"));
        }
        item
    }

    /// Notes a mistake about `key` of this table. The mistake gets the line of the table, because the key may be missing. For a
    /// key that exists, [`Item::note`] gives the key's own line.
    pub fn note(&self, key: &str, message: String) {
        self.document
            .note(self.line, &format!("{}{key}", self.prefix), message);
    }

    /// Notes a mistake about the table as a whole.
    pub fn note_whole(&self, message: String) {
        self.document
            .note(self.line, self.prefix.trim_end_matches('.'), message);
    }

    /// Notes a mistake for every key that is not one of `known`. The mistake suggests the most similar known key.
    pub fn allow_only(&self, known: &[&str]) {
        self.allow_only_here(known, &[], "");
    }

    /// Like [`Self::allow_only`]. For a key that is one of `elsewhere`, the mistake says where the key must be: `position`, such as `above the line
    /// [parameters]`.
    pub fn allow_only_here(&self, known: &[&str], elsewhere: &[&str], position: &str) {
        for key in self.table.keys() {
            let name = key.get_ref();
            if known.contains(&name.as_ref()) {
                continue;
            }
            let message = match nearest(name, known) {
                _ if elsewhere.contains(&name.as_ref()) => format!("this key must be {position}"),
                Some(near) => format!("no such key; did you mean `{near}`?"),
                None => format!("no such key; known here: {}", known.join(", ")),
            };
            let line = self.document.line(key.span().start);
            self.document
                .note(line, &format!("{}{name}", self.prefix), message);
        }
    }

    /// Does the same as the function [`line_of`], for a key in this table. Here too, `key` is a full name.
    fn line_of(&self, key: &str) -> usize {
        // For the key `parameters.internal[2]`, the item found here is the value of `parameters`.
        let mut items = self.keys().filter_map(|name| self.get(name));
        let item = items.find(|item| item.contains(key));
        item.map_or(self.line, |item| item.line_of(key))
    }

    /// Returns whether the table has no key.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

/// Returns the known name that is most similar to `name`, if `name` is probably a misspelling of it.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    // The Jaro-Winkler similarity of two texts is a number from 0 (nothing in common) to 1 (equal). From this limit on, one text is
    // probably a misspelling of the other.
    const MIN_SIMILARITY: f64 = 0.75;
    known
        .iter()
        .map(|&candidate| {
            (
                strsim::jaro_winkler(&name.to_lowercase(), candidate),
                candidate,
            )
        })
        .filter(|&(similarity, _)| similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a document with two keys: `name`, and `lights`, a list of colours. Returns a text with the value of `name` and the indices of
    /// the colours (0 for green, 1 for red). For the name `a` and one red light the text is `a [Some(1)]`. If the document has mistakes,
    /// returns the list of mistakes.
    fn read_lights(text: &str) -> String {
        let result = read(text, |root| {
            root.allow_only(&["name", "lights"]);
            let lights = root
                .get("lights")
                .and_then(|item| item.items("a list of colours"));
            let colours = ["green", "red"];
            let index_of = |text: &str| colours.iter().position(|colour| *colour == text);
            let lights = lights.unwrap_or_default();
            let lights: Vec<_> = lights
                .iter()
                .map(|item| item.named(&colours, index_of))
                .collect();
            let name = root
                .require("name", "any text")
                .and_then(|item| item.text());
            Some((name?.to_owned(), lights))
        });
        match result {
            Ok((name, lights)) => format!("{name} {lights:?}"),
            Err(mistakes) => MistakeList {
                path: "l.toml".as_ref(),
                mistakes: &mistakes,
            }
            .to_string(),
        }
    }

    #[test]
    fn every_mistake_is_shown_with_its_line_and_key() {
        assert_eq!(
            read_lights("name = \"a\"\nlights = [\"red\"]"),
            "a [Some(1)]"
        );
        // The values of a list are counted from 1, like lines. A missing key is noted at the line of its table, which is line 1 here.
        assert_eq!(
            read_lights("lights = [\n\"gren\",\n3]\nnome = \"a\""),
            "l.toml:1: `name`: missing; any text\n\
             l.toml:2: `lights[1]`: \"gren\" is not known; did you mean \"green\"?\n\
             l.toml:3: `lights[2]`: wanted a text in quotes, found an integer 3\n\
             l.toml:4: `nome`: no such key; did you mean `name`?"
        );
        let no_toml = read_lights("name = \"a\"\nlights = [");
        assert!(
            no_toml.starts_with("l.toml:2: this is not valid TOML: "),
            "{no_toml}"
        );
    }
}
