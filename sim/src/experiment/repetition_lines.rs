//! Writes the lines of an experiment file that give configurations more repetitions: the key `repetitions` and blocks `[[repeat]]`. The
//! blocks are read by [`repeats`](super::repeats).

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{self, Change};
use super::repeats::COUNT;
use super::{Configuration, Experiment, PARAMETERS, Parameter};
use crate::toml_reader::Mistake;

/// The lines of an experiment file that set the number of repetitions of each configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepetitionLines {
    /// The new value of the key `repetitions`. `None` if it does not change.
    pub repetitions: Option<u32>,
    /// The blocks `[[repeat]]`, for the end of the file. Each one has several lines.
    pub blocks: Vec<String>,
}

/// A block `[[repeat]]`: a number of repetitions and, for each parameter that varies, a set of its values (as indices in
/// [`VaryingValues::values`]). The block covers a configuration if each of these sets contains the configuration's value.
type Block = (u32, Vec<BTreeSet<usize>>);

impl RepetitionLines {
    /// Creates the lines for `experiment`. `counts` has the wanted number of repetitions of each configuration, in the order of the
    /// experiment's configurations. If all these numbers are equal, the lines are only the key `repetitions`.
    pub fn new(experiment: &Experiment, counts: &[u32]) -> Self {
        // The key `repetitions` gets the smallest of all numbers, because every configuration has at least so many repetitions. But the key
        // never gets a smaller value than it has now.
        let fewest = counts.iter().copied().min().unwrap_or(0);
        let key_value = fewest.max(experiment.repetitions);
        let table = VaryingValues::new(experiment);
        // First there is one block for each configuration that needs more than `key_value`. Then blocks are joined where this is possible.
        let blocks = std::iter::zip(&table.indices, counts)
            .filter(|&(_, &count)| count > key_value)
            .map(|(indices, &count)| {
                let values = indices.iter().map(|&index| BTreeSet::from([index]));
                (count, values.collect())
            });
        let blocks = merged(blocks.collect(), table.parameters.len());
        Self {
            repetitions: (key_value > experiment.repetitions).then_some(key_value),
            blocks: blocks.iter().map(|block| table.block_text(block)).collect(),
        }
    }

    /// Returns whether the file stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the lines to the text of an experiment file, and returns the new text.
    ///
    /// # Errors
    ///
    /// Returns a mistake if the key `repetitions` cannot be set.
    pub fn add_to(&self, text: &str) -> Result<String, Vec<Mistake>> {
        let change: Vec<Change> = self
            .repetitions
            .map(Change::repetitions)
            .into_iter()
            .collect();
        let mut text = changes::apply(text, &change)?;
        for block in &self.blocks {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push('\n');
            text.push_str(block);
        }
        Ok(text)
    }
}

/// The values of the parameters in which the configurations of an experiment differ.
struct VaryingValues {
    /// The parameters that an experiment file may vary and that do not have the same value in all configurations.
    parameters: Vec<&'static Parameter>,
    /// For each parameter: its different values, written as in `runs.csv`, in the order in which they first occur in the configurations.
    values: Vec<Vec<String>>,
    /// For each configuration, and in it for each parameter: the index of the configuration's value in `values[parameter]`.
    indices: Vec<Vec<usize>>,
}

impl VaryingValues {
    fn new(experiment: &Experiment) -> Self {
        let configurations = experiment.configurations();
        let differs = |parameter: &&Parameter| {
            let cell = |configuration: &Configuration| parameter.cell(configuration);
            let mut pairs = configurations.windows(2);
            parameter.is_dimension() && pairs.any(|pair| cell(&pair[0]) != cell(&pair[1]))
        };
        let mut table = Self {
            parameters: PARAMETERS.iter().filter(differs).collect(),
            values: vec![],
            indices: vec![vec![]; configurations.len()],
        };
        for parameter in &table.parameters {
            let mut found: BTreeMap<String, usize> = BTreeMap::new();
            let mut values = vec![];
            for (configuration, indices) in std::iter::zip(configurations, &mut table.indices) {
                let cell = parameter.cell(configuration);
                let index = *found.entry(cell.clone()).or_insert(values.len());
                let is_new = index == values.len();
                if is_new {
                    values.push(cell);
                }
                indices.push(index);
            }
            table.values.push(values);
        }
        table
    }

    /// Writes a block. If the block has all values of a parameter, this parameter is left out: it would not restrict the block.
    fn block_text(&self, (count, chosen_values): &Block) -> String {
        let mut text = "[[repeat]]\n".to_owned();
        let columns = self.parameters.iter().zip(&self.values);
        for ((parameter, values), chosen) in columns.zip(chosen_values) {
            if chosen.len() < values.len() {
                let cells: Vec<&str> = chosen.iter().map(|&index| &*values[index]).collect();
                text += &format!("{} = {}\n", parameter.name, toml_values(&cells));
            }
        }
        text + &format!("{COUNT} = {count}\n")
    }
}

/// Joins blocks that have the same count and differ in the values of only one parameter. The result covers the same configurations
/// with fewer blocks.
fn merged(mut blocks: Vec<Block>, parameters: usize) -> Vec<Block> {
    for parameter in (0..parameters).rev() {
        let mut joined: Vec<Block> = vec![];
        // Blocks are joined if they are equal apart from their values of this parameter. So a key of this map is a block without its values
        // of this parameter. All blocks with the same key become one block: `joined[index]`, where `index` is the map's value for the key.
        let mut found: BTreeMap<Block, usize> = BTreeMap::new();
        for (count, mut values) in blocks {
            // From here, `values` has an empty set for this parameter.
            let chosen = std::mem::take(&mut values[parameter]);
            let index = *found.entry((count, values.clone())).or_insert(joined.len());
            let is_new = index == joined.len();
            if is_new {
                joined.push((count, values));
            }
            joined[index].1[parameter].extend(chosen);
        }
        blocks = joined;
    }
    blocks
}

