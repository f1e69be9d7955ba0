//! One file, written under a temporary name and renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use polars::prelude::*;
use polars_io::parquet::write::{
    BatchedWriter, KeyValueMetadata, ParquetCompression, ParquetWriter,
};

use super::Written;
use crate::error::Error;
use crate::output;
use crate::output::schema::Column;

/// How the names of files and folders end that are not complete.
pub(super) const PARTIAL: &str = ".partial";

/// A Parquet file: a row group for each frame.
pub(super) struct ParquetFile {
    partial: Partial,
    writer: BatchedWriter<File>,
    rows: u64,
}

impl ParquetFile {
    /// `about` is what its footer says beside the columns.
    pub(super) fn create(
        path: PathBuf,
        columns: &[Column],
        about: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let schema: Schema = columns
            .iter()
            .map(|column| Field::new(column.name.into(), column.kind.data_type()))
            .collect();
        let (partial, file) = Partial::create(path)?;
        let writer = ParquetWriter::new(file)
            .with_compression(ParquetCompression::Zstd(None))
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(about)))
            .batched(&schema)
            .map_err(Error::parquet(&partial.partial))?;
        Ok(Self {
            partial,
            writer,
            rows: 0,
        })
    }

    pub(super) fn push(&mut self, mut frame: DataFrame) -> Result<(), Error> {
        frame.align_chunks_par();
        self.rows += frame.height() as u64;
        let pushed = self.writer.write_batch(&frame);
        pushed.map_err(Error::parquet(&self.partial.partial))
    }

    pub(super) fn finish(self) -> Result<Written, Error> {
        let finished = self.writer.finish();
        finished.map_err(Error::parquet(&self.partial.partial))?;
        self.partial.publish(self.rows)
    }
}

/// A CSV file.
pub(super) struct CsvFile {
    partial: Partial,
    file: BufWriter<File>,
    rows: u64,
}

impl CsvFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let (partial, file) = Partial::create(path)?;
        Ok(Self {
            partial,
            file: BufWriter::new(file),
            rows: 0,
        })
    }

    pub(super) fn push(&mut self, frame: &DataFrame) -> Result<(), Error> {
        output::frame_csv(frame, self.rows == 0, &mut self.file)
            .map_err(Error::io(&self.partial.partial))?;
        self.rows += frame.height() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Written, Error> {
        self.file
            .flush()
            .map_err(Error::io(&self.partial.partial))?;
        self.partial.publish(self.rows)
    }
}

/// A file under its temporary name.
struct Partial {
    path: PathBuf,
    partial: PathBuf,
}

impl Partial {
    fn create(path: PathBuf) -> Result<(Self, File), Error> {
        let mut partial = path.clone().into_os_string();
        partial.push(PARTIAL);
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(Error::io(&partial))?;
        Ok((Self { path, partial }, file))
    }

    /// Brings it to the disk and gives it its name.
    fn publish(self, rows: u64) -> Result<Written, Error> {
        let publish = || -> io::Result<u64> {
            let file = File::options().write(true).open(&self.partial)?;
            file.sync_all()?;
            let bytes = file.metadata()?.len();
            fs::rename(&self.partial, &self.path)?;
            Ok(bytes)
        };
        let bytes = publish().map_err(Error::io(&self.path))?;
        Ok(Written {
            path: self.path,
            rows,
            bytes,
            parts: None,
        })
    }
}
