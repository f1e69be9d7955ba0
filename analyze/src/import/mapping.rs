//! The mapping: a TOML file, or options of `analyze import`, that say how log files of another program are read: the separator of cells,
//! the names of columns, the words for events, the unit of times, and so on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;
use sim::experiment::{Sends, StampRule};
use sim::toml_reader::{self, Item, Section};

use super::kinds;
pub use super::kinds::Kind;
use crate::error::Error;

/// Columns that a log may have. `stamp` is the timestamp of the sent or received message, and `sent_tick` is the sender's tick in which the
/// message was sent. `peers` has the recipients of a send or the sender of a receive, in logs with one column for both.
pub(super) const COLUMNS: [&str; 12] = [
    "run",
    "machine",
    "tick",
    "event",
    "system_time",
    "logical_clock",
    "queue_length",
    "peers",
    "recipients",
    "sender",
    "stamp",
    "sent_tick",
];

/// Keys of a mapping's file.
const KEYS: [&str; 16] = [
    "separator",
    "header",
    "line",
    "record",
    "files",
    "time",
    "clock",
    "queue",
    "stamp",
    "sends",
    "rates",
    "internal",
    "duration_s",
    "time_scale",
    "columns",
    "events",
];

/// How the logs of another program are read. Values that are not given are recognised from the logs, or have a default value.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Mapping {
    /// The separator of cells: one ASCII character, or `blanks` for any number of blanks and tabs. By default it is recognised from the
    /// header, or from the first row if there is no header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Whether the file has a header, which is a line with the titles of the columns; true by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Regular expressions for lines. In each expression, named groups match the cells: the group `(?<event>[A-Z]+)` matches the cell of
    /// the column `event`. For each line, the first expression that matches is used. Lines that no expression matches are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<String>,
    /// For events that have several lines: `blank` if blank lines separate the events, or a regular expression that matches the
    /// first line of each event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// A regular expression for the paths of files. The part of a path that the group `run` matches is the name of the run, and the part
    /// that the group `machine` matches is the name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// The unit of numeric times (`s`, `ms`, `us`, `ns`), or a strftime format. By default it is recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether logical clocks were logged after or before the event. By default, the rule that fits the rows is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<When>,
    /// Whether queue lengths were logged after or before the event. By default, the rule that fits the rows is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<When>,
    /// Whether a message carries the value that the sender's clock has `after` the send or `before` it. By default, the rule that fits the
    /// rows is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// How machines choose the recipients of their messages. The possible values, such as `broadcast`, are those of the parameter `sends`
    /// in an experiment. If no value is given, `analyze audit` does not check how often each recipient was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends: Option<String>,
    /// Ticks per model second of each machine. By default they are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<f64>>,
    /// Probability that a tick at which no message waits is an internal event. By default it is measured: the number of internal
    /// events in the logs, divided by the number of internal events and sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<f64>,
    /// Duration of a run, model seconds. By default it is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Model seconds per second of the logs. For example, it is 6 if a run of 60 model seconds takes 10 s by the times in the logs. The
    /// default is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<f64>,
    /// For each column: its title in the header, or its number (the first column has the number 1).
    pub columns: BTreeMap<String, String>,
    /// For each kind of event: the words that stand for it.
    pub events: BTreeMap<Kind, Vec<String>>,
}

/// Whether a logical clock or a queue length was logged after or before the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// After the event: the clock has advanced, and a receive has taken its message.
    #[default]
    After,
    /// Before the event: the clock has not advanced, and the message of a receive is still in the queue.
    Before,
}

impl When {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "after" => Some(Self::After),
            "before" => Some(Self::Before),
            _ => None,
        }
    }
}

/// Possible durations of a run, in model seconds.
const DURATIONS_S: RangeInclusive<f64> = 0.001..=604_800.0;
/// Possible values of [`Mapping::time_scale`], which is the number of model seconds per second of the logs.
const TIME_SCALES: RangeInclusive<f64> = 1e-9..=1e9;

