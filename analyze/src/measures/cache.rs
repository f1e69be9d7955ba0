//! The cache of measures. With it, a command of `analyze` measures only the runs that no earlier command has measured. The measures
//! are stored in families (groups of related measures, for example all measures of jumps), and a command reads only the families that
//! it needs.
//!
//! The cache is the folder `.cache` of the dataset. Each time that runs are measured, the cache gets one more folder for these runs.
//! Such a folder is called a block. A block has a Parquet file `runs.parquet` with the runs, and one Parquet file for each family of
//! measures, with a row for each machine of these runs. Each file has a [checksum](crate::seal). It is computed from the file and from a
//! text that says what the measures depend on: the [version](MEASURES_VERSION) of their definitions, the dataset, and the warm-up (the
//! seconds at the start of each run that the measures leave out). If the version, the dataset or the warm-up has changed since, the
//! checksum does not fit, and the file is not used.
//!
//! The journal (`runs.csv`, with a row for each run that ended) has a checksum in each row. The cached measures of a run are valid if
//! this checksum is the same as at the time when the run was measured. The row also contains a checksum of the run's events, so
//! changed events change the checksum of the row too. The folder `.cache` can be deleted at any time; then everything is measured
//! again.
//!
//! A file of the cache that is damaged, or that cannot be read or written, costs time and may cause a message, but no
//! command fails because of it: callers only print [`Error::NotCached`], or ignore it.

mod block;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use sim::files;
use sim::log::{JournalRow, checksum};

use block::{Block, CachedRun};

use crate::error::Error;
use crate::measures::Measure;
use crate::measures::batches::Stack;
use crate::measures::version::MEASURES_VERSION;
use crate::read::dataset::Dataset;

/// The start of the name of each block's folder. Files that earlier versions of the program wrote have names with this start too.
const NAME_START: &str = "measures-";
/// If there are more small blocks than this, all of them are combined into one, because each block costs time to open.
const MAX_SMALL_BLOCKS: usize = 8;
/// A block has one row for each machine of each of its runs. It is small if it has fewer rows than this.
const SMALL_BLOCK_ROWS: usize = 50_000;

/// The folder of a dataset's cache.
fn cache_folder(root: &Path) -> PathBuf {
    root.join(".cache")
}

impl Dataset {
    /// Switches the cache on for this dataset, and creates its folder.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the folder cannot be created.
    pub fn cache_measures(&mut self) -> Result<(), Error> {
        let folder = cache_folder(self.root());
        fs::create_dir_all(&folder).map_err(|cause| Error::NotCached {
            path: folder.clone(),
            cause,
        })?;
        self.set_caches_measures();
        Ok(())
    }
}

/// The cached measures of one dataset and one warm-up.
pub(crate) struct MeasureCache {
    folder: PathBuf,
    /// The start of the names of this cache's blocks; a number follows.
    name_start: String,
    /// A text that names everything that the measures depend on, except the runs. A file that was written with another text is not
    /// used.
    about: String,
    blocks: Vec<Block>,
    /// Where each cached run is found. The key is the number of the run, the value is the index of its block in `blocks` and the index of
    /// the run in this block.
    runs: HashMap<i64, (usize, usize)>,
    /// Paths of blocks that cannot be used. They are removed when a block is added.
    unusable: Vec<PathBuf>,
}

impl MeasureCache {
    /// Finds the blocks of `dataset` that were written for the dataset's present warm-up. A block that cannot be used is ignored, and later
    /// removed; `report` gets a message about it.
    pub(crate) fn open(dataset: &Dataset, mut report: impl FnMut(String)) -> Self {
        let about = describe_dependencies(dataset);
        // The text can be too long for a file name. So the name contains the text's checksum instead.
        let name_start = format!("{}{}-", version_start(), checksum(about.as_bytes()));
        let folder = cache_folder(dataset.root());
        let mut cache = Self {
            blocks: vec![],
            runs: HashMap::new(),
            unusable: vec![],
            folder,
            name_start,
            about,
        };
        for (_, path) in cache.numbered_paths() {
            match Block::open(&path, &cache.about) {
                Ok(block) => cache.include(block),
                Err(problem) => {
                    report(format!("measures are computed again: {problem}"));
                    cache.unusable.push(path);
                }
            }
        }
        cache
    }

