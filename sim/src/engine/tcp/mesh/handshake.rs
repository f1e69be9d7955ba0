//! The handshake of a connection. The machine that opens the connection is the *dialler*; the machine that accepts it is the
//! *listener*. Each side proves that it knows the run's token (a secret). A program that cannot prove this is refused and counted.
//!
//! Two machines that exchange messages have a *persistent* connection, which stays open for the whole run. Its handshake has these steps:
//!
//! ```text
//! dialler                    listener
//!            challenge <--             only between different processes
//!                 dial -->             proves that the dialler knows the token
//!               answer <--             proves that the listener knows the token
//! ```
//!
//! Each step (a [`HandshakeStep`]) contains a *nonce*, a random number that is used once. A proof is a hash. It *covers* the nonces that were sent
//! before (they are among the hashed bytes), so it cannot be used again for another connection. Machines in different processes also send
//! the times of their system clocks. If two system clocks differ too much, this is found before the first tick. The nonces and times of the
//! challenge and of the dial are the connection's *session*.
//!
//! If all machines of the run are in this process (`has_all_machines`), no challenge is sent: the dialler takes the listener's nonce from
//! memory. All machines then have the same system clock, so no clocks are compared, and all times are 0.
//!
//! If each message has its own connection, that connection has another handshake, which [`super::per_message`] describes.
//!
//! An accepted connection is *silent* until the other side has proved which machine it is. Silent connections of other programs could
//! use up the files that a process may open (a connection counts as a file). So if there are too many, some are closed.

use std::io;

use mio::net::TcpStream;

use super::{ACCEPTS_PER_STEP, Mesh};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::clock_difference::ClockDifference;
use crate::engine::tcp::link::{CHALLENGE_BYTES, Link, Purpose, Session};
use crate::engine::tcp::reactor::{Reactor, Readiness, Route, SocketId};
use crate::engine::tcp::secret::{Secret, new_step};
use crate::machine::MachineIndex;
use crate::wire::{Frame, HandshakeStep, Nonce, StepKind};

/// Sends the dial over `link` to `peer`, with this nonce and time. The dial's proof covers the challenge.
fn send_dial(
    link: &mut Link,
    secret: &Secret,
    peer: MachineIndex,
    (nonce, time_ns): (Nonce, u64),
) -> io::Result<()> {
    link.session.dial = (nonce, time_ns);
    let dial = new_step(StepKind::Dial, link.owner, nonce, time_ns);
    let challenge = &link.session.bytes()[..CHALLENGE_BYTES];
    link.send_step(&secret.signed(dial, peer, challenge))
}

