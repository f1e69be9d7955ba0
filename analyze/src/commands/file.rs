//! Files that a subcommand writes for its user.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sim::files::Partial;

/// Writes a file with the bytes that `contents` writes. The file appears complete or not at all. An existing device or pipe is written
/// directly.
pub fn write<T, E: From<io::Error>>(
    path: &Path,
    contents: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
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
