//! The bytes on a connection between two machines, and their meaning: first the steps of a handshake ([`HandshakeStep`]), then frames
//! ([`Frame`]). This code uses no socket.
//!
//! Each step of the handshake has 67 bytes. Each frame has 33 bytes, with one exception: a message can carry a second timestamp, of
//! another clock than the Lamport clock. Then the length of the second timestamp and the second timestamp itself follow after the 33
//! bytes. TCP is a stream of bytes, so a read may return a part of a frame, or several frames. [`Chunks`] and [`Frames`] restore the
//! original steps and frames.
//!
//! This is the layout of the steps (`step`) and of the frames. The number after the name of a field is its length in bytes. Numbers of a
//! fixed length are big-endian. The second field of a frame depends on the frame's kind. In a message it is the Lamport timestamp
//! (`stamp`). In a frame of kind End it says how many messages the sender has sent to the receiver (`count`). In a frame of kind Start it
//! says when the run starts (`time`).
//!
//! ```text
//! step   magic 4 | version 2 | kind 1 | machine 4 | nonce 16 | time_ns 8 | proof 32     67 bytes
//! frame   kind 1 | stamp, count or time 8 | sent_tick 8 | delay_ns 8 | sent_at_ns 8    33 bytes
//!
//! after the 33 bytes of a message that carries a timestamp of a vector clock or of a hybrid logical clock (hlc):
//! vector  length 4 | for each machine: component (varint)
//! hlc     length 4 | time 8 | counter (varint)
//! ```
//!
//! A [`varint`](crate::clock::varint) is a number that takes fewer bytes if it is small. All machines of a run know which kind of timestamp
//! the run's messages carry, and how many numbers a timestamp has. So each machine knows how long a timestamp can be. A longer
//! timestamp is refused before it is read.
//!
//! The run's token (a secret that only the machines of the run know) is never sent. Each side proves that it knows the token. The proof
//! is a hash with a key that is derived from the token. The hash depends on the kind, machine, nonce (a random number that is used only
//! once) and time of the [`HandshakeStep`] that contains the proof. It also depends on the recipient's index, and on the nonces and times of the
//! earlier steps. On a connection for one message, these are the steps of the connection that the two machines use during the whole run.
//! So a copy of a proof is not valid between other machines, or when the run is attempted again. The dialler (the side that opens the
//! connection) sends its proof first. The listener (the side that accepts the connection) sends its own proof only if the dialler's proof
//! is right. So other programs never get a listener's proof.

mod frames;

use std::sync::Arc;

use crate::clock::CarriedTimestamp;
use crate::machine::MachineIndex;

pub use frames::Frames;

/// The first bytes of every connection.
const MAGIC: [u8; 4] = *b"LCLK";
/// Version of the handshake and the frames.
const VERSION: u16 = 3;

// The first byte of a frame says its kind. It has one of these values.
const KIND_MESSAGE: u8 = 1;
const KIND_END: u8 = 2;
const KIND_READY: u8 = 3;
const KIND_START: u8 = 4;
const KIND_MESSAGE_WITH_TIMESTAMP: u8 = 5;

/// Length of a step of the handshake, in bytes.
pub const STEP_BYTES: usize = 67;
/// Length of a frame without a second timestamp, in bytes.
pub const FRAME_BYTES: usize = 33;

/// A run's secret. All machines of a run know it, and no other program does.
pub type RunToken = [u8; 16];
/// A random number that is used only once.
pub type Nonce = [u8; 16];
/// A hash that only a machine with the run's token can make.
pub type Proof = [u8; 32];

/// The kind of a [`HandshakeStep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The first step of a connection that is used during the whole run, if the dialler is in another process. The listener sends it
    /// directly after it has accepted the connection. The challenge has no proof. It has a nonce that goes into the dialler's proof. A
    /// dialler in the same process needs no challenge, because it knows the listener's nonce already.
    Challenge,
    /// From the dialler of a connection that is used during the whole run.
    Dial,
    /// The listener's answer to a dial.
    Answer,
    /// From the dialler of a connection for one message (`connection = "per-message"`). The frame with the message follows.
    Message,
    /// The listener's answer on a connection for one message, after the listener has received the message.
    Receipt,
}

