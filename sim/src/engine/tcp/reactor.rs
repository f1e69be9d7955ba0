//! Waits until a socket is ready or a deadline has passed, with a precision of microseconds, and says which sockets are ready.
//!
//! On Linux, the system call that waits for sockets (`epoll_wait`) takes its timeout in whole milliseconds, so timeouts are rounded up. This
//! would make each tick half a millisecond late on average. So on Linux, a timer that is watched like a socket (a timer descriptor) ends the wait.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// Maximum number of sockets that one wait reports. The next wait reports the others.
const MAX_EVENTS: usize = 1024;
/// Maximum number of silent connections in all runs of an event loop together. An accepted connection is *silent* until its other side has
/// proved which machine it is. If there are more silent connections, the one that has been silent longest is closed. A machine's connection
/// is hardly ever closed in this way, because machines send their proofs as soon as they can. So machines can connect even if other
/// programs open many silent connections.
pub(crate) const MAX_SILENT: usize = 32;
/// If a listener could not accept a connection, it is tried again after this time.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// The run to which a socket belongs, and which socket of the run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The slot of the run in its event loop: its position in the list of runs.
    pub(super) slot: usize,
    /// The socket within the run.
    pub(super) socket: SocketId,
}

/// A socket of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketId {
    /// The listener of a machine, by the machine's index.
    Listener(usize),
    /// One side of a connection, by its position in the list of connections of the run.
    Link(usize),
}

/// A socket that can probably be read or written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) route: Route,
    pub(super) readiness: Readiness,
}

/// What is known about a ready socket. Reading is not mentioned, because it is always tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    pub(super) writable: bool,
    /// Whether the other side will send nothing more. Then the socket is not reported again, so everything that has arrived must be read
    /// now.
    pub(super) closed: bool,
}

impl Readiness {
    /// Only reading is worth a try: the system has not reported the socket as writable or closed.
    pub(super) const READABLE: Self = Self {
        writable: false,
        closed: false,
    };
}

/// Watches the sockets of all runs of an event loop.
pub(super) struct Reactor {
    poll: Poll,
    /// What the last wait reported.
    events: Events,
    /// The watched sockets. The key of a socket is its *handle*.
    routes: Slab<Route>,
    /// Handles of the silent connections. The first one has been silent longest.
    silent: VecDeque<usize>,
    /// Each listener in this list is reported as ready at its time, even if the system does not report it.
    retries: Vec<(Instant, Route)>,
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
            events: Events::with_capacity(MAX_EVENTS),
            routes: Slab::new(),
            silent: VecDeque::new(),
            retries: vec![],
        })
    }

    /// Starts to watch a socket. Returns its handle, which [`Reactor::unwatch`] needs.
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

    /// Stops watching a socket. An error is ignored: the caller closes the socket next, which also ends the watch.
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
        self.silent.len() > MAX_SILENT
    }

    /// Returns the connection that has been silent longest.
    pub(super) fn longest_silent(&self) -> Option<Route> {
        self.routes.get(*self.silent.front()?).copied()
    }

    /// Returns the connection that has been silent longest among those of the run in `slot`.
    pub(super) fn longest_silent_in(&self, slot: usize) -> Option<Route> {
        let routes = self
            .silent
            .iter()
            .filter_map(|&handle| self.routes.get(handle));
        routes.copied().find(|route| route.slot == slot)
    }

    /// Plans to report the listener at `route` as ready once more, because more connections may wait at it. The next call of
    /// [`Reactor::take_ready`] reports it. But if accepting has `failed`, it is not reported before [`RETRY_AFTER`] has passed.
    pub(super) fn retry_listener(&mut self, route: Route, failed: bool) {
        let delay = if failed { RETRY_AFTER } else { Duration::ZERO };
        self.retries.push((Instant::now() + delay, route));
    }

    /// Finds out which sockets are ready. If none is ready, waits for one. The wait ends at `until` at the latest, or when a listener is to
    /// be tried again. If `until` is `None`, does not wait.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let first_retry = self.retries.iter().map(|(when, _)| *when).min();
        // The earlier one of `until` and the first retry.
        let end = until.map(|until| first_retry.map_or(until, |retry| until.min(retry)));
        let timeout = match end {
            None => Some(Duration::ZERO),
            #[cfg(target_os = "linux")]
            Some(end) => self.timer.set(end)?,
            #[cfg(not(target_os = "linux"))]
            Some(end) => Some(end.saturating_duration_since(Instant::now())),
        };
        match self.poll.poll(&mut self.events, timeout) {
            // A signal has ended the wait, so no socket is reported.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Replaces the contents of `ready` by the sockets that the last wait found ready, and the listeners that are to be tried again now.
    /// A socket in the list may have nothing to read.
    pub(super) fn take_ready(&mut self, ready: &mut Vec<Ready>) {
        ready.clear();
        ready.extend(self.events.iter().filter_map(|event| {
            // The timer's token is not in `routes`, so the timer is left out here.
            let route = *self.routes.get(event.token().0)?;
            let readiness = Readiness {
                writable: event.is_writable(),
                closed: event.is_read_closed(),
            };
            Some(Ready { route, readiness })
        }));
        if !self.retries.is_empty() {
            let now = Instant::now();
            let due = self.retries.extract_if(.., |(when, _)| *when <= now);
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

    /// The timer's token. Tokens of sockets are their handles, which are never so large.
    const TIMER_TOKEN: Token = Token(usize::MAX);

    /// A timer descriptor among the watched sockets: it becomes ready when its time has come. Usually a program then reads the descriptor,
    /// so that it is no longer ready. This is not necessary here, because setting the timer again has the same effect.
    pub(super) struct Timer {
        descriptor: OwnedFd,
        /// The time for which the timer was set last.
        set_for: Option<Instant>,
    }

    impl Timer {
        pub(super) fn register(registry: &Registry) -> io::Result<Self> {
            let descriptor = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            let mut source = SourceFd(&descriptor.as_raw_fd());
            registry.register(&mut source, TIMER_TOKEN, Interest::READABLE)?;
            Ok(Self {
                descriptor,
                set_for: None,
            })
        }

        /// Makes the next wait end at `until`. Returns the timeout for this wait. It is zero if `until` has passed. Otherwise it is `None`
        /// (no timeout), because the timer ends the wait.
        pub(super) fn set(&mut self, until: Instant) -> io::Result<Option<Duration>> {
            let timeout = until.saturating_duration_since(Instant::now());
            if timeout.is_zero() {
                return Ok(Some(timeout));
            }
            if self.set_for != Some(until) {
                // With an interval of zero, the timer becomes ready once, and not again after each interval.
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
