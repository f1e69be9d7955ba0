//! Keeps the system's error if a file could not be written. This is needed because Polars replaces the system's error by its own
//! text, such as `transport error`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use polars::error::PolarsError;

/// A file that keeps the first error of writing to it.
pub(crate) struct RememberingFile {
    file: File,
    failure: Failure,
}

/// The first error of writing to a [`RememberingFile`], if there was one. It can still be read when Polars has dropped the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure(Arc<OnceLock<io::Error>>);

impl RememberingFile {
    /// Wraps `file`. If a later write fails, its error can be read from the returned [`Failure`].
    pub(crate) fn new(file: File) -> (Self, Failure) {
        let failure = Failure::default();
        let remembering = Self {
            file,
            failure: failure.clone(),
        };
        (remembering, failure)
    }

    /// Keeps the error of `result` if it is the first one, and returns `result`.
    fn remember<T>(&self, result: io::Result<T>) -> io::Result<T> {
        // Callers repeat an interrupted write (as `write_all` does), so it is no failure.
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            // `set` does nothing if there is an error already: only the first error is kept, because later errors follow from it.
            let _ = self.failure.0.set(copy(error));
        }
        result
    }
}

impl Write for RememberingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.remember(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.remember(flushed)
    }
}

impl Failure {
    /// The system's error if writing failed; otherwise `error`, the error of Polars.
    pub(crate) fn cause(&self, error: PolarsError) -> io::Error {
        self.0.get().map_or_else(|| io::Error::other(error), copy)
    }
}

/// A copy of `error`. The type [`io::Error`] cannot be cloned.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    #![allow(clippy::unwrap_used)]

    use polars::prelude::*;
    use polars_io::parquet::write::ParquetWriter;

    use super::*;

    #[test]
    fn a_full_disk_is_reported_as_such() {
        // Every write to `/dev/full` fails as if the disk were full.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (file, failure) = RememberingFile::new(full);
        let mut frame = df!("a" => [1, 2, 3]).unwrap();
        let error = ParquetWriter::new(file).finish(&mut frame).unwrap_err();
        let cause = failure.cause(error);
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull, "{cause}");
    }

    #[test]
    fn an_error_of_polars_keeps_its_text_if_no_write_failed() {
        let cause = Failure::default().cause(polars_err!(ComputeError: "text of Polars"));
        assert!(cause.to_string().contains("text of Polars"), "{cause}");
    }
}
