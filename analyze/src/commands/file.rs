//! Files that a subcommand writes for its user.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sim::files::Partial;

/// Writes the file at `path`. The function `contents` writes the bytes, and its result is returned. The bytes go to a temporary file, which
/// gets the name `path` when it is complete. So the file appears complete or not at all. If `path` leads to a device or a pipe, such as
/// `/dev/null`, the bytes go directly there, because a file must not replace a device or a pipe.
pub fn write<T, E: From<io::Error>>(
    path: &Path,
    contents: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
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