/// A step of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeStep {
    /// The kind of the step.
    pub kind: StepKind,
    /// The machine that sends the step.
    pub machine: MachineIndex,
    /// The sender's nonce. [`StepKind::Message`] and [`StepKind::Receipt`] have no nonce. Instead, this field has the number of the
    /// message: 1 for the first message from its sender to its recipient, 2 for the next, and so on.
    pub nonce: Nonce,
    /// The sender's wall clock, in Unix time. The handshake compares the wall clocks of machines in different processes. If both machines
    /// are in the same process, the time is 0. It is also 0 in [`StepKind::Message`] and [`StepKind::Receipt`].
    pub time_ns: u64,
    /// The proof that the sender knows the token. In a [`StepKind::Challenge`], these bytes are 0.
    pub proof: Proof,
}

/// A frame, sent after the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message. Its sender is known from the handshake.
    Message {
        /// The Lamport timestamp that the message carries.
        stamp: u64,
        /// The number of the sender's tick at which the message was sent.
        sent_tick: u64,
        /// How long the message travels in model time (parameter `delay_s`). The sender draws this delay at random. The receiver keeps
        /// the message out of its queue until the delay is over.
        delay_ns: u64,
        /// The sender's wall clock at the time of sending.
        sent_at_ns: u64,
        /// The timestamp of the other clock, if the run's machines keep another clock beside the Lamport clock.
        timestamp: Option<Arc<CarriedTimestamp>>,
    },
    /// The sender has done its last tick and sends nothing more.
    End {
        /// How many messages the sender has sent to the receiver of this frame during the run.
        messages: u64,
    },
    /// A report that the sender is ready: all its connections are open, and all neighbours that report to it have sent their own reports.
    /// A machine sends its report to the next machine on the way to machine 0. Only machines in different processes send reports.
    Ready,
    /// The time at which the run starts. Machine 0 decides it when all machines are ready.
    Start {
        /// The start, in Unix time.
        at_ns: u64,
    },
}

/// Bytes that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The first bytes are not those of this protocol.
    #[error("does not speak this protocol")]
    Magic,
    /// The bytes are of another version of this protocol.
    #[error("speaks version {0} of the protocol, not {VERSION}")]
    Version(u16),
    /// No [`StepKind`] has this number.
    #[error("sent a handshake of unknown kind {0}")]
    StepKind(u8),
    /// No kind of [`Frame`] has this number.
    #[error("sent a frame of unknown kind {0}")]
    Kind(u8),
    /// A message carries a timestamp in addition to the Lamport timestamp, although the messages of the run carry no such timestamp.
    #[error("sent a message with a timestamp, but the messages of this run carry none")]
    UnexpectedTimestamp,
    /// A message carries only the Lamport timestamp, although the messages of the run carry another timestamp too.
    #[error("sent a message without the timestamp of the run's clock")]
    MissingTimestamp,
    /// No timestamp of the run's clock has this length.
    #[error(
        "sent a timestamp of {length} bytes, but timestamps of this run have {min_length} to {max_length} bytes"
    )]
    TimestampLength {
        /// The length in bytes.
        length: u32,
        /// The smallest possible length.
        min_length: u64,
        /// The largest possible length.
        max_length: u64,
    },
    /// A number of a timestamp is missing, too large, or written with more bytes than necessary.
    #[error(
        "sent a timestamp with a number that ends too early, is too large or is longer than necessary"
    )]
    TimestampNumber,
    /// A timestamp has bytes after its last number. The value says how many.
    #[error("sent a timestamp with {0} bytes too many")]
    TimestampRest(usize),
}

/// All kinds of [`HandshakeStep`], in the order of their numbers.
const STEP_KINDS: [StepKind; 5] = [
    StepKind::Challenge,
    StepKind::Dial,
    StepKind::Answer,
    StepKind::Message,
    StepKind::Receipt,
];

