//! The addresses at which machines listen.
//!
//! On most Linux systems, all addresses 127.x.y.z are loopback addresses. Then each run has its own address, and machine i uses
//! the port base + i. This keeps binding fast for any number of sockets. On other systems (macOS, and Linux systems where only
//! 127.0.0.1 is a loopback address) the system assigns ports on 127.0.0.1.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use mio::net::TcpListener;
use socket2::{Domain, Socket, Type};

use crate::engine::shortage::is_shortage;

/// Number of addresses that are tried. A single address may be in use by chance. All of them are in use only if a server listens
/// on every address.
const ATTEMPTS: usize = 64;
/// Number of connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The ports on which machines may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(RangeInclusive<u16>);

impl PortRange {
    /// Returns the number of ports.
    pub fn count(&self) -> u32 {
        u32::from(*self.0.end()) - u32::from(*self.0.start()) + 1
    }
}

impl Default for PortRange {
    /// The default range lies below the ports that systems use for outgoing connections.
    fn default() -> Self {
        Self(20_000..=29_999)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ports = text
            .split_once('-')
            .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match ports {
            Some((first, last)) if 1 <= first && first <= last => Ok(Self(first..=last)),
            _ => Err(format!(
                "`{text}` is not a range of ports; write it as 20000-29999"
            )),
        }
    }
}

/// No address has enough free ports for a run.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.in_words())]
pub struct PortsTaken {
    machines: u32,
    ports: PortRange,
    cause: io::Error,
}

impl PortsTaken {
    fn in_words(&self) -> String {
        let Self {
            machines,
            ports,
            cause,
        } = self;
        match cause.kind() {
            _ if self.is_shortage() => format!(
                "the system has no more files for the listeners of {machines} machines ({cause}); raise the limit (ulimit -n)"
            ),
            io::ErrorKind::AddrInUse => format!(
                "no loopback address has {machines} free ports from {ports} ({cause}); is a server listening on every address? give other ports with --ports"
            ),
            _ => format!(
                "machines cannot talk to each other over loopback addresses ({cause}); is there a loopback interface? bring it up (ip link set lo up), or use --engine virtual"
            ),
        }
    }

    /// Returns whether the system has no more files. This passes when other runs end.
    pub(crate) fn is_shortage(&self) -> bool {
        is_shortage(&self.cause)
    }
}

/// How long a connection within this host may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that a run of `machines` machines finds ports to listen on, and that connections to them can be made.
///
/// # Errors
///
/// Returns [`PortsTaken`] if not.
pub fn probe(ports: &PortRange, machines: u32) -> Result<(), PortsTaken> {
    let listeners = AddressBook::new(ports.clone()).listen(machines)?;
    let reached = listeners.first().map_or(Ok(()), |listener| {
        std::net::TcpStream::connect_timeout(&listener.local_addr()?, CONNECT_TIMEOUT).map(drop)
    });
    reached.map_err(|cause| PortsTaken {
        machines,
        ports: ports.clone(),
        cause,
    })
}

/// Gives each run its own address.
pub(crate) struct AddressBook {
    ports: PortRange,
    next: u32,
    /// Whether each run has its own address. Otherwise the system assigns ports on 127.0.0.1.
    own_addresses: bool,
}

impl AddressBook {
    pub(crate) fn new(ports: PortRange) -> Self {
        // Each process and each event loop starts at a different address, so that two of them seldom try the same one.
        Self {
            ports,
            next: RandomState::new().hash_one(std::process::id()) as u32,
            own_addresses: cfg!(target_os = "linux"),
        }
    }

