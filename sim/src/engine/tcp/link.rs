//! One side of a connection (a *link*). In each direction, a connection first carries a handshake and then frames. A frame is a message or
//! a notice. One of the notices is the end frame: after it, its sender sends nothing more. Reading and writing never block.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

use crate::clock::TimestampFormat;
use crate::machine::MachineIndex;
use crate::wire::{Chunks, Frame, Frames, HandshakeStep, Nonce, STEP_BYTES};

/// A [`Session`] has two parts, `challenge` and `dial`. Each part has this number of bytes: a nonce (a random number that is used once,
/// 16 bytes) and a time (8 bytes).
pub(super) const CHALLENGE_BYTES: usize = 24;

/// What the other side sent: a step of the handshake, or a frame.
#[derive(Clone, Debug)]
pub(super) enum Incoming {
    HandshakeStep(HandshakeStep),
    Frame(Frame),
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The connection stays open for the whole run. It carries all frames between two machines. But if each message has its own
    /// connection, the persistent connection carries only the other frames.
    Persistent {
        /// Whether each message between the two machines has its own connection.
        message_has_own_connection: bool,
    },
    /// The connection carries one message.
    OneMessage,
}

/// How a connection is closed when the run needs it no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// With a reset, so that no port stays in the state TIME_WAIT, in which it cannot be used for some time. (Thousands of runs would
    /// use up all ports.) A reset drops bytes that have not been read, so both sides must have received everything.
    ByReset,
    /// In the usual order of TCP: bytes that were written still arrive.
    Orderly,
}

/// The nonces of the two machines of a connection. Each nonce has a time beside it: the Unix time of its machine's system clock, in
/// nanoseconds. (If both machines are in one process, both times are 0.) In the handshake, each machine proves that it knows the run's
/// secret. Its proof is a hash that also depends on these nonces and times, so a proof from one persistent connection is worth nothing in
/// another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    /// From the machine that listens.
    pub(super) challenge: (Nonce, u64),
    /// From the machine that connects.
    pub(super) dial: (Nonce, u64),
}

impl Session {
    /// Returns the session as bytes: first the challenge, then the dial; each is a nonce followed by a time.
    pub(super) fn bytes(&self) -> [u8; 2 * CHALLENGE_BYTES] {
        let mut bytes = [0; 2 * CHALLENGE_BYTES];
        for (part, (nonce, time_ns)) in bytes
            .chunks_exact_mut(CHALLENGE_BYTES)
            .zip([self.challenge, self.dial])
        {
            part[..16].copy_from_slice(&nonce);
            part[16..].copy_from_slice(&time_ns.to_be_bytes());
        }
        bytes
    }
}

impl Closing {
    /// Prepares `stream` so that it sends small messages without delay, and is closed as `self` says.
    pub(super) fn prepare(self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(true)?;
        match self {
            Self::ByReset => socket.set_linger(Some(Duration::ZERO)),
            Self::Orderly => Ok(()),
        }
    }
}

/// One side of a connection.
pub(super) struct Link {
    /// The machine at this side.
    pub(super) owner: MachineIndex,
    /// The machine at the other side. For an accepted connection it is `None` until the other side has proved which machine it is.
    pub(super) peer: Option<MachineIndex>,
    /// The number by which the reactor (it waits until a socket is ready) knows the socket.
    pub(super) handle: usize,
    pub(super) stream: TcpStream,
    pub(super) purpose: Purpose,
    /// The nonces and times of the handshake. A connection for one message has none of its own: it uses the session of the persistent
    /// connection between the same two machines. Its proof also depends on the number of the message.
    pub(super) session: Session,
    /// The number of the message, if the connection is for one message. The sender's first message to this machine
    /// has the number 1. The handshake carries the number in the place of a nonce, so its type is `Nonce`.
    pub(super) message_number: Nonce,
    /// Whether the other side has proved that it is the peer.
    is_proven: bool,
    /// What has already arrived of the next step of the handshake.
    step: Chunks<STEP_BYTES>,
    /// What has already arrived of the next frame.
    frames: Frames,
    /// The bytes that could not be written yet.
    outbox: Vec<u8>,
    messages_sent: u64,
    messages_received: u64,
    /// Number of messages that the other side has sent, as its end frame says. `None` before its end frame.
    announced: Option<u64>,
    /// Whether everything that the other side sends has arrived.
    has_ended: bool,
    /// Whether the other side has closed the connection.
    is_closed: bool,
}

impl Link {
    /// `timestamps` is the format of the vector or hybrid timestamps that messages carry beside the stamp. `None` if messages carry only the
    /// stamp.
    pub(super) fn new(
        owner: MachineIndex,
        peer: Option<MachineIndex>,
        purpose: Purpose,
        (stream, handle): (TcpStream, usize),
        timestamps: Option<TimestampFormat>,
    ) -> Self {
        Self {
            owner,
            peer,
            handle,
            stream,
            purpose,
            session: Session::default(),
            message_number: Nonce::default(),
            is_proven: false,
            step: Chunks::default(),
            frames: Frames::new(timestamps),
            outbox: vec![],
            messages_sent: 0,
            messages_received: 0,
            announced: None,
            has_ended: false,
            is_closed: false,
        }
    }