impl Mapping {
    /// Reads a mapping from the text of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Mapping`] lists every unknown key and every wrong value, with line and key. If there are none, [`Error::Import`] has the
    /// first problem that [`Mapping::check`] finds, such as values that contradict each other.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mapping = toml_reader::read(text, read_mapping).map_err(|mistakes| Error::Mapping {
            path: path.to_owned(),
            mistakes,
        })?;
        mapping
            .check()
            .map_err(|problem| Error::import(path, None, problem))?;
        Ok(mapping)
    }

    /// Checks that all values are possible.
    ///
    /// # Errors
    ///
    /// A sentence about the first impossible value.
    pub fn check(&self) -> Result<(), String> {
        if let Some(name) = self
            .columns
            .keys()
            .find(|name| !COLUMNS.contains(&name.as_str()))
        {
            return Err(format!(
                "there is no column `{name}`; the columns are {}",
                COLUMNS.join(", ")
            ));
        }
        if let Some(stamp) = &self.stamp {
            stamp
                .parse::<StampRule>()
                .map_err(|error| error.to_string())?;
        }
        if let Some(sends) = &self.sends {
            sends.parse::<Sends>().map_err(|error| error.to_string())?;
        }
        let is_probability = |p: &f64| (0.0..=1.0).contains(p);
        if let Some(internal) = self.internal.filter(|p| !is_probability(p)) {
            return Err(format!(
                "internal is {internal}, but a probability is from 0 to 1"
            ));
        }
        for (name, value, possible) in [
            ("duration_s", self.duration_s, DURATIONS_S),
            ("time_scale", self.time_scale, TIME_SCALES),
        ] {
            if let Some(value) = value.filter(|value| !possible.contains(value)) {
                let (min, max) = (possible.start(), possible.end());
                return Err(format!(
                    "{name} is {value:?}, but must be from {min} to {max}"
                ));
            }
        }
        self.check_words()?;
        let describes_cells =
            self.separator.is_some() || self.header.is_some() || !self.columns.is_empty();
        if !self.line.is_empty() && describes_cells {
            return Err(
                "`line` already says what the cells are; leave out `separator`, `header` and `columns`"
                    .to_owned(),
            );
        }
        match self.separator.as_deref() {
            None | Some("blanks") => Ok(()),
            Some(separator) if separator.len() == 1 => Ok(()),
            Some(separator) => Err(format!(
                "separator `{separator}` is neither one ASCII character nor `blanks`"
            )),
        }
    }

    /// Checks that no word is given for two kinds of events.
    fn check_words(&self) -> Result<(), String> {
        let mut seen: BTreeMap<String, Kind> = BTreeMap::new();
        for (kind, words) in &self.events {
            for word in words {
                match seen.insert(word.to_lowercase(), *kind) {
                    Some(other) if other != *kind => {
                        return Err(format!(
                            "the word `{word}` is given for two kinds of events, {} and {}; give it for only one of them",
                            other.name(),
                            kind.name()
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The mapping as the text of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Import`] if the mapping cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        let text = toml::to_string(self)
            .map_err(|error| Error::import("the mapping".as_ref(), None, error.to_string()))?;
        Ok(format!(
            "# How the logs of this dataset were read by `analyze import`.\n{text}"
        ))
    }

    /// Model seconds per second of the logs.
    pub(super) fn time_scale(&self) -> f64 {
        self.time_scale.unwrap_or(1.0)
    }

    /// Whether a message carries the value that the sender's clock has after the send or before it, if the mapping says so.
    pub(super) fn stamp_rule(&self) -> Option<StampRule> {
        self.stamp.as_deref()?.parse().ok()
    }

    /// How recipients are chosen, if the mapping says so.
    pub(super) fn sends(&self) -> Option<Sends> {
        self.sends.as_deref()?.parse().ok()
    }

    /// The kind of event for which a cell stands. These rules are tried in this order:
    ///
    /// 1. A word in `events` equals the whole cell.
    /// 2. The cell has a commonly used word for an event.
    /// 3. The cell contains a word in `events` as a whole word.
    /// 4. The cell has a word that is common in lines that log no event. Then the kind is [`Kind::Ignore`].
    ///
    /// If no rule fits, the result is `None`.
    pub(super) fn kind(&self, cell: &str) -> Option<Kind> {
        self.declared_kind(|word| word.eq_ignore_ascii_case(cell))
            .or_else(|| kinds::recognise(cell).filter(|kind| *kind != Kind::Ignore))
            .or_else(|| self.declared_kind(|word| has_word(cell, word)))
            .or_else(|| kinds::recognise(cell))
    }

    /// Whether a text has a word for an event: a word of the mapping, or a known word.
    pub(super) fn has_event_word(&self, text: &str) -> bool {
        let is_known = |word: &String| kinds::kind_of_word(word).is_some();
        kinds::words(text).iter().any(is_known)
            || self.declared_kind(|word| has_word(text, word)).is_some()
    }

    /// The first kind in `events` that has a word for which `is_match` returns true.
    fn declared_kind(&self, is_match: impl Fn(&str) -> bool) -> Option<Kind> {
        let kind_if_match = |(kind, words): (&Kind, &Vec<String>)| {
            words.iter().any(|word| is_match(word)).then_some(*kind)
        };
        self.events.iter().find_map(kind_if_match)
    }

    /// Whether the mapping says how lines are split into cells.
    pub(super) fn has_line_format(&self) -> bool {
        !self.line.is_empty()
            || self.separator.is_some()
            || self.header.is_some()
            || !self.columns.is_empty()
    }
}

/// Whether `word` is a whole word of `cell`: no letter or digit is directly before or after it.
fn has_word(cell: &str, word: &str) -> bool {
    let (cell, word) = (cell.to_lowercase(), word.to_lowercase());
    let is_letter_or_digit = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let mut found = cell.match_indices(&word);
    found.any(|(at, _)| {
        !word.is_empty()
            && !is_letter_or_digit(cell[..at].chars().next_back())
            && !is_letter_or_digit(cell[at + word.len()..].chars().next())
    })
}

/// Reads a mapping from its file.
fn read_mapping(root: &Section<'_>) -> Option<Mapping> {
    root.allow_only(&KEYS);
    let text = |item: &Item<'_>| item.text().map(str::to_owned);
    let when = |item: &Item<'_>| item.named(&["after", "before"], When::from_name);
    let stamp_rule = |item: &Item<'_>| item.one_of::<StampRule>(StampRule::NAMES);
    // All values are read before the function returns, so that every mistake is reported.
    let separator = root.optional("separator", text);
    let header = root.optional("header", Item::boolean);
    let line = root.optional("line", lines);
    let record = root.optional("record", text);
    let files = root.optional("files", text);
    let time = root.optional("time", text);
    let clock = root.optional("clock", when);
    let queue = root.optional("queue", when);
    let stamp = root.optional("stamp", stamp_rule);
    let sends = root.optional("sends", |item| item.one_of::<Sends>(Sends::NAMES));
    let rates = root.optional("rates", rates);
    let internal = root.optional("internal", |item| item.number(0.0..=1.0, "a probability"));
    let duration_s = root.optional("duration_s", |item| {
        item.number(DURATIONS_S, "a number of seconds")
    });
    let time_scale = root.optional("time_scale", |item| item.number(TIME_SCALES, "a number"));
    let columns = root.optional("columns", columns);
    let events = root.optional("events", events);
    Some(Mapping {
        separator: separator?,
        header: header?,
        line: line?.unwrap_or_default(),
        record: record?,
        files: files?,
        time: time?,
        clock: clock?,
        queue: queue?,
        stamp: stamp?.map(|stamp| stamp.to_string()),
        sends: sends?.map(|sends| sends.to_string()),
        rates: rates?,
        internal: internal?,
        duration_s: duration_s?,
        time_scale: time_scale?,
        columns: columns?.unwrap_or_default(),
        events: events?.unwrap_or_default(),
    })
}

/// Reads the key `line`: one pattern, or a list of patterns.
fn lines(item: &Item<'_>) -> Option<Vec<String>> {
    match item.is_text() {
        true => Some(vec![item.text()?.to_owned()]),
        false => item.each("patterns in brackets", |item| Some(item.text()?.to_owned())),
    }
}

/// Reads the key `rates`.
fn rates(item: &Item<'_>) -> Option<Vec<f64>> {
    // Any number is accepted here. Whether a machine can have this rate is checked when the run's configuration is made.
    item.each("rates in brackets, such as [1, 3, 6]", |item| {
        item.number(f64::MIN..=f64::MAX, "a number")
    })
}

/// Reads the section `columns`.
fn columns(item: &Item<'_>) -> Option<BTreeMap<String, String>> {
    let section = item.section()?;
    section.allow_only(&COLUMNS);
    let column = |key: &str| Some((key.to_owned(), section.get(key)?.text()?.to_owned()));
    section.keys().map(column).collect()
}

/// Reads the section `events`.
fn events(item: &Item<'_>) -> Option<BTreeMap<Kind, Vec<String>>> {
    let section = item.section()?;
    section.allow_only(&Kind::NAMES.map(|(name, _)| name));
    let all_kinds = Kind::NAMES.into_iter();
    all_kinds
        .filter_map(|(name, kind)| Some((kind, section.get(name)?)))
        .map(|(kind, item)| Some((kind, words(&item)?)))
        .collect()
}

/// Reads the words for a kind of event.
fn words(item: &Item<'_>) -> Option<Vec<String>> {
    item.each("words in brackets, such as [\"S\"]", |item| {
        Some(item.text()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_words_take_precedence_over_common_words() {
        let text = "[events]\ninternal = [\"SEND_NOTHING\"]\n";
        let mapping = Mapping::parse(text, "m.toml".as_ref()).expect("a mapping");
        assert_eq!(mapping.kind("send_nothing"), Some(Kind::Internal));
        assert_eq!(mapping.kind("Sent to 1"), Some(Kind::Send));
        assert_eq!(mapping.kind("RECV"), Some(Kind::Receive));
        assert_eq!(mapping.kind("tick"), None);
    }

    #[test]
    fn errors_name_the_mistakes() {
        let problem = |text: &str| {
            Mapping::parse(text, "m.toml".as_ref())
                .expect_err("a mistake")
                .to_string()
        };
        insta::assert_snapshot!(problem("time = \"s\"\nseperator = \";\"\n"), @"m.toml:2: `seperator`: no such key; did you mean `separator`?");
        insta::assert_snapshot!(problem("[columns]\nclock = \"c\"\n"), @"m.toml:2: `columns.clock`: no such key; known here: run, machine, tick, event, system_time, logical_clock, queue_length, peers, recipients, sender, stamp, sent_tick");
        insta::assert_snapshot!(problem("stamp = \"during\"\n"), @r#"m.toml:1: `stamp`: "during" is not known; use one of after, before"#);
        insta::assert_snapshot!(problem("separator = \"·\"\n"), @"m.toml: separator `·` is neither one ASCII character nor `blanks`");
        insta::assert_snapshot!(problem("duration_s = 1e300\n"), @"m.toml:1: `duration_s`: 1e300 is not a number of seconds from 0.001 to 604800");
        insta::assert_snapshot!(problem("time_scale = nan\n"), @"m.toml:1: `time_scale`: nan is not a number from 0.000000001 to 1000000000");
        insta::assert_snapshot!(problem("[events]\nsend = [\"OUT\"]\nreceive = [\"IN\", \"out\"]\n"), @"m.toml: the word `out` is given for two kinds of events, send and receive; give it for only one of them");
        insta::assert_snapshot!(problem("line = 'x'\nseparator = ';'"), @"m.toml: `line` already says what the cells are; leave out `separator`, `header` and `columns`");
        insta::assert_snapshot!(problem("separator = \"<>\"\n"), @"m.toml: separator `<>` is neither one ASCII character nor `blanks`");
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let text = "rates = [1, \"x\", \"y\"]\n[events]\nsend = \"S\"\n";
        let mistakes = Mapping::parse(text, "m.toml".as_ref()).expect_err("mistakes");
        let mistakes = mistakes.to_string();
        let lines: Vec<&str> = mistakes.lines().collect();
        // In messages, the values of a list are counted from 1.
        let begin = [
            "m.toml:1: `rates[2]`: wanted a number",
            "m.toml:1: `rates[3]`: wanted a number",
            "m.toml:3: `events.send`: wanted words in brackets",
        ];
        assert_eq!(lines.len(), begin.len(), "{mistakes}");
        for (line, begin) in std::iter::zip(lines, begin) {
            assert!(line.starts_with(begin), "{line}");
        }
    }

    #[test]
    fn a_mapping_is_the_same_after_it_is_written_and_parsed_again() {
        let text = "separator = \";\"\nqueue = \"before\"\nrates = [1, 3]\n[columns]\nevent = \"kind\"\n[events]\nsend = [\"S\"]\n";
        let mapping = Mapping::parse(text, "m.toml".as_ref()).expect("a mapping");
        let again = Mapping::parse(&mapping.to_toml().expect("TOML"), "again.toml".as_ref());
        assert_eq!(again.expect("a mapping"), mapping);
    }
}