    /// Opens a listener for each machine of a run.
    pub(super) fn listen(&mut self, machines: u32) -> Result<Vec<TcpListener>, PortsTaken> {
        let taken = |cause| PortsTaken {
            machines,
            ports: self.ports.clone(),
            cause,
        };
        if machines > self.ports.count() {
            return Err(taken(io::Error::new(
                io::ErrorKind::AddrInUse,
                "the range is too short",
            )));
        }
        let mut last_error = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            let ip = self.next_ip();
            match (0..machines)
                .map(|machine| listen(SocketAddrV4::new(ip, self.port(machine)).into()))
                .collect()
            {
                Ok(listeners) => return Ok(listeners),
                Err(error) => last_error = error,
            }
            match last_error.kind() {
                io::ErrorKind::AddrInUse => {}
                // In some containers not all of 127.0.0.0/8 is loopback.
                io::ErrorKind::AddrNotAvailable if self.own_addresses => self.own_addresses = false,
                _ => break,
            }
        }
        Err(PortsTaken {
            machines,
            ports: self.ports.clone(),
            cause: last_error,
        })
    }

    /// Finds addresses for a run whose machines will listen in their own processes. The addresses are free at this moment.
    pub(crate) fn reserve(&mut self, machines: u32) -> Result<Vec<SocketAddr>, PortsTaken> {
        let listeners = self.listen(machines)?;
        let addresses: io::Result<_> = listeners.iter().map(TcpListener::local_addr).collect();
        addresses.map_err(|cause| PortsTaken {
            machines,
            ports: self.ports.clone(),
            cause,
        })
    }

    fn next_ip(&mut self) -> Ipv4Addr {
        if !self.own_addresses {
            return Ipv4Addr::LOCALHOST;
        }
        // The step is odd, so that every address is visited. It is large, so that runs that start one after the other get distant
        // addresses.
        self.next = self.next.wrapping_add(0x9e37_79b1);
        let [a, b, c, _] = self.next.to_be_bytes();
        Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254)
    }

    fn port(&self, machine: u32) -> u16 {
        if self.own_addresses {
            self.ports.0.start() + machine as u16
        } else {
            0
        }
    }
}

/// Opens a listener at exactly this address.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_back_from_their_texts() {
        assert_eq!("20000-29999".parse(), Ok(PortRange::default()));
        for text in ["", "20000", "0-5", "9-5", "1-70000", "a-b"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_that_is_too_short_is_reported() {
        let error =
            probe(&PortRange(20_000..=20_001), 3).expect_err("two ports for three machines");
        assert!(
            error.to_string().contains("3 free ports from 20000-20001"),
            "{error}"
        );
    }

    #[test]
    fn without_own_addresses_the_system_assigns_ports() {
        let mut addresses = AddressBook {
            own_addresses: false,
            ..AddressBook::new(PortRange::default())
        };
        let (one, other) = (addresses.reserve(3), addresses.listen(3));
        let one = one.expect("ports");
        assert!(
            one.iter()
                .all(|address| address.ip() == Ipv4Addr::LOCALHOST)
        );
        assert!(one[0] != one[1] && one[1] != one[2]);
        assert_eq!(other.expect("ports").len(), 3);
    }

    #[test]
    fn the_advice_fits_the_cause() {
        let error = |kind: io::ErrorKind| {
            let cause = io::Error::from(kind);
            let (machines, ports) = (3, PortRange::default());
            PortsTaken {
                machines,
                ports,
                cause,
            }
            .to_string()
        };
        assert!(error(io::ErrorKind::AddrInUse).contains("--ports"));
        assert!(error(io::ErrorKind::AddrNotAvailable).contains("--engine virtual"));
        assert!(error(io::ErrorKind::NetworkUnreachable).contains("ip link set lo up"));
        assert!(error(io::ErrorKind::OutOfMemory).contains("ulimit -n"));
    }

    #[test]
    fn a_server_on_every_address_is_reported() {
        let server = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = server.local_addr().expect("bound").port();
        if cfg!(target_os = "linux") {
            let error =
                probe(&PortRange(port..=port + 2), 2).expect_err("the port is taken everywhere");
            assert!(error.to_string().contains("--ports"), "{error}");
        }
    }
}
