//! A fuzz test of the decoder of connections: the result must not depend on how the bytes are cut into pieces, and no bytes may
//! cause a panic.
//!
//! Its inputs are the seeds in `tests/corpus/wire` and mutations of them. `PROPTEST_CASES=10000000` searches longer.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sim::clock::TimestampFormat;
use sim::wire::{Chunks, FRAME_BYTES, Frame, Frames, HELLO_BYTES, Hello, WireError};

/// The forms of timestamps with which each stream is decoded.
const FORMATS: [Option<TimestampFormat>; 3] = [
    None,
    Some(TimestampFormat::Vector { machines: 3 }),
    Some(TimestampFormat::Hybrid),
];

/// The result of decoding a stream.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    hello: Option<Result<Hello, WireError>>,
    frames: Vec<Result<Frame, WireError>>,
    partial: bool,
}

fn decode<'a>(format: Option<TimestampFormat>, pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    let mut hello = Chunks::<HELLO_BYTES>::default();
    let mut frames = Frames::new(format);
    for mut piece in pieces {
        if decoded.hello.is_none() {
            decoded.hello = hello.take(&mut piece).map(|bytes| Hello::decode(&bytes));
        }
        while let Some(frame) = frames.take(&mut piece) {
            decoded.frames.push(frame);
        }
    }
    decoded.partial = hello.is_partial() || frames.is_partial();
    decoded
}

/// Decodes the stream as a whole and in two pieces, and compares.
fn fuzz(stream: &[u8], cut: usize) {
    for format in FORMATS {
        fuzz_format(format, stream, cut);
    }
}

fn fuzz_format(format: Option<TimestampFormat>, stream: &[u8], cut: usize) {
    let whole = decode(format, std::iter::once(stream));
    assert_eq!(whole, decode(format, stream.chunks(cut.max(1))));
    let complete = stream.len().saturating_sub(HELLO_BYTES);
    assert!(whole.frames.len() <= complete / FRAME_BYTES);
    for frame in whole.frames.into_iter().flatten() {
        let bytes = frame.encode();
        assert_eq!(Frames::new(format).take(&mut &bytes[..]), Some(Ok(frame)));
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
    assert!(corpus.len() >= 16);
    for format in FORMATS {
        let has_timestamp = |frame: &Result<Frame, WireError>| {
            matches!(
                frame,
                Ok(Frame::Message {
                    timestamp: Some(_),
                    ..
                })
            )
        };
        let is_read = |input: &Vec<u8>| {
            let decoded = decode(format, std::iter::once(&input[..]));
            decoded.frames.iter().any(has_timestamp)
        };
        assert_eq!(corpus.iter().any(is_read), format.is_some());
    }
    let decoded = corpus
        .iter()
        .map(|input| decode(None, std::iter::once(&input[..])));
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
