//! One end of a connection. It first carries a handshake in each direction, and then frames. Reading and writing never block.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

use crate::clock::TimestampFormat;
use crate::machine::MachineIndex;
use crate::wire::{Chunks, Frame, Frames, HELLO_BYTES, Hello, Nonce};

/// Number of bytes of a nonce and a time.
pub(super) const CHALLENGE_BYTES: usize = 24;

/// What the other end sent.
#[derive(Clone, Debug)]
pub(super) enum Incoming {
    Hello(Hello),
    Frame(Frame),
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The connection stays open for the whole run. It carries all frames of two machines, or all frames except messages.
    Persistent {
        /// Whether each message has its own connection.
        message_has_own_connection: bool,
    },
    /// The connection carries one message.
    OneMessage,
}

/// How a connection is closed after the last frame of the other end has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// With a reset, so that thousands of runs leave no ports in TIME_WAIT. Used if both ends have received everything.
    ByReset,
    /// In good order: the bytes that were written still arrive.
    Orderly,
}

/// The first bytes of both ends: nonce and clock of the machine that listens, and nonce and clock of the machine that connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) challenge: (Nonce, u64),
    pub(super) dial: (Nonce, u64),
}

impl Session {
    /// Returns the session as bytes: first those of the machine that listens (the challenge), then those of the machine that
    /// connects.
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
    /// Prepares `stream`, so that small messages are sent without delay, and that it is closed in this way.
    pub(super) fn prepare(self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(true)?;
        match self {
            Self::ByReset => socket.set_linger(Some(Duration::ZERO)),
            Self::Orderly => Ok(()),
        }
    }
}

/// One end of a connection.
pub(super) struct Link {
    /// The machine at this end.
    pub(super) owner: MachineIndex,
    /// The machine at the other end. For an accepted connection it is unknown until the other end has named itself.
    pub(super) peer: Option<MachineIndex>,
    /// The handle of the socket in the reactor.
    pub(super) handle: usize,
    pub(super) stream: TcpStream,
    pub(super) purpose: Purpose,
    /// The bytes that were sent before the peer was known.
    pub(super) session: Session,
    /// If the connection is for one message: the number of this message.
    pub(super) number: Nonce,
    proven: bool,
    hello: Chunks<HELLO_BYTES>,
    frames: Frames,
    outbox: Vec<u8>,
    messages_sent: u64,
    messages_received: u64,
    /// Number of messages that the other end reported in its end frame.
    announced: Option<u64>,
    ended: bool,
    /// Whether the other end has closed.
    closed: bool,
}

