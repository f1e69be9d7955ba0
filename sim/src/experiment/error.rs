//! Errors of experiment files.

use std::path::PathBuf;

use crate::toml_reader::{Mistake, MistakeList};

/// An experiment file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The file cannot be read.
    #[error("cannot read the experiment file {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// The file has mistakes. All of them are listed, in the order of the file's lines.
    #[error("{}", MistakeList { path, mistakes })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// The mistakes: at least one.
        mistakes: Vec<Mistake>,
    },
}