impl StepKind {
    /// Returns the number of the kind, as it is sent.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl HandshakeStep {
    /// Encodes the step as bytes.
    pub fn encode(&self) -> [u8; STEP_BYTES] {
        let mut bytes = [0; STEP_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
        bytes[6] = self.kind.number();
        bytes[7..11].copy_from_slice(&self.machine.to_be_bytes());
        bytes[11..27].copy_from_slice(&self.nonce);
        bytes[27..35].copy_from_slice(&self.time_ns.to_be_bytes());
        bytes[35..].copy_from_slice(&self.proof);
        bytes
    }

    /// Decodes a step from bytes.
    ///
    /// # Errors
    ///
    /// Returns [`WireError`] if the bytes are not a step of a handshake of this version.
    pub fn decode(bytes: &[u8; STEP_BYTES]) -> Result<Self, WireError> {
        if bytes[..4] != MAGIC {
            return Err(WireError::Magic);
        }
        match u16::from_be_bytes(array(&bytes[4..6])) {
            VERSION => {}
            other => return Err(WireError::Version(other)),
        }
        let kind = STEP_KINDS.get(usize::from(bytes[6]));
        Ok(Self {
            kind: *kind.ok_or(WireError::StepKind(bytes[6]))?,
            machine: u32::from_be_bytes(array(&bytes[7..11])),
            nonce: array(&bytes[11..27]),
            time_ns: u64::from_be_bytes(array(&bytes[27..35])),
            proof: array(&bytes[35..]),
        })
    }
}

impl Frame {
    /// Encodes the frame as bytes. There are [`FRAME_BYTES`] bytes, and more if the frame is a message with a second timestamp.
    pub fn encode(&self) -> Vec<u8> {
        // After its kind, every frame has four numbers of 64 bits. Numbers that a kind does not need are 0.
        let (kind, numbers) = match *self {
            Self::Message {
                stamp,
                sent_tick,
                delay_ns,
                sent_at_ns,
                ref timestamp,
            } => {
                let kind = match timestamp {
                    None => KIND_MESSAGE,
                    Some(_) => KIND_MESSAGE_WITH_TIMESTAMP,
                };
                (kind, [stamp, sent_tick, delay_ns, sent_at_ns])
            }
            Self::End { messages } => (KIND_END, [messages, 0, 0, 0]),
            Self::Ready => (KIND_READY, [0; 4]),
            Self::Start { at_ns } => (KIND_START, [at_ns, 0, 0, 0]),
        };
        let mut bytes = Vec::with_capacity(FRAME_BYTES);
        bytes.push(kind);
        for number in numbers {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        if let Self::Message {
            timestamp: Some(timestamp),
            ..
        } = self
        {
            frames::encode_timestamp(&mut bytes, timestamp);
        }
        bytes
    }

    /// Decodes the first [`FRAME_BYTES`] bytes of a frame. The `timestamp` of a message is `None`: it is decoded later, by [`Frames`].
    fn decode_head(bytes: &[u8]) -> Result<Self, WireError> {
        // The first byte is the kind. Four numbers of 8 bytes follow, with the indices 0 to 3.
        let number = |index: usize| u64::from_be_bytes(array(&bytes[1 + 8 * index..9 + 8 * index]));
        match bytes[0] {
            KIND_MESSAGE | KIND_MESSAGE_WITH_TIMESTAMP => Ok(Self::Message {
                stamp: number(0),
                sent_tick: number(1),
                delay_ns: number(2),
                sent_at_ns: number(3),
                timestamp: None,
            }),
            KIND_END => Ok(Self::End {
                messages: number(0),
            }),
            KIND_READY => Ok(Self::Ready),
            KIND_START => Ok(Self::Start { at_ns: number(0) }),
            other => Err(WireError::Kind(other)),
        }
    }
}

/// Copies a slice of `N` bytes.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .unwrap_or_else(|_| unreachable!("a slice of {} bytes where {N} are wanted", bytes.len()))
}

/// Cuts a stream of bytes, which arrives in pieces of any length, into chunks of `N` bytes.
#[derive(Clone, Debug)]
pub struct Chunks<const N: usize> {
    /// The first bytes of the next chunk.
    partial: [u8; N],
    /// How many bytes of the next chunk have arrived.
    filled: usize,
}

impl<const N: usize> Default for Chunks<N> {
    fn default() -> Self {
        Self {
            partial: [0; N],
            filled: 0,
        }
    }
}

impl<const N: usize> Chunks<N> {
    /// Takes the next chunk from the front of `stream`. If the bytes do not complete a chunk, keeps all of them and returns `None`.
    pub fn take(&mut self, stream: &mut &[u8]) -> Option<[u8; N]> {
        let (piece, rest) = stream.split_at(stream.len().min(N - self.filled));
        self.partial[self.filled..self.filled + piece.len()].copy_from_slice(piece);
        self.filled += piece.len();
        *stream = rest;
        if self.filled < N {
            return None;
        }
        self.filled = 0;
        Some(self.partial)
    }

    /// Returns whether some bytes of the next chunk have arrived.
    pub fn is_partial(&self) -> bool {
        self.filled > 0
    }
}

#[cfg(test)]
mod tests;
