//! Reads the blocks `[[repeat]]` of an experiment file. A block *covers* the configurations that have its values, and gives them more
//! repetitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exclusions::Exclusion;
use super::grid_file::Grid;
use super::values::too_many_runs;
use super::{Configuration, Experiment};
use crate::toml_reader::Section;

/// The key for the number of repetitions in a block `[[repeat]]`. All other keys of the block are parameters.
pub(super) const COUNT: &str = "repetitions";

/// The configurations that have more repetitions than the experiment's `repetitions`. The key is the text of a configuration (as
/// `to_string` returns it), the value is its number of repetitions.
pub(super) type MoreRepetitions = BTreeMap<String, u32>;

impl Grid<'_, '_> {
    /// Reads the blocks `[[repeat]]`. If several blocks cover a configuration, the largest number of repetitions counts. Returns
    /// `None` after a mistake in a block. The mistake is noted, so that it is reported with all others.
    ///
    /// `configurations` is `None` if the configurations could not be read, for example because of a mistake in `[parameters]`. Then the
    /// blocks are only checked, as far as this is possible without the configurations.
    pub(super) fn more_repetitions(
        &self,
        configurations: Option<&[Arc<Configuration>]>,
    ) -> Option<MoreRepetitions> {
        let mut more = MoreRepetitions::new();
        let Some(item) = self.root.get("repeat") else {
            return Some(more);
        };
        // All blocks are read before a mistake ends this function, so that the mistakes in all of them are noted.
        let added: Vec<Option<()>> = item
            .sections()?
            .iter()
            .map(|section| self.add_repetitions(section, configurations, &mut more))
            .collect();
        added.into_iter().collect::<Option<()>>()?;
        Some(more)
    }

    /// Reads a block. For each configuration that the block covers, enters the block's number of repetitions in `more`, if this number is
    /// larger than the configuration's number so far.
    fn add_repetitions(
        &self,
        section: &Section<'_>,
        configurations: Option<&[Arc<Configuration>]>,
        more: &mut MoreRepetitions,
    ) -> Option<()> {
        // If the configurations are not known, the number of repetitions is checked as if the experiment had one configuration.
        let configuration_count = configurations.map_or(1, <[_]>::len) as u64;
        let count = self.count(section, configuration_count);
        // The parameters of the block, each with its values.
        let dimensions = self.dimensions_beside(section, &[COUNT]);
        // A block `[[repeat]]` covers configurations by the same rule as a block `[[exclude]]`. Nothing is excluded here.
        let (count, block) = (count?, Exclusion::new(&dimensions?));
        // Without the configurations, nothing more of the block can be checked.
        let covered = configurations?
            .iter()
            .filter(|configuration| block.covers(configuration));
        let mut texts = covered
            .map(|configuration| configuration.to_string())
            .peekable();
        if texts.peek().is_none() {
            section.note_whole("repeats nothing: no configuration has these values".to_owned());
            return None;
        }
        // A block that does not have more repetitions than the experiment changes nothing.
        if u64::from(count) > self.repetitions {
            for text in texts {
                let largest = more.entry(text).or_insert(count);
                *largest = count.max(*largest);
            }
        }
        Some(())
    }

    /// Reads the number of repetitions of a block. `configuration_count` is the number of all configurations of the experiment.
    fn count(&self, section: &Section<'_>, configuration_count: u64) -> Option<u32> {
        let hint =
            "give the number of runs of each of these configurations, such as repetitions = 50";
        let item = section.require(COUNT, hint)?;
        let count = item.integer(1..=u64::from(u32::MAX))?;
        // The plan numbers its runs as if every configuration had the largest number of repetitions. So the block's number of repetitions
        // is multiplied by the number of all configurations, even if the block covers few of them.
        let run_numbers = configuration_count.saturating_mul(count);
        if run_numbers > Experiment::MAX_RUNS {
            let counted = format!(" (counted as if every configuration had {count} repetitions)");
            item.note(too_many_runs(Some(run_numbers), &counted));
            return None;
        }
        u32::try_from(count).ok()
    }
}
