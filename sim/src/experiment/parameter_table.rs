//! The table of parameters: one row for everything that a configuration consists of.
//!
//! The experiment file's reader, keys, the journal's columns, filters, tables and the data dictionary all go through this table:
//! none of them knows a parameter by name. To add one: give its type a place (such as `variants.rs`), add its field to
//! [`Configuration`], a row here, and obey it where machines or engines act.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::rate_sets::Room;
use super::values;
use super::{Configuration, Connection, NotAValue, ReceiveRule, StampRule, Topology, values::each};
use crate::toml_reader::Item;

/// The type of a parameter's column in the journal and in data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A number.
    Number,
    /// A number, or a list with one for each machine, joined by commas.
    NumberOrList,
    /// A text: a name, a list or a law.
    Text,
}

/// One parameter of a [`Configuration`]: a row of [`PARAMETERS`].
#[derive(Debug)]
pub struct Parameter {
    /// The key in the experiment file, the column of `runs.csv`, the name in run keys and on the command line.
    pub name: &'static str,
    /// The name in words, for the head of a table, with the unit.
    pub heading: &'static str,
    /// What its column holds.
    pub kind: ValueKind,
    /// Unit of its values; empty where there is none.
    pub unit: &'static str,
    /// What its values mean.
    pub meaning: &'static str,
    /// Whether it stands in run keys even with its default value.
    always_in_key: bool,
    /// Reads the values that a grid's dimension has, as cells. None if it is no dimension of grids.
    read: Option<ReadValues>,
    access: Access,
}

/// How a field's value is written as a cell, set from one, and compared.
#[derive(Clone, Copy, Debug)]
struct Access {
    cell: fn(&Configuration) -> String,
    set: fn(&mut Configuration, &str) -> Result<(), NotAValue>,
    is_same: fn(&Configuration, &Configuration) -> bool,
}

static DEFAULT: LazyLock<Configuration> = LazyLock::new(Configuration::default);

/// Reads one value or a list of values from the experiment file; none after a mistake, which is noted.
type ReadValues = fn(&Item<'_>, &ReadContext) -> Option<Vec<Setting>>;

/// What rate sets by rule need beside their rule.
#[derive(Debug, Default)]
pub(super) struct ReadContext {
    /// What random ones are drawn from.
    pub(super) seed: u64,
    /// How many machines they may still have.
    pub(super) room: Room,
}

/// A value that an experiment file gives a parameter.
#[derive(Clone)]
pub(super) struct Setting {
    /// Its canonical text.
    pub(super) cell: String,
    apply: Arc<dyn Fn(&mut Configuration)>,
}

impl Setting {
    fn new<T: ToString + Clone + 'static>(
        value: T,
        field: fn(&mut Configuration) -> &mut T,
    ) -> Self {
        Self {
            cell: value.to_string(),
            apply: Arc::new(move |configuration| field(configuration).clone_from(&value)),
        }
    }

    /// `base` with this value.
    pub(super) fn on_top_of(&self, base: &Configuration) -> Configuration {
        let mut configuration = base.clone();
        (self.apply)(&mut configuration);
        configuration
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cell.fmt(f)
    }
}

impl Parameter {
    /// The parameter of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|parameter| parameter.name == name)
    }

    /// Its value in `configuration` as its canonical text: what stands in a cell of `runs.csv`.
    pub fn cell(&self, configuration: &Configuration) -> String {
        (self.access.cell)(configuration)
    }

    /// Gives it the value in `configuration` that `text` stands for.
    ///
    /// # Errors
    ///
    /// [`NotAValue`] if that is none of its values.
    pub fn set(&self, configuration: &mut Configuration, text: &str) -> Result<(), NotAValue> {
        (self.access.set)(configuration, text)
    }

    /// The cell of the value that it has where an experiment file does not say.
    pub fn default_cell(&self) -> String {
        self.cell(&DEFAULT)
    }

    /// Whether the cell `text` need not be told: its value is the default one of a variant of the model.
    pub fn is_left_out(&self, text: &str) -> bool {
        !self.always_in_key && text == self.default_cell()
    }

    /// Whether a key can leave it out: its value is the default one of a variant of the model.
    pub fn can_be_left_out(&self, configuration: &Configuration) -> bool {
        !self.always_in_key && (self.access.is_same)(configuration, &DEFAULT)
    }

    /// Whether the grid of an experiment file may vary it.
    pub fn is_dimension(&self) -> bool {
        self.read.is_some()
    }

    /// The values that `item` of an experiment file gives it; none after a mistake, which is noted.
    pub(super) fn read(&self, item: &Item<'_>, context: &ReadContext) -> Option<Vec<Setting>> {
        self.read?(item, context)
    }
}

/// The cell of a field, and how a cell sets it.
macro_rules! field {
    ($name:ident) => {
        Access {
            cell: |configuration| configuration.$name.to_string(),
            set: |configuration, text| {
                configuration.$name = text.parse()?;
                Ok(())
            },
            is_same: |a, b| a.$name == b.$name,
        }
    };
}

