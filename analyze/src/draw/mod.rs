//! Draws pictures as SVG, PNG, PDF and characters. Plots and diagrams share these modules.
//!
//! # Layout
//!
//! - [`palette`]: the colours of both themes, light and dark
//! - [`scale`]: positions of values, and round numbers for axes
//! - [`text`]: widths of labels; outlines of their letters, so that PNG and PDF need no font
//! - [`svg`]: writes SVG
//! - [`image`]: turns SVG into PNG and PDF
//! - [`characters`]: pictures made of characters, for terminals
//! - [`chart`]: charts with axes and series

pub mod characters;
pub mod chart;
pub mod image;
pub mod palette;
pub mod scale;
pub mod svg;
pub mod text;
