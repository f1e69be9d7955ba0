//! The connections between a run's machines (the *mesh*): one for each pair of machines that may exchange messages. If this
//! process runs all machines, it has both sides of each connection. If it runs a single machine, it has one side of each connection
//! of this machine.
//!
//! These connections are *persistent*: they stay open for the whole run. In experiments with `connection = "per-message"`, the machines also
//! open a new connection for each message.
//!
//! - [`dialling`]: opens connections to other machines
//! - [`handshake`]: checks which machine is at the other side of a connection, and refuses other programs
//! - [`per_message`]: connections that carry only one message
//!
//! The mesh is set up in small steps, so that the ticks of other runs are not delayed. Of two machines, the one with the higher index
//! opens the connection (it *dials*). Each side proves that it knows the run's token (a secret). A program that cannot prove this is
//! refused and counted. When both sides of every connection have given this proof, the mesh is complete, and the listeners close (unless
//! each message needs a new connection).
//!
//! After its last tick, a machine sends an *end frame* to each machine to which it is connected. The end frame says how many messages the
//! sender has sent to this recipient, and that nothing more follows.

mod dialling;
mod handshake;
mod per_message;

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use mio::net::TcpListener;

use super::clock::WallClock;
use super::clock_difference::ClockDifference;
use super::link::{Incoming, Link, Purpose};
use super::reactor::{Reactor, Readiness, Route, SocketId};
use super::secret::{Nonces, Secret};
use super::wiring::Wiring;
use crate::machine::MachineIndex;
use crate::wire::{Frame, Nonce};

/// Maximum number of connections accepted in one step.
const ACCEPTS_PER_STEP: usize = 16;

/// The listeners of this process, and the addresses of all machines of the run.
pub(super) struct Endpoints {
    /// The listeners of the machines of this process. The first one belongs to machine `first`.
    pub(super) listeners: Vec<TcpListener>,
    /// The first machine of this process.
    pub(super) first: MachineIndex,
    /// For each machine of the run, the addresses that are tried in turn to connect to it. There are several if its host's name stands for
    /// several addresses.
    pub(super) addresses: Vec<Vec<SocketAddr>>,
}

impl Endpoints {
    /// Creates the endpoints of a run whose machines are all in this process.
    pub(super) fn in_this_process(listeners: Vec<TcpListener>) -> io::Result<Self> {
        let address = |listener: &TcpListener| Ok(vec![listener.local_addr()?]);
        let addresses: io::Result<Vec<_>> = listeners.iter().map(address).collect();
        Ok(Self {
            addresses: addresses?,
            listeners,
            first: 0,
        })
    }
}

/// The connections of a run.
pub(super) struct Mesh {
    /// The slot of the run in the event loop: its position in the list of runs.
    slot: usize,
    wiring: Wiring,
    /// The machines of this process.
    local: Range<MachineIndex>,
    secret: Secret,
    nonces: Nonces,
    clock: WallClock,
    /// Machines in different processes compare their system clocks. This is the largest difference found so far.
    clock_difference: Option<ClockDifference>,
    /// For each machine of the run, the addresses that are tried in turn to connect to it.
    addresses: Vec<Vec<SocketAddr>>,
    /// How many attempts to open a persistent connection have failed, for all peers together. A peer with k addresses is tried at
    /// `addresses[peer][failed_dials % k]`. So each failure moves every peer on to its next address.
    failed_dials: usize,
    listeners: Vec<Listener>,
    /// Connections still to open: from which machine to which. The last one is opened next.
    pairs_to_dial: Vec<(MachineIndex, MachineIndex)>,
    /// No connection is opened before this time, because the last attempt failed.
    dial_again_at: Option<Instant>,
    /// A *link* is one machine's side of a connection. This list has the links of all machines of this process. An element is `None` while
    /// its position is free, or while its link is being handled.
    links: Vec<Option<Link>>,
    /// Free positions in `links`.
    vacant: Vec<usize>,
    /// Where to find the links of persistent connections: `side_indices[side_position(owner, peer)]` is the position in `links` of `owner`'s
    /// link to `peer`.
    side_indices: Vec<Option<usize>>,
    /// How many sides of persistent connections are proven: the machine at the other side has proved which machine it is.
    proven_sides: usize,
    /// How many sides of persistent connections have ended: all messages and the end frame of the other side have arrived.
    ended_sides: usize,
    /// Number of messages that were sent over a connection of their own and are not confirmed by their recipients yet.
    unconfirmed_messages: usize,
    /// Number of accepted connections that were closed before it was known which machine is at the other side.
    rejected_connections: u32,
}

