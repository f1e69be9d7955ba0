//! The addresses at which machines listen.
//!
//! On most Linux systems, all addresses 127.x.y.z are loopback addresses (they reach only this computer). There each run has its own
//! IP address, and its machines use successive ports: with the default ports 20000-29999, machine 0 listens on port 20000, machine 1 on
//! port 20001, and so on. So each socket is bound to an address that nobody else uses, and the system does not have to search for a free
//! port. On other systems (macOS, and Linux systems where only 127.0.0.1 is a loopback address), all machines listen on 127.0.0.1, and the
//! system chooses their ports.

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

/// Number of IP addresses that are tried for a run. A single one may be in use by chance. If all of them are in use, a server
/// probably listens on every address of the computer.
const ATTEMPTS: usize = 64;
/// Number of connections that may wait at a listener until they are accepted.
const MAX_WAITING_CONNECTIONS: i32 = 4096;

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

/// There is no loopback address at which the machines of a run can listen and be reached. Usually the ports are in use.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.in_words())]
pub struct PortsTaken {
    /// The number of machines of the run. Each needs a port.
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
                "the system allows no more open files, but the listeners of {machines} machines need them ({cause}); raise the limit (ulimit -n)"
            ),
            io::ErrorKind::AddrInUse => format!(
                "no loopback address has {machines} free ports from {ports} ({cause}); is a server listening on every address? give other ports with --ports"
            ),
            _ => format!(
                "machines cannot talk to each other over loopback addresses ({cause}); is there a loopback interface? bring it up (ip link set lo up), or use --engine virtual"
            ),
        }
    }

    /// Returns whether the cause is a shortage: the system allows no more open files (each socket is one), or has no more memory. If so, the
    /// run may work when other runs have ended.
    pub(crate) fn is_shortage(&self) -> bool {
        is_shortage(&self.cause)
    }
}

/// How long a connection within this computer may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that a run of `machines` machines finds ports to listen on, and that a connection to the first of them can be made.
///
/// # Errors
///
/// Returns [`PortsTaken`] if no ports are found, or if the connection cannot be made.
pub fn probe(ports: &PortRange, machines: u32) -> Result<(), PortsTaken> {
    let listeners = AddressBook::new(ports.clone()).listen(machines)?;
    let connected = listeners.first().map_or(Ok(()), |listener| {
        std::net::TcpStream::connect_timeout(&listener.local_addr()?, CONNECT_TIMEOUT).map(drop)
    });
    connected.map_err(|cause| PortsTaken {
        machines,
        ports: ports.clone(),
        cause,
    })
}

/// Finds addresses at which the machines of each new run can listen.
pub(crate) struct AddressBook {
    ports: PortRange,
    /// [`Self::next_ip`] adds a constant to this number and makes the next IP address from the sum. The first value is random.
    address_number: u32,
    /// Whether each run has its own IP address. Otherwise all runs use 127.0.0.1, with ports that the system chooses.
    has_own_addresses: bool,
}

impl AddressBook {
    pub(crate) fn new(ports: PortRange) -> Self {
        // Several address books are in use at the same time, in this process (each event loop has one) and in others. Because the first
        // number is random, they seldom try the same address. `RandomState` gives a random hash, whatever is hashed.
        Self {
            ports,
            address_number: RandomState::new().hash_one(std::process::id()) as u32,
            has_own_addresses: cfg!(target_os = "linux"),
        }
    }

