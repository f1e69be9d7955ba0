//! Who is at the other end of a connection: each side says hello with the run's token and its own index, and whoever does not is
//! turned away and counted.

use std::io;

use super::{Mesh, SILENT};
use crate::engine::tcp::link::{Link, Purpose};
use crate::engine::tcp::reactor::{Reactor, Readiness};
use crate::machine::MachineIndex;
use crate::wire::{Frame, Hello};

impl Mesh {
    /// Accepts what waits at the listener of `machine`, and hears what it says at once.
    pub(in super::super) fn accept(
        &mut self,
        machine: usize,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        mut hear: impl FnMut(MachineIndex, MachineIndex, Frame) -> Result<(), String>,
    ) -> Result<(), String> {
        while let Some(listener) = self.listener(machine as u32) {
            match listener.listener.accept() {
                Ok((stream, _)) => {
                    let place = self.add(machine as u32, None, self.standing(), stream, reactor);
                    let place = place
                        .map_err(|error| format!("machine {machine} cannot accept: {error}"))?;
                    self.suspect(machine, place, reactor);
                    self.exchange(place, Readiness::READABLE, scratch, reactor, &mut hear)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The other side gave up before it was accepted: its own affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(format!("machine {machine} cannot accept: {error}")),
            }
        }
        Ok(())
    }

    /// Counts an accepted connection as silent until it has said who it is.
    fn suspect(&mut self, machine: usize, place: usize, reactor: &mut Reactor) {
        let most = SILENT + self.addresses.len();
        let Some(listener) = self.listener(machine as u32) else {
            return;
        };
        listener.silent.push_back(place);
        if listener.silent.len() > most {
            let longest = listener.silent[0];
            if let Some(link) = self.links[longest].take() {
                self.turn_away(longest, link, reactor);
            }
        }
    }

    fn is_not_silent(&mut self, machine: MachineIndex, place: usize) {
        if let Some(listener) = self.listener(machine) {
            listener.silent.retain(|&silent| silent != place);
        }
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
                self.is_not_silent(link.owner, place);
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
                self.is_not_silent(link.owner, place);
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
        self.is_not_silent(link.owner, place);
        link.refuse();
        reactor.forget(&mut link.stream, link.handle);
    }
}
