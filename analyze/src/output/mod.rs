//! Tables (for people) and records (for programs) as text.
//!
//! # Layout
//!
//! - [`value`]: the value of a cell, and records (lists of names and values)
//! - [`schema`]: the name, type, unit and meaning of a column
//! - [`table`]: a table whose cells are texts, and how numbers are written in such cells
//! - [`terminal`]: lays out tables and paragraphs, for the terminal or as Markdown
//! - [`structured`]: records as CSV and JSON, and data frames (tables of Polars) as CSV
//! - [`tones`]: the words that have colours on a terminal
//! - [`words`]: words that several outputs share

pub mod schema;
mod structured;
pub mod table;
mod terminal;
pub mod tones;
pub mod value;
pub mod words;

pub use structured::{csv, frame_csv, json};
pub(crate) use terminal::markdown_cell;
pub use terminal::{markdown, prose, prose_markdown, terminal};
pub use tones::paragraph_with_marks;
