//! The parameter `internal`: the probability that an idle tick (a tick with an empty queue) is an internal event. It is one
//! number for all machines, or one for each machine.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{NotAValue, Probability, Rates};

/// The probability, for each machine, that an idle tick is an internal event. Its text is `0.7`, or `0.9,0.5,0.2` if the machines
/// differ.
#[derive(Clone, Debug)]
pub struct Internal(Vec<Probability>);

impl Internal {
    /// Creates the parameter from one probability for all machines, or one for each machine in their order. `None` if the list is
    /// empty or has more than [`Rates::MAX_MACHINES`] numbers.
    pub fn new(probabilities: Vec<Probability>) -> Option<Self> {
        (1..=Rates::MAX_MACHINES)
            .contains(&probabilities.len())
            .then_some(Self(probabilities))
    }

    /// Returns the probability of `machine`.
    pub fn at(&self, machine: usize) -> Probability {
        match self.0[..] {
            [same] => same,
            _ => self.0[machine],
        }
    }

    /// Returns the length of the list of probabilities as it was given, such as 3 for `0.5,0.5,0.5`. `None` if a single probability was given
    /// for all machines.
    pub fn list_length(&self) -> Option<u32> {
        (self.0.len() > 1).then_some(self.0.len() as u32)
    }

    /// Returns the probability that all machines have. `None` if the machines differ.
    pub fn same(&self) -> Option<Probability> {
        let first = self.0[0];
        self.0.iter().all(|other| *other == first).then_some(first)
    }

    /// Returns the shortest list with the same meaning: a single number if all machines have the same probability. Comparisons and texts
    /// use this list.
    fn canonical(&self) -> &[Probability] {
        let length = if self.same().is_some() {
            1
        } else {
            self.0.len()
        };
        &self.0[..length]
    }
}

/// The default is the probability 0: no idle tick is an internal event.
impl Default for Internal {
    fn default() -> Self {
        Self(vec![Probability::default()])
    }
}

impl From<Probability> for Internal {
    fn from(same: Probability) -> Self {
        Self(vec![same])
    }
}

impl PartialEq for Internal {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (machine, probability) in self.canonical().iter().enumerate() {
            let comma = if machine == 0 { "" } else { "," };
            write!(f, "{comma}{probability}")?;
        }
        Ok(())
    }
}

impl FromStr for Internal {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let probabilities: Option<Vec<_>> = text
            .split(',')
            .map(|number| Probability::new(number.parse().ok()?))
            .collect();
        probabilities.and_then(Self::new).ok_or_else(|| {
            NotAValue::new(
                text,
                "a probability such as 0.7, or one for each machine such as 0.9,0.5,0.2",
            )
        })
    }
}

/// The parameter is written as a number if all machines have the same probability, otherwise as text.
impl Serialize for Internal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.same() {
            Some(same) => serializer.serialize_f64(same.value()),
            None => serializer.collect_str(self),
        }
    }
}

/// The parameter is read from a cell of a CSV file. In CSV a number is text too.
impl<'de> Deserialize<'de> for Internal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_probabilities_are_written_as_one_number() {
        let internal = |text: &str| text.parse::<Internal>().expect("probabilities");
        assert_eq!(internal("0.5,0.5,0.5").to_string(), "0.5");
        assert_eq!(internal("0.5,0.5"), internal("0.5"));
        assert_ne!(internal("0.5,0.4"), internal("0.5"));
        assert_eq!(internal("0.9,0.5,0.2").to_string(), "0.9,0.5,0.2");
        assert_eq!(internal("1").at(7).value(), 1.0);
        assert_eq!(internal("1,0").at(1).value(), 0.0);
        for text in ["", "1.2", "0.5,", "0.5;0.5", "NaN"] {
            assert!(text.parse::<Internal>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn is_read_back_from_its_text_and_from_a_csv_cell(values in prop::collection::vec(0.0f64..=1.0, 1..6)) {
            let internal = Internal::new(values.into_iter().filter_map(Probability::new).collect()).expect("one or more");
            prop_assert_eq!(&internal.to_string().parse::<Internal>().expect("a text"), &internal);
            // The second cell shows that commas in the first one do not split it.
            let mut writer = csv::Writer::from_writer(vec![]);
            writer.serialize((&internal, 1)).expect("a row");
            let text = String::from_utf8(writer.into_inner().expect("flushed")).expect("text");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let (read, _): (Internal, u32) = reader.deserialize().next().expect("a row").expect("a cell");
            prop_assert_eq!(read, internal);
        }
    }
}
