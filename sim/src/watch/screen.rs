//! Takes the whole screen of the terminal for the live view. The terminal is restored when the view ends: by a key, a signal, an
//! error or a panic.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::cursor::{Hide, Show};
use ratatui_crossterm::crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use ratatui_crossterm::crossterm::execute;
use ratatui_crossterm::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::draw::View;

/// The longest time between two checks for signals. A signal that comes during a wait ends the wait. But a signal that comes just before
/// a wait begins is noticed only after the wait, so waits must be short.
const CHECK_SIGNALS_EVERY: Duration = Duration::from_millis(250);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Look at the dataset and draw again.
    Update,
    /// Show the next dataset.
    Next,
    /// A key was pressed that ends the view.
    Leave,
    /// A signal ends the view.
    Interrupt,
}

/// The screen while the view is shown. Dropping it restores the terminal.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Set to true by the first signal that ends the view.
    interrupted: Arc<AtomicBool>,
    connection: Connection,
}

impl Screen {
    /// Takes the screen, and registers for the signals that end the view.
    ///
    /// # Errors
    ///
    /// Returns the system's error if there is no terminal, or if signals cannot be watched.
    pub(super) fn open() -> io::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in ENDING_SIGNALS {
            signal_hook::flag::register(*signal, Arc::clone(&interrupted))?;
        }
        restore_before_panics();
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let connection = Connection::open()?;
        enable_raw_mode()?;
        // From here on, dropping the screen restores the terminal.
        let screen = Self {
            terminal,
            interrupted,
            connection,
        };
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws `view` as large as the terminal is now.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the terminal is gone.
    pub(super) fn draw(&mut self, view: &View<'_>) -> io::Result<()> {
        self.terminal
            .draw(|frame| frame.render_widget(view, frame.area()))?;
        Ok(())
    }

    /// Waits for a key, a new size of the terminal or a signal, but at most for `timeout`. Returns what to do next.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the terminal is gone.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<Action> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                return Ok(Action::Interrupt);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Action::Update);
            }
            self.connection.wait(left.min(CHECK_SIGNALS_EVERY))?;
            while event::poll(Duration::ZERO)? {
                match event::read()? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => {
                        if let Some(action) = action_of(key) {
                            return Ok(action);
                        }
                    }
                    Event::Resize(..) => return Ok(Action::Update),
                    _ => {}
                }
            }
        }
    }
}

/// The connection to the terminal, on Unix. Its `wait` checks whether the terminal is gone (its window was closed). Without this
/// check, reading keys from a terminal that is gone would never end.
#[cfg(unix)]
struct Connection {
    poll: mio::Poll,
    events: mio::Events,
}

#[cfg(unix)]
impl Connection {
    fn open() -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let poll = mio::Poll::new()?;
        // `poll` waits for stdout and not for stdin: the function `watch` has checked that stdout is a terminal, but stdin need not be one.
        // When a key is pressed, every file descriptor of the terminal becomes readable, even that of stdout.
        let terminal = io::stdout().as_raw_fd();
        poll.registry().register(
            &mut mio::unix::SourceFd(&terminal),
            mio::Token(0),
            mio::Interest::READABLE,
        )?;
        Ok(Self {
            poll,
            events: mio::Events::with_capacity(1),
        })
    }

    /// Waits until there is something to read or a signal arrives, but at most for `timeout`.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the terminal is gone.
    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let is_gone = |event: &mio::event::Event| event.is_read_closed() || event.is_error();
        if self.events.iter().any(is_gone) {
            // The user reads "the terminal cannot be used: it is gone".
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is gone"));
        }
        Ok(())
    }
}

/// On other systems no check is needed: reading keys fails if the terminal is gone.
#[cfg(not(unix))]
struct Connection;

#[cfg(not(unix))]
impl Connection {
    fn open() -> io::Result<Self> {
        Ok(Self)
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        event::poll(timeout).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// The signals that end the view.
#[cfg(unix)]
const ENDING_SIGNALS: &[i32] = &[
    signal_hook::consts::SIGINT,
    signal_hook::consts::SIGTERM,
    signal_hook::consts::SIGHUP,
];
#[cfg(not(unix))]
const ENDING_SIGNALS: &[i32] = &[signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

/// Returns what a key does.
fn action_of(key: KeyEvent) -> Option<Action> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'C') if with_control => Some(Action::Leave),
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Action::Leave),
        KeyCode::Tab | KeyCode::Right => Some(Action::Next),
        _ => None,
    }
}

/// Restores the terminal. If it is gone, there is nothing to restore, so errors do not matter.
fn restore() {
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

/// Sets a panic hook that restores the terminal before a panic's message is printed, so that the user can read the message.
fn restore_before_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous_hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            previous_hook(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_the_view_or_show_the_next_dataset() {
        let plain = |code| action_of(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(plain(KeyCode::Char('q')), Some(Action::Leave));
        assert_eq!(plain(KeyCode::Esc), Some(Action::Leave));
        assert_eq!(plain(KeyCode::Tab), Some(Action::Next));
        assert_eq!(plain(KeyCode::Char('c')), None);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(action_of(control_c), Some(Action::Leave));
    }
}
