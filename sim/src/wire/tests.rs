//! Tests of the handshake and of frames. Every message has a Lamport timestamp, the `stamp`. A message can also have a second timestamp, of
//! a vector clock or a hybrid clock. In this file, *timestamp* always means the second timestamp.

use super::*;
use crate::clock::vector::VectorTimestamp;
use crate::clock::{HybridClock, TimestampFormat, varint};
use proptest::prelude::*;

const VECTOR: TimestampFormat = TimestampFormat::Vector { machines: 3 };
const HYBRID: TimestampFormat = TimestampFormat::Hybrid;
const FORMATS: [Option<TimestampFormat>; 3] = [None, Some(VECTOR), Some(HYBRID)];

/// A number of up to 64 bits. Each length in bits is about equally frequent.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift)
}

fn timestamp(format: TimestampFormat) -> BoxedStrategy<CarriedTimestamp> {
    match format {
        TimestampFormat::Vector { machines } => prop::collection::vec(number(), machines as usize)
            .prop_map(|components| CarriedTimestamp::Vector(VectorTimestamp::new(components)))
            .boxed(),
        TimestampFormat::Hybrid => (any::<i64>(), number())
            .prop_map(|(time, counter)| {
                CarriedTimestamp::Hybrid(HybridClock::from_parts(time, counter))
            })
            .boxed(),
    }
}

fn frame(format: Option<TimestampFormat>) -> impl Strategy<Value = Frame> {
    let timestamp = match format {
        None => Just(None).boxed(),
        Some(format) => timestamp(format)
            .prop_map(|carried| Some(Arc::new(carried)))
            .boxed(),
    };
    prop_oneof![
        (any::<[u64; 4]>(), timestamp).prop_map(
            |([stamp, sent_tick, delay_ns, sent_at_ns], timestamp)| Frame::Message {
                stamp,
                sent_tick,
                delay_ns,
                sent_at_ns,
                timestamp,
            }
        ),
        any::<u64>().prop_map(|messages| Frame::End { messages }),
        Just(Frame::Ready),
        any::<u64>().prop_map(|at_ns| Frame::Start { at_ns }),
    ]
}

/// A format of timestamps, and up to 19 frames. Each message among these frames has a timestamp of this format. If the format is `None`,
/// the messages have no timestamps.
fn stream() -> impl Strategy<Value = (Option<TimestampFormat>, Vec<Frame>)> {
    prop::sample::select(FORMATS.to_vec())
        .prop_flat_map(|format| (Just(format), prop::collection::vec(frame(format), 0..20)))
}

fn message(timestamp: Option<CarriedTimestamp>) -> Frame {
    Frame::Message {
        stamp: 1,
        sent_tick: 2,
        delay_ns: 3,
        sent_at_ns: 0x0102_0304_0506_0708,
        timestamp: timestamp.map(Arc::new),
    }
}

fn vector(components: &[u64]) -> CarriedTimestamp {
    CarriedTimestamp::Vector(VectorTimestamp::new(components.to_vec()))
}

/// Reads the first frame in `bytes`. Returns `None` if the frame is not complete, and an error if the frame is wrong.
fn read_first(
    format: Option<TimestampFormat>,
    mut bytes: &[u8],
) -> Option<Result<Frame, WireError>> {
    Frames::new(format).take(&mut bytes)
}

/// An encoded message with `bytes` as its timestamp, even if they are not a valid timestamp.
fn encoded_with_timestamp(bytes: &[u8]) -> Vec<u8> {
    let mut message = message(None).encode();
    message[0] = KIND_MESSAGE_WITH_TIMESTAMP;
    message.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    message.extend_from_slice(bytes);
    message
}

#[test]
fn numbers_are_big_endian() {
    // The kind, and then four numbers of 8 bytes: 1, 2, 3 and 0x0102_0304_0506_0708.
    assert_eq!(
        message(None).encode(),
        [
            1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4,
            5, 6, 7, 8
        ]
    );
}

