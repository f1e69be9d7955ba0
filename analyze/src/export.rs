//! `processed/`: a dataset as tidy files for notebooks.
//!
//! Every file appears whole or not at all: it is written under a temporary name and renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use crate::batches::Stack;
use crate::column::Column;
use crate::datasets::Dataset;
use crate::error::Error;
use crate::events::event_columns;
use crate::{journal, render};

/// Rows of a row group in a Parquet file.
const ROW_GROUP: usize = 512 * 512;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes `processed/` of `dataset`: runs, machines and events as Parquet, and as CSV too if `with_csv`.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Parquet`] if a file cannot be written; as [`Dataset::machines`] if the dataset cannot be read.
pub fn export(dataset: &Dataset, with_csv: bool) -> Result<Vec<Written>, Error> {
    let folder = dataset.root().join("processed");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let create = |name: &str, columns: &[Column]| {
        Tidy::create(&folder.join(name), &schema(columns), with_csv)
    };

    let mut runs_files = create("runs", &journal::run_columns())?;
    let runs = journal::run_frame(dataset.name(), dataset.finished())?;
    runs_files.push(runs)?;

    let mut events_files = create("events", &event_columns())?;
    let mut machines = Stack::default();
    for batch in dataset.batches() {
        let batch = batch?;
        events_files.push(batch.events()?)?;
        machines.push(&batch.machines()?)?;
    }
    let mut machines_files = create("machines", &crate::dictionary::machine_file_columns())?;
    machines_files.push(machines.into_frame())?;

    let written = [runs_files, machines_files, events_files]
        .into_iter()
        .map(Tidy::finish);
    Ok(written.collect::<Result<Vec<_>, _>>()?.concat())
}

fn schema(columns: &[Column]) -> Schema {
    columns
        .iter()
        .map(|column| Field::new(column.name.into(), column.kind.data_type()))
        .collect()
}

/// One table in one or two formats.
struct Tidy {
    parquet: Partial,
    writer: BatchedWriter<File>,
    csv: Option<(Partial, BufWriter<File>)>,
    rows: u64,
}

impl Tidy {
    /// Begins the files `path`.parquet and, if asked for, `path`.csv.
    fn create(path: &Path, schema: &Schema, with_csv: bool) -> Result<Self, Error> {
        let (parquet, file) = Partial::create(path.with_extension("parquet"))?;
        let writer = ParquetWriter::new(file)
            .with_compression(ParquetCompression::Zstd(None))
            .with_row_group_size(Some(ROW_GROUP))
            .batched(schema)
            .map_err(parquet.error())?;
        let csv = if with_csv {
            let (csv, file) = Partial::create(path.with_extension("csv"))?;
            Some((csv, BufWriter::new(file)))
        } else {
            None
        };
        Ok(Self {
            parquet,
            writer,
            csv,
            rows: 0,
        })
    }

    fn push(&mut self, mut frame: DataFrame) -> Result<(), Error> {
        frame.align_chunks_par();
        self.writer
            .write_batch(&frame)
            .map_err(self.parquet.error())?;
        if let Some((csv, file)) = &mut self.csv {
            render::frame_csv(&frame, self.rows == 0, file).map_err(Error::io(&csv.partial))?;
        }
        self.rows += frame.height() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Written>, Error> {
        self.writer.finish().map_err(self.parquet.error())?;
        let mut written = vec![self.parquet.publish(self.rows)?];
        if let Some((csv, mut file)) = self.csv.take() {
            file.flush().map_err(Error::io(&csv.partial))?;
            written.push(csv.publish(self.rows)?);
        }
        Ok(written)
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
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(Error::io(&partial))?;
        Ok((Self { path, partial }, file))
    }

    fn error(&self) -> impl FnOnce(PolarsError) -> Error {
        let path = self.partial.clone();
        move |cause| Error::Parquet { path, cause }
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
        })
    }
}
