//! The connections between a run's machines: one for each pair that is linked, both ends in this process, or one end where a
//! process has one machine.
//!
//! # Layout
//!
//! - [`handshake`]: who is at the other end, and who is turned away
//! - [`per_message`]: connections that carry one message each, beside those that stand
//!
//! Set-up goes in small steps, so that other runs' ticks come in between. The higher index dials; each side proves that it knows the
//! run's token, and whoever cannot is turned away and counted. Once every end is greeted the mesh stands, and
//! the listeners close.

mod handshake;
mod per_message;

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};

use super::clock::WallClock;
use super::clock_difference::ClockDifference;
use super::link::{Closing, Heard, Link, Purpose};
use super::reactor::{Reactor, Readiness, Route, SocketId};
use super::secret::{Nonces, Secret};
use super::wiring::Wiring;
use crate::engine::shortage::is_shortage;
use crate::machine::MachineIndex;
use crate::wire::{Frame, Nonce};

/// Connections dialled in one step.
const DIALS_A_STEP: usize = 2;
/// How long to wait for a peer that is not there yet.
const DIAL_AGAIN: Duration = Duration::from_millis(100);
/// Connections accepted at one look: the run's own machines, who wait for their turn, come in between.
const ACCEPTS_A_LOOK: usize = 16;

/// Who is where.
pub(super) struct Endpoints {
    /// The machines of this process: their listeners, the first of them being machine `first`.
    pub(super) listeners: Vec<TcpListener>,
    pub(super) first: MachineIndex,
    /// Where every machine of the run listens: the addresses of each, to be tried in turn.
    pub(super) addresses: Vec<Vec<SocketAddr>>,
}