#[test]
fn a_timestamp_follows_its_message() {
    let bytes = message(Some(vector(&[3, 0, 300]))).encode();
    // Kind 5 is a message with a timestamp. The other 32 bytes of the frame are the same as without a timestamp.
    assert_eq!(bytes[0], 5);
    assert_eq!(bytes[1..33], message(None).encode()[1..]);
    // The length of the timestamp, 4, in 4 bytes. Then the components 3, 0 and 300. Each component is a varint, which has 7 bits of the
    // number in each byte. So 300 = 44 + 2 * 128 takes two bytes: 0xac is 44 + 128 (the highest bit says that a byte follows), 0x02 is 2.
    assert_eq!(bytes[33..], [0, 0, 0, 4, 3, 0, 0xac, 0x02]);
    let hybrid = CarriedTimestamp::Hybrid(HybridClock::from_parts(-2, 1));
    let bytes = message(Some(hybrid)).encode();
    // The length of the timestamp, 9, in 4 bytes. Then the time -2 in 8 bytes, and the counter 1.
    let time = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
    assert_eq!(bytes[33..], [&[0, 0, 0, 9][..], &time, &[1]].concat());
}

#[test]
fn bytes_of_other_protocols_are_refused() {
    let step = HandshakeStep {
        kind: StepKind::Dial,
        machine: 2,
        nonce: [7; 16],
        time_ns: 1,
        proof: [8; 32],
    }
    .encode();
    let decode_with = |index: usize, byte: u8| {
        let mut bytes = step;
        bytes[index] = byte;
        HandshakeStep::decode(&bytes)
    };
    // Byte 0 belongs to the four fixed bytes (the magic) with which every handshake begins. Bytes 4 and 5 are the version. Byte 6 is the
    // kind, a number from 0 to 4.
    assert_eq!(decode_with(0, b'G'), Err(WireError::Magic));
    assert_eq!(decode_with(5, 9), Err(WireError::Version(9)));
    assert_eq!(decode_with(6, 5), Err(WireError::StepKind(5)));
    // No kind of frame has the number 0.
    let zeros = [0; FRAME_BYTES];
    assert_eq!(read_first(None, &zeros), Some(Err(WireError::Kind(0))));
}

#[test]
fn messages_with_an_unexpected_or_a_missing_timestamp_are_refused() {
    let with_timestamp = message(Some(vector(&[1, 2, 3]))).encode();
    let without = message(None).encode();
    let refused = Some(Err(WireError::UnexpectedTimestamp));
    assert_eq!(read_first(None, &with_timestamp), refused);
    for format in [VECTOR, HYBRID] {
        let refused = Some(Err(WireError::MissingTimestamp));
        assert_eq!(read_first(Some(format), &without), refused);
    }
}

#[test]
fn wrongly_encoded_timestamps_are_refused() {
    // Each of the three numbers of a vector takes 1 to 10 bytes.
    let wrong_length = |length| WireError::TimestampLength {
        length,
        min_length: 3,
        max_length: 30,
    };
    for (bytes, problem) in [
        (&[1, 2][..], wrong_length(2)),
        (&[1; 31], wrong_length(31)),
        // The second number, 2, is written with two bytes instead of one.
        (&[1, 0x82, 0, 3], WireError::TimestampNumber),
        // The second number takes two bytes, so the third is missing.
        (&[1, 0x82, 1], WireError::TimestampNumber),
        // There is a fourth number.
        (&[1, 2, 3, 4], WireError::TimestampRest(1)),
    ] {
        assert_eq!(
            read_first(Some(VECTOR), &encoded_with_timestamp(bytes)),
            Some(Err(problem))
        );
    }
    // All bytes are 0: 8 of them are the time, one is the counter, and one is too many.
    let too_long = read_first(Some(HYBRID), &encoded_with_timestamp(&[0; 10]));
    assert_eq!(too_long, Some(Err(WireError::TimestampRest(1))));
    // The ninth byte is the first of the counter. Its highest bit is set: this says that the counter has more bytes, but none follows.
    let cut = read_first(Some(HYBRID), &encoded_with_timestamp(&[0x80; 9]));
    assert_eq!(cut, Some(Err(WireError::TimestampNumber)));
    // A message whose timestamp is too long is refused as soon as the length of the timestamp has arrived.
    let mut announced = encoded_with_timestamp(&[]);
    // The length, 0, is cut off. A length that is too large is appended instead.
    announced.truncate(FRAME_BYTES);
    announced.extend_from_slice(&u32::MAX.to_be_bytes());
    let refused = read_first(Some(VECTOR), &announced);
    assert_eq!(refused, Some(Err(wrong_length(u32::MAX))));
}

