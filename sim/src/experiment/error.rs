//! What can be wrong with an experiment file.

use std::path::PathBuf;

use crate::toml_reader::{Mistake, MistakeList};

/// An experiment file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The file cannot be read at all.
    #[error("cannot read the experiment file {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Everything wrong in the file, in the order of its lines.
    #[error("{}", MistakeList { path, mistakes })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// What is wrong in it: at least one.
        mistakes: Vec<Mistake>,
    },
}