    /// The numbers and paths of all blocks, sorted by number.
    fn numbered_paths(&self) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut numbered: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let number = name.to_str()?.strip_prefix(&self.name_start)?.parse();
                Some((number.ok()?, entry.path()))
            })
            .collect();
        numbered.sort();
        numbered
    }

    /// Adds a block after the known blocks. If a run is in this block and in an earlier one, the measures in this block count.
    fn include(&mut self, block: Block) {
        let block_index = self.blocks.len();
        let runs = block.runs.iter().enumerate();
        self.runs
            .extend(runs.map(|(run_index, run)| (run.run, (block_index, run_index))));
        self.blocks.push(block);
    }

    /// Tells whether the measures of a run are cached and valid. `row` is the run's present row in the journal. The measures are valid if
    /// the row was the same when the run was measured.
    pub(crate) fn has(&self, row: &JournalRow) -> bool {
        let position = self.runs.get(&(row.run as i64));
        let cached = position.map(|&(block, index)| self.blocks[block].runs[index]);
        // Without `is_some`, a run that is not cached would count as cached if its row has no valid checksum: both sides would be `None`.
        cached.is_some() && cached == CachedRun::from_row(row)
    }

    /// Returns a table of the runs `rows`: the columns [`MACHINE_KEYS`](crate::measures::batches::MACHINE_KEYS) (run and machine), then a
    /// column for each of `measures`. All these runs must be cached.
    ///
    /// # Errors
    ///
    /// A message if a file of some block is damaged. Then the cache forgets all its blocks, so the caller has to measure all runs, not only
    /// those of the damaged block. The files of the forgotten blocks are removed when a block is added.
    pub(crate) fn get(
        &mut self,
        rows: &[&JournalRow],
        measures: &[&Measure],
    ) -> Result<DataFrame, String> {
        // For each block, the numbers of the runs that are read from it.
        let mut wanted_of_blocks: Vec<HashSet<i64>> = vec![HashSet::new(); self.blocks.len()];
        for row in rows {
            if let Some(&(block, _)) = self.runs.get(&(row.run as i64)) {
                wanted_of_blocks[block].insert(row.run as i64);
            }
        }
        let mut machines = Stack::default();
        for (block, wanted) in std::iter::zip(&self.blocks, wanted_of_blocks) {
            if wanted.is_empty() {
                continue;
            }
            let read = block.read(measures, &self.about);
            let pushed = read.and_then(|read| {
                let selected = block
                    .rows_of(&wanted, &read)
                    .map_err(|error| error.to_string())?;
                machines.push(&selected).map_err(|error| error.to_string())
            });
            if let Err(problem) = pushed {
                self.unusable
                    .extend(self.blocks.drain(..).map(|block| block.path));
                self.runs.clear();
                return Err(format!("measures are computed again: {problem}"));
            }
        }
        Ok(machines.into_frame())
    }

    /// Adds a block with the measures of the runs `rows`. `measured` has the columns
    /// [`MACHINE_KEYS`](crate::measures::batches::MACHINE_KEYS) and all measures, and its rows are ordered like `rows`.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the block cannot be written. Then the earlier blocks stay.
    pub(crate) fn add(&mut self, rows: &[&JournalRow], measured: &DataFrame) -> Result<(), Error> {
        let runs: Option<Vec<CachedRun>> =
            rows.iter().map(|row| CachedRun::from_row(row)).collect();
        // If a row has no valid checksum, its run could not be recognised later. Then none of the runs is cached.
        let Some(runs) = runs else {
            return Ok(());
        };
        self.remove_unusable()
            .and_then(|()| self.write(runs, measured))
            .and_then(|_| self.combine_small_blocks())
            .map_err(|cause| Error::NotCached {
                path: self.folder.clone(),
                cause,
            })
    }

    /// Removes blocks that cannot be used, blocks of other versions of the program, and incomplete folders that crashed programs left.
    fn remove_unusable(&mut self) -> io::Result<()> {
        files::remove_leftovers(&self.folder, is_of_cache)?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_of_cache(&name) && !name.starts_with(&version_start()) {
                self.unusable.push(entry.path());
            }
        }
        for path in self.unusable.drain(..) {
            files::remove(&path)?;
        }
        Ok(())
    }

    /// Writes a block. Returns false, and does not write it, if another program has just written a block under the same name.
    fn write(&mut self, runs: Vec<CachedRun>, measured: &DataFrame) -> io::Result<bool> {
        // The folder is read again, because another program may have added blocks meanwhile.
        let last = self.numbered_paths().last().map(|(number, _)| *number);
        let number = last.map_or(0, |last| last + 1);
        let path = self.folder.join(format!("{}{number}", self.name_start));
        let block = Block::write(path, runs, measured, &self.about)?;
        let is_written = block.is_some();
        if let Some(block) = block {
            self.include(block);
        }
        Ok(is_written)
    }

    /// Writes the runs of all small blocks into one block, if there are more than [`MAX_SMALL_BLOCKS`] small blocks.
    fn combine_small_blocks(&mut self) -> io::Result<()> {
        let is_small = |block: &Block| block.rows() < SMALL_BLOCK_ROWS;
        let small: Vec<usize> = (0..self.blocks.len())
            .filter(|&index| is_small(&self.blocks[index]))
            .collect();
        if small.len() <= MAX_SMALL_BLOCKS {
            return Ok(());
        }
        let all: Vec<&Measure> = super::all().collect();
        let mut machines = Stack::default();
        let mut runs = vec![];
        for &index in &small {
            let block = &self.blocks[index];
            // A run that was made and measured a second time is in two blocks. Only its newest measures are kept.
            let is_newest = |&(run_index, run): &(usize, &CachedRun)| {
                self.runs.get(&run.run) == Some(&(index, run_index))
            };
            let newest = block.runs.iter().enumerate().filter(is_newest);
            let newest: Vec<CachedRun> = newest.map(|(_, run)| *run).collect();
            let wanted: HashSet<i64> = newest.iter().map(|run| run.run).collect();
            let read = block.read(&all, &self.about).map_err(io::Error::other)?;
            let rows = block.rows_of(&wanted, &read).map_err(io::Error::other)?;
            machines.push(&rows).map_err(io::Error::other)?;
            runs.extend(newest);
        }
        let is_written = self.write(runs, &machines.into_frame())?;
        // If another program has just written a block under the same name, the small blocks are kept.
        if !is_written {
            return Ok(());
        }
        // The blocks that were combined are forgotten, and then their files are removed. If they were still in `blocks`, the next
        // combination would try to read the removed files.
        let blocks = std::mem::take(&mut self.blocks);
        self.runs.clear();
        let mut combined = vec![];
        for (index, block) in blocks.into_iter().enumerate() {
            match small.contains(&index) {
                true => combined.push(block.path),
                false => self.include(block),
            }
        }
        combined.iter().try_for_each(|path| files::remove(path))
    }
}

