//! Writes one Parquet or CSV file under a temporary name, and renames it when it is complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use polars::prelude::*;
use polars_io::parquet::write::{
    BatchedWriter, KeyValueMetadata, ParquetCompression, ParquetWriter,
};

use sim::files::Partial;

use super::Written;
use crate::error::Error;
use crate::output;
use crate::remembering::{Failure, RememberingFile};
use crate::seal;

/// A Parquet file that is being written. Each frame that is added becomes one row group (a block of rows that is read as a whole).
pub(super) struct ParquetFile {
    /// The file under its temporary name. `partial.partial()` is its path. The file is removed if it is not published (renamed to its
    /// final name).
    partial: Partial,
    writer: BatchedWriter<RememberingFile>,
    /// The first error of the operating system. Polars does not pass it on.
    failure: Failure,
    rows: u64,
}

impl ParquetFile {
    /// Creates the file. `metadata` has keys and values for the file's footer.
    pub(super) fn create(
        path: PathBuf,
        schema: &Schema,
        metadata: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let (partial, file) = create(path)?;
        let (file, failure) = RememberingFile::new(file);
        // `failure.cause` returns the operating system's error if there was one, and otherwise the error of Polars. `Error::io(path)`
        // returns a function that adds the path to this error.
        let writer = ParquetWriter::new(file)
            .with_compression(ParquetCompression::Zstd(None))
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)))
            .batched(schema)
            .map_err(|error| Error::io(partial.partial())(failure.cause(error)))?;
        Ok(Self {
            partial,
            writer,
            failure,
            rows: 0,
        })
    }

    /// Adds the rows of a frame.
    pub(super) fn push(&mut self, mut frame: DataFrame) -> Result<(), Error> {
        // Polars writes a frame only if all its columns are divided into chunks (pieces in memory) at the same rows.
        frame.align_chunks_par();
        self.rows += frame.height() as u64;
        let pushed = self.writer.write_batch(&frame);
        pushed.map_err(|error| Error::io(self.partial.partial())(self.failure.cause(error)))
    }

    /// Completes the file. `checksum_subject` says what the file contains, such as `a part of the events`. With a subject, the file
    /// gets a checksum, which covers the file's bytes and the text `checksum_subject` (see [`seal`]).
    pub(super) fn finish(self, checksum_subject: Option<&str>) -> Result<CompleteFile, Error> {
        let path = self.partial.partial();
        let finished = self.writer.finish();
        finished.map_err(|error| Error::io(path)(self.failure.cause(error)))?;
        if let Some(subject) = checksum_subject {
            seal::seal(path, subject).map_err(Error::io(path))?;
        }
        CompleteFile::new(self.partial, self.rows)
    }
}

/// A CSV file that is being written.
pub(super) struct CsvFile {
    /// The file under its temporary name.
    partial: Partial,
    file: BufWriter<File>,
    has_header: bool,
    rows: u64,
}

impl CsvFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let (partial, file) = create(path)?;
        Ok(Self {
            partial,
            file: BufWriter::new(file),
            has_header: false,
            rows: 0,
        })
    }

    /// Adds the rows of a frame. The first call also writes the header.
    pub(super) fn push(&mut self, frame: &DataFrame) -> Result<(), Error> {
        output::frame_csv(frame, !self.has_header, &mut self.file)
            .map_err(Error::io(self.partial.partial()))?;
        self.has_header = true;
        self.rows += frame.height() as u64;
        Ok(())
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> Result<CompleteFile, Error> {
        self.file
            .flush()
            .map_err(Error::io(self.partial.partial()))?;
        CompleteFile::new(self.partial, self.rows)
    }
}

/// Creates a file under a temporary name. Its final name will be `path`.
fn create(path: PathBuf) -> Result<(Partial, File), Error> {
    Partial::create_file(path.clone()).map_err(Error::io(&path))
}

/// A complete file on the disk that still has its temporary name.
pub(super) struct CompleteFile {
    partial: Partial,
    rows: u64,
    bytes: u64,
}

impl CompleteFile {
    /// Waits until the disk has the file. All its bytes must have been passed to the operating system before.
    fn new(partial: Partial, rows: u64) -> Result<Self, Error> {
        let bytes = partial.sync().map_err(Error::io(partial.partial()))?;
        Ok(Self {
            partial,
            rows,
            bytes,
        })
    }

    /// Renames the file to its final name.
    pub(super) fn publish(self) -> Result<Written, Error> {
        let path = self.partial.path().to_owned();
        self.partial.publish().map_err(Error::io(&path))?;
        Ok(Written {
            path,
            rows: self.rows,
            bytes: self.bytes,
            // This is a single file. Only the folder of the events has a number of parts (files).
            parts: None,
        })
    }
}
