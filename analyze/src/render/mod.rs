//! Tables and records as text.
//!
//! # Layout
//!
//! - [`human`]: a table for the terminal or for Markdown
//! - [`machine`]: records as CSV and JSON

mod human;
mod machine;

pub use human::{markdown, terminal};
pub use machine::{csv, frame_csv, json};
