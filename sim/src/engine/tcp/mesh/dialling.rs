//! Opens connections to other machines. Of two machines, the one with the higher index opens the connection (it *dials*).

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use super::Mesh;
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::link::{Closing, Link, Purpose};
use crate::engine::tcp::reactor::{Reactor, Route, SocketId};
use crate::machine::MachineIndex;

/// Number of connections that are opened in one step.
const DIALS_PER_STEP: usize = 2;
/// How long to wait before dialling again if a peer does not listen yet.
const DIAL_AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Mesh {
    /// Does one step of the set-up: opens up to [`DIALS_PER_STEP`] connections. Returns whether there may be more connections to open.
    ///
    /// # Errors
    ///
    /// Fails if a connection within this process cannot be opened. A connection to another process is tried again later.
    pub(in crate::engine::tcp) fn dial(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        if self
            .dial_again_at
            .is_some_and(|again| Instant::now() < again)
        {
            return Ok(true);
        }
        self.dial_again_at = None;
        for _ in 0..DIALS_PER_STEP {
            let Some((dialler, peer)) = self.pairs_to_dial.pop() else {
                return Ok(false);
            };
            let persistent = self.persistent_purpose();
            let address = self.address_to_dial(peer);
            let dialled = self
                .connect(address, reactor)
                .and_then(|stream| self.add(dialler, Some(peer), persistent, stream, reactor));
            let problem = match dialled {
                // `open` begins the handshake.
                Ok(index) => self.open(index, peer).err(),
                Err(error) => {
                    self.pairs_to_dial.push((dialler, peer));
                    Some(error)
                }
            };
            match problem {
                // All machines are in this process, so the peer is listening already. Dialling again would not help.
                Some(error) if self.has_all_machines() => {
                    return Err(format!(
                        "machine {dialler} cannot connect to machine {peer}: {error}"
                    ));
                }
                // The peer is in another process, which may start later. So the pair is dialled again later. It is in `pairs_to_dial`
                // already: `connect` or `add` has failed, so the code above has put the pair back. (`open` has not failed: it sends nothing
                // to another process.)
                Some(_) => {
                    self.failed_dials += 1;
                    self.dial_again_at = Some(Instant::now() + DIAL_AGAIN_AFTER);
                    return Ok(true);
                }
                None => {}
            }
        }
        Ok(true)
    }

    /// Opens a connection to `address`. This can fail because the system allows no more open files, or because another resource is short.
    /// Then all silent connections of this run are closed: those that were accepted, but whose other side has not proved yet which machine
    /// it is. If there were any, this function tries once more.
    pub(super) fn connect(
        &mut self,
        address: SocketAddr,
        reactor: &mut Reactor,
    ) -> io::Result<TcpStream> {
        TcpStream::connect(address).or_else(|error| {
            if is_shortage(&error) && self.close_all_silent(reactor) {
                TcpStream::connect(address)
            } else {
                Err(error)
            }
        })
    }

    /// Returns the purpose of the persistent connections, which stay open for the whole run.
    pub(super) fn persistent_purpose(&self) -> Purpose {
        Purpose::Persistent {
            message_has_own_connection: self.wiring.is_per_message(),
        }
    }

    /// Adds a connection that was opened or accepted by `owner`, and watches its socket. Returns its position in `links`. When a connection
    /// is accepted, its peer and its purpose are not known yet. So `peer` is `None`, and `purpose` is that of persistent connections. The
    /// link gets its true peer and purpose when the other side has proved which machine it is.
    pub(super) fn add(
        &mut self,
        owner: MachineIndex,
        peer: Option<MachineIndex>,
        purpose: Purpose,
        mut stream: TcpStream,
        reactor: &mut Reactor,
    ) -> io::Result<usize> {
        // A free position in `links`, or a new one at the end.
        let index = self.vacant.last().copied().unwrap_or(self.links.len());
        let route = Route {
            slot: self.slot,
            socket: SocketId::Link(index),
        };
        let handle = reactor.watch(&mut stream, route)?;
        // Only the sender passes `OneMessage`. The recipient accepts the connection, so it passes the purpose of persistent connections.
        let is_senders_side = purpose == Purpose::OneMessage;
        // If a connection is closed by a reset, its port can be used again at once, but bytes that have not been read are lost. So a
        // reset is used only if this process knows that both sides have received everything. It knows this in two cases: if it has both
        // sides, or if it has the sender's side of a connection for one message. The sender closes such a connection only when the
        // recipient has confirmed the message.
        let closing = if self.has_all_machines() || is_senders_side {
            Closing::ByReset
        } else {
            Closing::Orderly
        };
        if let Err(error) = closing.prepare(&stream) {
            reactor.unwatch(&mut stream, handle);
            return Err(error);
        }
        let link = Link::new(
            owner,
            peer,
            purpose,
            (stream, handle),
            self.wiring.timestamps(),
        );
        // Nothing can fail any more, so `index` is removed from `vacant` now. (If `vacant` is empty, this changes nothing.)
        self.vacant.pop();
        match self.links.get_mut(index) {
            Some(vacant) => *vacant = Some(link),
            None => self.links.push(Some(link)),
        }
        // `side_indices` lists only persistent connections. An accepted connection is entered later, when its peer is known.
        if let (Some(peer), Purpose::Persistent { .. }) = (peer, purpose) {
            let position = self.side_position(owner, peer);
            self.side_indices[position] = Some(index);
        }
        Ok(index)
    }

    /// Closes a connection that could not be set up, and plans to dial it again: the other process may start later than this one.
    pub(super) fn dial_later(
        &mut self,
        index: usize,
        mut link: Link,
        peer: MachineIndex,
        reactor: &mut Reactor,
    ) {
        let position = self.side_position(link.owner, peer);
        self.side_indices[position] = None;
        if link.is_proven() {
            // The other side has proved itself and closed the connection, both in the bytes that were just read.
            self.proven_sides -= 1;
        }
        self.vacant.push(index);
        self.pairs_to_dial.push((link.owner, peer));
        self.failed_dials += 1;
        self.dial_again_at = Some(Instant::now() + DIAL_AGAIN_AFTER);
        reactor.unwatch(&mut link.stream, link.handle);
        // The connection closes here, where `link` is dropped.
    }

    /// Returns the address of `peer` to try now for a persistent connection. If `peer` has several addresses, they are tried in turn, again
    /// and again. After each failed dial, the next address is tried, even if the failed dial was to another machine.
    fn address_to_dial(&self, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        addresses[self.failed_dials % addresses.len()]
    }

    /// Returns the address at which `peer` listens. If several addresses were given for `peer`, perhaps only one of them works. So the
    /// result is the one that the persistent connection between `owner` and `peer` uses.
    pub(super) fn address(&self, owner: MachineIndex, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        if addresses.len() == 1 {
            return addresses[0];
        }
        let index = self.link_index(owner, peer);
        let persistent = index.and_then(|index| self.links[index].as_ref());
        let connected_to = persistent.and_then(|link| link.stream.peer_addr().ok());
        // Ports are not compared: if `peer` opened the connection, its port there is not the port at which it listens.
        let is_connected = |address: &&SocketAddr| {
            connected_to.is_some_and(|connected| connected.ip() == address.ip())
        };
        addresses
            .iter()
            .find(is_connected)
            .copied()
            .unwrap_or(addresses[0])
    }
}