    /// Opens a listener for each machine of a run. All of them have the same IP address.
    pub(super) fn listen(&mut self, machines: u32) -> Result<Vec<TcpListener>, PortsTaken> {
        // Each attempt that fails replaces this first value.
        let mut last_error = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            let ip = self.next_ip();
            let listeners: io::Result<Vec<TcpListener>> = (0..machines)
                .map(|machine| listen(SocketAddrV4::new(ip, self.port(machine)?).into()))
                .collect();
            match listeners {
                Ok(listeners) => return Ok(listeners),
                Err(error) => last_error = error,
            }
            match last_error.kind() {
                // The range has fewer ports than the run has machines, so no other address can help.
                io::ErrorKind::AddrInUse
                    if self.has_own_addresses && machines > self.ports.count() =>
                {
                    break;
                }
                io::ErrorKind::AddrInUse => {}
                // In some containers not all addresses 127.x.y.z are loopback addresses. Then only 127.0.0.1 is used.
                io::ErrorKind::AddrNotAvailable if self.has_own_addresses => {
                    self.has_own_addresses = false;
                }
                _ => break,
            }
        }
        Err(self.ports_taken(machines, last_error))
    }

    /// Finds addresses for a run whose machines will listen in their own processes. The addresses are free when this function
    /// returns, but another program may use them before the machines do.
    pub(crate) fn reserve(&mut self, machines: u32) -> Result<Vec<SocketAddr>, PortsTaken> {
        let listeners = self.listen(machines)?;
        let addresses: io::Result<_> = listeners.iter().map(TcpListener::local_addr).collect();
        addresses.map_err(|cause| self.ports_taken(machines, cause))
    }

    /// Returns the error that a run of `machines` machines cannot listen, because of `cause`.
    fn ports_taken(&self, machines: u32, cause: io::Error) -> PortsTaken {
        PortsTaken {
            machines,
            ports: self.ports.clone(),
            cause,
        }
    }

    fn next_ip(&mut self) -> Ipv4Addr {
        if !self.has_own_addresses {
            return Ipv4Addr::LOCALHOST;
        }
        // The step 0x9e3779b1 is odd, so `address_number` takes every 32-bit value before any value comes again. The step is large (about
        // 2^32 divided by the golden ratio), so runs that start one after the other get very different addresses.
        self.address_number = self.address_number.wrapping_add(0x9e37_79b1);
        let [a, b, c, _] = self.address_number.to_be_bytes();
        // The second number of the address is never 0, so 127.0.0.1 is left to other programs. The last number is never 0 or 255, because
        // such addresses often have a special meaning (network, broadcast).
        Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254)
    }

    /// Returns the port of `machine`. Port 0 means that the system chooses a free port. Fails if the range has no port for this machine.
    fn port(&self, machine: u32) -> io::Result<u16> {
        if !self.has_own_addresses {
            return Ok(0);
        }
        let mut ports = self.ports.0.clone();
        let too_short = || io::Error::new(io::ErrorKind::AddrInUse, "the range is too short");
        ports.nth(machine as usize).ok_or_else(too_short)
    }
}

/// Opens a listener at `address`.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Unix: a port can be used again directly after a connection on it was closed.
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(MAX_WAITING_CONNECTIONS)?;
    Ok(TcpListener::from_std(socket.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascending_ranges_of_valid_ports_are_read() {
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
    fn without_own_addresses_the_system_chooses_ports_on_localhost() {
        let mut addresses = AddressBook {
            has_own_addresses: false,
            ..AddressBook::new(PortRange::default())
        };
        let (reserved, listeners) = (addresses.reserve(3), addresses.listen(3));
        let reserved = reserved.expect("ports");
        assert!(
            reserved
                .iter()
                .all(|address| address.ip() == Ipv4Addr::LOCALHOST)
        );
        assert!(reserved[0] != reserved[1] && reserved[1] != reserved[2]);
        assert_eq!(listeners.expect("ports").len(), 3);
        // The system chooses the ports, so even a range of one port is not too short for three machines.
        addresses.ports = PortRange(20_000..=20_000);
        assert_eq!(addresses.listen(3).expect("ports").len(), 3);
    }

    #[test]
    fn the_message_gives_the_advice_for_its_cause() {
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
        // Usually a shortage is one of open files, seldom one of memory. So both get the advice about open files.
        assert!(error(io::ErrorKind::OutOfMemory).contains("ulimit -n"));
    }

    #[test]
    fn a_server_on_every_address_is_reported() {
        let server = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = server.local_addr().expect("bound").port();
        if cfg!(target_os = "linux") {
            // The range is long enough. But machine 0 needs the first port of the range, and the server uses this port at every address.
            let error =
                probe(&PortRange(port..=port + 2), 2).expect_err("the port is taken everywhere");
            assert!(error.to_string().contains("--ports"), "{error}");
        }
    }
}