/// The listener of a machine of this process.
struct Listener {
    listener: TcpListener,
    /// The handle of the socket in the reactor.
    handle: usize,
    /// A random number (nonce). It is used only if all machines of the run are in this process: then it goes into the proof of each
    /// machine that dials this listener. Between processes, the listener sends a new nonce over each connection instead.
    nonce: Nonce,
}

impl Mesh {
    /// Creates the mesh of the run in `slot`, whose machines are at `endpoints`. Watches the listeners, but opens no connection yet.
    pub(super) fn new(
        slot: usize,
        wiring: Wiring,
        endpoints: Endpoints,
        secret: Secret,
        clock: WallClock,
        reactor: &mut Reactor,
    ) -> io::Result<Self> {
        let Endpoints {
            listeners,
            first,
            addresses,
        } = endpoints;
        let local = first..first + listeners.len() as u32;
        let pairs_to_dial = local.clone().flat_map(|dialler| {
            let peers = wiring.linked(dialler).iter();
            peers
                .filter(move |&&peer| peer < dialler)
                .map(move |&peer| (dialler, peer))
        });
        let mut pairs_to_dial: Vec<_> = pairs_to_dial.collect();
        // Connections are taken from the end of this list.
        pairs_to_dial.reverse();
        let mut mesh = Self {
            slot,
            secret,
            nonces: Nonces::new()?,
            clock,
            clock_difference: None,
            listeners: Vec::with_capacity(listeners.len()),
            pairs_to_dial,
            failed_dials: 0,
            dial_again_at: None,
            links: vec![],
            vacant: vec![],
            side_indices: vec![None; addresses.len() * addresses.len()],
            proven_sides: 0,
            ended_sides: 0,
            unconfirmed_messages: 0,
            rejected_connections: 0,
            wiring,
            local,
            addresses,
        };
        for (machine, mut listener) in (first as usize..).zip(listeners) {
            let socket = SocketId::Listener(machine);
            let handle = reactor.watch(&mut listener, Route { slot, socket })?;
            let nonce = mesh.nonces.next();
            mesh.listeners.push(Listener {
                listener,
                handle,
                nonce,
            });
        }
        Ok(mesh)
    }

    /// The machines of this process.
    pub(super) fn local(&self) -> Range<MachineIndex> {
        self.local.clone()
    }

    /// Returns whether all machines of the run are in this process.
    fn has_all_machines(&self) -> bool {
        self.local.len() == self.addresses.len()
    }

    pub(super) fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Returns whether every machine of this process has all its persistent connections, and the machine at the other side of each
    /// of them has given its proof.
    pub(super) fn is_complete(&self) -> bool {
        self.proven_sides == self.side_count()
    }

    /// Returns whether every machine of this process has received all messages and the end frame of every machine to which it is
    /// connected. If each message has its own connection, the recipients must also have confirmed all messages that machines of this
    /// process sent.
    pub(super) fn has_ended(&self) -> bool {
        self.ended_sides == self.side_count() && self.unconfirmed_messages == 0
    }

    pub(super) fn rejected_connections(&self) -> u32 {
        self.rejected_connections
    }