impl Endpoints {
    /// A whole run in this process.
    pub(super) fn here(listeners: Vec<TcpListener>) -> io::Result<Self> {
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
    /// The clocks that differ most, of machines in different processes.
    clocks: Option<ClockDifference>,
    addresses: Vec<Vec<SocketAddr>>,
    /// How often dialling came to nothing: the next time, other addresses are tried.
    failed_dials: usize,
    listeners: Vec<Listener>,
    /// Pairs still to be dialled: (who dials, whom).
    to_dial: Vec<(MachineIndex, MachineIndex)>,
    /// Before this nobody dials: a peer was not there yet.
    dial_again: Option<Instant>,
    links: Vec<Option<Link>>,
    /// Endpoints in `links` that are free again.
    vacant: Vec<usize>,
    /// The place in `links` of `owner`'s end of its connection to `peer`, at `owner * machines + peer`.
    ends: Vec<Option<usize>>,
    greeted_ends: usize,
    /// Ends at which the peer has said its last.
    ended_ends: usize,
    /// Messages with connections of their own that their recipients have not confirmed.
    under_way: usize,
    rejected_connections: u32,
}

struct Listener {
    listener: TcpListener,
    handle: usize,
    /// What diallers of this process prove their knowledge with.
    nonce: Nonce,
}

impl Mesh {
    /// Starts the mesh of the run in slot `run`, whose machines are at `places`.
    pub(super) fn new(
        run: usize,
        wiring: Wiring,
        places: Endpoints,
        secret: Secret,
        clock: WallClock,
        reactor: &mut Reactor,
    ) -> io::Result<Self> {
        let Endpoints {
            listeners,
            first,
            addresses,
        } = places;
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

    /// Whether every machine has its connection to every peer.
    pub(super) fn stands(&self) -> bool {
        self.greeted_ends == self.end_count()
    }

    /// Whether every machine has heard every peer's last.
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

    /// The clocks that differ most, of machines in different processes that are connected.
    pub(super) fn clocks(&self) -> Option<ClockDifference> {
        self.clocks
    }

    /// A step of the set-up. Returns whether there is more to dial.
    pub(super) fn dial(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        if self.dial_again.is_some_and(|again| Instant::now() < again) {
            return Ok(true);
        }
        self.dial_again = None;
        for _ in 0..DIALS_A_STEP {
            let Some((dialler, peer)) = self.to_dial.pop() else {
                return Ok(false);
            };
            let standing = self.standing();
            let address = self.address_to_dial(peer);
            let dialled = self
                .connect(address, reactor)
                .and_then(|stream| self.add(dialler, Some(peer), standing, stream, reactor));
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
                // Where others start later than this process. (A connection that broke already will be reported as such.)
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

    /// A connection to `address`. Where the system has no more files, strangers are turned away first.
    fn connect(&mut self, address: SocketAddr, reactor: &mut Reactor) -> io::Result<TcpStream> {
        TcpStream::connect(address).or_else(|error| {
            if is_shortage(&error) && self.turn_all_silent_away(reactor) {
                TcpStream::connect(address)
            } else {
                Err(error)
            }
        })
    }

    fn standing(&self) -> Purpose {
        Purpose::Standing {
            messages_apart: self.wiring.is_per_message(),
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
        let is_senders = purpose == Purpose::OneMessage;
        let closing = if self.is_whole() || is_senders {
            Closing::ByReset
        } else {
            Closing::Orderly
        };
        if let Err(error) = closing.prepare(&stream) {
            reactor.forget(&mut stream, handle);
            return Err(error);
        }
        let link = Link::new(owner, peer, purpose, stream, handle);
        self.vacant.pop();
        match self.links.get_mut(index) {
            Some(left) => *left = Some(link),
            None => self.links.push(Some(link)),
        }
        if let Some(peer) = peer.filter(|_| !is_senders) {
            let end = self.end(owner, peer);
            self.ends[end] = Some(index);
        }
        Ok(index)
    }

    /// A connection that was dialled came to nothing: other processes may start later than this one.
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
        reactor.forget(&mut link.stream, link.handle);
    }

    fn end(&self, owner: MachineIndex, peer: MachineIndex) -> usize {
        owner as usize * self.addresses.len() + peer as usize
    }

    /// The place of `owner`'s end of its standing connection to `peer`.
    fn end_place(&self, owner: MachineIndex, peer: MachineIndex) -> Option<usize> {
        self.ends[self.end(owner, peer)]
    }

    /// Where to dial `peer` this time.
    fn address_to_dial(&self, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        addresses[self.failed_dials % addresses.len()]
    }

    /// Where `peer` listens, as the connection that stands between it and `owner` tells if it has several addresses.
    fn address(&self, owner: MachineIndex, peer: MachineIndex) -> SocketAddr {
        let addresses = &self.addresses[peer as usize];
        let [first, _, ..] = addresses[..] else {
            return addresses[0];
        };
        let index = self.end_place(owner, peer);
        let standing = index.and_then(|index| self.links[index].as_ref());
        let there = standing.and_then(|link| link.stream.peer_addr().ok());
        let is_there = |address: &&SocketAddr| there.is_some_and(|it| it.ip() == address.ip());
        addresses.iter().find(is_there).copied().unwrap_or(first)
    }

    /// The listener of a machine of this process, as long as it listens.
    fn listener(&mut self, machine: MachineIndex) -> Option<&mut Listener> {
        self.listeners
            .get_mut((machine - self.local.start) as usize)
    }

    /// Writes and reads what the link at `place` is ready for. Messages for its owner go to `hear`, with their sender; it may
    /// refuse them.
    pub(super) fn exchange(
        &mut self,
        index: usize,
        readiness: Readiness,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut hear: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(mut link) = self.links.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        let was_greeted = link.is_greeted();
        let was_unknown = link.peer.is_none();
        let flushed = if readiness.writable {
            link.flush().map_err(|error| format!("broke ({error})"))
        } else {
            Ok(())
        };
        let result = flushed.and_then(|()| {
            link.read(scratch, readiness.closed, |link, heard| {
                match heard {
                    Heard::Hello(hello) => self.greet(index, link, &hello)?,
                    Heard::Frame(frame) => {
                        if let Some(peer) = link.peer {
                            let is_last = match link.purpose {
                                Purpose::Standing { .. } => link.has_ended(),
                                Purpose::OneMessage => self.receive_apart(link, peer, &frame)?,
                            };
                            self.ended_ends += usize::from(is_last);
                            hear(link.owner, peer, frame)?;
                        }
                    }
                }
                Ok(())
            })
        });
        if was_unknown && link.peer.is_some() {
            reactor.trust(link.handle);
        }
        match (result, link.peer) {
            (Ok(()), _) => {
                self.put_back(index, link, reactor);
                Ok(())
            }
            (Err(_), None) => {
                self.turn_away(index, link, reactor);
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
                    Purpose::OneMessage => " while it was for a message",
                    Purpose::Standing { .. } if was_greeted => "",
                    Purpose::Standing { .. } => " during set-up",
                };
                Err(format!(
                    "machine {owner}'s connection to machine {peer} {problem}{when}"
                ))
            }
        }
    }

    /// Ends the set-up: closes the listeners unless messages come by connections of their own.
    pub(super) fn end_set_up(&mut self, reactor: &mut Reactor) {
        if !self.wiring.is_per_message() {
            self.close_listeners(reactor);
        }
    }

    /// Closes the listeners, and turns away who connected but never said who it is.
    pub(super) fn close_listeners(&mut self, reactor: &mut Reactor) {
        for mut listener in std::mem::take(&mut self.listeners) {
            reactor.forget(&mut listener.listener, listener.handle);
        }
        for index in 0..self.links.len() {
            if let Some(link) = self.links[index].take_if(|link| link.peer.is_none()) {
                self.turn_away(index, link, reactor);
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

    /// `owner` has done its last tick: tells every peer.
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

    /// A pair that lacks its connection or has not heard the other's last: for saying why a run got stuck.
    pub(super) fn missing(&self) -> Option<(MachineIndex, MachineIndex)> {
        let missing_fields = |&(owner, peer): &(MachineIndex, MachineIndex)| {
            let link =
                self.ends[self.end(owner, peer)].and_then(|index| self.links[index].as_ref());
            !link.is_some_and(|link| link.is_greeted() && (link.has_ended() || !self.stands()))
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

    /// A step of the teardown: closes up to `most` connections. Returns whether any are left.
    pub(super) fn close_some(&mut self, most: usize, reactor: &mut Reactor) -> bool {
        self.close_listeners(reactor);
        for _ in 0..most {
            match self.links.pop() {
                Some(Some(mut link)) => reactor.forget(&mut link.stream, link.handle),
                Some(None) => {}
                None => return false,
            }
        }
        !self.links.is_empty()
    }
}

#[cfg(test)]
mod tests;
