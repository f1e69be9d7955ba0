//! Turns SVG into PNG and PDF.
//!
//! The SVG must have its labels as outlines ([`Labels::Outlines`](super::svg::Labels::Outlines)) and one theme: neither fonts nor media
//! queries are looked up here.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Why an SVG could not become an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The SVG has a mistake.
    #[error("the drawing has a mistake: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// The image is too large for the memory.
    #[error(
        "an image of {0} x {1} pixels is too large; choose a smaller --width or fewer machines"
    )]
    Size(u32, u32),
    /// The image cannot be encoded.
    #[error("cannot encode the image: {0}")]
    Encoding(String),
}

/// Pixels of a PNG for each pixel of the SVG: sharp on screens with many pixels, and on paper.
const PIXELS: f32 = 2.0;
/// An SVG of more pixels than this becomes a PNG of its own size.
const LARGE: f32 = 1e7;

/// Turns SVG into a PNG of twice its width and height; of its own size, if that is more than ten million pixels.
///
/// # Errors
///
/// [`ImageError`] if the SVG has a mistake or is too large.
pub fn png(svg: &str) -> Result<Vec<u8>, ImageError> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let size = tree.size();
    let scale = match size.width() * size.height() > LARGE {
        true => 1.0,
        false => PIXELS,
    };
    let pixels = |length: f32| (length * scale).ceil() as u32;
    let (width, height) = (pixels(size.width()), pixels(size.height()));
    let mut pixels = Pixmap::new(width, height).ok_or(ImageError::Size(width, height))?;
    let scale = Transform::from_scale(scale, scale);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    let encoded = pixels.encode_png();
    encoded.map_err(|error| ImageError::Encoding(error.to_string()))
}

/// Turns SVG into a PDF with one page of the same size. A pixel is 1/96 inch.
///
/// # Errors
///
/// [`ImageError`] if the SVG has a mistake.
pub fn pdf(svg: &str) -> Result<Vec<u8>, ImageError> {
    let tree = svg2pdf::usvg::Tree::from_str(svg, &svg2pdf::usvg::Options::default())?;
    let page = svg2pdf::PageOptions { dpi: 96.0 };
    let converted = svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page);
    converted.map_err(|error| ImageError::Encoding(error.to_string()))
}
