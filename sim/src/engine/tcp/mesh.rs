//! The connections between a run's machines (the *mesh*): one for each pair of machines that may exchange messages. If this
//! process runs all machines, it has both ends of each connection; if it runs a single machine, it has one end. [`handshake`]
//! checks which machine is at the other end, and refuses other programs. [`per_message`] has the connections that carry only one
//! message.
//!
//! The mesh is set up in small steps, so that the ticks of other runs are not delayed. The machine with the higher index opens
//! the connection (it *dials*). Each side proves that it knows the run's token. A side that cannot do this is refused and
//! counted. When all ends have proved this, the mesh is complete, and the listeners close.

mod handshake;
mod per_message;

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};

use super::clock::WallClock;
use super::clock_difference::ClockDifference;
use super::link::{Closing, Incoming, Link, Purpose};
use super::reactor::{Reactor, Readiness, Route, SocketId};
use super::secret::{Nonces, Secret};
use super::wiring::Wiring;
use crate::engine::shortage::is_shortage;
use crate::machine::MachineIndex;
use crate::wire::{Frame, Nonce};

/// Connections opened in one step.
const DIALS_PER_STEP: usize = 2;
/// How long to wait before dialling a peer again that does not listen yet.
const DIAL_AGAIN: Duration = Duration::from_millis(100);
/// Maximum number of connections accepted in one step.
const ACCEPTS_PER_STEP: usize = 16;

