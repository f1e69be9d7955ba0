//! Who is at the other end of a connection: each side proves to know the run's token, and whoever does not is turned away and
//! counted.
//!
//! ```text
//! dialler                    listener
//!            challenge <--             in another process only: in the same, it is known
//!                 dial -->             proves that the dialler knows the token
//!               answer <--             proves that the listener does
//! ```
//!
//! Between processes both also say what their clocks show, so that clocks which disagree are found before the first tick.

use std::io;

use mio::net::TcpStream;

use super::{ACCEPTS_A_LOOK, Mesh};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::clock_difference::ClockDifference;
use crate::engine::tcp::link::{CHALLENGE_BYTES, Link, Purpose, Session};
use crate::engine::tcp::reactor::{Reactor, Readiness, Route, SocketId};
use crate::engine::tcp::secret::{Secret, step};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello, HelloKind, Nonce};

fn say_dial(
    link: &mut Link,
    secret: &Secret,
    peer: MachineIndex,
    (nonce, time_ns): (Nonce, u64),
) -> io::Result<()> {
    let before = link.session.bytes();
    link.session.dial = (nonce, time_ns);
    let dial = step(HelloKind::Dial, link.owner, nonce, time_ns);
    link.say_hello(&secret.signed(dial, peer, &before[..CHALLENGE_BYTES]))
}

