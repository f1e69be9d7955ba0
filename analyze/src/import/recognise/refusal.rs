//! The error for logs that are not recognised. It shows a line, the values in it that may be the missing field, and a mapping that the user
//! can complete.
//!
//! A field is something that an event has in the log, such as its logical clock. A mapping is a file that says how log files are read. A
//! shape is the common form of similar lines: `clock: 5` and `clock: 12` have the shape `clock: <Number>`. In the code, a shape is called a
//! [`Template`], and each place of a value in a shape is called a slot.

use std::path::Path;

use super::fields::{Assignment, Problem, is_clock, is_time};
use super::pattern;
use super::templates::{Slot, Template};
use crate::error::Error;
use crate::import::left_out::shortened;
use crate::import::mapping::Kind;

/// Maximum number of shapes that are shown.
const MAX_SHAPES: usize = 4;

/// Converts a problem to an error at the first record of the shape that has the problem. A record is the text of one event (a line, or
/// several). `sources` has the path and line of every record.
pub(super) fn error(problem: &Problem, templates: &[Template], sources: &[(&Path, u64)]) -> Error {
    let index = match problem {
        // This is a problem of all shapes. The first one stands for them.
        Problem::NoEvents => 0,
        Problem::Missing(_, index)
        | Problem::Several(_, index, _)
        | Problem::Vector(index)
        | Problem::UnknownEvent(index) => *index,
    };
    let Some((template, row)) = templates
        .get(index)
        .and_then(|template| Some((template, template.rows.first()?)))
    else {
        return Error::import("the logs".as_ref(), None, "they have no lines".to_owned());
    };
    let (path, line) = sources[row.index];
    Error::import(path, Some(line), describe(problem, template, templates))
}

/// The text of the error. `template` is the shape that has the problem.
fn describe(problem: &Problem, template: &Template, templates: &[Template]) -> String {
    let kinds = Kind::NAMES.map(|(name, _)| name).join(", ");
    let example = shortened(&template.example);
    match problem {
        Problem::NoEvents => {
            let shapes = templates.iter().take(MAX_SHAPES).map(|template| {
                format!(
                    "\n  {} such as: {}",
                    template.rows.len(),
                    shortened(&template.example)
                )
            });
            format!(
                "no line has a known word for an event. The lines are:{}\nSay which words stand for events \
                 ({kinds}), such as --events internal=WORD, or complete this mapping for --mapping:\n{}",
                shapes.collect::<String>(),
                draft_mapping(template, &[], "")
            )
        }
        Problem::UnknownEvent(_) => format!(
            "the line has no known word for an event: {example}\nSay which of its words stands for which \
             kind of event ({kinds}), such as --events internal=WORD",
        ),
        Problem::Vector(_) => format!(
            "the clock of the line is a vector clock; only Lamport clocks can be imported: {example}"
        ),
        Problem::Missing(field, _) => format!(
            "the line is an event, but none of its values was recognised as {field}: {example}\nIts values \
             are: {}\nComplete this mapping for --mapping; put (?<{field}>...) around the part that matches \
             {field}:\n{}",
            list_values(template, &(0..template.slots.len()).collect::<Vec<_>>()),
            draft_mapping(template, templates, field)
        ),
        Problem::Several(field, _, slots) => format!(
            "it is not clear which value of the line is {field}: {example}\nPossible: {}\nComplete this mapping for \
             --mapping; put (?<{field}>...) around the part that matches {field}:\n{}",
            list_values(template, slots),
            draft_mapping(template, templates, field)
        ),
    }
}

/// The values of `slots` in the shape's first record, each with the words before or after it. For example, the value of `clock 7` is
/// listed as "7 behind `clock`".
fn list_values(template: &Template, slots: &[usize]) -> String {
    let value = |slot: &usize| {
        Some(format!(
            "{} {}",
            template.rows.first()?.cells[*slot],
            template.slots[*slot].label()
        ))
    };
    let values: Vec<String> = slots.iter().filter_map(value).collect();
    match values.is_empty() {
        true => "none".to_owned(),
        false => values.join(", "),
    }
}

/// A mapping with a pattern (a regular expression) for `template` and for the other shapes of events in `templates`, at most [`MAX_SHAPES`]
/// in all. It is not complete: around the part that matches the field `wanted`, the user must put a group with the field's name, such as
/// `(?<logical_clock>...)`. The patterns stand between single quotes, so they must not contain a single quote. Each single quote of a
/// shape is replaced by a dot, which matches any character.
fn draft_mapping(template: &Template, templates: &[Template], wanted: &str) -> String {
    let is_other_event = |other: &&Template| {
        let is_event = other.kind.is_some_and(|kind| kind != Kind::Ignore);
        is_event && other.example != template.example
    };
    let others = templates.iter().filter(is_other_event);
    let patterns = std::iter::once(template).chain(others).take(MAX_SHAPES);
    let patterns: Vec<String> = patterns
        .map(|template| {
            let pattern = pattern::from_template(template, &certain_fields(template, wanted));
            format!("'{}'", pattern.replace('\'', "."))
        })
        .collect();
    match patterns.as_slice() {
        [pattern] => format!("  line = {pattern}"),
        patterns => format!("  line = [\n    {},\n  ]", patterns.join(",\n    ")),
    }
}

/// The time and the clock of a shape, if its words tell them. The field `wanted` is left to the user.
fn certain_fields(template: &Template, wanted: &str) -> Assignment {
    let find = |field: &str, fits: &dyn Fn(&Slot) -> bool| match field == wanted {
        true => None,
        false => template.slots.iter().position(fits),
    };
    Assignment {
        time: find("system_time", &is_time),
        clock: find("logical_clock", &is_clock),
        ..Assignment::default()
    }
}
