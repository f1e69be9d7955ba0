//! Who is at the other end of a connection: each side says hello with the run's token and its own index, and whoever does not is
//! turned away and counted.

use std::io;

use mio::net::TcpStream;

use super::{ACCEPTS_A_LOOK, Mesh};
use crate::engine::shortage::is_shortage;
use crate::engine::tcp::link::{Link, Purpose};
use crate::engine::tcp::reactor::{Reactor, Readiness, Route, SocketId};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello};

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
        let Ok(place) = self.add(machine as u32, None, self.standing(), stream, reactor) else {
            // It broke at once, or cannot be watched: a machine of the run would notice and say so.
            self.strangers += 1;
            return Ok(());
        };
        if let Some(link) = &self.links[place] {
            reactor.suspect(link.handle);
        }
        self.exchange(place, Readiness::READABLE, scratch, reactor, hear)?;
        if reactor.is_crowded()
            && let Some(longest) = reactor.longest_silent_of(self.run)
            && longest.socket != SocketId::Link(place)
        {
            self.turn_silent_away(longest, reactor);
        }
        Ok(())
    }

    /// Turns away a connection that has not said who it is.
    pub(in super::super) fn turn_silent_away(&mut self, route: Route, reactor: &mut Reactor) {
        if let SocketId::Link(place) = route.socket
            && let Some(link) = self.links.get_mut(place).and_then(Option::take)
        {
            self.turn_away(place, link, reactor);
        }
    }

    /// Turns away all connections of this run that have not said who they are. Returns whether there were any.
    pub(super) fn turn_all_silent_away(&mut self, reactor: &mut Reactor) -> bool {
        let before = self.strangers;
        while let Some(route) = reactor.longest_silent_of(self.run) {
            self.turn_silent_away(route, reactor);
        }
        self.strangers > before
    }

    pub(super) fn hello(&self, machine: MachineIndex) -> Hello {
        Hello {
            token: self.token,
            machine,
        }
    }

    pub(super) fn say_hello(&mut self, place: usize) -> io::Result<()> {
        let token = self.token;
        match &mut self.links[place] {
            Some(link) => link.say_hello(&Hello {
                token,
                machine: link.owner,
            }),
            None => Ok(()),
        }
    }

    /// The other end of `link` says who it is.
    pub(super) fn greet(
        &mut self,
        place: usize,
        link: &mut Link,
        hello: &Hello,
    ) -> Result<(), String> {
        if hello.token != self.token {
            return Err("does not know the run's token".to_owned());
        }
        match link.peer {
            Some(peer) if peer != hello.machine => {
                return Err(format!("is machine {}'s", hello.machine));
            }
            Some(_) if link.purpose == Purpose::OneMessage => return Ok(()),
            Some(_) => {}
            None if self.expects_message(link.owner, hello) => {
                link.peer = Some(hello.machine);
                link.purpose = Purpose::OneMessage;
                return Ok(());
            }
            None => {
                let dials =
                    link.owner < hello.machine && self.wiring.are_linked(link.owner, hello.machine);
                if !dials || self.ends[self.end(link.owner, hello.machine)].is_some() {
                    return Err("is of no machine that should connect here".to_owned());
                }
                let end = self.end(link.owner, hello.machine);
                self.ends[end] = Some(place);
                link.peer = Some(hello.machine);
                link.say_hello(&self.hello(link.owner))
                    .map_err(|error| format!("broke ({error})"))?;
            }
        }
        self.greeted_ends += 1;
        Ok(())
    }

    pub(super) fn turn_away(&mut self, place: usize, mut link: Link, reactor: &mut Reactor) {
        self.strangers += 1;
        self.vacant.push(place);
        link.refuse();
        reactor.forget(&mut link.stream, link.handle);
    }
}
