//! One end of one connection: a handshake each way, then frames. Never blocks.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

use crate::machine::MachineIndex;
use crate::wire::{Chunks, FRAME_BYTES, Frame, HELLO_BYTES, Hello, Nonce};

/// Bytes of a nonce and a time.
pub(super) const CHALLENGE_BYTES: usize = 24;

/// What the other end said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heard {
    Hello(Hello),
    Frame(Frame),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It stands as long as the run: all that two machines say to each other, or all but their messages.
    Standing {
        /// Whether messages come over connections of their own.
        messages_apart: bool,
    },
    /// One message.
    OneMessage,
}

/// How a connection is closed after the last frame of the other end has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// By a reset, so that thousands of runs leave no ports in TIME_WAIT. For connections where both ends are known to have received
    /// everything.
    ByReset,
    /// In good order: what was written still gets there.
    Orderly,
}

/// What two machines said before they knew each other: the listener's nonce and its clock, and the dialler's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) challenge: (Nonce, u64),
    pub(super) dial: (Nonce, u64),
}

impl Session {
    /// As bytes: first the challenge, then the dialler's part.
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
    /// Readies `stream` for it, and for small messages without delay.
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
    /// The machine whose end it is.
    pub(super) owner: MachineIndex,
    /// The machine at the other end; unknown until an accepted connection has said so.
    pub(super) peer: Option<MachineIndex>,
    /// The handle by which the reactor knows it.
    pub(super) handle: usize,
    pub(super) stream: TcpStream,
    pub(super) purpose: Purpose,
    /// What was said before the peer was known.
    pub(super) session: Session,
    /// The number of the one message that it carries.
    pub(super) number: Nonce,
    greeted: bool,
    hello: Chunks<HELLO_BYTES>,
    frames: Chunks<FRAME_BYTES>,
    outbox: Vec<u8>,
    messages_sent: u64,
    messages_heard: u64,
    /// How many messages the other end says it sent, once it has said its last.
    announced: Option<u64>,
    ended: bool,
    /// The other end has closed.
    closed: bool,
}

impl Link {
    pub(super) fn new(
        owner: MachineIndex,
        peer: Option<MachineIndex>,
        purpose: Purpose,
        stream: TcpStream,
        handle: usize,
    ) -> Self {
        Self {
            owner,
            peer,
            handle,
            stream,
            purpose,
            session: Session::default(),
            number: Nonce::default(),
            greeted: false,
            hello: Chunks::default(),
            frames: Chunks::default(),
            outbox: vec![],
            messages_sent: 0,
            messages_heard: 0,
            announced: None,
            ended: false,
            closed: false,
        }
    }

    pub(super) fn say_hello(&mut self, hello: &Hello) -> io::Result<()> {
        self.write(&hello.encode())
    }

