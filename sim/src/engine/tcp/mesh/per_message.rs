//! Connections that carry one message each, beside those that stand.
//!
//! The sender connects, says hello and sends the message. The recipient answers once it has the message: its half of the
//! handshake is the receipt. Then nothing is under way any more, so the sender closes by a reset, and no port is left waiting.
//! How many messages there were is said over the connection that stands: a run ends when all have come.

use super::Mesh;
use crate::engine::tcp::link::{Link, Purpose, Session};
use crate::engine::tcp::reactor::Reactor;
use crate::engine::tcp::secret::{numbered, step};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello, HelloKind};

impl Mesh {
    /// Sends a message from `owner` to `peer`: over their connection, or over one of its own.
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
        let (mut session, mut number) = (Session::default(), 0);
        self.with_link(owner, peer, |standing| {
            standing.count_sent_apart();
            (session, number) = (standing.session, standing.messages_sent());
            Ok(())
        })?;
        let hello = step(HelloKind::Message, owner, numbered(number), 0);
        let hello = self.secret.signed(hello, peer, &session.bytes());
        let address = self.address(owner, peer);
        let connected = self
            .connect(address, reactor)
            .and_then(|stream| self.add(owner, Some(peer), Purpose::OneMessage, stream, reactor));
        let sent = connected.and_then(|index| {
            self.under_way += 1;
            match &mut self.links[index] {
                Some(link) => {
                    link.session = session;
                    link.say_hello(&hello)?;
                    link.send(message)
                }
                None => Ok(()),
            }
        });
        sent.map_err(|error| {
            format!("machine {owner} has no connection for a message to machine {peer}: {error}")
        })
    }

    /// Who says `hello` is about to bring `link`'s owner a message, as it proves by what the two said over the connection that
    /// stands between them.
    pub(super) fn greet_messenger(&self, link: &mut Link, hello: &Hello) -> Result<(), String> {
        let (owner, sender) = (link.owner, hello.machine);
        let expected = self.wiring().is_per_message() && self.wiring().carries(sender, owner);
        let index = expected.then(|| self.end_place(owner, sender)).flatten();
        let standing = index.and_then(|index| self.links[index].as_ref());
        let standing = standing.ok_or("is of no machine that should bring a message")?;
        self.check(hello, owner, &standing.session.bytes())?;
        link.session = standing.session;
        link.number = hello.nonce;
        link.peer = Some(sender);
        link.purpose = Purpose::OneMessage;
        link.greeted();
        Ok(())
    }

    /// `link`, which carries one message from `peer`, brings `frame`. Returns whether that was the last that `peer` sent.
    pub(super) fn receive_apart(
        &mut self,
        link: &mut Link,
        peer: MachineIndex,
        frame: &Frame,
    ) -> Result<bool, String> {
        if !matches!(frame, Frame::Message { .. }) {
            return Err("brought something else than a message".to_owned());
        }
        let index = self.end_place(link.owner, peer);
        let standing = index.and_then(|index| self.links[index].as_mut());
        let standing = standing.ok_or("stands beside no other")?;
        let is_last = standing.count_heard_apart()?;
        let receipt = step(HelloKind::Receipt, link.owner, link.number, 0);
        let receipt = self.secret.signed(receipt, peer, &link.session.bytes());
        link.receipt(&receipt)
            .map_err(|error| format!("broke ({error})"))?;
        Ok(is_last)
    }

    /// Puts a link back to its place, or closes it if its per_message is done.
    pub(super) fn put_back(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        if !link.has_done_its_errand() {
            self.links[index] = Some(link);
            return;
        }
        self.under_way -= usize::from(link.is_senders());
        self.vacant.push(index);
        reactor.forget(&mut link.stream, link.handle);
    }

    /// A message that its recipient has not confirmed: from whom to whom.
    pub(super) fn unconfirmed(&self) -> Option<(MachineIndex, MachineIndex)> {
        let mut links = self.links.iter().flatten();
        let link = links.find(|link| link.purpose == Purpose::OneMessage && link.is_senders())?;
        Some((link.owner, link.peer?))
    }
}
