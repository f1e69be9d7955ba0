//! Connections that carry one message each, in addition to the persistent connections.
//!
//! The sender connects, sends its part of the handshake, and sends the message. When the recipient has the message, it sends its
//! part of the handshake, which also is the receipt. Then the sender closes the connection by a reset: after an orderly close, its port
//! would stay in use for some time.
//!
//! After its last tick, each machine sends an end frame over each persistent connection. The end frame says how many messages the machine
//! has sent to the machine at the other side. The run ends when all these messages have arrived and their receipts too.

use super::Mesh;
use crate::engine::tcp::link::{Link, Purpose, Session};
use crate::engine::tcp::reactor::Reactor;
use crate::engine::tcp::secret::{new_step, number_as_nonce};
use crate::machine::MachineIndex;
use crate::wire::{Frame, HandshakeStep, StepKind};

impl Mesh {
    /// Sends a message from `owner` to `peer`, over their persistent connection or over a new one.
    pub(in super::super) fn send_message(
        &mut self,
        owner: MachineIndex,
        peer: MachineIndex,
        message: &Frame,
        reactor: &mut Reactor,
    ) -> Result<(), String> {
        if !self.wiring().is_per_message() {
            return self.send(owner, peer, message);
        }
        // These first values are never used: the closure below replaces both.
        let (mut session, mut number) = (Session::default(), 0);
        // The persistent connection counts this message too. The new count is the message's number.
        self.with_link(owner, peer, |persistent| {
            persistent.count_sent_on_separate_connection();
            (session, number) = (persistent.session, persistent.messages_sent());
            Ok(())
        })?;
        // `step` is the sender's part of the handshake. It contains the message's number and a proof that the sender knows the run's
        // secret. The proof is a hash that depends on the secret, on the other fields of `step`, and on the persistent connection's
        // session (the nonces and times of its handshake). The last argument of `new_step` is a system time. It is 0
        // here, because system times are compared only in the handshake of the persistent connection.
        let step = new_step(StepKind::Message, owner, number_as_nonce(number), 0);
        let step = self.secret.signed(step, peer, &session.bytes());
        let address = self.address(owner, peer);
        let connected = self
            .connect(address, reactor)
            .and_then(|stream| self.add(owner, Some(peer), Purpose::OneMessage, stream, reactor));
        let sent = connected.and_then(|index| {
            self.unconfirmed_messages += 1;
            match &mut self.links[index] {
                Some(link) => {
                    link.session = session;
                    link.message_number = number_as_nonce(number);
                    link.send_step(&step)?;
                    link.send(message)
                }
                // Not possible: the connection was just added.
                None => Ok(()),
            }
        });
        sent.map_err(|error| {
            format!("machine {owner} has no connection for a message to machine {peer}: {error}")
        })
    }

    /// Handles `step`, which has arrived over the new connection `link`. With `step`, a machine announces a message to the owner of
    /// `link`. Checks the proof in `step`. The sender must have made this proof with the session of the persistent connection between
    /// the two machines.
    ///
    /// Here and in the next function, the text of an error is the end of a sentence that begins with "machine 1's connection to machine 0".
    pub(super) fn handle_message_step(
        &self,
        link: &mut Link,
        step: &HandshakeStep,
    ) -> Result<(), String> {
        let (owner, sender) = (link.owner, step.machine);
        let may_send = self.wiring().is_per_message() && self.wiring().may_send(sender, owner);
        let index = may_send.then(|| self.link_index(owner, sender)).flatten();
        let persistent = index.and_then(|index| self.links[index].as_ref());
        let persistent =
            persistent.ok_or("does not come from a machine that may send messages here")?;
        self.check(step, owner, &persistent.session.bytes())?;
        link.session = persistent.session;
        // `step` has the number of the message in the place of a nonce.
        link.message_number = step.nonce;
        link.peer = Some(sender);
        link.purpose = Purpose::OneMessage;
        link.set_proven();
        Ok(())
    }

    /// Handles `frame`, which has arrived over `link`, a connection for one message from `peer`. Sends the receipt. Returns whether
    /// everything from `peer` has now arrived: all its messages, and its end frame over the persistent connection.
    pub(super) fn receive_on_separate_connection(
        &mut self,
        link: &mut Link,
        peer: MachineIndex,
        frame: &Frame,
    ) -> Result<bool, String> {
        if !matches!(frame, Frame::Message { .. }) {
            return Err("carried something other than a message".to_owned());
        }
        let index = self.link_index(link.owner, peer);
        let persistent = index.and_then(|index| self.links[index].as_mut());
        let persistent = persistent
            .ok_or("carried a message, but the two machines have no persistent connection")?;
        let is_last = persistent.count_received_on_separate_connection()?;
        let receipt = new_step(StepKind::Receipt, link.owner, link.message_number, 0);
        let receipt = self.secret.signed(receipt, peer, &link.session.bytes());
        link.send_receipt(&receipt)
            .map_err(|error| format!("broke ({error})"))?;
        Ok(is_last)
    }

    /// Puts `link` back into the list of links, at its `index`. (A link is taken out of the list while it is handled.) But if `link` is a
    /// connection for one message and is finished, closes the connection instead.
    pub(super) fn put_back(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        if !link.can_close_after_message() {
            self.links[index] = Some(link);
            return;
        }
        if link.is_senders_side() {
            self.unconfirmed_messages -= 1;
        }
        self.vacant.push(index);
        reactor.unwatch(&mut link.stream, link.handle);
        // `link` is dropped here, which closes the connection.
    }

    /// Returns the sender and the recipient of a message that the recipient has not confirmed yet, if there is one.
    pub(super) fn find_unconfirmed(&self) -> Option<(MachineIndex, MachineIndex)> {
        // The connection of a confirmed message is not in `self.links` any more: `put_back` has closed it.
        let mut links = self.links.iter().flatten();
        let link =
            links.find(|link| link.purpose == Purpose::OneMessage && link.is_senders_side())?;
        Some((link.owner, link.peer?))
    }
}