impl Mesh {
    /// Accepts some of what waits at the listener of `machine`, and hears what it says at once. What goes wrong with accepting is
    /// no failure of the run: it may pass, and what waits is looked at again.
    pub(in super::super) fn accept(
        &mut self,
        machine: usize,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut hear: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let route = Route {
            run: self.run,
            socket: SocketId::Listener(machine),
        };
        for _ in 0..ACCEPTS_A_LOOK {
            let Some(listener) = self.listener(machine as u32) else {
                return Ok(());
            };
            match listener.listener.accept() {
                Ok((stream, _)) => {
                    self.take_in(machine, stream, scratch, reactor, &mut hear)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The other side gave up before it was accepted: its own affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // No more files: strangers go first. Then, or if there are none, it is tried again.
                Err(error) => {
                    let has_room = is_shortage(&error) && self.turn_all_silent_away(reactor);
                    reactor.look_again(route, !has_room);
                    return Ok(());
                }
            }
        }
        reactor.look_again(route, false);
        Ok(())
    }

    /// Hears what an accepted connection says at once. Until it has said who it is, it counts as silent.
    fn take_in(
        &mut self,
        machine: usize,
        stream: TcpStream,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        hear: &mut impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        let Ok(index) = self.add(machine as u32, None, self.standing(), stream, reactor) else {
            // It broke at once, or cannot be watched: a machine of the run would notice and say so.
            self.rejected_connections += 1;
            return Ok(());
        };
        if let Some(link) = &self.links[index] {
            reactor.suspect(link.handle);
        }
        if self.challenge(index).is_err() {
            self.turn_silent_away(
                Route {
                    run: self.run,
                    socket: SocketId::Link(index),
                },
                reactor,
            );
            return Ok(());
        }
        self.exchange(index, Readiness::READABLE, scratch, reactor, hear)?;
        if reactor.is_crowded()
            && let Some(longest) = reactor.longest_silent_of(self.run)
            && longest.socket != SocketId::Link(index)
        {
            self.turn_silent_away(longest, reactor);
        }
        Ok(())
    }

    /// Turns away a connection that has not said who it is.
    pub(in super::super) fn turn_silent_away(&mut self, route: Route, reactor: &mut Reactor) {
        if let SocketId::Link(index) = route.socket
            && let Some(link) = self.links.get_mut(index).and_then(Option::take)
        {
            self.turn_away(index, link, reactor);
        }
    }

    /// Turns away all connections of this run that have not said who they are. Returns whether there were any.
    pub(super) fn turn_all_silent_away(&mut self, reactor: &mut Reactor) -> bool {
        let before = self.rejected_connections;
        while let Some(route) = reactor.longest_silent_of(self.run) {
            self.turn_silent_away(route, reactor);
        }
        self.rejected_connections > before
    }

    /// Opens a connection just accepted from another process: challenges whoever it is. (Connections for messages need none: they
    /// refer to what was said over the one that stands.)
    fn challenge(&mut self, index: usize) -> io::Result<()> {
        if self.is_whole() || self.stands() {
            return Ok(());
        }
        let (nonce, time_ns) = (self.nonces.next(), self.clock.now_ns());
        self.with_place(index, |link| {
            link.session.challenge = (nonce, time_ns);
            link.say_hello(&step(HelloKind::Challenge, link.owner, nonce, time_ns))
        })
    }

    /// Opens a connection just dialled to `peer`. What a listener of this process will challenge with is known; another's has to be
    /// awaited.
    pub(super) fn open(&mut self, index: usize, peer: MachineIndex) -> io::Result<()> {
        let nonce = self.nonces.next();
        let known = self.is_whole().then(|| self.listener(peer)).flatten();
        let Some(challenge) = known.map(|listener| (listener.nonce, 0)) else {
            return Ok(());
        };
        let secret = self.secret.clone();
        self.with_place(index, |link| {
            link.session.challenge = challenge;
            say_dial(link, &secret, peer, (nonce, 0))
        })
    }

    fn with_place(
        &mut self,
        index: usize,
        say: impl FnOnce(&mut Link) -> io::Result<()>,
    ) -> io::Result<()> {
        self.links[index].as_mut().map_or(Ok(()), say)
    }

    /// The other end of `link` takes a step of the handshake.
    pub(super) fn greet(
        &mut self,
        index: usize,
        link: &mut Link,
        hello: &Hello,
    ) -> Result<(), String> {
        let broke = |error: io::Error| format!("broke ({error})");
        match (hello.kind, link.peer) {
            (_, Some(peer)) if peer != hello.machine => {
                Err(format!("is machine {}'s", hello.machine))
            }
            (HelloKind::Challenge, Some(peer)) if self.awaits_challenge(link) => {
                link.session.challenge = (hello.nonce, hello.time_ns);
                let dial = (self.nonces.next(), self.clock.now_ns());
                say_dial(link, &self.secret, peer, dial).map_err(broke)
            }
            (HelloKind::Answer, Some(peer)) if link.purpose != Purpose::OneMessage => {
                self.check(hello, link.owner, &link.session.bytes())?;
                self.compare_clocks(link, peer, hello.time_ns);
                self.greeted_ends += 1;
                link.greeted();
                Ok(())
            }
            (HelloKind::Receipt, Some(_)) if link.purpose == Purpose::OneMessage => {
                self.check(hello, link.owner, &link.session.bytes())?;
                link.greeted();
                Ok(())
            }
            (HelloKind::Message, None) => self.greet_messenger(link, hello),
            (HelloKind::Dial, None) => self.greet_dialler(index, link, hello),
            _ => Err("does not keep to the handshake".to_owned()),
        }
    }

    /// Whether `link` was dialled, and its listener has said nothing yet.
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
            Err("does not know the run's token, or means another run".to_owned())
        }
    }

    /// A machine has dialled `link`'s owner, and is to stay connected.
    fn greet_dialler(
        &mut self,
        index: usize,
        link: &mut Link,
        hello: &Hello,
    ) -> Result<(), String> {
        if let Some(listener) = self.is_whole().then(|| self.listener(link.owner)).flatten() {
            link.session.challenge = (listener.nonce, 0);
        }
        self.check(hello, link.owner, &link.session.bytes()[..CHALLENGE_BYTES])?;
        let (owner, peer) = (link.owner, hello.machine);
        let dials = owner < peer && self.wiring.are_linked(owner, peer);
        let end = self.end(owner, peer);
        if !dials || self.ends[end].is_some() {
            return Err("is of no machine that should connect here".to_owned());
        }
        self.ends[end] = Some(index);
        link.peer = Some(peer);
        link.session.dial = (hello.nonce, hello.time_ns);
        let time_ns = if self.is_whole() {
            0
        } else {
            self.clock.now_ns()
        };
        let answer = step(HelloKind::Answer, owner, self.nonces.next(), time_ns);
        let answer = self.secret.signed(answer, peer, &link.session.bytes());
        link.say_hello(&answer)
            .map_err(|error| format!("broke ({error})"))?;
        self.compare_clocks(link, peer, time_ns);
        self.greeted_ends += 1;
        link.greeted();
        Ok(())
    }

    /// Compares the clocks of the two machines of `link`, in different processes. The listener's was read before and after the
    /// dialler's.
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

    pub(super) fn turn_away(&mut self, index: usize, mut link: Link, reactor: &mut Reactor) {
        self.rejected_connections += 1;
        self.vacant.push(index);
        link.refuse();
        reactor.forget(&mut link.stream, link.handle);
    }
}
