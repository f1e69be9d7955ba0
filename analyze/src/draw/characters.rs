//! Lines of text with colours. Pictures in a terminal are made of them.

/// The colour of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The terminal's own colour of text.
    Plain,
    /// A fainter colour, for what is less important.
    Muted,
    /// The colour of the machine with this index.
    Machine(usize),
    /// The colour of what must be seen first.
    Alarm,
}

/// Characters of one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The characters.
    pub text: String,
    /// Their colour.
    pub tone: Tone,
}

/// A line of characters.
pub type Line = Vec<Span>;

impl Span {
    /// Characters of this colour.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        Self { text, tone }
    }
}
