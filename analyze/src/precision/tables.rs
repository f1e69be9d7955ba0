//! The output of `analyze precision` as a table and as records: how many repetitions each machine needs until the 95 % interval of its
//! mean is as narrow as wanted.

use std::time::Duration;

use sim::sweep::words::{grouped, in_words};

use crate::measures::Measure;
use crate::output::table::{Table, keep_together, number};
use crate::output::value::{Record, Value};
use crate::precision::extension::Extension;
use crate::precision::half_width::HalfWidth;
use crate::precision::machines::{MachineNeed, Needs, example_half_width};
use crate::precision::need::{ASSURANCE, MAX_REPETITIONS};
use crate::stats::intervals::notes;
use crate::stats::records::{group_record, push_estimate};
use crate::stats::repetitions::Group;
use crate::stats::tables::{Varying, cell, described, few_warning};

/// Spaces before lines that a user copies. In Markdown, such lines are code.
const INDENT: &str = "    ";

/// A wanted half-width in percent, such as 5 % of the mean, is calculated from the present mean. If half the width of the present interval
/// is more than this share of the mean, the present mean may be far from the true mean. Then the number of needed repetitions is only a
/// rough estimate.
const ROUGH_SHARE: f64 = 0.25;

/// The table of the machines `shown`, which are some or all of the machines of `needs`. `not_shown` is the sentence that says how many
/// machines are not shown.
pub fn table(
    shown: &[MachineNeed<'_>],
    needs: &Needs<'_>,
    (measure, half_width): (&Measure, HalfWidth),
    extensions: &[Extension],
    not_shown: Option<String>,
) -> Table {
    let groups: Vec<&Group> = shown.iter().map(|need| need.group).collect();
    let varying = Varying::among(&groups);
    let mut headings = varying.headings();
    headings.push("machine".to_owned());
    let key_columns = headings.len();
    headings.extend(["n".to_owned(), measure.heading()]);
    // Only a table for a relative half-width has the column `now`.
    let now_index = half_width.is_relative().then_some(headings.len());
    headings.extend(now_index.map(|_| "now".to_owned()));
    headings.push("needed".to_owned());
    let interval_index = headings.len();
    headings.extend(["95 %", "more"].map(str::to_owned));
    let time_index = headings.len();
    headings.push("time".to_owned());
    let row = |need: &MachineNeed<'_>| {
        let mut row = varying.cells(need.group);
        let rate = keep_together(&format!("at {}/s", need.group.rate));
        row.push(format!("{} {rate}", need.group.machine));
        row.push(grouped(need.group.n));
        row.push(cell(Some(need.estimate), need.group.n, measure));
        row.extend(half_width.is_relative().then(|| present_share(need)));
        // All repetitions that are needed, also those that are done. (`further` counts only the missing ones.)
        row.push(count(need.need.repetitions));
        row.push(interval(need));
        row.push(need.further().map_or(String::new(), grouped));
        row.push(keep_together(&time(need, extensions)));
        row
    };
    Table {
        title: "Repetitions that make intervals as narrow as wanted",
        rows: shown.iter().map(row).collect(),
        numeric: (0..headings.len())
            .map(|column| column >= key_columns)
            .collect(),
        // Narrow terminals leave these columns out, in this order.
        optional: [Some(time_index), now_index, Some(interval_index)]
            .into_iter()
            .flatten()
            .collect(),
        headings,
        caption: caption(shown, needs, (measure, half_width), extensions, not_shown),
        ..Table::default()
    }
}

/// The cell of column `now`: half the width of the present interval in percent of the mean, such as `± 2.0 %` or `± 88 %`. Empty if there is
/// no interval.
fn present_share(need: &MachineNeed<'_>) -> String {
    need.share().map_or(String::new(), |share| {
        let percent = 100.0 * share;
        // Two digits are enough. From 9.95 on, a number with one decimal would have three digits: 10.0.
        let decimals = if percent < 9.95 { 1 } else { 0 };
        keep_together(&format!("± {} %", number(percent, decimals)))
    })
}

/// The cell of column `95 %`, such as `40 to 300`. How many repetitions are enough depends on the true standard deviation. Of this
/// deviation only a 95 % interval is known. The cell says how many repetitions would be enough if the deviation were at the lower end of the
/// interval, and how many if it were at the upper end.
fn interval(need: &MachineNeed<'_>) -> String {
    let (low, high) = (count(need.need.low), count(need.need.high));
    match low == high {
        true => keep_together(&low),
        false => keep_together(&format!("{low} to {high}")),
    }
}

/// A number of repetitions as text. `None` stands for more than [`MAX_REPETITIONS`].
fn count(repetitions: Option<u64>) -> String {
    repetitions.map_or_else(
        || keep_together(&format!("> {}", grouped(MAX_REPETITIONS))),
        grouped,
    )
}

