//! Readiness of sockets, and waiting until a deadline to the microsecond.
//!
//! The readiness wait itself rounds its timeout up to whole milliseconds on Linux, which would make every tick half a
//! millisecond late. There a timer descriptor ends the wait instead.

use std::io;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// Sockets reported by one wait at the most; more are reported by the next.
const EVENTS: usize = 1024;

/// Whose socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The run's slot in its host.
    pub(super) run: usize,
    /// The socket within the run.
    pub(super) socket: SocketId,
}

/// A socket of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketId {
    /// The listener of a machine.
    Listener(usize),
    /// The end of a connection, by its place in the mesh.
    Link(usize),
}

/// A socket that can be read or written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) route: Route,
    pub(super) readiness: Readiness,
}

/// What a socket is ready for, beside being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    pub(super) writable: bool,
    /// The other end has said its last: this is not reported again, so reading must go on until it is met.
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
        })
    }

    /// Starts to watch a socket; returns the handle to forget it by.
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

    /// Forgets a socket. It is about to be closed, which ends the watch by itself where this fails.
    pub(super) fn forget(&mut self, source: &mut impl Source, handle: usize) {
        self.routes.remove(handle);
        let _ = self.poll.registry().deregister(source);
    }

    /// Waits for sockets to be ready, but at most for `timeout`.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        let timeout = self.timer.bound(timeout)?;
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Moves what the last wait found ready to `ready`. A socket may be reported that has nothing to say.
    pub(super) fn take_ready(&self, ready: &mut Vec<Ready>) {
        ready.clear();
        ready.extend(self.events.iter().filter_map(|event| {
            let route = *self.routes.get(event.token().0)?;
            let readiness = Readiness {
                writable: event.is_writable(),
                closed: event.is_read_closed(),
            };
            Some(Ready { route, readiness })
        }));
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// No socket's handle.
    const TIMER: Token = Token(usize::MAX);
    /// Longer than any timeout: the descriptor ends the wait.
    const WHOLE_MILLISECONDS: Duration = Duration::from_millis(1000);

    /// A timer descriptor among the watched sockets. It is never read: arming it anew resets it.
    pub(super) struct Timer(OwnedFd);

    impl Timer {
        pub(super) fn register(registry: &Registry) -> io::Result<Self> {
            let timer = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
            Ok(Self(timer))
        }

        /// Sees to it that a wait ends after `timeout`; returns the timeout to give to the wait itself.
        pub(super) fn bound(&self, timeout: Duration) -> io::Result<Duration> {
            if timeout.is_zero() {
                return Ok(timeout);
            }
            let spec = Itimerspec {
                it_interval: Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: Timespec {
                    tv_sec: timeout.as_secs() as i64,
                    tv_nsec: i64::from(timeout.subsec_nanos()),
                },
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &spec)?;
            Ok(WHOLE_MILLISECONDS.max(timeout))
        }
    }
}