/// Each of some values as a setting of a field.
macro_rules! settings {
    ($field:ident, $values:expr) => {{
        let values = $values?.into_iter();
        let settings =
            values.map(|value| Setting::new(value, |configuration| &mut configuration.$field));
        Some(settings.collect())
    }};
}

/// Reads one or several of the named values of a field's type.
macro_rules! named {
    ($field:ident, $kind:ty) => {
        |item, _| {
            settings!(
                $field,
                each(item, |item| item.one_of::<$kind>(<$kind>::NAMES))
            )
        }
    };
}

const fn dimension(
    name: &'static str,
    heading: &'static str,
    (kind, unit): (ValueKind, &'static str),
    meaning: &'static str,
    read: ReadValues,
    access: Access,
) -> Parameter {
    Parameter {
        name,
        heading,
        kind,
        unit,
        meaning,
        always_in_key: false,
        read: Some(read),
        access,
    }
}

const fn always_in_key(parameter: Parameter) -> Parameter {
    Parameter {
        always_in_key: true,
        ..parameter
    }
}

const TEXT: (ValueKind, &str) = (ValueKind::Text, "");

/// Every parameter of a configuration, in the order in which they stand in run keys.
pub static PARAMETERS: [Parameter; 10] = [
    always_in_key(dimension(
        "rates",
        "rates",
        (ValueKind::Text, "1/s"),
        "Ticks per model second of each machine, joined by commas in the order of the machines.",
        |item, context| settings!(rates, values::rates(item, context.seed, &context.room)),
        field!(rates),
    )),
    always_in_key(dimension(
        "internal",
        "internal",
        (ValueKind::NumberOrList, ""),
        "Probability that an idle tick is an internal event: a number, or one for each machine, joined by commas.",
        |item, _| settings!(internal, values::internals(item)),
        field!(internal),
    )),
    always_in_key(dimension(
        "phase",
        "phase",
        TEXT,
        "How the first ticks are placed: `spread`, `uniform` or `aligned`; `unknown` if imported.",
        |item, _| settings!(phase, each(item, values::phase)),
        field!(phase),
    )),
    always_in_key(dimension(
        "stamp",
        "stamp",
        TEXT,
        "Which clock value a message carries: `after` the send's increment (Lamport's IR2) or `before` it.",
        named!(stamp, StampRule),
        field!(stamp),
    )),
    dimension(
        "delay_s",
        "delay (s)",
        (ValueKind::Text, "model s"),
        "How long each message is to be under way: a number, or a law such as `uniform(0.01,0.1)` or `exponential(0.05)` (the mean). Messages from one machine to another keep their order: one waits for those sent before it, so the mean time under way is longer than that of the law.",
        |item, _| settings!(delay, each(item, values::delay)),
        field!(delay),
    ),
    dimension(
        "receive",
        "receive",
        TEXT,
        "What a tick takes from the message queue: `one` message or `all`.",
        named!(receive, ReceiveRule),
        field!(receive),
    ),
    dimension(
        "topology",
        "topology",
        TEXT,
        "Who may send to whom: `mesh`, `ring`, `star` or `time-keeper`.",
        named!(topology, Topology),
        field!(topology),
    ),
    dimension(
        "sends",
        "sends",
        TEXT,
        "To whom a send goes: `mix`, `unicast`, `broadcast` or `multicast(2)`.",
        |item, _| settings!(sends, each(item, values::sends)),
        field!(sends),
    ),
    dimension(
        "connection",
        "connection",
        TEXT,
        "Which connections messages take over TCP: `persistent` or `per-message`.",
        named!(connection, Connection),
        field!(connection),
    ),
    Parameter {
        name: "duration_s",
        heading: "duration (s)",
        kind: ValueKind::Number,
        unit: "model s",
        meaning: "Time observed, T.",
        always_in_key: true,
        read: None,
        access: Access {
            cell: |configuration| configuration.duration_s().to_string(),
            set: |configuration, text| {
                configuration.duration_ns = values::duration_ns(text)?;
                Ok(())
            },
            is_same: |a, b| a.duration_ns == b.duration_ns,
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_read_back_from_its_cell() {
        for parameter in &PARAMETERS {
            let mut configuration = Configuration::default();
            let cell = parameter.default_cell();
            parameter
                .set(&mut configuration, &cell)
                .unwrap_or_else(|error| panic!("{}: {error}", parameter.name));
            assert_eq!(
                configuration,
                Configuration::default(),
                "{}",
                parameter.name
            );
            let error = parameter.set(&mut configuration, "no value of any parameter");
            assert!(error.is_err(), "{}", parameter.name);
        }
    }

    #[test]
    fn names_are_different_and_found() {
        for parameter in &PARAMETERS {
            let found = Parameter::named(parameter.name).expect("a parameter");
            assert!(std::ptr::eq(found, parameter), "{}", parameter.name);
        }
    }
}