/// The listeners and addresses of a run's machines.
pub(super) struct Endpoints {
    /// The listeners of the machines of this process. The first one belongs to machine `first`.
    pub(super) listeners: Vec<TcpListener>,
    pub(super) first: MachineIndex,
    /// The addresses at which each machine of the run listens. They are tried in turn.
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

pub(super) struct Mesh {
    run: usize,
    wiring: Wiring,
    /// The machines of this process.
    local: Range<MachineIndex>,
    secret: Secret,
    nonces: Nonces,
    clock: WallClock,
    /// The largest difference found between the clocks of two machines in different processes.
    clocks: Option<ClockDifference>,
    addresses: Vec<Vec<SocketAddr>>,
    /// How often opening a connection has failed. The next attempt uses the next address.
    failed_dials: usize,
    listeners: Vec<Listener>,
    /// Connections still to open: from which machine to which.
    to_dial: Vec<(MachineIndex, MachineIndex)>,
    /// No connection is opened before this time, because a peer did not listen yet.
    dial_again: Option<Instant>,
    links: Vec<Option<Link>>,
    /// Free positions in `links`.
    vacant: Vec<usize>,
    /// For `owner * machines + peer`: the position in `links` of `owner`'s end of its connection to `peer`.
    ends: Vec<Option<usize>>,
    greeted_ends: usize,
    /// Number of ends whose peer has sent its end frame.
    ended_ends: usize,
    /// Number of messages with their own connections that are not confirmed yet.
    under_way: usize,
    rejected_connections: u32,
}

struct Listener {
    listener: TcpListener,
    handle: usize,
    /// The nonce with which machines of this process prove that they know the token.
    nonce: Nonce,
}

impl Mesh {
    /// Creates the mesh of the run in slot `run`, whose machines are at `endpoints`.
    pub(super) fn new(
        run: usize,
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
        let to_dial = local.clone().flat_map(|dialler| {
            let peers = wiring.linked(dialler).iter();
            peers
                .filter(move |&&peer| peer < dialler)
                .map(move |&peer| (dialler, peer))
        });
        let mut to_dial: Vec<_> = to_dial.collect();
        to_dial.reverse();
        let mut mesh = Self {
            run,
            secret,
            nonces: Nonces::new()?,
            clock,
            clocks: None,
            listeners: Vec::with_capacity(listeners.len()),
            to_dial,
            failed_dials: 0,
            dial_again: None,
            links: vec![],
            vacant: vec![],
            ends: vec![None; addresses.len() * addresses.len()],
            greeted_ends: 0,
            ended_ends: 0,
            under_way: 0,
            rejected_connections: 0,
            wiring,
            local,
            addresses,
        };
        for (machine, mut listener) in (first as usize..).zip(listeners) {
            let socket = SocketId::Listener(machine);
            let handle = reactor.watch(&mut listener, Route { run, socket })?;
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

    fn is_whole(&self) -> bool {
        self.local.len() == self.addresses.len()
    }

    pub(super) fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Returns whether every machine is connected to every peer.
    pub(super) fn is_complete(&self) -> bool {
        self.greeted_ends == self.end_count()
    }

    /// Returns whether every machine has received the end frame of every peer.
    pub(super) fn has_ended(&self) -> bool {
        self.ended_ends == self.end_count() && self.under_way == 0
    }

    pub(super) fn rejected_connections(&self) -> u32 {
        self.rejected_connections
    }

    fn end_count(&self) -> usize {
        let local = self.local.clone();
        local.map(|owner| self.wiring.linked(owner).len()).sum()
    }

    /// Returns the largest difference found between the clocks of two connected machines in different processes.
    pub(super) fn clocks(&self) -> Option<ClockDifference> {
        self.clocks
    }

    /// Does one step of the set-up. Returns whether there are more connections to open.
    pub(super) fn dial(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        if self.dial_again.is_some_and(|again| Instant::now() < again) {
            return Ok(true);
        }
        self.dial_again = None;
        for _ in 0..DIALS_PER_STEP {
            let Some((dialler, peer)) = self.to_dial.pop() else {
                return Ok(false);
            };
            let persistent = self.persistent_purpose();
            let address = self.address_to_dial(peer);
            let dialled = self
                .connect(address, reactor)
                .and_then(|stream| self.add(dialler, Some(peer), persistent, stream, reactor));
            let problem = match dialled {
                Ok(index) => self.open(index, peer).err(),
                Err(error) => {
                    self.to_dial.push((dialler, peer));
                    Some(error)
                }
            };
            match problem {
                Some(error) if self.is_whole() => {
                    return Err(format!(
                        "machine {dialler} cannot connect to machine {peer}: {error}"
                    ));
                }
                // The peer may start later than this process. (If a connection broke already, that is reported separately.)
                Some(_) => {
                    self.failed_dials += 1;
                    self.dial_again = Some(Instant::now() + DIAL_AGAIN);
                    return Ok(true);
                }
                None => {}
            }
        }
        Ok(true)
    }

    /// Opens a connection to `address`. If the system has no more files, connections of other programs are closed first.
    fn connect(&mut self, address: SocketAddr, reactor: &mut Reactor) -> io::Result<TcpStream> {
        TcpStream::connect(address).or_else(|error| {
            if is_shortage(&error) && self.close_all_silent(reactor) {
                TcpStream::connect(address)
            } else {
                Err(error)
            }
        })
    }

    fn persistent_purpose(&self) -> Purpose {
        Purpose::Persistent {
            message_has_own_connection: self.wiring.is_per_message(),
        }
    }

    fn add(
        &mut self,
        owner: MachineIndex,
        peer: Option<MachineIndex>,
        purpose: Purpose,
        mut stream: TcpStream,
        reactor: &mut Reactor,
    ) -> io::Result<usize> {
        let index = self.vacant.last().copied().unwrap_or(self.links.len());
        let route = Route {
            run: self.run,
            socket: SocketId::Link(index),
        };
        let handle = reactor.watch(&mut stream, route)?;
        let is_senders_end = purpose == Purpose::OneMessage;
        let closing = if self.is_whole() || is_senders_end {
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
        self.vacant.pop();
        match self.links.get_mut(index) {
            Some(left) => *left = Some(link),
            None => self.links.push(Some(link)),
        }
        if let Some(peer) = peer.filter(|_| !is_senders_end) {
            let end = self.end(owner, peer);
            self.ends[end] = Some(index);
        }
        Ok(index)
    }

    /// Puts back a connection that could not be opened: other processes may start later than this one.
    fn dial_later(
        &mut self,
        index: usize,
        mut link: Link,
        peer: MachineIndex,
        reactor: &mut Reactor,
    ) {
        let end = self.end(link.owner, peer);
        self.ends[end] = None;
        self.vacant.push(index);
        self.to_dial.push((link.owner, peer));
        self.failed_dials += 1;
        self.dial_again = Some(Instant::now() + DIAL_AGAIN);
        reactor.unwatch(&mut link.stream, link.handle);
    }

    fn end(&self, owner: MachineIndex, peer: MachineIndex) -> usize {
        owner as usize * self.addresses.len() + peer as usize
    }

    /// Returns the position in `links` of `owner`'s end of its persistent connection to `peer`.
    fn link_index(&self, owner: MachineIndex, peer: MachineIndex) -> Option<usize> {
        self.ends[self.end(owner, peer)]
    }

    /// Returns the address of `peer` to try now.
    fn address_to_dial(&self, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        addresses[self.failed_dials % addresses.len()]
    }

    /// Returns the address at which `peer` listens. If it has several, this is the one of its persistent connection to `owner`.
    fn address(&self, owner: MachineIndex, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        let [first, _, ..] = addresses[..] else {
            return addresses[0];
        };
        let index = self.link_index(owner, peer);
        let persistent = index.and_then(|index| self.links[index].as_ref());
        let there = persistent.and_then(|link| link.stream.peer_addr().ok());
        let is_there = |address: &&SocketAddr| there.is_some_and(|it| it.ip() == address.ip());
        addresses.iter().find(is_there).copied().unwrap_or(first)
    }

    /// Returns the listener of a machine of this process, while it is open.
    fn listener(&mut self, machine: MachineIndex) -> Option<&mut Listener> {
        self.listeners
            .get_mut((machine - self.local.start) as usize)
    }

    /// Writes and reads what the link at `index` is ready for. Passes each message, with its recipient and sender, to `handle`,
    /// which may refuse it.
    pub(super) fn exchange(
        &mut self,
        index: usize,
        readiness: Readiness,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut handle: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(mut link) = self.links.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        let was_greeted = link.is_proven();
        let was_unknown = link.peer.is_none();
        let flushed = if readiness.writable {
            link.flush().map_err(|error| format!("broke ({error})"))
        } else {
            Ok(())
        };
        let result = flushed.and_then(|()| {
            link.read(scratch, readiness.closed, |link, heard| {
                match heard {
                    Incoming::Hello(hello) => self.handle_hello(index, link, &hello)?,
                    Incoming::Frame(frame) => {
                        if let Some(peer) = link.peer {
                            let is_last = match link.purpose {
                                Purpose::Persistent { .. } => link.has_ended(),
                                Purpose::OneMessage => {
                                    self.receive_on_own_connection(link, peer, &frame)?
                                }
                            };
                            self.ended_ends += usize::from(is_last);
                            handle(link.owner, peer, frame)?;
                        }
                    }
                }
                Ok(())
            })
        });
        if was_unknown && link.peer.is_some() {
            reactor.remove_silent(link.handle);
        }
        match (result, link.peer) {
            (Ok(()), _) => {
                self.put_back(index, link, reactor);
                Ok(())
            }
            (Err(_), None) => {
                self.refuse_link(index, link, reactor);
                Ok(())
            }
            (Err(_), Some(peer))
                if !was_greeted
                    && !self.is_whole()
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
                    Purpose::Persistent { .. } if was_greeted => "",
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

    /// Closes the listeners, and the connections whose machine is not known.
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

    /// Sends `frame` from `owner` to `peer`.
    pub(super) fn send(
        &mut self,
        owner: MachineIndex,
        peer: MachineIndex,
        frame: &Frame,
    ) -> Result<(), String> {
        self.with_link(owner, peer, |link| link.send(frame))
    }

    /// Sends the end frame of `owner`, which has done its last tick, to every peer.
    pub(super) fn end_all(&mut self, owner: MachineIndex) -> Result<(), String> {
        (0..self.wiring.linked(owner).len()).try_for_each(|index| {
            let peer = self.wiring.linked(owner)[index];
            self.with_link(owner, peer, Link::end)
        })
    }

    fn with_link(
        &mut self,
        owner: MachineIndex,
        peer: MachineIndex,
        write: impl FnOnce(&mut Link) -> io::Result<()>,
    ) -> Result<(), String> {
        let index = self.ends[self.end(owner, peer)];
        let link = index.and_then(|index| self.links[index].as_mut());
        let link =
            link.ok_or_else(|| format!("machine {owner} has no connection to machine {peer}"))?;
        write(link).map_err(|error| {
            format!("machine {owner}'s connection to machine {peer} broke ({error})")
        })
    }

    /// Finds two machines of which the first has no connection to the second, or has not received the end frame of the second.
    /// This explains why a run makes no progress.
    pub(super) fn missing(&self) -> Option<(MachineIndex, MachineIndex)> {
        let missing_fields = |&(owner, peer): &(MachineIndex, MachineIndex)| {
            let link =
                self.ends[self.end(owner, peer)].and_then(|index| self.links[index].as_ref());
            !link.is_some_and(|link| link.is_proven() && (link.has_ended() || !self.is_complete()))
        };
        self.local()
            .flat_map(|owner| {
                self.wiring
                    .linked(owner)
                    .iter()
                    .map(move |&peer| (owner, peer))
            })
            .find(missing_fields)
            .or_else(|| self.unconfirmed())
    }

    /// Closes up to `most` connections. Returns whether any are left.
    pub(super) fn close_some(&mut self, most: usize, reactor: &mut Reactor) -> bool {
        self.close_listeners(reactor);
        for _ in 0..most {
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
