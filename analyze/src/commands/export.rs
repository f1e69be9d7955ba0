//! `analyze export`: writes the tables of datasets as Parquet files, for notebooks.

use std::path::Path;

use analyze::export::{self, Additions, PartCount, Written};
use analyze::output::words::counted;
use clap::Args;
use sim::console::tell;

use super::Datasets;

/// Write runs, machines and events as Parquet files into <DATASET>/processed, for notebooks. Events that an earlier export wrote
/// are not written again
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  analyze export data/quickstart\n  analyze export data/quickstart --aggregates --csv\n\n\
        With --warm-up S, the measures in the tables machines and aggregates are calculated without the first S model seconds. The table \
        events contains all events. `analyze dictionary` explains the columns."
)]
pub struct Export {
    #[command(flatten)]
    datasets: Datasets,
    /// Write each table as a CSV file too
    #[arg(long)]
    csv: bool,
    /// Also write the table `aggregates`: for each machine of each configuration, the mean of each measure over the repetitions, with the
    /// 95 % interval
    #[arg(long)]
    aggregates: bool,
}

impl Export {
    pub fn run(&self) -> anyhow::Result<()> {
        // A run is always exported with all its machines. So `--where machine=0` is refused.
        self.datasets
            .selection
            .refuse_conditions_on_machines("export")?;
        let additions = Additions {
            csv: self.csv,
            aggregates: self.aggregates,
        };
        for dataset in self.datasets.open()? {
            for written in export::export(&dataset, additions)? {
                tell(describe(&written));
            }
            let machines = dataset.root().join("processed").join("machines.parquet");
            tell(format_args!(
                "In Python: pl.read_parquet({})",
                read_parquet_arguments(&machines)
            ));
        }
        Ok(())
    }
}

/// The arguments with which `pl.read_parquet` reads the file at this path, to paste into Python. If the path has `*`, `?` or `[`, there
/// is a second argument `glob=False`. Without this argument, Polars would use such a path as a pattern that stands for many paths.
fn read_parquet_arguments(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    match bytes.iter().any(|byte| b"*?[".contains(byte)) {
        true => format!("{}, glob=False", python_literal(path)),
        false => python_literal(path),
    }
}

/// A path as a Python expression: a string such as `"data/a"`. If the path is not valid UTF-8, the expression makes the string from the
/// path's bytes: `os.fsdecode(b"data/\xff")`.
fn python_literal(path: &Path) -> String {
    let quoted = |text: &str| {
        let escape = |letter: char| match letter {
            // Python's escapes: a backslash before the letter, or `\u` and four hexadecimal digits.
            '"' | '\\' => format!("\\{letter}"),
            control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
            letter => letter.to_string(),
        };
        format!("\"{}\"", text.chars().map(escape).collect::<String>())
    };
    match path.to_str() {
        Some(text) => quoted(text),
        None => {
            let escape = |byte: &u8| match byte {
                // Printable characters of ASCII stay, except the quotation mark and the backslash.
                b' '..=b'~' if !b"\"\\".contains(byte) => char::from(*byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            };
            let bytes: String = path
                .as_os_str()
                .as_encoded_bytes()
                .iter()
                .map(escape)
                .collect();
            format!("os.fsdecode(b\"{bytes}\")")
        }
    }
}

/// Describes a written table in one line: path, rows and size. The table of events is a folder of parts (files), so its line also says
/// how many parts it has, and how many of them are new.
fn describe(written: &Written) -> String {
    let Written { rows, bytes, .. } = written;
    let line = format!(
        "{}: {}, {}",
        written.path.display(),
        counted(*rows as usize, "row"),
        size_in_words(*bytes)
    );
    match written.parts {
        None => line,
        Some(PartCount { all, written: new }) => {
            format!("{line} in {}, {new} of them new", counted(all, "part"))
        }
    }
}

fn size_in_words(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
