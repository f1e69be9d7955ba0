//! The table of parameters: one row for each parameter of a configuration.
//!
//! The code for experiment files, run keys, the journal's columns, filters, tables and the data dictionary takes the parameters from this
//! table. So this code needs no change when a parameter is added. (A run key is a text with a run's parameters and its repetition. The data
//! dictionary is the list of all columns with their meanings.)
//!
//! Every value of a parameter has a canonical text, its *cell*: `runs.csv` has this text in the parameter's column.
//!
//! To add a parameter: define its type (for example in `variants.rs`), add its field to [`Configuration`], add a row here, and use the
//! parameter in the machine or the engines.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::rate_sets::MachineBudget;
use super::values;
use super::{
    ClockKind, Configuration, Connection, NotAValue, ReceiveRule, StampRule, Topology, values::each,
};
use crate::toml_reader::Item;

/// The type of a parameter's column in the journal and in data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A number.
    Number,
    /// One number for all machines (`0.7`), or a list with a number for each machine, joined by commas (`0.9,0.5`).
    NumberOrList,
    /// A text: a name (`ring`), a list (`1,3,6`) or a distribution (`uniform(0.01,0.1)`).
    Text,
}

/// One parameter of a [`Configuration`], a row of [`PARAMETERS`].
#[derive(Debug)]
pub struct Parameter {
    /// The key in the experiment file, the column of `runs.csv`, and the name in run keys and on the command line.
    pub name: &'static str,
    /// The name in words with its unit, for the heading of a table.
    pub heading: &'static str,
    /// The type of the parameter's column.
    pub kind: ValueKind,
    /// The unit of the values; empty if there is none.
    pub unit: &'static str,
    /// The meaning of the values, for the data dictionary.
    pub meaning: &'static str,
    /// Whether run keys always contain the parameter. If this is false, run keys leave out the parameter when it has its default value. Such
    /// a parameter is called a *variant* of the model. An example is `delay_s`: by default, messages have no delay.
    always_in_key: bool,
    /// Reads the parameter's values from the *grid* of an experiment file: the sections `[parameters]`, `[[cases]]` and `[[exclude]]`.
    /// `None` if the grid cannot contain the parameter.
    read: Option<ReadValues>,
    access: Access,
}

/// How to write a configuration's field as a cell, set the field from a cell, and compare the field in two configurations.
#[derive(Clone, Copy, Debug)]
struct Access {
    cell: fn(&Configuration) -> String,
    set: fn(&mut Configuration, &str) -> Result<(), NotAValue>,
    is_same: fn(&Configuration, &Configuration) -> bool,
}

static DEFAULT: LazyLock<Configuration> = LazyLock::new(Configuration::default);

/// Reads one value or a list of values from the experiment file. If there is a mistake, the function returns `None` and notes the mistake:
/// the user gets all mistakes of a file together.
type ReadValues = fn(&Item<'_>, &ReadContext) -> Option<Vec<Setting>>;

/// What a [`ReadValues`] function gets in addition to the item. Only the function of the parameter `rates` uses it, for rules that make
/// rate sets. A rate set has one rate for each machine. The rule `{ random = 10, machines = 3 }` makes ten random sets for three machines.
#[derive(Debug, Default)]
pub(super) struct ReadContext {
    /// The seed from which random rate sets come.
    pub(super) seed: u64,
    /// How many machines the rate sets of all further rules may have in total. Each rule subtracts the machines of its sets: the rule above
    /// subtracts 10 * 3 = 30.
    pub(super) budget: MachineBudget,
}

/// A value that an experiment file gives to a parameter, with a function that sets it in a configuration.
#[derive(Clone)]
pub(super) struct Setting {
    /// The canonical text of the value.
    pub(super) cell: String,
    apply: Arc<dyn Fn(&mut Configuration)>,
}

impl Setting {
    /// Creates the setting that gives `value` to one field of a configuration. The function `field` returns this field, for example
    /// `&mut configuration.phase`.
    fn new<T: ToString + Clone + 'static>(
        value: T,
        field: fn(&mut Configuration) -> &mut T,
    ) -> Self {
        Self {
            cell: value.to_string(),
            apply: Arc::new(move |configuration| field(configuration).clone_from(&value)),
        }
    }

    /// Returns a copy of `base` that has this value.
    pub(super) fn apply_to(&self, base: &Configuration) -> Configuration {
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
    /// Returns the parameter with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|parameter| parameter.name == name)
    }

    /// Returns the parameter's value in `configuration` as canonical text. A cell of `runs.csv` has the same text.
    pub fn cell(&self, configuration: &Configuration) -> String {
        (self.access.cell)(configuration)
    }

    /// Sets the parameter's value in `configuration` from its canonical text.
    ///
    /// # Errors
    ///
    /// Returns [`NotAValue`] if `text` is not the text of a value of the parameter.
    pub fn set(&self, configuration: &mut Configuration, text: &str) -> Result<(), NotAValue> {
        (self.access.set)(configuration, text)
    }

    /// Returns the canonical text of the parameter's default value.
    pub fn default_cell(&self) -> String {
        self.cell(&DEFAULT)
    }

    /// Returns whether the parameter is a variant of the model and has its default value in `configuration`. Then the keys of the
    /// configuration's runs leave out the parameter, and so do texts for users, such as the line below a table.
    pub fn can_be_left_out(&self, configuration: &Configuration) -> bool {
        !self.always_in_key && (self.access.is_same)(configuration, &DEFAULT)
    }

    /// The same as [`Self::can_be_left_out`], but for a value that is given as its canonical text.
    pub fn cell_can_be_left_out(&self, cell: &str) -> bool {
        !self.always_in_key && cell == self.default_cell()
    }

    /// Returns whether the grid of an experiment file may vary the parameter.
    pub fn is_dimension(&self) -> bool {
        self.read.is_some()
    }

    /// Reads the parameter's values from `item` of an experiment file. `None` if the grid cannot contain the parameter, or if there is a
    /// mistake, which is then noted.
    pub(super) fn read(&self, item: &Item<'_>, context: &ReadContext) -> Option<Vec<Setting>> {
        self.read?(item, context)
    }
}

