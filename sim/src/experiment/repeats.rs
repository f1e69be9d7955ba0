//! Reads `[[repeat]]`: some configurations have more repetitions than the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exclusions::Exclusion;
use super::grid_file::Grid;
use super::values::too_many;
use super::{Configuration, Experiment};
use crate::toml_reader::Section;

/// The key of a block with the number of repetitions.
pub(super) const COUNT: &str = "repetitions";

/// Numbers of repetitions that are larger than that of the experiment, by the canonical text of the configuration.
pub(super) type MoreRepetitions = BTreeMap<String, u32>;

impl Grid<'_, '_> {
    /// Reads the blocks of the file. If several cover a configuration, the largest number counts. `None` after a mistake, which is
    /// noted.
    pub(super) fn more_repetitions(
        &self,
        configurations: &[Arc<Configuration>],
    ) -> Option<MoreRepetitions> {
        let mut more = MoreRepetitions::new();
        let Some(item) = self.root.get("repeat") else {
            return Some(more);
        };
        for section in item.sections()? {
            let count = self.count(&section, configurations.len() as u64)?;
            let covered = Exclusion::new(&self.dimensions_and(&section, &[COUNT])?);
            let covered = configurations.iter().filter(|one| covered.covers(one));
            let mut texts = covered.map(|one| one.to_string()).peekable();
            if texts.peek().is_none() {
                section.note_whole("repeats nothing: no configuration has these values".to_owned());
                return None;
            }
            for text in texts.filter(|_| u64::from(count) > self.repetitions) {
                let largest = more.entry(text).or_insert(count);
                *largest = count.max(*largest);
            }
        }
        Some(more)
    }

    fn count(&self, section: &Section<'_>, configurations: u64) -> Option<u32> {
        let hint = "give the number of runs of these configurations, such as repetitions = 50";
        let item = section.require(COUNT, hint)?;
        let count = item.integer(1..=u64::from(u32::MAX))?;
        // Numbers are reserved for as many runs of every configuration.
        let numbers = configurations.saturating_mul(count);
        if numbers > Experiment::MAX_RUNS {
            item.note(format!(
                "{} (the largest number of repetitions, for all configurations)",
                too_many(Some(numbers))
            ));
            return None;
        }
        u32::try_from(count).ok()
    }
}
