//! The bytes on a connection and their meaning: a handshake in each direction, then frames. This code uses no socket.
//!
//! Steps of the handshake and frames have fixed sizes and are big-endian. TCP may join or split them anywhere; [`Chunks`] puts
//! them together again.
//!
//! ```text
//! hello   magic 4 | version 2 | kind 1 | machine 4 | nonce 16 | time_ns 8 | proof 32     67 bytes
//! frame   kind 1 | stamp, count or time 8 | sent_tick 8 | delay_ns 8 | sent_at_ns 8    33 bytes
//! ```
//!
//! The run's token is never sent. Each side proves that it knows the token. The proof is a hash, keyed with the token, of all
//! bytes that both sides have sent so far, of the side's role, and of both machines' indices. The dialler (the side that opens
//! the connection) proves first. So a listener answers only to machines that know the token.

use crate::machine::MachineIndex;

/// The first bytes of every connection.
const MAGIC: [u8; 4] = *b"LCLK";
/// Version of the handshake and the frames.
const VERSION: u16 = 2;

const KIND_MESSAGE: u8 = 1;
const KIND_END: u8 = 2;
const KIND_READY: u8 = 3;
const KIND_START: u8 = 4;

/// Length of a step of the handshake, in bytes.
pub const HELLO_BYTES: usize = 67;
/// Length of a frame, in bytes.
pub const FRAME_BYTES: usize = 33;

/// A run's secret. All machines of a run know it, and no other program does.
pub type RunToken = [u8; 16];
/// A number that is used only once.
pub type Nonce = [u8; 16];
/// A hash that only a machine with the run's token can make.
pub type Proof = [u8; 32];

/// The kind of a [`Hello`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloKind {
    /// From a listener in another process, directly after it has accepted the connection. It contains a nonce that the dialler's
    /// proof must include, and no proof.
    Challenge,
    /// From the dialler of a connection that stays open during the run.
    Dial,
    /// The listener's answer to a dial.
    Answer,
    /// From the dialler of a connection for one message. The message follows.
    Message,
    /// The listener's answer after it has received the message.
    Receipt,
}

/// A step of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The kind of the step.
    pub kind: HelloKind,
    /// The machine that sends it.
    pub machine: MachineIndex,
    /// The sender's nonce; in [`HelloKind::Message`] and [`HelloKind::Receipt`] the number of the message.
    pub nonce: Nonce,
    /// The sender's wall clock, in Unix time.
    pub time_ns: u64,
    /// The proof that the sender knows the token; zeros in a [`HelloKind::Challenge`].
    pub proof: Proof,
}

/// A frame, sent after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message. Its sender is known from the handshake.
    Message {
        /// The timestamp that it carries.
        stamp: u64,
        /// The number of the sender's tick at which it was sent.
        sent_tick: u64,
        /// How long it travels, in model time. The sender draws this delay, and the receiver applies it.
        delay_ns: u64,
        /// The sender's wall clock at the time of sending.
        sent_at_ns: u64,
    },
    /// The sender has done its last tick and sends nothing more.
    End {
        /// How many messages it sent to this peer.
        messages: u64,
    },
    /// All connections of the sender are open. Sent towards machine 0, if machines are in different processes.
    Ready,
    /// The start of the run. Sent by machine 0 when all machines are ready.
    Start {
        /// The start in Unix time.
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
    /// There is no such step of a handshake.
    #[error("sent a handshake of unknown kind {0}")]
    HelloKind(u8),
    /// There is no such kind of frame.
    #[error("sent a frame of unknown kind {0}")]
    Kind(u8),
}

const HELLO_KINDS: [HelloKind; 5] = [
    HelloKind::Challenge,
    HelloKind::Dial,
    HelloKind::Answer,
    HelloKind::Message,
    HelloKind::Receipt,
];

impl HelloKind {
    /// Returns the number of the kind, as it is sent.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl Hello {
    /// Encodes it as bytes.
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_be_bytes());
        bytes[6] = self.kind.number();
        bytes[7..11].copy_from_slice(&self.machine.to_be_bytes());
        bytes[11..27].copy_from_slice(&self.nonce);
        bytes[27..35].copy_from_slice(&self.time_ns.to_be_bytes());
        bytes[35..].copy_from_slice(&self.proof);
        bytes
    }

    /// Decodes it from bytes.
    ///
    /// # Errors
    ///
    /// Returns [`WireError`] if the bytes are not a step of a handshake of this version.
    pub fn decode(bytes: &[u8; HELLO_BYTES]) -> Result<Self, WireError> {
        if bytes[..4] != MAGIC {
            return Err(WireError::Magic);
        }
        match u16::from_be_bytes(array(&bytes[4..6])) {
            VERSION => {}
            other => return Err(WireError::Version(other)),
        }
        let kind = HELLO_KINDS.get(usize::from(bytes[6]));
        Ok(Self {
            kind: *kind.ok_or(WireError::HelloKind(bytes[6]))?,
            machine: u32::from_be_bytes(array(&bytes[7..11])),
            nonce: array(&bytes[11..27]),
            time_ns: u64::from_be_bytes(array(&bytes[27..35])),
            proof: array(&bytes[35..]),
        })
    }
}