/// Makes the [`Access`] to a field of [`Configuration`] whose type has `Display` and `FromStr`.
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

/// Turns values into settings of `$field`. `$values` is an `Option`. If it is `None`, the closure that uses this macro returns `None`.
macro_rules! settings {
    ($field:ident, $values:expr) => {{
        let values = $values?.into_iter();
        let settings =
            values.map(|value| Setting::new(value, |configuration| &mut configuration.$field));
        Some(settings.collect())
    }};
}

/// Makes the function that reads one or several values of `$field`, written as names such as `ring`. `$kind` is the type of the field, an
/// enum made by `named_values!`.
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

/// Defines a parameter that the grid of an experiment file can vary, and that keys leave out if it has its default value.
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

/// Returns `parameter`, changed so that run keys always contain it.
const fn always_in_key(parameter: Parameter) -> Parameter {
    Parameter {
        always_in_key: true,
        ..parameter
    }
}

/// The kind and the unit of parameters whose values are words: they have no unit.
const TEXT: (ValueKind, &str) = (ValueKind::Text, "");

/// Every parameter of a configuration, in the order in which run keys contain them.
pub static PARAMETERS: [Parameter; 11] = [
    always_in_key(dimension(
        "rates",
        "rates",
        (ValueKind::Text, "1/s"),
        "Ticks per model second of each machine, joined by commas in the order of the machines.",
        |item, context| settings!(rates, values::rates(item, context.seed, &context.budget)),
        field!(rates),
    )),
    always_in_key(dimension(
        "internal",
        "internal",
        (ValueKind::NumberOrList, ""),
        "Probability of an internal event at an idle tick (a tick at which no message waits): a number, or one for each machine, joined by commas.",
        |item, _| settings!(internal, values::internals(item)),
        field!(internal),
    )),
    always_in_key(dimension(
        "phase",
        "phase",
        TEXT,
        "How the time of each machine's first tick is chosen: `spread`, `uniform` or `aligned`; `unknown` if imported.",
        |item, _| settings!(phase, each(item, values::phase)),
        field!(phase),
    )),
    always_in_key(dimension(
        "stamp",
        "stamp",
        TEXT,
        "The value of the sender's clock that a message carries: the value `after` the send has added 1 (as in Lamport's paper), or the value `before`.",
        named!(stamp, StampRule),
        field!(stamp),
    )),
    dimension(
        "delay_s",
        "delay (s)",
        (ValueKind::Text, "model s"),
        "How long messages travel: a number, or a distribution such as `uniform(0.01,0.1)` or \
         `exponential(0.05)` (with the mean 0.05). Messages from one machine to another keep their order. So a message \
         may wait for earlier messages, and the mean travel time is longer than the mean of the \
         distribution.",
        |item, _| settings!(delay, each(item, values::delay)),
        field!(delay),
    ),
    dimension(
        "receive",
        "receive",
        TEXT,
        "Whether a tick takes `one` message from the message queue or `all` messages.",
        named!(receive, ReceiveRule),
        field!(receive),
    ),
    dimension(
        "topology",
        "topology",
        TEXT,
        "Which machines may send to each other: `mesh` (all), `ring` (each machine and the one before or after it), `star` (machine 0 and each other machine) or `time-keeper` (only machine 0 sends, to all others).",
        named!(topology, Topology),
        field!(topology),
    ),
    dimension(
        "sends",
        "sends",
        TEXT,
        "How many of its neighbours (see `topology`) a machine sends a message to: `unicast` (one), `multicast(2)` (two), `broadcast` (all) or `mix` (one or all, at random).",
        |item, _| settings!(sends, each(item, values::sends)),
        field!(sends),
    ),
    dimension(
        "connection",
        "connection",
        TEXT,
        "Which TCP connections messages use: `persistent` or `per-message`.",
        named!(connection, Connection),
        field!(connection),
    ),
    dimension(
        "clock",
        "clock",
        TEXT,
        "Which timestamps messages carry: `lamport`, `vector` (in addition, the timestamp of a vector clock) or `hlc` (in addition, the timestamp of a hybrid logical clock).",
        named!(clock, ClockKind),
        field!(clock),
    ),
    // An experiment file has one duration, outside of the grid.
    Parameter {
        name: "duration_s",
        heading: "duration (s)",
        kind: ValueKind::Number,
        unit: "model s",
        meaning: "Duration of a run.",
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
    fn every_default_is_read_back_from_its_cell_and_a_wrong_text_is_refused() {
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
    fn names_are_unique_and_found() {
        for parameter in &PARAMETERS {
            // If two rows had the same name, `named` would return the first row for both.
            let found = Parameter::named(parameter.name).expect("a parameter");
            assert!(std::ptr::eq(found, parameter), "{}", parameter.name);
        }
    }
}
