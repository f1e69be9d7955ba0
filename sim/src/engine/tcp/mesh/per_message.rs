//! Connections that carry one message each, in addition to the persistent connections.
//!
//! The sender connects, sends its part of the handshake, and sends the message. When the recipient has the message, it sends its
//! part of the handshake as a receipt. Then the sender closes the connection by a reset, so that no port stays in use.
//!
//! After its last tick, each machine says over each persistent connection how many messages it has sent to the machine at the other side.
//! The run ends when all these messages have arrived and their receipts too.

use super::Mesh;
use crate::engine::tcp::link::{Link, Purpose, Session};
use crate::engine::tcp::reactor::Reactor;
use crate::engine::tcp::secret::{new_step, number_as_nonce};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello, HelloKind};

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
        // The first step of the new connection's handshake contains the message's number. It has a proof that the sender knows the run's
        // secret. The proof covers this step and the session (nonces and times) of the persistent connection.
        let (mut session, mut number) = (Session::default(), 0);
        self.with_link(owner, peer, |persistent| {
            persistent.count_sent_on_separate_connection();
            (session, number) = (persistent.session, persistent.messages_sent());
            Ok(())
        })?;
        let hello = new_step(HelloKind::Message, owner, number_as_nonce(number), 0);
        let hello = self.secret.signed(hello, peer, &session.bytes());
        let address = self.address(owner, peer);
        let connected = self
            .connect(address, reactor)
            .and_then(|stream| self.add(owner, Some(peer), Purpose::OneMessage, stream, reactor));
        let sent = connected.and_then(|index| {
            self.unconfirmed_messages += 1;
            match &mut self.links[index] {
                Some(link) => {
                    link.session = session;
                    link.send_hello(&hello)?;
                    link.send(message)
                }
                None => Ok(()),
            }
        });
        sent.map_err(|error| {
            format!("machine {owner} has no connection for a message to machine {peer}: {error}")
        })
    }

    /// Handles `hello`, the first step of the handshake over `link`, by which a machine announces a message to the owner of `link`. Its
    /// proof covers the session of the persistent connection between the two machines.
    pub(super) fn handle_message_hello(
        &self,
        link: &mut Link,
        hello: &Hello,
    ) -> Result<(), String> {
        let (owner, sender) = (link.owner, hello.machine);
        let may_send = self.wiring().is_per_message() && self.wiring().may_send(sender, owner);
        let index = may_send.then(|| self.link_index(owner, sender)).flatten();
        let persistent = index.and_then(|index| self.links[index].as_ref());
        let persistent =
            persistent.ok_or("does not come from a machine that may send messages here")?;
        self.check(hello, owner, &persistent.session.bytes())?;
        link.session = persistent.session;
        // In this step, the number of the message takes the place of a nonce.
        link.number = hello.nonce;
        link.peer = Some(sender);
        link.purpose = Purpose::OneMessage;
        link.set_proven();
        Ok(())
    }

    /// Handles `frame`, which has arrived over `link`, a connection for one message from `peer`. Sends the receipt. Returns whether
    /// everything from `peer` has now arrived: its end frame, and as many messages as the end frame announced.
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
        let receipt = new_step(HelloKind::Receipt, link.owner, link.number, 0);
        let receipt = self.secret.signed(receipt, peer, &link.session.bytes());
        link.send_receipt(&receipt)
            .map_err(|error| format!("broke ({error})"))?;
        Ok(is_last)
    }

    /// Puts `link` back at its `index` after it was handled. But if the link was for one message and is finished, closes it.
    pub(super) fn put_back(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        if !link.is_finished_message() {
            self.links[index] = Some(link);
            return;
        }
        if link.is_senders_side() {
            self.unconfirmed_messages -= 1;
        }
        self.vacant.push(index);
        reactor.unwatch(&mut link.stream, link.handle);
    }

    /// Returns the sender and the recipient of a message that the recipient has not confirmed yet, if there is one.
    pub(super) fn find_unconfirmed(&self) -> Option<(MachineIndex, MachineIndex)> {
        let mut links = self.links.iter().flatten();
        let link =
            links.find(|link| link.purpose == Purpose::OneMessage && link.is_senders_side())?;
        Some((link.owner, link.peer?))
    }
}