impl Frame {
    /// Encodes it as bytes.
    pub fn encode(&self) -> [u8; FRAME_BYTES] {
        let (kind, words) = match *self {
            Self::Message {
                stamp,
                sent_tick,
                delay_ns,
                sent_at_ns,
            } => (KIND_MESSAGE, [stamp, sent_tick, delay_ns, sent_at_ns]),
            Self::End { messages } => (KIND_END, [messages, 0, 0, 0]),
            Self::Ready => (KIND_READY, [0; 4]),
            Self::Start { at_ns } => (KIND_START, [at_ns, 0, 0, 0]),
        };
        let mut bytes = [0; FRAME_BYTES];
        bytes[0] = kind;
        for (index, word) in bytes[1..].chunks_exact_mut(8).zip(words) {
            index.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// Decodes it from bytes.
    ///
    /// # Errors
    ///
    /// Returns [`WireError::Kind`] if there is no such frame.
    pub fn decode(bytes: &[u8; FRAME_BYTES]) -> Result<Self, WireError> {
        let word = |index: usize| u64::from_be_bytes(array(&bytes[1 + 8 * index..9 + 8 * index]));
        match bytes[0] {
            KIND_MESSAGE => Ok(Self::Message {
                stamp: word(0),
                sent_tick: word(1),
                delay_ns: word(2),
                sent_at_ns: word(3),
            }),
            KIND_END => Ok(Self::End { messages: word(0) }),
            KIND_READY => Ok(Self::Ready),
            KIND_START => Ok(Self::Start { at_ns: word(0) }),
            other => Err(WireError::Kind(other)),
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .unwrap_or_else(|_| unreachable!("a slice of {} bytes where {N} are wanted", bytes.len()))
}

/// Joins chunks of `N` bytes from a stream that arrives in pieces. It holds less than one chunk.
#[derive(Clone, Debug)]
pub struct Chunks<const N: usize> {
    partial: [u8; N],
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
    /// Takes the next chunk from the front of `stream`, or keeps all bytes if they do not complete a chunk.
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

    /// Returns whether the stream so far ends within a chunk.
    pub fn is_partial(&self) -> bool {
        self.filled > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> impl Strategy<Value = Frame> {
        prop_oneof![
            any::<[u64; 4]>().prop_map(|[stamp, sent_tick, delay_ns, sent_at_ns]| Frame::Message {
                stamp,
                sent_tick,
                delay_ns,
                sent_at_ns
            }),
            any::<u64>().prop_map(|messages| Frame::End { messages }),
            Just(Frame::Ready),
            any::<u64>().prop_map(|at_ns| Frame::Start { at_ns }),
        ]
    }

    #[test]
    fn numbers_are_big_endian() {
        let bytes = Frame::Message {
            stamp: 1,
            sent_tick: 2,
            delay_ns: 3,
            sent_at_ns: 0x0102_0304_0506_0708,
        }
        .encode();
        assert_eq!(
            bytes,
            [
                1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3,
                4, 5, 6, 7, 8
            ]
        );
    }

    #[test]
    fn refuses_other_protocols() {
        let hello = Hello {
            kind: HelloKind::Dial,
            machine: 2,
            nonce: [7; 16],
            time_ns: 1,
            proof: [8; 32],
        }
        .encode();
        let with = |index: usize, byte: u8| {
            let mut bytes = hello;
            bytes[index] = byte;
            Hello::decode(&bytes)
        };
        assert_eq!(with(0, b'G'), Err(WireError::Magic));
        assert_eq!(with(5, 9), Err(WireError::Version(9)));
        assert_eq!(with(6, 5), Err(WireError::HelloKind(5)));
        assert_eq!(Frame::decode(&[0; FRAME_BYTES]), Err(WireError::Kind(0)));
    }

    proptest! {
        #[test]
        fn encoded_hellos_are_decoded_again(
            kind in prop::sample::select(HELLO_KINDS.to_vec()),
            machine in any::<u32>(),
            nonce in any::<Nonce>(),
            time_ns in any::<u64>(),
            proof in any::<Proof>(),
        ) {
            let hello = Hello { kind, machine, nonce, time_ns, proof };
            prop_assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        }

        /// The same frames are decoded for every way of cutting the stream into pieces.
        #[test]
        fn frames_are_restored_from_any_pieces(frames in prop::collection::vec(frame(), 0..20), cuts in prop::collection::vec(1usize..80, 0..200)) {
            let stream: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
            let mut chunks = Chunks::<FRAME_BYTES>::default();
            let (mut rest, mut read) = (&stream[..], vec![]);
            for cut in cuts.into_iter().chain([stream.len().max(1)]) {
                let (mut piece, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                while let Some(bytes) = chunks.take(&mut piece) {
                    read.push(Frame::decode(&bytes));
                }
            }
            prop_assert_eq!(read, frames.into_iter().map(Ok).collect::<Vec<_>>());
            prop_assert!(!chunks.is_partial());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut chunks, mut stream) = (Chunks::<FRAME_BYTES>::default(), &bytes[..]);
            while let Some(chunk) = chunks.take(&mut stream) {
                let _ = Frame::decode(&chunk);
            }
            prop_assert_eq!(chunks.is_partial(), bytes.len() % FRAME_BYTES != 0);
        }
    }
}
