//! Tables and records as text.
//!
//! # Layout
//!
//! - [`value`]: a cell and its value, records of them
//! - [`schema`]: what a column of a file holds
//! - [`table`]: a table for people, and how its cells are written
//! - [`terminal`]: a table and words for the terminal or for Markdown
//! - [`structured`]: records as CSV and JSON
//! - [`words`]: words that several answers share

pub mod schema;
mod structured;
pub mod table;
mod terminal;
pub mod value;
pub mod words;

pub use structured::{csv, frame_csv, json};
pub(crate) use terminal::markdown_cell;
pub use terminal::{markdown, prose, prose_markdown, terminal};
