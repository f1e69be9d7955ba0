//! Writes a dataset from the logs of another program. The dataset appears complete or not at all. For a dataset in folder `x`, all files
//! are first written into the *partial folder* `.x.partial`. When all are written, this folder is renamed to `x`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::checksum::checksum;
use super::disk::{Disk, RealDisk};
use super::error::DatasetError;
use super::imported::{IMPORTED, Imported};
use super::journal::Header;
use super::lock::Lock;
use super::manifest::{Manifest, Provenance, ResolvedExperiment, SCHEMA_VERSION};
use super::parts::Paths;
use super::segment::{EndedRun, Segment};
use super::sources::{self, SourceRange};
use crate::experiment::Numbering;
use crate::files::{folder_of, replace};

/// Writes a dataset of imported logs. The dataset's folder appears when [`ImportWriter::finish`] has written everything.
#[derive(Debug)]
pub struct ImportWriter {
    /// The folder in which the finished dataset will be.
    root: PathBuf,
    /// The paths of the files in the partial folder.
    paths: Paths,
    /// The events file to which events are appended.
    segment: Segment,
    /// The text of the journal (`runs.csv`) so far.
    journal_text: Vec<u8>,
    /// Whether the partial folder has become the finished dataset.
    is_published: bool,
    /// Number of runs so far.
    runs: u64,
    /// For each event, from which line of which imported file it was read. [`ImportWriter::finish`] writes this to `sources.csv`.
    sources: Vec<SourceRange>,
    /// The lock that prevents other imports from using the partial folder.
    _lock: Lock,
}

impl ImportWriter {
    /// Starts a dataset that will be in folder `root`. `root` must not exist yet, or must be empty.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Occupied`] if `root` is a file, a folder that is not empty, or the current folder. Returns
    /// [`DatasetError::BeingImported`] if another process is importing into `root`, or [`DatasetError::Io`] if `root` cannot be read or
    /// the disk cannot be written.
    pub fn create(root: &Path) -> Result<Self, DatasetError> {
        // The partial folder gets its name from `root`, but a path such as `.` has no name. The absolute path has a name.
        let root = &std::path::absolute(root).map_err(DatasetError::io(root))?;
        // If `root` is an empty folder, the finished dataset replaces it. The current folder is never replaced, even if it is empty: the
        // user's shell would then be in a folder that does not exist any more.
        let is_current = std::env::current_dir().is_ok_and(|current| current == *root);
        if is_current || !is_free(root)? {
            return Err(DatasetError::Occupied(root.to_owned()));
        }
        let name = root.file_name().unwrap_or(root.as_os_str());
        let mut partial = OsString::from(".");
        partial.push(name);
        partial.push(".partial");
        let partial = root.with_file_name(partial);
        RealDisk
            .create_folder(&partial)
            .map_err(DatasetError::io(&partial))?;
        let paths = Paths::new(&partial);
        let lock = Lock::take(&RealDisk, &paths).map_err(|error| match error {
            DatasetError::Locked { .. } => DatasetError::BeingImported(root.to_owned()),
            other => other,
        })?;
        // Another import may have ended while this one waited for its lock.
        if !is_free(root)? {
            return Err(DatasetError::Occupied(root.to_owned()));
        }
        let (number, has_timestamps) = (0, false);
        let create = || Segment::create(&RealDisk, &paths, number, has_timestamps);
        let created = clear(&paths).and_then(|()| create());
        let segment = created.inspect_err(|_| remove(&paths))?;
        Ok(Self {
            root: root.to_owned(),
            segment,
            paths,
            is_published: false,
            _lock: lock,
            journal_text: Header::default().line().into_bytes(),
            runs: 0,
            sources: vec![],
        })
    }

    /// Appends a run. `sources` says from which lines of which files its events were read.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the disk cannot be written.
    pub fn append(&mut self, run: EndedRun, sources: Vec<SourceRange>) -> Result<(), DatasetError> {
        if self.segment.is_full() {
            self.segment.sync()?;
            self.segment = self.segment.next(&RealDisk, &self.paths)?;
        }
        let row = self.segment.append_run(run)?;
        self.runs += 1;
        self.sources.extend(sources);
        // This only appends the row to `journal_text`. `finish` writes the text to the disk. The path is used only in error messages.
        Header::default().write_row(&self.paths.journal(), &mut self.journal_text, &row)
    }

