//! Conditions on a run's parameters: which runs an answer is about.

use std::fmt;
use std::str::FromStr;

use sim::log::JournalRow;

/// What conditions can be about.
pub const NAMES: [&str; 19] = [
    "run",
    "repetition",
    "rates",
    "machines",
    "internal",
    "phase",
    "stamp",
    "delay_s",
    "receive",
    "topology",
    "sends",
    "connection",
    "duration_s",
    "engine",
    "isolation",
    "time_scale",
    "punctual",
    "in_order",
    "tool_version",
];

/// How a value compares; longer signs first, for they begin with shorter ones.
const SIGNS: [(&str, Comparison); 6] = [
    ("!=", Comparison::Differs),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equals),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    Differs,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A condition such as `internal>=0.4` or `rates=1,3,6`. Numbers compare as numbers, everything else is equal or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    name: &'static str,
    comparison: Comparison,
    value: String,
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACondition {
    /// No sign, or nothing on a side of it.
    #[error("not of the form NAME=VALUE; other signs are != < <= > >=")]
    Form,
    /// No such parameter.
    #[error("no parameter `{0}`; there are {names}", names = NAMES.join(", "))]
    Name(String),
    /// Values that have no order.
    #[error("`{0}` is no number, so it can only be = or !=")]
    Order(String),
}

impl Condition {
    /// What it is about.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the run is one of those meant.
    pub fn holds(&self, row: &JournalRow) -> bool {
        let found = text(row, self.name);
        let numbers = (found.parse::<f64>(), self.value.parse::<f64>());
        let (Ok(found), Ok(value)) = numbers else {
            return (found == self.value) == (self.comparison == Comparison::Equals);
        };
        match self.comparison {
            Comparison::Equals => found == value,
            Comparison::Differs => found != value,
            Comparison::AtLeast => found >= value,
            Comparison::AtMost => found <= value,
            Comparison::Above => found > value,
            Comparison::Below => found < value,
        }
    }
}

fn text(row: &JournalRow, name: &str) -> String {
    match name {
        "run" => row.run.to_string(),
        "repetition" => row.repetition.to_string(),
        "rates" => row.rates.clone(),
        "machines" => row.machines.to_string(),
        "internal" => row.internal.to_string(),
        "phase" => row.phase.clone(),
        "stamp" => row.stamp.clone(),
        "delay_s" => row.delay_s.clone(),
        "receive" => row.receive.clone(),
        "topology" => row.topology.clone(),
        "sends" => row.sends.clone(),
        "connection" => row.connection.clone(),
        "duration_s" => row.duration_s.to_string(),
        "engine" => row.engine.clone(),
        "isolation" => row.isolation.clone(),
        "time_scale" => row.time_scale.to_string(),
        "punctual" => row.punctual.to_string(),
        "in_order" => row.in_order.to_string(),
        "tool_version" => row.tool_version.clone(),
        _ => unreachable!("no condition is about {name}"),
    }
}

impl FromStr for Condition {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let place = text.find(['=', '!', '<', '>']).ok_or(NotACondition::Form)?;
        let (name, rest) = text.split_at(place);
        let (sign, comparison) = SIGNS
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .ok_or(NotACondition::Form)?;
        let (name, value) = (name.trim(), rest[sign.len()..].trim());
        if name.is_empty() || value.is_empty() {
            return Err(NotACondition::Form);
        }
        let name = NAMES
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| NotACondition::Name(name.to_owned()))?;
        let needs_order = !matches!(comparison, Comparison::Equals | Comparison::Differs);
        if needs_order && value.parse::<f64>().is_err() {
            return Err(NotACondition::Order(value.to_owned()));
        }
        Ok(Self {
            name,
            comparison,
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS
            .iter()
            .find(|(_, comparison)| *comparison == self.comparison)
            .map_or("=", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_from_its_text() {
        for text in ["internal>=0.4", "rates=1,3,6", "phase!=aligned", "run<7"] {
            let condition: Condition = text.parse().expect("a condition");
            assert_eq!(condition.to_string(), text);
        }
        assert_eq!(
            " internal > .4 "
                .parse::<Condition>()
                .map(|c| c.to_string()),
            Ok("internal>.4".to_owned())
        );
    }

    #[test]
    fn what_is_none_is_refused_with_what_is() {
        let refused = |text: &str| text.parse::<Condition>().expect_err("none").to_string();
        for text in ["", "internal", "=0.4", "internal=", "internal!0.4"] {
            assert_eq!(refused(text), NotACondition::Form.to_string(), "{text}");
        }
        assert!(refused("intern=0.4").starts_with("no parameter `intern`; there are run, "));
        assert_eq!(
            refused("phase>aligned"),
            "`aligned` is no number, so it can only be = or !="
        );
    }
}