    /// Returns how many sides of persistent connections the machines of this process have in a complete mesh.
    fn side_count(&self) -> usize {
        let local = self.local.clone();
        local.map(|owner| self.wiring.linked(owner).len()).sum()
    }

    /// Returns the largest difference between system clocks found so far. `None` if all machines are in this process, or if no system
    /// clocks were compared yet.
    pub(super) fn clock_difference(&self) -> Option<ClockDifference> {
        self.clock_difference
    }

    /// Returns the position in `side_indices` for `owner`'s side of its connection to `peer`.
    fn side_position(&self, owner: MachineIndex, peer: MachineIndex) -> usize {
        owner as usize * self.addresses.len() + peer as usize
    }

    /// Returns the position in `links` of `owner`'s side of its persistent connection to `peer`.
    fn link_index(&self, owner: MachineIndex, peer: MachineIndex) -> Option<usize> {
        self.side_indices[self.side_position(owner, peer)]
    }

    /// Returns the listener of a machine of this process. `None` after the listeners were closed.
    fn listener(&mut self, machine: MachineIndex) -> Option<&mut Listener> {
        self.listeners
            .get_mut((machine - self.local.start) as usize)
    }

    /// If the link at `index` is ready for writing, writes the bytes that wait to be sent. Then reads what has arrived. Passes each frame
    /// to `on_frame`, with the machine that receives it and the machine that sent it. `on_frame` may refuse the frame, which ends the run.
    /// `scratch` is memory for the bytes that are read.
    ///
    /// # Errors
    ///
    /// Fails if the run cannot continue. A problem with a connection of another program only closes this connection.
    pub(super) fn exchange(
        &mut self,
        index: usize,
        readiness: Readiness,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut on_frame: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(mut link) = self.links.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        let was_proven = link.is_proven();
        let was_unknown = link.peer.is_none();
        // The text of an error, such as `broke (...)`, is the end of a sentence that begins with "machine 1's connection to machine 0".
        let flushed = if readiness.writable {
            link.flush().map_err(|error| format!("broke ({error})"))
        } else {
            Ok(())
        };
        let result = flushed.and_then(|()| {
            link.read(scratch, readiness.closed, |link, incoming| {
                match incoming {
                    Incoming::HandshakeStep(step) => self.handle_step(index, link, &step)?,
                    Incoming::Frame(frame) => {
                        // The peer is known: frames are read only after the handshake has proved it.
                        if let Some(peer) = link.peer {
                            // Whether nothing more will come from the peer: all its messages and its end frame have arrived.
                            let is_last = match link.purpose {
                                Purpose::Persistent { .. } => link.has_ended(),
                                Purpose::OneMessage => {
                                    self.receive_on_separate_connection(link, peer, &frame)?
                                }
                            };
                            if is_last {
                                self.ended_sides += 1;
                            }
                            on_frame(link.owner, peer, frame)?;
                        }
                    }
                }
                Ok(())
            })
        });
        // The reactor lists an accepted connection as silent until the machine at the other side is known.
        if was_unknown && link.peer.is_some() {
            reactor.remove_silent(link.handle);
        }
        match (result, link.peer) {
            (Ok(()), _) => {
                self.put_back(index, link, reactor);
                Ok(())
            }
            // The other side did not prove that it is a machine of the run, so it counts as another program.
            (Err(_), None) => {
                self.refuse_link(index, link, reactor);
                Ok(())
            }
            // This side dialled (its machine has the higher index), but the handshake failed: probably the other process does not listen
            // yet.
            (Err(_), Some(peer))
                if !was_proven
                    && !self.has_all_machines()
                    && peer < link.owner
                    && link.purpose != Purpose::OneMessage =>
            {
                self.dial_later(index, link, peer, reactor);
                Ok(())
            }
            (Err(problem), Some(peer)) => {
                let (owner, purpose) = (link.owner, link.purpose);
                self.links[index] = Some(link);
                let when = match purpose {
                    Purpose::OneMessage => " while it carried a message",
                    Purpose::Persistent { .. } if was_proven => "",
                    Purpose::Persistent { .. } => " during set-up",
                };
                Err(format!(
                    "machine {owner}'s connection to machine {peer} {problem}{when}"
                ))
            }
        }
    }

