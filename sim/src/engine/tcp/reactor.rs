//! Finds out which sockets are ready, and waits until a deadline with a precision of microseconds.
//!
//! On Linux, the wait for sockets rounds its timeout up to whole milliseconds, which would make each tick half a millisecond late
//! on average. So a timer descriptor ends the wait there.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// Maximum number of sockets that one wait reports. The next wait reports the others.
const EVENTS: usize = 1024;
/// How many accepted connections may be silent at the same time, in all runs of an event loop together. If there is one more, the
/// connection that has been silent longest is closed. Machines send their hello at once, so even many silent connections of other
/// programs do not prevent them from connecting.
pub(crate) const SILENT: usize = 32;
/// How long to wait before a listener that could not accept is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// The run that a socket belongs to, and which of its sockets it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The slot of the run in its host.
    pub(super) run: usize,
    /// The socket within the run.
    pub(super) socket: SocketId,
}

/// A socket of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketId {
    /// The listener of a machine.
    Listener(usize),
    /// One end of a connection, by its position in the mesh.
    Link(usize),
}

/// A socket that can be read or written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) route: Route,
    pub(super) readiness: Readiness,
}

/// What a socket is ready for, in addition to reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    pub(super) writable: bool,
    /// The other end will send nothing more. This is reported only once, so reading must continue until the end.
    pub(super) closed: bool,
}

impl Readiness {
    pub(super) const READABLE: Self = Self {
        writable: false,
        closed: false,
    };
}

pub(super) struct Reactor {
    poll: Poll,
    events: Events,
    routes: Slab<Route>,
    /// Handles of the accepted connections that have not sent their hello, the longest silent first.
    silent: VecDeque<usize>,
    /// Listeners that must be tried again although nothing new was reported, and when.
    again: Vec<(Instant, Route)>,
    #[cfg(target_os = "linux")]
    timer: timer::Timer,
}

impl Reactor {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            #[cfg(target_os = "linux")]
            timer: timer::Timer::register(poll.registry())?,
            poll,
            events: Events::with_capacity(EVENTS),
            routes: Slab::new(),
            silent: VecDeque::new(),
            again: vec![],
        })
    }

    /// Starts to watch a socket. Returns the handle with which to stop.
    pub(super) fn watch(&mut self, source: &mut impl Source, route: Route) -> io::Result<usize> {
        let handle = self.routes.insert(route);
        let interest = match route.socket {
            SocketId::Listener(_) => Interest::READABLE,
            SocketId::Link(_) => Interest::READABLE | Interest::WRITABLE,
        };
        self.poll
            .registry()
            .register(source, Token(handle), interest)
            .inspect_err(|_| {
                self.routes.remove(handle);
            })?;
        Ok(handle)
    }

    /// Stops watching a socket. The socket will be closed soon, which also stops the watch if this call fails.
    pub(super) fn unwatch(&mut self, source: &mut impl Source, handle: usize) {
        self.remove_silent(handle);
        self.routes.remove(handle);
        let _ = self.poll.registry().deregister(source);
    }

    /// Adds an accepted connection to the silent ones.
    pub(super) fn add_silent(&mut self, handle: usize) {
        self.silent.push_back(handle);
    }

    /// Removes a connection from the silent ones.
    pub(super) fn remove_silent(&mut self, handle: usize) {
        self.silent.retain(|&silent| silent != handle);
    }

    /// Returns whether there are too many silent connections.
    pub(super) fn has_too_many_silent(&self) -> bool {
        self.silent.len() > SILENT
    }

    /// Returns the connection that has been silent longest.
    pub(super) fn longest_silent(&self) -> Option<Route> {
        self.routes.get(*self.silent.front()?).copied()
    }

    /// Returns the connection of run `run` that has been silent longest.
    pub(super) fn longest_silent_in(&self, run: usize) -> Option<Route> {
        let routes = self
            .silent
            .iter()
            .filter_map(|&handle| self.routes.get(handle));
        routes.copied().find(|route| route.run == run)
    }

    /// Notes that the listener at `route` has more connections to accept. The listener is then reported as ready again: at once,
    /// or a little later if accepting `failed`.
    pub(super) fn retry_listener(&mut self, route: Route, failed: bool) {
        let when = Instant::now() + if failed { TRY_AGAIN } else { Duration::ZERO };
        self.again.push((when, route));
    }

    /// Finds out which sockets are ready. Waits for one until `until`, or does not wait.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let again = self.again.iter().map(|(when, _)| *when).min();
        let until = until.map(|until| again.map_or(until, |again| until.min(again)));
        let timeout = match until {
            None => Some(Duration::ZERO),
            #[cfg(target_os = "linux")]
            Some(until) => self.timer.set(until)?,
            #[cfg(not(target_os = "linux"))]
            Some(until) => Some(until.saturating_duration_since(Instant::now())),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Moves the sockets that were found ready by the last wait to `ready`. A reported socket may have nothing to read.
    pub(super) fn take_ready(&mut self, ready: &mut Vec<Ready>) {
        ready.clear();
        ready.extend(self.events.iter().filter_map(|event| {
            let route = *self.routes.get(event.token().0)?;
            let readiness = Readiness {
                writable: event.is_writable(),
                closed: event.is_read_closed(),
            };
            Some(Ready { route, readiness })
        }));
        if !self.again.is_empty() {
            let now = Instant::now();
            let due = self.again.extract_if(.., |(when, _)| *when <= now);
            ready.extend(due.map(|(_, route)| Ready {
                route,
                readiness: Readiness::READABLE,
            }));
        }
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::{Duration, Instant};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// A token that no socket has.
    const TIMER: Token = Token(usize::MAX);
    /// A timer descriptor among the watched sockets. It is never read: setting it again resets it.
    pub(super) struct Timer {
        descriptor: OwnedFd,
        set_for: Option<Instant>,
    }

    impl Timer {
        pub(super) fn register(registry: &Registry) -> io::Result<Self> {
            let descriptor = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            let mut source = SourceFd(&descriptor.as_raw_fd());
            registry.register(&mut source, TIMER, Interest::READABLE)?;
            Ok(Self {
                descriptor,
                set_for: None,
            })
        }

        /// Makes the next wait end at `until`. Returns the timeout for this wait: zero if `until` has passed, and otherwise
        /// `None`, because the timer ends the wait.
        pub(super) fn set(&mut self, until: Instant) -> io::Result<Option<Duration>> {
            let timeout = until.saturating_duration_since(Instant::now());
            if timeout.is_zero() {
                return Ok(Some(timeout));
            }
            if self.set_for != Some(until) {
                let zero = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                let spec = Itimerspec {
                    it_interval: zero,
                    it_value: Timespec {
                        tv_sec: timeout.as_secs() as i64,
                        tv_nsec: i64::from(timeout.subsec_nanos()),
                    },
                };
                timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &spec)?;
                self.set_for = Some(until);
            }
            Ok(None)
        }
    }
}
