//! Completion of options in a shell: the values that the shell offers for an option. The option can have other valid values too.
//! For example, shells offer `jump_mean` for `analyze summary --sort`, but `jump_mean asc` is also a valid value.

use std::error::Error;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

/// A parser of an option's value, with the values that a shell offers. Only `parser` decides which values are valid. Its error message is
/// shown for a value that is not valid.
#[derive(Clone)]
struct ParserWithCompletions<P> {
    parser: P,
    values: fn() -> Vec<&'static str>,
}

/// Creates a parser that parses with `parse`, and offers `values`.
pub fn parser_with_completions<T, E>(
    parse: fn(&str) -> Result<T, E>,
    values: fn() -> Vec<&'static str>,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    ParserWithCompletions {
        parser: parse,
        values,
    }
}

impl<P: TypedValueParser> TypedValueParser for ParserWithCompletions<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.parser.parse_ref(command, argument, value)
    }

    /// Returns the values from which the completion script of a shell is made.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = (self.values)().into_iter();
        Some(Box::new(values.map(PossibleValue::new)))
    }
}
