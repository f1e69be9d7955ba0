//! Turns SVG into PNG and PDF.
//!
//! The SVG must have its labels as outlines ([`Labels::Outlines`](super::svg::Labels::Outlines)), because no fonts are loaded here. It must
//! have one theme (light or dark), because a PNG or PDF cannot follow the settings of the reader's system.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Why an SVG could not become an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The SVG has a mistake.
    #[error("the drawing has a mistake: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// An image of this width and height, in pixels, is too large for a [`Pixmap`].
    #[error(
        "an image of {0} x {1} pixels is too large; choose a smaller --width or fewer machines"
    )]
    Size(u32, u32),
    /// The image cannot be encoded.
    #[error("cannot encode the image: {0}")]
    Encoding(String),
}

/// A PNG is this many times as wide and as high as its SVG, so that it is sharp on screens with many pixels and on paper.
const ENLARGEMENT: f32 = 2.0;
/// An SVG with more pixels (width times height) than this is not enlarged, to save memory.
const MAX_ENLARGED_PIXELS: f32 = 1e7;

/// Turns SVG into a PNG of twice its width and height. If the SVG has more than ten million pixels, the PNG has the same size as the SVG.
///
/// # Errors
///
/// [`ImageError`] if the SVG has a mistake, or if it is too large for a PNG even without the enlargement.
pub fn png(svg: &str) -> Result<Vec<u8>, ImageError> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let size = tree.size();
    let scale = match size.width() * size.height() > MAX_ENLARGED_PIXELS {
        true => 1.0,
        false => ENLARGEMENT,
    };
    let to_pixels = |length: f32| (length * scale).ceil() as u32;
    let (width, height) = (to_pixels(size.width()), to_pixels(size.height()));
    let mut pixmap = Pixmap::new(width, height).ok_or(ImageError::Size(width, height))?;
    let transform = Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    let encoded = pixmap.encode_png();
    encoded.map_err(|error| ImageError::Encoding(error.to_string()))
}

/// Turns SVG into a PDF with one page of the same size. A pixel of the SVG is 1/96 inch on the page.
///
/// # Errors
///
/// [`ImageError`] if the SVG has a mistake, or if it cannot be converted.
pub fn pdf(svg: &str) -> Result<Vec<u8>, ImageError> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let page = svg2pdf::PageOptions { dpi: 96.0 };
    let converted = svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page);
    converted.map_err(|error| ImageError::Encoding(error.to_string()))
}