impl Mesh {
    /// Accepts up to [`ACCEPTS_PER_STEP`] of the connections that wait at the listening socket of `machine`, and reads their first bytes
    /// into `scratch`. Calls `handle` with each frame that arrives, as [`Mesh::exchange`] does. If accepting fails, the run continues and
    /// the socket is tried again, because the problem may be gone later.
    pub(in super::super) fn accept(
        &mut self,
        machine: usize,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut handle: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let route = Route {
            slot: self.slot,
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
                // Probably no more files can be opened. If silent connections can be closed, the listening socket is tried again at
                // once, otherwise a little later.
                Err(error) => {
                    let has_closed_some = is_shortage(&error) && self.close_all_silent(reactor);
                    let must_wait = !has_closed_some;
                    reactor.retry_listener(route, must_wait);
                    return Ok(());
                }
            }
        }
        // Perhaps more connections wait, so the listening socket is tried again at once.
        let must_wait = false;
        reactor.retry_listener(route, must_wait);
        Ok(())
    }

    /// Adds an accepted connection, sends a challenge if necessary, and reads the first bytes. An event loop serves several runs. If
    /// they now have too many silent connections together, closes the connection of this run that has been silent longest, unless it is the
    /// one that was just accepted.
    fn read_first_bytes(
        &mut self,
        machine: usize,
        stream: TcpStream,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        handle: &mut impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        // It is not known yet which machine is at the other side (`None`). If the connection is for one message, its purpose is changed when
        // the first step of the handshake arrives.
        let Ok(index) = self.add(
            machine as u32,
            None,
            self.persistent_purpose(),
            stream,
            reactor,
        ) else {
            // The connection broke at once or cannot be watched. If a machine of the run has opened it, that machine reports the problem.
            self.rejected_connections += 1;
            return Ok(());
        };
        if let Some(link) = &self.links[index] {
            reactor.add_silent(link.handle);
        }
        if self.challenge(index).is_err() {
            self.close_silent(
                Route {
                    slot: self.slot,
                    socket: SocketId::Link(index),
                },
                reactor,
            );
            return Ok(());
        }
        self.exchange(index, Readiness::READABLE, scratch, reactor, handle)?;
        if reactor.has_too_many_silent()
            && let Some(longest) = reactor.longest_silent_in(self.slot)
            && longest.socket != SocketId::Link(index)
        {
            self.close_silent(longest, reactor);
        }
        Ok(())
    }

    /// Closes a silent connection.
    pub(in super::super) fn close_silent(&mut self, route: Route, reactor: &mut Reactor) {
        if let SocketId::Link(index) = route.socket
            && let Some(link) = self.links.get_mut(index).and_then(Option::take)
        {
            self.refuse_link(index, link, reactor);
        }
    }

    /// Closes all silent connections of this run. Returns whether there were any.
    pub(super) fn close_all_silent(&mut self, reactor: &mut Reactor) -> bool {
        // Each connection that is closed here is counted as rejected, so a larger count means that there were some.
        let before = self.rejected_connections;
        while let Some(route) = reactor.longest_silent_in(self.slot) {
            self.close_silent(route, reactor);
        }
        self.rejected_connections > before
    }

    /// Sends a challenge over a connection that was just accepted, if it may be the persistent connection of a machine in another process.
    /// The mesh is complete when all persistent connections are there. After that, machines of the run connect only to send one message. A
    /// connection for one message needs no challenge, because its proofs cover the nonces of the persistent connection.
    fn challenge(&mut self, index: usize) -> io::Result<()> {
        if self.has_all_machines() || self.is_complete() {
            return Ok(());
        }
        let (nonce, time_ns) = (self.nonces.next(), self.clock.now_ns());
        self.with_link_at(index, |link| {
            link.session.challenge = (nonce, time_ns);
            link.send_step(&new_step(StepKind::Challenge, link.owner, nonce, time_ns))
        })
    }

    /// Begins the handshake of a persistent connection that was just opened to `peer`. If the listener is in this process, its nonce is
    /// known, so the dial is sent at once. Otherwise the dial is sent when the challenge has arrived.
    pub(super) fn open(&mut self, index: usize, peer: MachineIndex) -> io::Result<()> {
        let nonce = self.nonces.next();
        let listener_is_here = self.has_all_machines();
        let listener = listener_is_here.then(|| self.listener(peer)).flatten();
        // The times are 0, because no clocks are compared within a process.
        let Some(challenge) = listener.map(|listener| (listener.nonce, 0)) else {
            return Ok(());
        };
        let secret = self.secret.clone();
        self.with_link_at(index, |link| {
            link.session.challenge = challenge;
            send_dial(link, &secret, peer, (nonce, 0))
        })
    }

    /// Calls `write` with the link at `index`, if there is one.
    fn with_link_at(
        &mut self,
        index: usize,
        write: impl FnOnce(&mut Link) -> io::Result<()>,
    ) -> io::Result<()> {
        self.links[index].as_mut().map_or(Ok(()), write)
    }

    /// Handles a step of the handshake that the other side of `link` has sent. An error is the end of a sentence that begins with "machine
    /// 1's connection to machine 0".
    pub(super) fn handle_step(
        &mut self,
        index: usize,
        link: &mut Link,
        step: &HandshakeStep,
    ) -> Result<(), String> {
        let broke = |error: io::Error| format!("broke ({error})");
        match (step.kind, link.peer) {
            (_, Some(peer)) if peer != step.machine => {
                Err(format!("comes from machine {}", step.machine))
            }
            (StepKind::Challenge, Some(peer)) if self.awaits_challenge(link) => {
                link.session.challenge = (step.nonce, step.time_ns);
                let dial = (self.nonces.next(), self.clock.now_ns());
                send_dial(link, &self.secret, peer, dial).map_err(broke)
            }
            (StepKind::Answer, Some(peer)) if link.purpose != Purpose::OneMessage => {
                self.check(step, link.owner, &link.session.bytes())?;
                self.compare_clocks(link, peer, step.time_ns);
                // A *side* is one machine's end of a persistent connection.
                self.proven_sides += 1;
                link.set_proven();
                Ok(())
            }
            // The next two kinds are for connections that carry one message: the dialler sends `Message`, the listener answers `Receipt`.
            (StepKind::Receipt, Some(_)) if link.purpose == Purpose::OneMessage => {
                if step.nonce != link.message_number {
                    return Err("confirms another message".to_owned());
                }
                self.check(step, link.owner, &link.session.bytes())?;
                link.set_proven();
                Ok(())
            }
            (StepKind::Message, None) => self.handle_message_step(link, step),
            (StepKind::Dial, None) => self.handle_dial(index, link, step),
            _ => Err("does not follow the handshake".to_owned()),
        }
    }

    /// Returns whether `link` is a persistent connection to another process over which no challenge has arrived yet.
    fn awaits_challenge(&self, link: &Link) -> bool {
        !self.has_all_machines()
            && link.purpose != Purpose::OneMessage
            && link.session == Session::default()
    }

    /// Checks the proof in `step`, which machine `recipient` has received. The proof must cover `before`: the nonces and times that were
    /// sent before `step`.
    pub(super) fn check(
        &self,
        step: &HandshakeStep,
        recipient: MachineIndex,
        before: &[u8],
    ) -> Result<(), String> {
        if self.secret.is_proven(step, recipient, before) {
            Ok(())
        } else {
            Err("does not know the run's token, or belongs to another run".to_owned())
        }
    }

    /// Handles the dial of a machine that opens a persistent connection to the owner of `link`.
    fn handle_dial(
        &mut self,
        index: usize,
        link: &mut Link,
        step: &HandshakeStep,
    ) -> Result<(), String> {
        if let Some(listener) = self
            .has_all_machines()
            .then(|| self.listener(link.owner))
            .flatten()
        {
            // Within a process no challenge is sent. The dialler has used the listener's nonce and the time 0 instead.
            link.session.challenge = (listener.nonce, 0);
        }
        self.check(step, link.owner, &link.session.bytes()[..CHALLENGE_BYTES])?;
        let (owner, peer) = (link.owner, step.machine);
        // Of two machines that exchange messages, the one with the higher index dials.
        let peer_should_dial = owner < peer && self.wiring.are_linked(owner, peer);
        let position = self.side_position(owner, peer);
        // `side_indices[position]` is `Some` if the two machines already have a persistent connection. If the run has no machine `peer`,
        // `position` can be too large for `side_indices`. But then `peer_should_dial` is false, so `side_indices[position]` is not read.
        if !peer_should_dial || self.side_indices[position].is_some() {
            return Err("does not come from a machine that should connect here".to_owned());
        }
        self.side_indices[position] = Some(index);
        link.peer = Some(peer);
        link.session.dial = (step.nonce, step.time_ns);
        let time_ns = if self.has_all_machines() {
            0
        } else {
            self.clock.now_ns()
        };
        let answer = new_step(StepKind::Answer, owner, self.nonces.next(), time_ns);
        let answer = self.secret.signed(answer, peer, &link.session.bytes());
        link.send_step(&answer)
            .map_err(|error| format!("broke ({error})"))?;
        self.compare_clocks(link, peer, time_ns);
        self.proven_sides += 1;
        link.set_proven();
        Ok(())
    }

    /// Compares the system clocks of the two machines of `link`, if the machines are in different processes. The listener read its
    /// clock for the challenge, then the dialler read its clock for the dial, then the listener read its clock again for the answer:
    /// `answer_ns`.
    ///
    /// If the clocks agree, the dialler's time lies between the two times of the listener. If it lies outside, the clocks differ at least
    /// by its distance from the nearer of the two times. Example: the listener's times are 100 and 120, the dialler's time is 150. Then
    /// the clocks differ by at least 30. The code calculates this from the middle of the listener's times, 110. The dialler's time is 40
    /// from the middle, and each of the listener's times is 10 from the middle: 40 - 10 = 30.
    fn compare_clocks(&mut self, link: &Link, peer: MachineIndex, answer_ns: u64) {
        if self.has_all_machines() {
            return;
        }
        let (challenge_ns, dial_ns) = (link.session.challenge.1, link.session.dial.1);
        let round_trip_ns = answer_ns.saturating_sub(challenge_ns);
        let middle_ns = challenge_ns.saturating_add(round_trip_ns / 2);
        let apart_ns = dial_ns.abs_diff(middle_ns);
        let difference = ClockDifference {
            machines: (link.owner.min(peer), link.owner.max(peer)),
            at_least_ns: apart_ns.saturating_sub(round_trip_ns / 2),
        };
        if self
            .clock_difference
            .is_none_or(|largest| largest.at_least_ns < difference.at_least_ns)
        {
            self.clock_difference = Some(difference);
        }
    }

    /// Closes `link`, which was at `index`, and counts it as a rejected connection.
    pub(super) fn refuse_link(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        self.rejected_connections += 1;
        self.vacant.push(index);
        link.refuse();
        reactor.unwatch(&mut link.stream, link.handle);
    }
}
