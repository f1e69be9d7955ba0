//! A fuzz test of the decoder of connections: the result must not depend on how the bytes are cut into pieces, and no bytes may
//! cause a panic.
//!
//! Its inputs are the seeds in `tests/corpus/wire` and mutations of them. `PROPTEST_CASES=10000000` searches longer.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sim::wire::{Chunks, FRAME_BYTES, Frame, HELLO_BYTES, Hello, WireError};

/// The result of decoding a stream.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    hello: Option<Result<Hello, WireError>>,
    frames: Vec<Result<Frame, WireError>>,
    partial: bool,
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    let mut hello = Chunks::<HELLO_BYTES>::default();
    let mut frames = Chunks::<FRAME_BYTES>::default();
    for mut piece in pieces {
        if decoded.hello.is_none() {
            decoded.hello = hello.take(&mut piece).map(|bytes| Hello::decode(&bytes));
        }
        while let Some(bytes) = frames.take(&mut piece) {
            decoded.frames.push(Frame::decode(&bytes));
        }
    }
    decoded.partial = hello.is_partial() || frames.is_partial();
    decoded
}

/// Decodes the stream as a whole and in two pieces, and compares.
fn fuzz(stream: &[u8], cut: usize) {
    let whole = decode(std::iter::once(stream));
    assert_eq!(whole, decode(stream.chunks(cut.max(1))));
    let complete = stream.len().checked_sub(HELLO_BYTES);
    assert_eq!(whole.frames.len(), complete.unwrap_or(0) / FRAME_BYTES);
    for frame in whole.frames.into_iter().flatten() {
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }
    if let Some(Ok(hello)) = whole.hello {
        assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
    }
}

/// Returns the seeds, in the order of their names.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/wire");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("a seed"))
        .collect()
}

/// A change of an input.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
    Append(Vec<u8>),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let bytes = || prop::collection::vec(any::<u8>(), 1..40);
        prop_oneof![
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), bytes()).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            (any::<Index>(), 1..40usize).prop_map(|(at, count)| Self::Remove(at, count)),
            any::<Index>().prop_map(Self::Truncate),
            select(corpus()).prop_map(Self::Append),
        ]
    }

    fn apply(self, input: &mut Vec<u8>) {
        let place = |at: &Index| at.index(input.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let place = place(&at);
                if let Some(old) = input.get_mut(place) {
                    *old = byte;
                }
            }
            Self::Insert(at, bytes) => {
                let place = place(&at);
                input.splice(place..place, bytes);
            }
            Self::Remove(at, count) => {
                let from = place(&at);
                input.drain(from..input.len().min(from + count));
            }
            Self::Truncate(at) => input.truncate(place(&at)),
            Self::Append(bytes) => input.extend(bytes),
        }
    }
}

#[test]
fn seeds() {
    let corpus = corpus();
    assert!(corpus.len() >= 11);
    let decoded = corpus
        .iter()
        .map(|input| decode(std::iter::once(&input[..])));
    let (hellos, frames): (Vec<_>, Vec<_>) = decoded
        .map(|decoded| (decoded.hello, decoded.frames.len()))
        .unzip();
    assert!(hellos.iter().any(|hello| matches!(hello, Some(Ok(_)))));
    assert!(hellos.iter().any(|hello| matches!(hello, Some(Err(_)))));
    assert!(frames.iter().any(|&count| count > 1));
    for input in corpus {
        (1..=input.len().max(1)).for_each(|cut| fuzz(&input, cut));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 20, ..ProptestConfig::default() })]

    #[test]
    fn mutations_of_seeds(
        seed in select(corpus()),
        mutations in prop::collection::vec(Mutation::any(), 0..8),
        cut in 1usize..100,
    ) {
        let mut input = seed;
        mutations.into_iter().for_each(|mutation| mutation.apply(&mut input));
        fuzz(&input, cut);
    }
}