    /// Sends a step of the handshake.
    pub(super) fn send_step(&mut self, step: &HandshakeStep) -> io::Result<()> {
        self.write(&step.encode())
    }

    /// Sends a frame, and counts it if it is a message.
    pub(super) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        if matches!(frame, Frame::Message { .. }) {
            self.messages_sent += 1;
        }
        self.write(&frame.encode())
    }

    /// Sends the end frame. It says how many messages this side has sent. Nothing may be sent after it.
    pub(super) fn send_end(&mut self) -> io::Result<()> {
        let messages = self.messages_sent;
        self.write(&Frame::End { messages }.encode())
    }

    /// Called for the persistent connection. Counts a message that is sent to the same peer over a separate connection.
    pub(super) fn count_sent_on_separate_connection(&mut self) {
        self.messages_sent += 1;
    }

    /// Called for the persistent connection. Counts a message that has arrived from the same peer over a separate connection. Returns
    /// whether everything that the peer sends has now arrived: its end frame and all its messages.
    pub(super) fn count_received_on_separate_connection(&mut self) -> Result<bool, String> {
        self.messages_received += 1;
        self.check_end()?;
        Ok(self.has_ended)
    }

    /// Sends `receipt` to confirm the message for which this connection was opened. Nothing more will arrive over this connection.
    pub(super) fn send_receipt(&mut self, receipt: &HandshakeStep) -> io::Result<()> {
        self.has_ended = true;
        self.send_step(receipt)
    }

    /// Returns whether this is the sender's side of a connection for one message, and the message was sent. (The other side of such a
    /// connection never sends a message.)
    pub(super) fn is_senders_side(&self) -> bool {
        self.purpose == Purpose::OneMessage && self.messages_sent > 0
    }

    /// Returns whether this connection was for one message and can be closed. The sender can close it when the receipt has arrived, the
    /// recipient when the sender has closed it.
    pub(super) fn can_close_after_message(&self) -> bool {
        let is_finished = if self.is_senders_side() {
            // The recipient proves itself by its receipt.
            self.is_proven
        } else {
            self.is_closed
        };
        self.purpose == Purpose::OneMessage && is_finished
    }

    /// Returns whether everything that the other side sends has arrived. On the persistent connection, this includes its end frame and all
    /// its messages. On a connection for one message, the other side sends either the message or the receipt.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Notes that the other side has proved that it is the peer.
    pub(super) fn set_proven(&mut self) {
        self.is_proven = true;
        // On a connection for one message, the recipient proves itself by its receipt, and sends nothing after the receipt.
        if self.is_senders_side() {
            self.has_ended = true;
        }
    }

    /// Returns the number of messages sent to the peer. Called for the persistent connection. Messages over separate connections count too.
    pub(super) fn messages_sent(&self) -> u64 {
        self.messages_sent
    }

    /// Returns whether the other side has proved that it is the peer.
    pub(super) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Writes as many of `bytes` as the connection accepts now. [`Link::flush`] writes the other bytes later.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.outbox.is_empty() {
            self.outbox.extend_from_slice(bytes);
            return Ok(());
        }
        let written = write_some(&mut self.stream, bytes)?;
        self.outbox.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Writes bytes that could not be written before, as many as the connection accepts now.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.outbox.is_empty() {
            let written = write_some(&mut self.stream, &self.outbox)?;
            self.outbox.drain(..written);
        }
        Ok(())
    }

    /// Reads the bytes that have arrived, and passes each step of the handshake and each frame to `handle`. `scratch` is only a buffer for
    /// reading. With `to_the_end`, reading continues until no byte is left. If the other side has closed the connection, `to_the_end` must
    /// be true, because the reactor does not report this socket again.
    ///
    /// # Errors
    ///
    /// Returns why the connection cannot be used any more: it broke, it was closed too early, what arrived was wrong, or `handle` returned
    /// an error. The text is the end of a sentence that begins with "machine 1's connection to machine 0".
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        to_the_end: bool,
        mut handle: impl FnMut(&mut Self, Incoming) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let length = match self.stream.read(scratch) {
                Ok(0) if self.has_ended => {
                    self.is_closed = true;
                    return Ok(());
                }
                Ok(0) if self.frames.is_partial() => {
                    return Err("was closed in the middle of a frame".to_owned());
                }
                Ok(0) => return Err("was closed early".to_owned()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The connection is still being opened.
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // The other side closed the connection by a reset, after everything had arrived.
                Err(_) if self.has_ended => {
                    self.is_closed = true;
                    return Ok(());
                }
                Err(error) => return Err(format!("broke ({error})")),
            };
            self.decode(&scratch[..length], &mut handle)?;
            // If fewer bytes arrived than fit into `scratch`, the socket is most probably empty now.
            let is_probably_empty = length < scratch.len();
            if is_probably_empty && !to_the_end {
                return Ok(());
            }
        }
    }

    /// Passes the steps of the handshake and the frames in `bytes` to `handle`. When the other side has proved that it is the peer, `handle`
    /// calls [`Link::set_proven`]: all later bytes are frames. An incomplete step or frame is kept until more bytes arrive.
    fn decode(
        &mut self,
        mut bytes: &[u8],
        handle: &mut impl FnMut(&mut Self, Incoming) -> Result<(), String>,
    ) -> Result<(), String> {
        while !self.is_proven {
            let Some(step) = self.step.take(&mut bytes) else {
                return Ok(());
            };
            let step = HandshakeStep::decode(&step).map_err(|error| error.to_string())?;
            handle(self, Incoming::HandshakeStep(step))?;
        }
        while let Some(frame) = self.frames.take(&mut bytes) {
            let frame = frame.map_err(|error| error.to_string())?;
            self.count_message(&frame)?;
            handle(self, Incoming::Frame(frame))?;
        }
        Ok(())
    }

    /// Counts `frame` if it is a message. If `frame` is the end frame, compares the number of messages that it announces with the
    /// number of messages that have arrived. A frame after the end frame is an error. On a connection for one message, a frame after this
    /// message is an error too.
    fn count_message(&mut self, frame: &Frame) -> Result<(), String> {
        if self.has_ended || self.announced.is_some() {
            return Err("sent more after its last frame".to_owned());
        }
        match frame {
            Frame::Message { .. } => {
                self.messages_received += 1;
                Ok(())
            }
            Frame::End { messages } => {
                self.announced = Some(*messages);
                self.check_end()
            }
            Frame::Ready | Frame::Start { .. } => Ok(()),
        }
    }

    /// Sets `has_ended` if as many messages have arrived as the other side's end frame announced. (Before the end frame has arrived, does
    /// nothing.) More messages are an error. Fewer messages are an error too, unless each message has its own connection: then the missing
    /// messages can still arrive.
    fn check_end(&mut self) -> Result<(), String> {
        let Some(messages) = self.announced else {
            return Ok(());
        };
        let more_may_come = self.purpose
            == Purpose::Persistent {
                message_has_own_connection: true,
            };
        self.has_ended = self.messages_received == messages;
        if self.has_ended || (more_may_come && self.messages_received < messages) {
            return Ok(());
        }
        Err(format!(
            "has a wrong number of messages: {} arrived, but its end frame announced {messages}",
            self.messages_received
        ))
    }

    /// Ends the connection, because its other side is not a machine of the run.
    pub(super) fn refuse(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Writes as many of `bytes` as `stream` accepts now. Returns how many were written.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            // The system's send buffer is full, or the connection is still being opened. The reactor will report the socket as writable.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::NotConnected
                ) =>
            {
                break;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tcp::secret;
    use crate::wire::{FRAME_BYTES, StepKind};
    use std::net::TcpListener;
    use std::thread::yield_now;

    /// Number of reads before the test fails: far more than are needed.
    const PATIENCE: usize = 1_000_000;

    /// The recipient closes the connection directly after it has sent its receipt, as it does when its process ends. The sender must still
    /// read the receipt.
    #[test]
    fn a_receipt_counts_even_if_the_recipient_has_closed_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).expect("a connection");
        let (mut recipient, _) = listener.accept().expect("a connection");
        // In these steps of the handshake, the nonce and the time are 0, and there is no proof. The call of `read` below accepts any step.
        let step = |kind, machine| secret::new_step(kind, machine, [0; 16], 0);
        let mut link = Link::new(0, Some(1), Purpose::OneMessage, (stream, 0), None);
        link.send_step(&step(StepKind::Message, 0))
            .expect("written");
        let message = Frame::Message {
            stamp: 1,
            sent_tick: 0,
            delay_ns: 0,
            sent_at_ns: 0,
            timestamp: None,
        };
        link.send(&message).expect("written");
        link.flush().expect("written");
        assert!(!link.can_close_after_message());
        let mut received = [0; STEP_BYTES + FRAME_BYTES];
        recipient
            .read_exact(&mut received)
            .expect("step and message");
        recipient
            .write_all(&step(StepKind::Receipt, 1).encode())
            .expect("written");
        drop(recipient);
        for _ in 0..PATIENCE {
            link.read(&mut [0; 100], true, |link, _| {
                link.set_proven();
                Ok(())
            })
            .expect("no failure");
            if link.can_close_after_message() && link.is_closed {
                return;
            }
            yield_now();
        }
        panic!("no receipt after {PATIENCE} tries");
    }
}