    /// Ends the set-up. Closes the listeners unless each message has its own connection.
    pub(super) fn end_set_up(&mut self, reactor: &mut Reactor) {
        if !self.wiring.is_per_message() {
            self.close_listeners(reactor);
        }
    }

    /// Closes the listeners, and the accepted connections that have not said from which machine they come.
    pub(super) fn close_listeners(&mut self, reactor: &mut Reactor) {
        for mut listener in std::mem::take(&mut self.listeners) {
            reactor.unwatch(&mut listener.listener, listener.handle);
        }
        for index in 0..self.links.len() {
            if let Some(link) = self.links[index].take_if(|link| link.peer.is_none()) {
                self.refuse_link(index, link, reactor);
            }
        }
    }

    /// Sends `frame` from `owner` to `peer`, over their persistent connection.
    pub(super) fn send(
        &mut self,
        owner: MachineIndex,
        peer: MachineIndex,
        frame: &Frame,
    ) -> Result<(), String> {
        self.with_link(owner, peer, |link| link.send(frame))
    }

    /// Sends the end frames of `owner`, which has done its last tick, to all machines to which it is connected.
    pub(super) fn send_end_frames(&mut self, owner: MachineIndex) -> Result<(), String> {
        (0..self.wiring.linked(owner).len()).try_for_each(|index| {
            let peer = self.wiring.linked(owner)[index];
            self.with_link(owner, peer, Link::send_end)
        })
    }

    /// Calls `write` with `owner`'s side of its persistent connection to `peer`.
    fn with_link(
        &mut self,
        owner: MachineIndex,
        peer: MachineIndex,
        write: impl FnOnce(&mut Link) -> io::Result<()>,
    ) -> Result<(), String> {
        let index = self.link_index(owner, peer);
        let link = index.and_then(|index| self.links[index].as_mut());
        let link =
            link.ok_or_else(|| format!("machine {owner} has no connection to machine {peer}"))?;
        write(link).map_err(|error| {
            format!("machine {owner}'s connection to machine {peer} broke ({error})")
        })
    }

    /// Finds a machine of this process (the owner) and a machine for which it waits (the peer), to explain why a run makes no progress.
    ///
    /// - Before the mesh is complete, the owner waits for a proven connection to the peer.
    /// - Afterwards, the owner waits for something from the peer: its end frame, one of its messages, or its confirmation of a message from
    ///   the owner.
    pub(super) fn find_missing(&self) -> Option<(MachineIndex, MachineIndex)> {
        let is_missing = |&(owner, peer): &(MachineIndex, MachineIndex)| {
            let link = self.side_indices[self.side_position(owner, peer)]
                .and_then(|index| self.links[index].as_ref());
            match link {
                Some(link) if link.is_proven() => self.is_complete() && !link.has_ended(),
                _ => true,
            }
        };
        self.local()
            .flat_map(|owner| {
                self.wiring
                    .linked(owner)
                    .iter()
                    .map(move |&peer| (owner, peer))
            })
            .find(is_missing)
            .or_else(|| self.find_unconfirmed())
    }

    /// Closes the listeners and up to `max_count` connections. Returns whether any connections are left.
    pub(super) fn close_some(&mut self, max_count: usize, reactor: &mut Reactor) -> bool {
        self.close_listeners(reactor);
        for _ in 0..max_count {
            match self.links.pop() {
                Some(Some(mut link)) => reactor.unwatch(&mut link.stream, link.handle),
                Some(None) => {}
                None => return false,
            }
        }
        !self.links.is_empty()
    }
}

#[cfg(test)]
mod tests;