/// A text of everything that the measures of `dataset` depend on, except its runs.
fn describe_dependencies(dataset: &Dataset) -> String {
    let (name, missing_fields, warm_up_s) = (
        &dataset.manifest().name,
        dataset.missing_fields(),
        dataset.warm_up_s(),
    );
    // `missing_fields` says which values an imported log lacks, for example queue lengths. Measures that need such a value are unknown.
    format!("{MEASURES_VERSION} {name:?} {missing_fields:?} {warm_up_s:?}")
}

/// The start of the names of this version's blocks.
fn version_start() -> String {
    format!("{NAME_START}v{MEASURES_VERSION}-")
}

/// Tells whether a file or folder with this name, such as `measures-v2-...`, was written by the cache of this or another version of the
/// program.
fn is_of_cache(name: &str) -> bool {
    let Some((version, _)) = name
        .strip_prefix(NAME_START)
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    // The oldest files have a hash in place of the version.
    let is_hash = version.len() == 16 && version.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash || version.strip_prefix('v').is_some_and(is_number)
}

/// The run's fingerprint: the checksum of its row in the journal. The fingerprint changes if the run is made again.
pub(crate) fn fingerprint(row: &JournalRow) -> String {
    row.row_checksum.clone()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A command that measures many machines adds several blocks to the same cache. Small blocks are combined in between. Afterwards the
    /// cache must still have the measures of all runs.
    #[test]
    fn blocks_are_added_after_small_ones_were_combined() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample");
        let dataset = Dataset::open(&sample).unwrap();
        let measures: Vec<&Measure> = crate::measures::all().collect();
        let folder = tempfile::tempdir().unwrap();
        let mut cache = MeasureCache {
            folder: folder.path().to_owned(),
            name_start: format!("{}0-", version_start()),
            about: "about".to_owned(),
            blocks: vec![],
            runs: HashMap::new(),
            unusable: vec![],
        };
        // Each turn of the loop measures one run and adds its block. As soon as there are 9 small blocks, they are combined into one: in
        // turn 9, and in turn 17 (the combined block and 8 new blocks). Turn 18 adds one more block.
        let rows = dataset.finished();
        for row in rows.iter().cycle().take(2 * MAX_SMALL_BLOCKS + 2) {
            let measured = dataset.measures_of(std::slice::from_ref(row), &measures);
            cache.add(&[row], &measured.unwrap()).unwrap();
        }
        assert_eq!(cache.numbered_paths().len(), cache.blocks.len());
        assert!(rows.iter().all(|row| cache.has(row)));
        let cached = cache.get(&rows.iter().collect::<Vec<_>>(), &measures);
        let cached = cached
            .unwrap()
            .sort(["run", "machine"], SortMultipleOptions::default());
        let measured = dataset.measures_of(rows, &measures).unwrap();
        assert!(cached.unwrap().equals_missing(&measured));
    }
}