    /// Completes the dataset.
    ///
    /// - `imported` says where the logs come from.
    /// - All runs of the dataset have this `time_scale`, and no configuration has more than `repetitions` runs.
    /// - `configurations` has a text for each configuration, such as `rates=1,3 internal=0.5`.
    /// - `mapping` describes in TOML how the files were read. It becomes `experiment.toml`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Io`] if the disk cannot be written.
    pub fn finish(
        mut self,
        mut imported: Imported,
        (time_scale, repetitions): (f64, u32),
        configurations: Vec<String>,
        mapping: &str,
    ) -> Result<(), DatasetError> {
        let file_count = imported.files.len();
        let sources = sources::text(&self.sources);
        // The manifest (`dataset.json`) contains only the checksum of `sources.csv`, not its text.
        imported.sources = Some(checksum(sources.as_bytes()));
        let mut manifest = Manifest {
            schema: SCHEMA_VERSION,
            name: self
                .root
                .file_name()
                .unwrap_or(self.root.as_os_str())
                .to_string_lossy()
                .into_owned(),
            description: format!(
                "imported from {file_count} {}",
                if file_count == 1 { "file" } else { "files" }
            ),
            // Is filled in below, because it is a checksum of other fields.
            identity: String::new(),
            experiment: ResolvedExperiment {
                // An import draws no random numbers, so the seed has no meaning.
                seed: 0,
                repetitions,
                more_repetitions: Default::default(),
                engine: IMPORTED.to_owned(),
                isolation: IMPORTED.to_owned(),
                time_scale,
                runs: self.runs,
                timestamps: false,
                numbering: Numbering::default(),
                configurations,
            },
            shard: None,
            shards_in_turn: false,
            changes: vec![],
            imported: Some(imported),
            sweeps: vec![Provenance::here_and_now()],
        };
        manifest.identity = manifest.identity_of_contents();
        self.segment.sync()?;
        let paths = &self.paths;
        let path = paths.manifest();
        let text =
            serde_json::to_string_pretty(&manifest).map_err(DatasetError::manifest(&path))?;
        write(&paths.journal(), &self.journal_text)?;
        write(&paths.experiment(), mapping.as_bytes())?;
        write(&paths.sources(), sources.as_bytes())?;
        write(&path, (text + "\n").as_bytes())?;
        let io_error = DatasetError::io(&self.root);
        let published = RealDisk
            .sync_folder(&paths.root)
            .and_then(|()| RealDisk.rename(&paths.root, &self.root))
            .inspect(|()| self.is_published = true)
            .and_then(|()| RealDisk.sync_folder(folder_of(&self.root)));
        published.map_err(io_error)?;
        // The lock file protects only the partial folder. It is removed after the folder has become the finished dataset: otherwise another
        // import could lock the partial folder before that, and clear it. If the removal fails, the file stays, which does no harm.
        let _ = RealDisk.remove(&Paths::new(&self.root).lock());
        Ok(())
    }
}

/// Removes the partial folder of a dataset that was not finished. After [`ImportWriter::finish`] has renamed it, a folder with this name
/// belongs to another import.
impl Drop for ImportWriter {
    fn drop(&mut self) {
        if !self.is_published {
            remove(&self.paths);
        }
    }
}

/// Returns whether a dataset can get the path `root`: there is nothing yet, or only an empty folder.
fn is_free(root: &Path) -> Result<bool, DatasetError> {
    match fs::read_dir(root) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        // `root` is a file.
        Err(_) if root.exists() && !root.is_dir() => Ok(false),
        Err(error) => Err(DatasetError::io(root)(error)),
    }
}

/// Removes the partial folder, which this process has locked. Errors are ignored: the next import into the same dataset folder clears the
/// partial folder ([`clear`]), and reports an error if that fails too.
fn remove(paths: &Paths) {
    let _ = fs::remove_dir_all(&paths.root);
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    replace(&RealDisk, path, bytes).map_err(DatasetError::io(path))
}

/// Removes the files that a killed import left in the partial folder. The lock stays, because this process holds it.
fn clear(paths: &Paths) -> Result<(), DatasetError> {
    let lock = paths.lock();
    let entries = fs::read_dir(&paths.root).map_err(DatasetError::io(&paths.root))?;
    for entry in entries {
        let path = entry.map_err(DatasetError::io(&paths.root))?.path();
        if path != lock {
            RealDisk.remove(&path).map_err(DatasetError::io(&path))?;
        }
    }
    Ok(())
}