proptest! {
    #[test]
    fn encoded_steps_are_decoded_again(
        kind in prop::sample::select(STEP_KINDS.to_vec()),
        machine in any::<u32>(),
        nonce in any::<Nonce>(),
        time_ns in any::<u64>(),
        proof in any::<Proof>(),
    ) {
        let step = HandshakeStep { kind, machine, nonce, time_ns, proof };
        prop_assert_eq!(HandshakeStep::decode(&step.encode()), Ok(step));
    }

    /// However the stream is cut into pieces, the frames that are read are those that were sent.
    #[test]
    fn frames_are_restored_from_any_pieces((format, sent) in stream(), piece_lengths in prop::collection::vec(1usize..80, 0..200)) {
        let stream: Vec<u8> = sent.iter().flat_map(Frame::encode).collect();
        let mut frames = Frames::new(format);
        let (mut rest, mut read) = (&stream[..], vec![]);
        // The last piece has all bytes that remain.
        for piece_bytes in piece_lengths.into_iter().chain([stream.len()]) {
            let (mut piece, later) = rest.split_at(piece_bytes.min(rest.len()));
            rest = later;
            while let Some(frame) = frames.take(&mut piece) {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, sent.into_iter().map(Ok).collect::<Vec<_>>());
        prop_assert!(!frames.is_partial());
    }

    /// An encoded timestamp takes as many bytes as `bytes()` says.
    #[test]
    fn timestamps_have_the_stated_length(
        timestamp in prop::sample::select(vec![VECTOR, HYBRID]).prop_flat_map(timestamp),
    ) {
        let length = timestamp.bytes();
        let bytes = message(Some(timestamp.clone())).encode();
        // Before the timestamp, its length is written in 4 bytes.
        prop_assert_eq!(bytes.len() as u64, FRAME_BYTES as u64 + 4 + length);
        let expected: u64 = match &timestamp {
            CarriedTimestamp::Vector(vector) => {
                vector.components().iter().map(|&component| varint::length(component)).sum()
            }
            // The time takes 8 bytes.
            CarriedTimestamp::Hybrid(clock) => 8 + varint::length(clock.count()),
        };
        prop_assert_eq!(length, expected);
    }

    /// Reading random bytes does not panic. If bytes are read as a message, encoding this message gives the same bytes.
    #[test]
    fn random_bytes_are_refused_or_are_an_encoded_message(
        format in prop::sample::select(FORMATS.to_vec()),
        kinds in prop::collection::vec(0u8..7, 1..8),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        has_short_timestamp in any::<bool>(),
    ) {
        let mut bytes = bytes;
        // A random byte is seldom a known kind of frame (1 to 5). So the numbers `kinds`, from 0 to 6, are written to the bytes 0, 33, 66
        // and so on. If no frame has a timestamp, the frames begin at these bytes.
        for (index, kind) in kinds.into_iter().enumerate() {
            if let Some(byte) = bytes.get_mut(index * FRAME_BYTES) {
                *byte = kind;
            }
        }
        // If the first frame is a message with a timestamp, the timestamp's length is in the four bytes from `FRAME_BYTES` on. The first
        // three of them are set to 0, so the length is below 256. A random number of 32 bits would nearly always be refused as too long.
        if has_short_timestamp && let Some(length) = bytes.get_mut(FRAME_BYTES..FRAME_BYTES + 3) {
            length.fill(0);
        }
        let (mut frames, mut stream) = (Frames::new(format), &bytes[..]);
        // `before` is the stream before the frame is taken. Real machines stop reading at an error, but the test reads on.
        while let before = stream && let Some(frame) = frames.take(&mut stream) {
            let Ok(frame) = frame else { continue };
            let used = &before[..before.len() - stream.len()];
            // Only messages are compared. Frames of other kinds have unused bytes: they are random in `used`, but `encode` makes them 0.
            if let Frame::Message { .. } = frame {
                prop_assert_eq!(frame.encode(), used);
            }
        }
    }
}
