//! The handshake of a connection. Each side proves that it knows the run's token. A side that cannot do this is refused and
//! counted.
//!
//! ```text
//! dialler                    listener
//!            challenge <--             only between different processes
//!                 dial -->             proves that the dialler knows the token
//!               answer <--             proves that the listener knows the token
//! ```
//!
//! Machines in different processes also send the times of their clocks, so that clocks that differ too much are found before the
//! first tick.

use std::io;

use mio::net::TcpStream;

use super::{ACCEPTS_PER_STEP, Mesh};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::clock_difference::ClockDifference;
use crate::engine::tcp::link::{CHALLENGE_BYTES, Link, Purpose, Session};
use crate::engine::tcp::reactor::{Reactor, Readiness, Route, SocketId};
use crate::engine::tcp::secret::{Secret, new_step};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello, HelloKind, Nonce};

fn send_dial(
    link: &mut Link,
    secret: &Secret,
    peer: MachineIndex,
    (nonce, time_ns): (Nonce, u64),
) -> io::Result<()> {
    let before = link.session.bytes();
    link.session.dial = (nonce, time_ns);
    let dial = new_step(HelloKind::Dial, link.owner, nonce, time_ns);
    link.send_hello(&secret.signed(dial, peer, &before[..CHALLENGE_BYTES]))
}