/// Writes values of a parameter in TOML: a single value as `0.7`, several values as `[0.4, 0.7]`. A single value that is itself a list
/// gets outer brackets, as in `[[0.9, 0.5, 0.2]]`. Without the outer brackets, it would be read as three values.
fn toml_values(cells: &[&str]) -> String {
    let values: Vec<String> = cells.iter().map(|cell| toml_value(cell)).collect();
    match &values[..] {
        [value] if !value.starts_with('[') => value.clone(),
        values => format!("[{}]", values.join(", ")),
    }
}

/// Writes a cell of `runs.csv` in TOML: `1,3,6` becomes `[1, 3, 6]`, `uniform(0.01,0.1)` becomes `{ uniform = [0.01, 0.1] }`, a
/// number stays, and a word gets quotes.
fn toml_value(cell: &str) -> String {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    if let Some((name, arguments)) = cell.strip_suffix(')').and_then(|cell| cell.split_once('(')) {
        return format!("{{ {name} = {} }}", toml_value(arguments));
    }
    if cell.contains(',') && cell.split(',').all(is_number) {
        return format!("[{}]", cell.replace(',', ", "));
    }
    match is_number(cell) {
        true => cell.to_owned(),
        false => format!("\"{cell}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Overrides;
    use proptest::prelude::*;

    fn parse(text: &str) -> Experiment {
        let experiment = Experiment::parse(text, "x.toml".as_ref(), Overrides::default());
        experiment.unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The number of planned runs of each configuration.
    fn counts(experiment: &Experiment) -> Vec<u32> {
        let planned = experiment.configurations().iter().map(|configuration| {
            let runs = experiment.runs();
            runs.filter(|run| run.configuration == *configuration)
                .count() as u32
        });
        planned.collect()
    }

    const GRID: &str = "# A comment.\nseed = 1\nrepetitions = 2\nduration_s = 1\nengine = \"virtual\"\n[parameters]\n\
        rates = [[1, 3, 6], [2.5, 3]]\ninternal = [0.4, 0.70]\n";

    #[test]
    fn one_number_for_all_needs_no_block() {
        let experiment = parse(GRID);
        let lines = RepetitionLines::new(&experiment, &[7; 4]);
        assert_eq!(
            lines,
            RepetitionLines {
                repetitions: Some(7),
                blocks: vec![]
            }
        );
        let text = lines.add_to(GRID).expect("added");
        assert_eq!(text, GRID.replace("repetitions = 2", "repetitions = 7"));
        assert!(RepetitionLines::new(&experiment, &[2; 4]).is_empty());
        assert!(
            RepetitionLines::new(&experiment, &[1; 4]).is_empty(),
            "the number never becomes smaller"
        );
    }

    #[test]
    fn configurations_with_the_same_number_share_a_block() {
        let experiment = parse(GRID);
        // The first two numbers are for the first rates, with `internal` = 0.4 and 0.7. The last two are for the second rates, with the same
        // two values of `internal`.
        let lines = RepetitionLines::new(&experiment, &[5, 9, 5, 9]);
        assert_eq!(lines.repetitions, Some(5));
        assert_eq!(
            lines.blocks,
            ["[[repeat]]\ninternal = 0.7\nrepetitions = 9\n"]
        );
        // One block cannot cover exactly the last three configurations, so there are two blocks.
        let lines = RepetitionLines::new(&experiment, &[2, 9, 9, 9]);
        // The smallest number is 2, and `GRID` has `repetitions = 2` already.
        assert_eq!(lines.repetitions, None);
        let added = parse(&lines.add_to(GRID).expect("added"));
        assert_eq!(counts(&added), [2, 9, 9, 9]);
    }

    /// A file with all kinds of values: lists with a value for each machine, distributions, words, `[[cases]]` and a block `[[repeat]]`.
    const ALL_KINDS: &str = "seed = 1\nrepetitions = 2\nduration_s = 1\nengine = \"virtual\"\n\n[parameters]\nreceive = [\"one\", \"all\"]\n\
        delay_s = [0.05, { exponential = 0.1 }, { uniform = [0.01, 0.1] }]\nsends = [\"mix\", { multicast = 2 }]\n\n\
        [[cases]]\nrates = [1, 3, 6]\ninternal = [0.4, [0.9, 0.5, 0.2]]\n\n[[cases]]\nrates = { random = 2, machines = 3 }\n\
        internal = 1\n\n[[repeat]]\ninternal = 0.4\nrepetitions = 3";

    proptest! {
        #[test]
        fn a_file_with_the_lines_plans_exactly_the_wanted_repetitions(wanted in prop::collection::vec(2u32..6, 48)) {
            // ALL_KINDS has 48 configurations: 2 * 3 * 2 combinations of `[parameters]`, each with 2 configurations of the first case and
            // 2 of the second. GRID has four, which take the first four numbers.
            for text in [GRID, ALL_KINDS] {
                let experiment = parse(text);
                // Blocks that the file already has stay in it, so no configuration can get fewer repetitions than it has.
                let wanted: Vec<u32> = std::iter::zip(counts(&experiment), &wanted)
                    .map(|(count_in_file, wanted)| count_in_file.max(*wanted)).collect();
                let lines = RepetitionLines::new(&experiment, &wanted);
                let text = lines.add_to(text).expect("added");
                prop_assert_eq!(counts(&parse(&text)), wanted, "{}", text);
            }
        }
    }
}
