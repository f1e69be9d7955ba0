//! Drawing as SVG, PNG and PDF: what every picture of this crate shares.
//!
//! # Layout
//!
//! - [`palette`]: the colours of both themes
//! - [`scale`]: positions of values, and round numbers for axes
//! - [`text`]: widths and outlines of labels
//! - [`svg`]: writes SVG
//! - [`image`]: turns SVG into PNG and PDF
//! - [`characters`]: pictures made of characters
//! - [`chart`]: charts with axes and series

pub mod characters;
pub mod chart;
pub mod image;
pub mod palette;
pub mod scale;
pub mod svg;
pub mod text;
