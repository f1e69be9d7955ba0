//! A fuzz test of the code that decodes the bytes of a connection: the result must not depend on how the bytes are cut into
//! pieces, and no bytes may cause a panic.
//!
//! The inputs are the byte streams in `tests/corpus/wire`, here called seeds, and random changes of them (mutations). To try more
//! changed streams, set the environment variable `PROPTEST_CASES`. The test tries 20 times this number of streams: with
//! `PROPTEST_CASES=1000000` it tries 20 million.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sim::clock::TimestampFormat;
use sim::wire::{Chunks, FRAME_BYTES, Frame, Frames, HandshakeStep, STEP_BYTES, WireError};

/// What a message can carry beside its Lamport timestamp: nothing, a timestamp of a vector clock, or one of a hybrid clock. Each
/// stream is decoded with each of these formats.
const FORMATS: [Option<TimestampFormat>; 3] = [
    None,
    Some(TimestampFormat::Vector { machines: 3 }),
    Some(TimestampFormat::Hybrid),
];

/// The result of decoding a stream. The stream's first bytes are decoded as one step of a handshake (a [`HandshakeStep`], with which a machine
/// says who it is), and all further bytes as frames, such as messages.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    /// The step of the handshake. `None` if the stream is too short.
    step: Option<Result<HandshakeStep, WireError>>,
    /// The frames that follow. After an error, decoding goes on with the next bytes, so that these are tested too. (In a run, the
    /// connection fails at the first error.)
    frames: Vec<Result<Frame, WireError>>,
    /// Whether the stream ends within the step of the handshake or within a frame.
    is_partial: bool,
}

/// Decodes a stream that arrives in `pieces`.
fn decode<'a>(format: Option<TimestampFormat>, pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    let mut step = Chunks::<STEP_BYTES>::default();
    let mut frames = Frames::new(format);
    for mut piece in pieces {
        // Until the step of the handshake is complete, `step.take` uses all bytes of the piece, and leaves none for frames.
        if decoded.step.is_none() {
            decoded.step = step
                .take(&mut piece)
                .map(|bytes| HandshakeStep::decode(&bytes));
        }
        while let Some(frame) = frames.take(&mut piece) {
            decoded.frames.push(frame);
        }
    }
    decoded.is_partial = step.is_partial() || frames.is_partial();
    decoded
}

/// Checks that the whole stream gives the same result as the stream in pieces of `piece_bytes` bytes, with each of the [`FORMATS`].
fn check_stream(stream: &[u8], piece_bytes: usize) {
    for format in FORMATS {
        check_stream_with(format, stream, piece_bytes);
    }
}

fn check_stream_with(format: Option<TimestampFormat>, stream: &[u8], piece_bytes: usize) {
    let whole = decode(format, std::iter::once(stream));
    assert_eq!(whole, decode(format, stream.chunks(piece_bytes)));
    // No frame is shorter than `FRAME_BYTES`.
    let bytes_of_frames = stream.len().saturating_sub(STEP_BYTES);
    assert!(whole.frames.len() <= bytes_of_frames / FRAME_BYTES);
    // What was decoded can be encoded and decoded again.
    for frame in whole.frames.into_iter().flatten() {
        let bytes = frame.encode();
        assert_eq!(Frames::new(format).take(&mut &bytes[..]), Some(Ok(frame)));
    }
    if let Some(Ok(step)) = whole.step {
        assert_eq!(HandshakeStep::decode(&step.encode()), Ok(step));
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

/// A random change of a stream. An [`Index`] is a random position in the stream.
#[derive(Clone, Debug)]
enum Mutation {
    /// Replaces one byte, or none if the position is after the last byte.
    Set(Index, u8),
    /// Inserts bytes before a position.
    Insert(Index, Vec<u8>),
    /// Removes this number of bytes from a position on, or fewer if the stream ends earlier.
    Remove(Index, usize),
    /// Removes all bytes from a position on.
    Truncate(Index),
    /// Appends the bytes of a seed.
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
        // The position after the last byte is possible too.
        let position = |at: &Index| at.index(input.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let position = position(&at);
                if let Some(old) = input.get_mut(position) {
                    *old = byte;
                }
            }
            Self::Insert(at, bytes) => {
                let position = position(&at);
                input.splice(position..position, bytes);
            }
            Self::Remove(at, count) => {
                let from = position(&at);
                input.drain(from..input.len().min(from + count));
            }
            Self::Truncate(at) => input.truncate(position(&at)),
            Self::Append(bytes) => input.extend(bytes),
        }
    }
}

/// Decodes every seed in pieces. Before this, checks the variety of the seeds, because the mutations start from them. Each of these must
/// occur in at least one seed: a message with a vector clock's timestamp, a message with a hybrid clock's timestamp, a valid step of a
/// handshake, an invalid step, and several frames (valid or not).
#[test]
fn every_seed_gives_the_same_result_in_pieces_of_any_length() {
    let corpus = corpus();
    // The folder has 16 seeds at present. If there are fewer, some were lost.
    assert!(corpus.len() >= 16);
    for format in FORMATS {
        let frame_has_timestamp = |frame: &Result<Frame, WireError>| {
            matches!(
                frame,
                Ok(Frame::Message {
                    timestamp: Some(_),
                    ..
                })
            )
        };
        let seed_has_timestamp = |seed: &Vec<u8>| {
            let decoded = decode(format, std::iter::once(&seed[..]));
            decoded.frames.iter().any(frame_has_timestamp)
        };
        // If there is a format, at least one seed must have a message with a timestamp of this format. If `format` is `None`, no decoded
        // message can have a timestamp beside its Lamport timestamp.
        assert_eq!(corpus.iter().any(seed_has_timestamp), format.is_some());
    }
    let decoded = corpus
        .iter()
        .map(|input| decode(None, std::iter::once(&input[..])));
    let (steps, frame_counts): (Vec<_>, Vec<_>) = decoded
        .map(|decoded| (decoded.step, decoded.frames.len()))
        .unzip();
    assert!(steps.iter().any(|step| matches!(step, Some(Ok(_)))));
    assert!(steps.iter().any(|step| matches!(step, Some(Err(_)))));
    assert!(frame_counts.iter().any(|&count| count > 1));
    for seed in corpus {
        // An empty seed is checked too, because of `max(1)`.
        (1..=seed.len().max(1)).for_each(|piece_bytes| check_stream(&seed, piece_bytes));
    }
}

proptest! {
    // 20 times the usual number of cases.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 20, ..ProptestConfig::default() })]

    #[test]
    fn mutated_seeds_give_the_same_result_in_pieces_of_any_length(
        seed in select(corpus()),
        mutations in prop::collection::vec(Mutation::any(), 0..8),
        piece_bytes in 1usize..100,
    ) {
        let mut input = seed;
        mutations.into_iter().for_each(|mutation| mutation.apply(&mut input));
        check_stream(&input, piece_bytes);
    }
}