/// The cell of column `time`: the time that the further repetitions of one configuration take; `-` if there are none. Empty if the time is
/// not known.
fn time(need: &MachineNeed<'_>, extensions: &[Extension]) -> String {
    match (wall_time(need, extensions), need.further()) {
        (_, Some(0)) => "-".to_owned(),
        (Some(time), _) if time < Duration::from_secs(1) => "< 1 s".to_owned(),
        (Some(time), _) => in_words(time),
        (None, _) => String::new(),
    }
}

/// The time of all further runs of a dataset, in words.
fn total_time(time: Duration) -> String {
    match time < Duration::from_secs(1) {
        true => "less than 1 s".to_owned(),
        false => format!("about {}", in_words(time)),
    }
}

/// The wall time of the further repetitions that a machine needs. `None` if their number or their time is not known.
fn wall_time(need: &MachineNeed<'_>, extensions: &[Extension]) -> Option<Duration> {
    let extension = extensions
        .iter()
        .find(|one| one.dataset == need.group.dataset)?;
    Some(extension.wall_time_of(&need.group.configuration, need.further()?))
}

/// The paragraphs below the table.
fn caption(
    shown: &[MachineNeed<'_>],
    needs: &Needs<'_>,
    (measure, half_width): (&Measure, HalfWidth),
    extensions: &[Extension],
    not_shown: Option<String>,
) -> Vec<String> {
    let mut caption: Vec<String> = not_shown.into_iter().collect();
    for extension in extensions {
        let are_all_known = needs.near_zero.is_empty() && needs.undefined.is_empty();
        caption.extend(how_to_extend(
            extension,
            extensions.len() > 1,
            are_all_known,
        ));
    }
    let width = match half_width {
        HalfWidth::Absolute(width) => width.to_string(),
        HalfWidth::Relative(_) => format!("{} of the mean", keep_together(&half_width.to_string())),
    };
    caption.push(format!(
        "needed: the total number of repetitions, the n that are done included. It is n if the present interval is narrow enough. Otherwise, with \
         this number, half the width of the 95 % interval of the mean {} is at most {width} in {:.0} of 100 experiments. If the measure is skewed, it is so in about 80. 95 %: it is not certain how \
         many repetitions are enough, because {} repetitions show the standard deviation only roughly. This column has the 95 % interval of \
         the number that is enough. Each row shows, for one \
         configuration, the machine that needs most repetitions.",
        measure.label,
        100.0 * ASSURANCE,
        repetitions_in_words(shown),
    ));
    caption.extend(about_shares(shown, half_width));
    let kinds = needs.machines.iter();
    let kinds = kinds.map(|need| need.estimate.interval_kind);
    caption.extend(notes(kinds));
    caption.extend(few_warning(
        needs.machines.iter().map(|need| need.group.n).min(),
    ));
    caption.extend(left_out(needs, measure, half_width));
    let groups: Vec<&Group> = shown.iter().map(|need| need.group).collect();
    caption.extend(Varying::among(&groups).constant(&groups));
    caption.push(format!("- {}: {}.", measure.label, described(measure)));
    caption
}

/// Sentences about the column `now`, which a table for a relative half-width has.
fn about_shares(shown: &[MachineNeed<'_>], half_width: HalfWidth) -> Vec<String> {
    if !half_width.is_relative() {
        return vec![];
    }
    let mut words =
        vec!["now: half the width of the present interval, in % of the mean.".to_owned()];
    let is_rough = |need: &MachineNeed<'_>| need.share().is_some_and(|share| share > ROUGH_SHARE);
    if shown.iter().any(is_rough) {
        words.push(format!(
            "If it is above {}, the number needed is rough, because the mean is not known well: repeat this command after some more \
             repetitions.",
            keep_together(&format!("{} %", 100.0 * ROUGH_SHARE))
        ));
    }
    vec![words.join(" ")]
}

/// How many repetitions the machines of `shown` have: `10` if all have equally many, otherwise the smallest and the largest number: `5 to 20`.
fn repetitions_in_words(shown: &[MachineNeed<'_>]) -> String {
    let counts = || shown.iter().map(|need| need.group.n);
    match (counts().min().unwrap_or(0), counts().max().unwrap_or(0)) {
        (least, largest) if least == largest => grouped(least),
        (least, largest) => format!("{} to {}", grouped(least), grouped(largest)),
    }
}

/// Sentences about machines whose need is not known.
pub fn left_out(needs: &Needs<'_>, measure: &Measure, half_width: HalfWidth) -> Vec<String> {
    let mut words = vec![];
    if let Some(first) = needs.near_zero.first() {
        words.push(format!(
            "Left out: {}, because the mean is about 0 (its 95 % interval contains 0), so {} of the mean is no half-width. Give an absolute one, such \
             as --half-width {}, or choose machines, for example with --where \"role = 'slowest'\".",
            listed(&needs.near_zero),
            keep_together(&half_width.to_string()),
            example_half_width(first, measure),
        ));
    }
    if !needs.undefined.is_empty() {
        words.push(format!(
            "Left out: {}, because {} has fewer than two values there.",
            listed(&needs.undefined),
            measure.name
        ));
    }
    words
}

/// Names the machine of the first group, and says how many other machines there are. For example:
/// `machine 0 of rates=1,3,6 internal=0.7 and 2 other machines`. There must be at least one group.
fn listed(groups: &[&Group]) -> String {
    let first = groups.first().map_or(String::new(), |group| {
        format!(
            "machine {} of rates={} internal={}",
            group.machine, group.configuration.rates, group.configuration.internal
        )
    });
    match groups.len() - 1 {
        0 => first,
        1 => format!("{first} and 1 other machine"),
        others => format!("{first} and {} other machines", grouped(others as u64)),
    }
}

/// Paragraphs about how to make the missing runs of a dataset: their number and time, the lines to change in its experiment file (a key
/// `repetitions`, or blocks `[[repeat]]`), and the command. If the table is about other datasets too (`has_others`), the first paragraph
/// names the dataset. `are_all_known` says whether the need of every machine is known.
fn how_to_extend(extension: &Extension, has_others: bool, are_all_known: bool) -> Vec<String> {
    let prefix = if has_others {
        format!("{}: ", extension.dataset)
    } else {
        String::new()
    };
    if let Some(problem) = &extension.problem {
        return vec![format!(
            "{prefix}These repetitions cannot be made: {problem}."
        )];
    }
    if extension.runs == 0 {
        let machines = match are_all_known {
            true => "",
            false => " for the machines in the table; other machines are left out, see below",
        };
        return vec![format!("{prefix}No more runs are needed{machines}.")];
    }
    let planned = match extension.planned_before {
        0 => String::new(),
        planned => format!(" ({} of them are planned already)", grouped(planned)),
    };
    let plural = if extension.runs == 1 { "" } else { "s" };
    let total = format!(
        "{prefix}{} more run{plural}{planned}, {} on this computer.",
        grouped(extension.runs),
        total_time(extension.wall_time)
    );
    let lines = &extension.lines;
    let repetitions = lines
        .repetitions
        .map(|count| format!("repetitions = {count}"));
    let commands = match &extension.commands[..] {
        // The dataset does not say which command made it.
        [] => "sim run EXPERIMENT".to_owned(),
        commands => commands.join("\n"),
    };
    // What the user does, and the lines for it. A step without lines is left out below.
    let steps = [
        (
            "Change this line of the experiment file:",
            repetitions.unwrap_or_default(),
        ),
        (
            "Add these lines at the end of the experiment file:",
            lines.blocks.join("\n"),
        ),
        ("This command then makes only the missing runs:", commands),
    ];
    let mut paragraphs = vec![total];
    for (what, code) in steps.iter().filter(|(_, code)| !code.is_empty()) {
        match &mut paragraphs[..] {
            // Before the first step, there is only one paragraph: the total number of runs. The first step continues this paragraph.
            [total] => *total += &format!(" {what}"),
            _ => paragraphs.push((*what).to_owned()),
        }
        paragraphs.push(String::new());
        paragraphs.extend(code.lines().map(indented));
        paragraphs.push(String::new());
    }
    paragraphs
}

/// Indents a line, and keeps it from being wrapped. An empty line stays empty.
fn indented(line: &str) -> String {
    match line {
        "" => String::new(),
        line => keep_together(&format!("{INDENT}{line}")),
    }
}

/// A record for each machine, in full precision.
pub fn records(needs: &Needs<'_>, measure: &Measure, extensions: &[Extension]) -> Vec<Record> {
    let integer =
        |count: Option<u64>| count.map_or(Value::Missing, |count| Value::Integer(count as i64));
    let record = |need: &MachineNeed<'_>| {
        let mut record = group_record(need.group);
        push_estimate(&mut record, measure, Some(need.estimate));
        let mut push = |name: &str, value: Value| record.push((name.to_owned(), value));
        push("half_width", need.estimate.half_width.into());
        push("half_width_share", need.share().into());
        push("half_width_wanted", Value::Number(need.wanted));
        push("needed", integer(need.need.repetitions));
        push("needed_low", integer(need.need.low));
        push("needed_high", integer(need.need.high));
        push("further", integer(need.further()));
        push(
            "further_time_s",
            wall_time(need, extensions)
                .map(|time| time.as_secs_f64())
                .into(),
        );
        record
    };
    needs.machines.iter().map(record).collect()
}