    pub(super) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.messages_sent += u64::from(matches!(frame, Frame::Message { .. }));
        self.write(&frame.encode())
    }

    /// Says that nothing more will be sent.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let messages = self.messages_sent;
        self.write(&Frame::End { messages }.encode())
    }

    /// Counts a message sent over a connection of its own.
    pub(super) fn count_sent_apart(&mut self) {
        self.messages_sent += 1;
    }

    /// Counts a message that came over a connection of its own. Returns whether it was the last.
    pub(super) fn count_heard_apart(&mut self) -> Result<bool, String> {
        self.messages_heard += 1;
        self.check_end()?;
        Ok(self.ended)
    }

    /// Confirms the one message that this connection was for.
    pub(super) fn receipt(&mut self, hello: &Hello) -> io::Result<()> {
        self.ended = true;
        self.say_hello(hello)
    }

    /// Whether it is the sender's end of a connection for one message.
    pub(super) fn is_senders(&self) -> bool {
        self.purpose == Purpose::OneMessage && self.messages_sent > 0
    }

    /// Whether it was for one message, and is of no use any more: the sender has the receipt, and has closed.
    pub(super) fn has_done_its_errand(&self) -> bool {
        self.purpose == Purpose::OneMessage
            && if self.is_senders() {
                self.greeted
            } else {
                self.closed
            }
    }

    /// Whether the other end has said its last, and all of it was heard.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The other end has proved to be the peer's.
    pub(super) fn greeted(&mut self) {
        self.greeted = true;
        // A receipt is the recipient's last word: it may close at once.
        self.ended |= self.is_senders();
    }

    /// Messages sent to the peer, those over connections of their own too.
    pub(super) fn messages_sent(&self) -> u64 {
        self.messages_sent
    }

    /// Whether the other end is known to be the peer's.
    pub(super) fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Writes at once what the connection takes, and keeps the rest for [`Link::flush`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.outbox.is_empty() {
            self.outbox.extend_from_slice(bytes);
            return Ok(());
        }
        let written = write_some(&mut self.stream, bytes)?;
        self.outbox.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Goes on writing what was kept.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.outbox.is_empty() {
            let written = write_some(&mut self.stream, &self.outbox)?;
            self.outbox.drain(..written);
        }
        Ok(())
    }

    /// Reads all there is, and hands each hello and frame to `hear`. `to_the_end`: the other end has closed.
    ///
    /// # Errors
    ///
    /// Why the connection is of no use any more: it broke, ended early, or `hear` refused what came.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        to_the_end: bool,
        mut hear: impl FnMut(&mut Self, Heard) -> Result<(), String>,
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
            self.decode(&scratch[..length], &mut hear)?;
            if length < scratch.len() && !to_the_end {
                return Ok(());
            }
        }
    }

    fn decode(
        &mut self,
        mut bytes: &[u8],
        hear: &mut impl FnMut(&mut Self, Heard) -> Result<(), String>,
    ) -> Result<(), String> {
        while !self.greeted {
            let Some(hello) = self.hello.take(&mut bytes) else {
                return Ok(());
            };
            let hello = Hello::decode(&hello).map_err(|error| error.to_string())?;
            hear(self, Heard::Hello(hello))?;
        }
        while let Some(frame) = self.frames.take(&mut bytes) {
            let frame = Frame::decode(&frame).map_err(|error| error.to_string())?;
            self.account(&frame)?;
            hear(self, Heard::Frame(frame))?;
        }
        Ok(())
    }

    /// Messages are counted at both ends: none may be lost, none may follow the last.
    fn account(&mut self, frame: &Frame) -> Result<(), String> {
        match *frame {
            _ if self.ended || self.announced.is_some() => Err("went on after its end".to_owned()),
            Frame::Message { .. } => {
                self.messages_heard += 1;
                Ok(())
            }
            Frame::End { messages } => {
                self.announced = Some(messages);
                self.check_end()
            }
            Frame::Ready | Frame::Start { .. } => Ok(()),
        }
    }

    /// Whether all came that the other end says it sent. Messages apart may come after its last word.
    fn check_end(&mut self) -> Result<(), String> {
        let Some(messages) = self.announced else {
            return Ok(());
        };
        let more_may_come = Purpose::Standing {
            messages_apart: true,
        } == self.purpose;
        self.ended = self.messages_heard == messages;
        if self.ended || (more_may_come && self.messages_heard < messages) {
            return Ok(());
        }
        Err(format!(
            "lost messages: {} of {messages} came",
            self.messages_heard
        ))
    }

    /// Turns the other end away.
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
            // Not connected: the connection is still being made; it will be reported writable.
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
    use crate::wire::HelloKind;
    use std::net::TcpListener;
    use std::thread::yield_now;

    /// Tries before a test gives up: far more than any machine needs.
    const PATIENCE: usize = 1_000_000;

    /// The recipient's process may end with its receipt.
    #[test]
    fn a_receipt_counts_though_the_recipient_has_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).expect("a connection");
        let (mut recipient, _) = listener.accept().expect("a connection");
        let hello = |kind, machine| secret::step(kind, machine, [0; 16], 0);
        let mut link = Link::new(0, Some(1), Purpose::OneMessage, stream, 0);
        link.say_hello(&hello(HelloKind::Message, 0))
            .expect("written");
        let message = Frame::Message {
            stamp: 1,
            sent_tick: 0,
            delay_ns: 0,
            sent_at_ns: 0,
        };
        link.send(&message).expect("written");
        link.flush().expect("written");
        assert!(!link.has_done_its_errand());
        let mut said = [0; HELLO_BYTES + FRAME_BYTES];
        recipient.read_exact(&mut said).expect("hello and message");
        recipient
            .write_all(&hello(HelloKind::Receipt, 1).encode())
            .expect("written");
        drop(recipient);
        for _ in 0..PATIENCE {
            link.read(&mut [0; 100], true, |link, _| {
                link.greeted();
                Ok(())
            })
            .expect("no failure");
            if link.has_done_its_errand() && link.closed {
                return;
            }
            yield_now();
        }
        panic!("given up after {PATIENCE} looks");
    }
}