impl Mesh {
    /// Accepts some of the connections that wait at the listener of `machine`, and reads their first bytes. An error in accepting
    /// does not end the run: it may pass, and the listener is tried again.
    pub(in super::super) fn accept(
        &mut self,
        machine: usize,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut handle: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let route = Route {
            run: self.run,
            socket: SocketId::Listener(machine),
        };
        for _ in 0..ACCEPTS_PER_STEP {
            let Some(listener) = self.listener(machine as u32) else {
                return Ok(());
            };
            match listener.listener.accept() {
                Ok((stream, _)) => {
                    self.read_first_bytes(machine, stream, scratch, reactor, &mut handle)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The other side closed the connection before it was accepted. Nothing needs to be done.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // There are no more files: connections of other programs are closed first. Then the listener is tried again.
                Err(error) => {
                    let has_room = is_shortage(&error) && self.close_all_silent(reactor);
                    reactor.retry_listener(route, !has_room);
                    return Ok(());
                }
            }
        }
        reactor.retry_listener(route, false);
        Ok(())
    }

    /// Reads the first bytes of an accepted connection. It counts as silent until it has named its machine.
    fn read_first_bytes(
        &mut self,
        machine: usize,
        stream: TcpStream,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        handle: &mut impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let Ok(index) = self.add(
            machine as u32,
            None,
            self.persistent_purpose(),
            stream,
            reactor,
        ) else {
            // The connection broke at once or cannot be watched. If it belonged to a machine of the run, that machine reports it.
            self.rejected_connections += 1;
            return Ok(());
        };
        if let Some(link) = &self.links[index] {
            reactor.add_silent(link.handle);
        }
        if self.challenge(index).is_err() {
            self.close_silent(
                Route {
                    run: self.run,
                    socket: SocketId::Link(index),
                },
                reactor,
            );
            return Ok(());
        }
        self.exchange(index, Readiness::READABLE, scratch, reactor, handle)?;
        if reactor.has_too_many_silent()
            && let Some(longest) = reactor.longest_silent_in(self.run)
            && longest.socket != SocketId::Link(index)
        {
            self.close_silent(longest, reactor);
        }
        Ok(())
    }

    /// Closes a connection whose machine is not known yet.
    pub(in super::super) fn close_silent(&mut self, route: Route, reactor: &mut Reactor) {
        if let SocketId::Link(index) = route.socket
            && let Some(link) = self.links.get_mut(index).and_then(Option::take)
        {
            self.refuse_link(index, link, reactor);
        }
    }

    /// Closes all connections of this run whose machines are not known yet. Returns whether there were any.
    pub(super) fn close_all_silent(&mut self, reactor: &mut Reactor) -> bool {
        let before = self.rejected_connections;
        while let Some(route) = reactor.longest_silent_in(self.run) {
            self.close_silent(route, reactor);
        }
        self.rejected_connections > before
    }

    /// Sends a challenge over a connection that was just accepted from another process. (Connections for one message need no
    /// challenge: their proof covers the bytes of the persistent connection.)
    fn challenge(&mut self, index: usize) -> io::Result<()> {
        if self.is_whole() || self.is_complete() {
            return Ok(());
        }
        let (nonce, time_ns) = (self.nonces.next(), self.clock.now_ns());
        self.with_link_at(index, |link| {
            link.session.challenge = (nonce, time_ns);
            link.send_hello(&new_step(HelloKind::Challenge, link.owner, nonce, time_ns))
        })
    }

    /// Starts a connection that was just opened to `peer`. The challenge of a listener in this process is known. The challenge of
    /// a listener in another process must arrive first.
    pub(super) fn open(&mut self, index: usize, peer: MachineIndex) -> io::Result<()> {
        let nonce = self.nonces.next();
        let known = self.is_whole().then(|| self.listener(peer)).flatten();
        let Some(challenge) = known.map(|listener| (listener.nonce, 0)) else {
            return Ok(());
        };
        let secret = self.secret.clone();
        self.with_link_at(index, |link| {
            link.session.challenge = challenge;
            send_dial(link, &secret, peer, (nonce, 0))
        })
    }

    fn with_link_at(
        &mut self,
        index: usize,
        say: impl FnOnce(&mut Link) -> io::Result<()>,
    ) -> io::Result<()> {
        self.links[index].as_mut().map_or(Ok(()), say)
    }

    /// Handles a step of the handshake that the other end of `link` has sent.
    pub(super) fn handle_hello(
        &mut self,
        index: usize,
        link: &mut Link,
        hello: &Hello,
    ) -> Result<(), String> {
        let broke = |error: io::Error| format!("broke ({error})");
        match (hello.kind, link.peer) {
            (_, Some(peer)) if peer != hello.machine => {
                Err(format!("comes from machine {}", hello.machine))
            }
            (HelloKind::Challenge, Some(peer)) if self.awaits_challenge(link) => {
                link.session.challenge = (hello.nonce, hello.time_ns);
                let dial = (self.nonces.next(), self.clock.now_ns());
                send_dial(link, &self.secret, peer, dial).map_err(broke)
            }
            (HelloKind::Answer, Some(peer)) if link.purpose != Purpose::OneMessage => {
                self.check(hello, link.owner, &link.session.bytes())?;
                self.compare_clocks(link, peer, hello.time_ns);
                self.greeted_ends += 1;
                link.set_proven();
                Ok(())
            }
            (HelloKind::Receipt, Some(_)) if link.purpose == Purpose::OneMessage => {
                self.check(hello, link.owner, &link.session.bytes())?;
                link.set_proven();
                Ok(())
            }
            (HelloKind::Message, None) => self.handle_message_dial(link, hello),
            (HelloKind::Dial, None) => self.handle_dial(index, link, hello),
            _ => Err("does not follow the handshake".to_owned()),
        }
    }

    /// Returns whether this end opened `link` and has received nothing over it yet.
    fn awaits_challenge(&self, link: &Link) -> bool {
        !self.is_whole()
            && link.purpose != Purpose::OneMessage
            && link.session == Session::default()
    }

    pub(super) fn check(
        &self,
        hello: &Hello,
        to: MachineIndex,
        before: &[u8],
    ) -> Result<(), String> {
        if self.secret.is_proven(hello, to, before) {
            Ok(())
        } else {
            Err("does not know the run's token, or belongs to another run".to_owned())
        }
    }

    /// Handles the dial of a machine that opens a persistent connection to the owner of `link`.
    fn handle_dial(&mut self, index: usize, link: &mut Link, hello: &Hello) -> Result<(), String> {
        if let Some(listener) = self.is_whole().then(|| self.listener(link.owner)).flatten() {
            link.session.challenge = (listener.nonce, 0);
        }
        self.check(hello, link.owner, &link.session.bytes()[..CHALLENGE_BYTES])?;
        let (owner, peer) = (link.owner, hello.machine);
        let dials = owner < peer && self.wiring.are_linked(owner, peer);
        let end = self.end(owner, peer);
        if !dials || self.ends[end].is_some() {
            return Err("does not come from a machine that should connect here".to_owned());
        }
        self.ends[end] = Some(index);
        link.peer = Some(peer);
        link.session.dial = (hello.nonce, hello.time_ns);
        let time_ns = if self.is_whole() {
            0
        } else {
            self.clock.now_ns()
        };
        let answer = new_step(HelloKind::Answer, owner, self.nonces.next(), time_ns);
        let answer = self.secret.signed(answer, peer, &link.session.bytes());
        link.send_hello(&answer)
            .map_err(|error| format!("broke ({error})"))?;
        self.compare_clocks(link, peer, time_ns);
        self.greeted_ends += 1;
        link.set_proven();
        Ok(())
    }

    /// Compares the clocks of the two machines of `link`, which are in different processes. The clock of the listening machine
    /// was read before and after the clock of the other machine.
    fn compare_clocks(&mut self, link: &Link, peer: MachineIndex, listener_again_ns: u64) {
        if self.is_whole() {
            return;
        }
        let (listener_ns, dialler_ns) = (link.session.challenge.1, link.session.dial.1);
        let round_trip_ns = listener_again_ns.saturating_sub(listener_ns);
        let apart_ns = dialler_ns.abs_diff(listener_ns.saturating_add(round_trip_ns / 2));
        let difference = ClockDifference {
            machines: (link.owner.min(peer), link.owner.max(peer)),
            at_least_ns: apart_ns.saturating_sub(round_trip_ns / 2),
        };
        if self
            .clocks
            .is_none_or(|worst| worst.at_least_ns < difference.at_least_ns)
        {
            self.clocks = Some(difference);
        }
    }

    pub(super) fn refuse_link(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        self.rejected_connections += 1;
        self.vacant.push(index);
        link.refuse();
        reactor.unwatch(&mut link.stream, link.handle);
    }
}
