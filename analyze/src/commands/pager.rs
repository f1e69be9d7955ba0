//! Shows long tables in the user's pager, as Git does.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::{Child, Command, Stdio};
#[cfg(unix)]
use std::sync::Arc;

use super::output::{StdoutError, write_stdout};

/// The pager if the environment variable `PAGER` is not set. The options of `less` mean: -F end at once if the text fits the screen,
/// -R show colours, -X leave the text on the screen.
const DEFAULT: [&str; 2] = ["less", "-FRX"];

/// Shows `text` in the pager if stdout is a terminal; otherwise, or if the pager cannot be started, writes it to stdout.
///
/// # Errors
///
/// If stdout cannot be written.
pub fn show(text: &[u8]) -> Result<(), StdoutError> {
    let pager = io::stdout().is_terminal().then(start).flatten();
    match pager {
        Some(pager) => feed(pager, text),
        None => write_stdout(text),
    }
}

/// Starts the pager. Returns `None` if the user wants no pager (`PAGER` is `cat` or empty), if the terminal cannot move its cursor
/// (`TERM` is `dumb`), or if the pager cannot be started (for example, because a quote in `PAGER` is not closed).
fn start() -> Option<Child> {
    if env::var_os("TERM").is_some_and(|terminal| terminal == "dumb") {
        return None;
    }
    let words = match env::var("PAGER") {
        Ok(words) => shell_words::split(&words).ok()?,
        Err(_) => DEFAULT.map(str::to_owned).to_vec(),
    };
    let (program, arguments) = words.split_first()?;
    if program == "cat" {
        return None;
    }
    let mut command = Command::new(program);
    if env::var_os("LESS").is_none() {
        // `less` reads options from the variable `LESS` too. With `R` it shows colours, even if the user's `PAGER` is `less` without the
        // option -R. Otherwise it would show the codes of the colours.
        command.env("LESS", "R");
    }
    command.args(arguments).stdin(Stdio::piped()).spawn().ok()
}

/// Writes `text` to the pager and waits until the user quits the pager. It is not an error if the user quits before the pager has read the
/// whole text.
fn feed(mut pager: Child, text: &[u8]) -> Result<(), StdoutError> {
    #[cfg(unix)]
    ignore_interrupts();
    let written = match pager.stdin.take() {
        // After the write, `stdin` is dropped, which closes the pipe. So the pager knows that there is no more text.
        Some(mut stdin) => stdin.write_all(text),
        None => Ok(()),
    };
    let ended = pager.wait();
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(StdoutError::new(error)),
        _ => ended.map(drop).map_err(StdoutError::new),
    }
}

/// Makes this program ignore Ctrl-C. The user presses Ctrl-C for the pager, for example to stop a search. If Ctrl-C ended this program, the
/// pager and the shell would read the keyboard at the same time.
#[cfg(unix)]
fn ignore_interrupts() {
    // Ctrl-C calls a handler instead of ending the program. The handler only sets a flag, which nobody reads. If the handler cannot be
    // registered, Ctrl-C ends the program as usual.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default());
}