impl Link {
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
            number: Nonce::default(),
            proven: false,
            hello: Chunks::default(),
            frames: Frames::new(timestamps),
            outbox: vec![],
            messages_sent: 0,
            messages_received: 0,
            announced: None,
            ended: false,
            closed: false,
        }
    }

    pub(super) fn send_hello(&mut self, hello: &Hello) -> io::Result<()> {
        self.write(&hello.encode())
    }

    pub(super) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.messages_sent += u64::from(matches!(frame, Frame::Message { .. }));
        self.write(&frame.encode())
    }

    /// Sends the end frame: nothing more will be sent.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let messages = self.messages_sent;
        self.write(&Frame::End { messages }.encode())
    }

    /// Counts a message that was sent over its own connection.
    pub(super) fn count_sent_on_own_connection(&mut self) {
        self.messages_sent += 1;
    }

    /// Counts a message that arrived over its own connection. Returns whether it was the last.
    pub(super) fn count_received_on_own_connection(&mut self) -> Result<bool, String> {
        self.messages_received += 1;
        self.check_end()?;
        Ok(self.ended)
    }

    /// Confirms the message for which this connection was opened.
    pub(super) fn send_receipt(&mut self, hello: &Hello) -> io::Result<()> {
        self.ended = true;
        self.send_hello(hello)
    }

    /// Returns whether this is the sender's end of a connection for one message.
    pub(super) fn is_senders_end(&self) -> bool {
        self.purpose == Purpose::OneMessage && self.messages_sent > 0
    }

    /// Returns whether this connection was for one message and is finished. It is finished for the sender when the receipt has arrived,
    /// and for the recipient when the sender has closed.
    pub(super) fn is_finished_message(&self) -> bool {
        self.purpose == Purpose::OneMessage
            && if self.is_senders_end() {
                self.proven
            } else {
                self.closed
            }
    }

    /// Returns whether the other end has sent its end frame and all its messages have arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes that the other end has proved that it is the peer.
    pub(super) fn set_proven(&mut self) {
        self.proven = true;
        // A receipt is the last thing that the recipient sends. After it, the connection may be closed at once.
        self.ended |= self.is_senders_end();
    }

    /// Returns the number of messages sent to the peer, including those over their own connections.
    pub(super) fn messages_sent(&self) -> u64 {
        self.messages_sent
    }

    /// Returns whether the other end has proved that it is the peer.
    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Writes as many bytes as the connection accepts now. [`Link::flush`] writes the rest.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.outbox.is_empty() {
            self.outbox.extend_from_slice(bytes);
            return Ok(());
        }
        let written = write_some(&mut self.stream, bytes)?;
        self.outbox.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Writes more of the bytes that could not be written before.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.outbox.is_empty() {
            let written = write_some(&mut self.stream, &self.outbox)?;
            self.outbox.drain(..written);
        }
        Ok(())
    }

    /// Reads all bytes that have arrived, and passes each hello and frame to `handle`. If `to_the_end` is true, the other end has
    /// closed, so everything is read.
    ///
    /// # Errors
    ///
    /// Returns why the connection cannot be used any more: it broke, it ended early, or `handle` refused a frame.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        to_the_end: bool,
        mut handle: impl FnMut(&mut Self, Incoming) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let length = match self.stream.read(scratch) {
                Ok(0) if self.ended => {
                    self.closed = true;
                    return Ok(());
                }
                Ok(0) if self.frames.is_partial() => {
                    return Err("was closed in the middle of a frame".to_owned());
                }
                Ok(0) => return Err("was closed early".to_owned()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) if self.ended => {
                    self.closed = true;
                    return Ok(());
                }
                Err(error) => return Err(format!("broke ({error})")),
            };
            self.decode(&scratch[..length], &mut handle)?;
            if length < scratch.len() && !to_the_end {
                return Ok(());
            }
        }
    }

    fn decode(
        &mut self,
        mut bytes: &[u8],
        handle: &mut impl FnMut(&mut Self, Incoming) -> Result<(), String>,
    ) -> Result<(), String> {
        while !self.proven {
            let Some(hello) = self.hello.take(&mut bytes) else {
                return Ok(());
            };
            let hello = Hello::decode(&hello).map_err(|error| error.to_string())?;
            handle(self, Incoming::Hello(hello))?;
        }
        while let Some(frame) = self.frames.take(&mut bytes) {
            let frame = frame.map_err(|error| error.to_string())?;
            self.count_message(&frame)?;
            handle(self, Incoming::Frame(frame))?;
        }
        Ok(())
    }

    /// Counts the messages that arrive. No message may follow the end frame.
    fn count_message(&mut self, frame: &Frame) -> Result<(), String> {
        match frame {
            _ if self.ended || self.announced.is_some() => {
                Err("sent more after its end frame".to_owned())
            }
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

    /// Checks that all messages that the other end reported have arrived. Messages over their own connections may arrive after its
    /// end frame.
    fn check_end(&mut self) -> Result<(), String> {
        let Some(messages) = self.announced else {
            return Ok(());
        };
        let more_may_come = Purpose::Persistent {
            message_has_own_connection: true,
        } == self.purpose;
        self.ended = self.messages_received == messages;
        if self.ended || (more_may_come && self.messages_received < messages) {
            return Ok(());
        }
        Err(format!(
            "lost messages: {} of {messages} arrived",
            self.messages_received
        ))
    }

    /// Refuses the other end.
    pub(super) fn refuse(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            // The connection is still being opened. The reactor will report it as writable.
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
    use crate::wire::{FRAME_BYTES, HelloKind};
    use std::net::TcpListener;
    use std::thread::yield_now;

    /// Number of tries before a test fails: far more than are needed.
    const PATIENCE: usize = 1_000_000;

    /// The recipient's process may end right after its receipt.
    #[test]
    fn a_receipt_counts_even_if_the_recipient_has_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).expect("a connection");
        let (mut recipient, _) = listener.accept().expect("a connection");
        let hello = |kind, machine| secret::new_step(kind, machine, [0; 16], 0);
        let mut link = Link::new(0, Some(1), Purpose::OneMessage, (stream, 0), None);
        link.send_hello(&hello(HelloKind::Message, 0))
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
        assert!(!link.is_finished_message());
        let mut said = [0; HELLO_BYTES + FRAME_BYTES];
        recipient.read_exact(&mut said).expect("hello and message");
        recipient
            .write_all(&hello(HelloKind::Receipt, 1).encode())
            .expect("written");
        drop(recipient);
        for _ in 0..PATIENCE {
            link.read(&mut [0; 100], true, |link, _| {
                link.set_proven();
                Ok(())
            })
            .expect("no failure");
            if link.is_finished_message() && link.closed {
                return;
            }
            yield_now();
        }
        panic!("no receipt after {PATIENCE} tries");
    }
}
