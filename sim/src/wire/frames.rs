//! Reads frames from a stream of bytes that arrives in pieces of any length, and encodes and decodes the timestamps of messages.
//!
//! Every message carries a Lamport timestamp, the *stamp*, in the 33 bytes of its frame. If the machines keep another clock too (vector
//! or hybrid), the timestamp of that clock follows after the 33 bytes. In this file, *timestamp* means only the timestamp of the other
//! clock, never the stamp.

use std::sync::Arc;

use super::{FRAME_BYTES, Frame, KIND_MESSAGE_WITH_TIMESTAMP, WireError};
use crate::clock::vector::VectorTimestamp;
use crate::clock::{CarriedTimestamp, HybridClock, TimestampFormat, varint};

/// The length of a timestamp is written before it, as a number of 4 bytes.
const LENGTH_BYTES: usize = 4;
/// Number of bytes of the time in a hybrid logical clock's timestamp.
const TIME_BYTES: usize = 8;

/// Puts frames together from the bytes of a stream. The bytes arrive in pieces of any length.
#[derive(Debug)]
pub struct Frames {
    /// The format of the timestamps of messages. `None` if messages carry only the stamp.
    format: Option<TimestampFormat>,
    /// The bytes of the next frame that have arrived so far.
    partial: Vec<u8>,
}

impl Frames {
    /// Creates the decoder of a stream whose messages carry timestamps of this `format`. With `None`, they carry only the stamp.
    pub fn new(format: Option<TimestampFormat>) -> Self {
        Self {
            format,
            partial: Vec::with_capacity(FRAME_BYTES),
        }
    }

    /// Takes the next frame from the front of `stream`. If the bytes do not complete a frame, keeps all of them and returns `None`.
    ///
    /// # Errors
    ///
    /// Returns [`WireError`] if the bytes are not a frame of this stream. Then it may be unknown where the next frame begins, so
    /// the rest of the stream may have no meaning.
    pub fn take(&mut self, stream: &mut &[u8]) -> Option<Result<Frame, WireError>> {
        loop {
            // At first, only the 33 bytes (FRAME_BYTES) of every frame are expected. If these bytes say that the frame is a message with a
            // timestamp, the bytes of the timestamp's length are expected too, and at last the timestamp itself.
            let expected_bytes = match self.expected_bytes() {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.partial.clear();
                    return Some(Err(error));
                }
            };
            if self.partial.len() == expected_bytes {
                let frame = self.decode();
                self.partial.clear();
                return Some(frame);
            }
            if stream.is_empty() {
                return None;
            }
            let missing = expected_bytes - self.partial.len();
            let (piece, rest) = stream.split_at(stream.len().min(missing));
            self.partial.extend_from_slice(piece);
            *stream = rest;
        }
    }

    /// Returns whether the stream so far ends within a frame.
    pub fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Returns how many bytes the next frame is expected to have, including those in `partial`. As long as the frame's length is not known,
    /// this number may still grow.
    fn expected_bytes(&self) -> Result<usize, WireError> {
        let Some((head, rest)) = self.partial.split_at_checked(FRAME_BYTES) else {
            return Ok(FRAME_BYTES);
        };
        if head[0] != KIND_MESSAGE_WITH_TIMESTAMP {
            return Ok(FRAME_BYTES);
        }
        let format = self.format.ok_or(WireError::UnexpectedTimestamp)?;
        let Some(length) = rest.first_chunk::<LENGTH_BYTES>() else {
            return Ok(FRAME_BYTES + LENGTH_BYTES);
        };
        let length = u32::from_be_bytes(*length);
        let (min_length, max_length) = length_bounds(format);
        if !(min_length..=max_length).contains(&u64::from(length)) {
            return Err(WireError::TimestampLength {
                length,
                min_length,
                max_length,
            });
        }
        Ok(FRAME_BYTES + LENGTH_BYTES + length as usize)
    }

    /// Decodes the complete frame in `partial`.
    fn decode(&self) -> Result<Frame, WireError> {
        // The head is the part that every frame has. In a message with a timestamp, the rest is the timestamp's length and then the
        // timestamp. In all other frames, the rest is empty.
        let (head, rest) = self.partial.split_at(FRAME_BYTES);
        let mut frame = Frame::decode_head(head)?;
        if let Frame::Message { timestamp, .. } = &mut frame
            && let Some(format) = self.format
        {
            // The stream has a format for timestamps, so each of its messages must have a timestamp. If the rest is empty, the message has
            // no timestamp and is refused.
            let bytes = rest
                .get(LENGTH_BYTES..)
                .ok_or(WireError::MissingTimestamp)?;
            *timestamp = Some(Arc::new(decode_timestamp(format, bytes)?));
        }
        Ok(frame)
    }
}

/// The smallest and the largest length of a timestamp in bytes.
fn length_bounds(format: TimestampFormat) -> (u64, u64) {
    match format {
        TimestampFormat::Vector { machines } => {
            let machines = u64::from(machines);
            // There is a component for each machine. It is written as a varint: a small number takes 1 byte, a large one up to
            // `MAX_BYTES` bytes.
            (machines, machines * varint::MAX_BYTES)
        }
        TimestampFormat::Hybrid => {
            // First comes the time, and then a counter, which is a varint.
            let time = TIME_BYTES as u64;
            (time + 1, time + varint::MAX_BYTES)
        }
    }
}

/// Appends the length of `timestamp` and its bytes.
pub(super) fn encode_timestamp(bytes: &mut Vec<u8>, timestamp: &CarriedTimestamp) {
    bytes.extend_from_slice(&(timestamp.bytes() as u32).to_be_bytes());
    match timestamp {
        CarriedTimestamp::Vector(vector) => {
            for &component in vector.components() {
                varint::write(bytes, component);
            }
        }
        CarriedTimestamp::Hybrid(clock) => {
            bytes.extend_from_slice(&clock.time().to_be_bytes());
            varint::write(bytes, clock.count());
        }
    }
}

/// Decodes `bytes`, which must be exactly one timestamp.
fn decode_timestamp(
    format: TimestampFormat,
    mut bytes: &[u8],
) -> Result<CarriedTimestamp, WireError> {
    let number = |bytes: &mut &[u8]| varint::read(bytes).ok_or(WireError::TimestampNumber);
    let timestamp = match format {
        TimestampFormat::Vector { machines } => {
            let components = (0..machines).map(|_| number(&mut bytes));
            let components = components.collect::<Result<_, _>>()?;
            CarriedTimestamp::Vector(VectorTimestamp::new(components))
        }
        TimestampFormat::Hybrid => {
            let (time, rest) = bytes
                .split_first_chunk::<TIME_BYTES>()
                .ok_or(WireError::TimestampNumber)?;
            bytes = rest;
            let counter = number(&mut bytes)?;
            CarriedTimestamp::Hybrid(HybridClock::from_parts(i64::from_be_bytes(*time), counter))
        }
    };
    if bytes.is_empty() {
        Ok(timestamp)
    } else {
        Err(WireError::TimestampRest(bytes.len()))
    }
}
