//! Tables and records as text.
//!
//! # Layout
//!
//! - [`human`]: a table and words for the terminal or for Markdown
//! - [`machine`]: records as CSV and JSON

mod human;
mod machine;

pub(crate) use human::markdown_cell;
pub use human::{markdown, prose, prose_markdown, terminal};
pub use machine::{csv, frame_csv, json};
