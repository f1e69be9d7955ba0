//! Files that a subcommand writes for its user.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sim::files::Partial;

/// Writes the file at `path`. The function `contents` writes the bytes, and its result is returned. The bytes go to a temporary file, which
/// gets the name `path` when it is complete. So the file appears complete or not at all. If `path` leads to a device or a pipe, such as
/// `/dev/null`, the bytes go directly there, because a file must not replace a device or a pipe.
///
/// # Errors
///
/// The file cannot be written, or `path` is one of the files of which a dataset consists.
pub fn write<T, E: From<io::Error>>(
    path: &Path,
    contents: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    if is_file_of_dataset(path) {
        let problem =
            "this is a file of a dataset, which must not be replaced; choose another name";
        return Err(io::Error::other(problem).into());
    }
    // `is_device_or_pipe` is true for a folder too. Then `open` below fails, because a folder cannot be opened for writing.
    let is_device_or_pipe = fs::metadata(path).is_ok_and(|found| !found.is_file());
    if is_device_or_pipe {
        let mut out = BufWriter::new(File::options().write(true).open(path)?);
        let written = contents(&mut out)?;
        out.flush()?;
        return Ok(written);
    }
    let (partial, file) = Partial::create_file(path.to_owned())?;
    let mut out = BufWriter::new(file);
    let written = contents(&mut out)?;
    out.flush()?;
    partial.publish()?;
    Ok(written)
}

/// Whether a path is that of a file with runs or events, or with the description of a dataset.
fn is_file_of_dataset(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_event_log = name.starts_with("events-") && name.ends_with(".csv");
    let is_other_file = ["dataset.json", "experiment.toml", "runs.csv"].contains(&&*name);
    (is_event_log || is_other_file) && path.with_file_name("dataset.json").exists()
}

/// Parses the path of a TOML file that will be written. The ending `.toml` is needed, so that no log is replaced by mistake. Devices and
/// pipes, such as `/dev/stdout`, need no ending.
pub fn toml_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_device_or_pipe =
        fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    match is_device_or_pipe || path.extension().is_some_and(|ending| ending == "toml") {
        true => Ok(path),
        false => Err("the name of the file must end in .toml".to_owned()),
    }
}
