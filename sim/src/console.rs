//! Messages to users on stderr, and the quoting of command lines in such messages. If a message cannot be written, the program still
//! continues.
//!
//! - [`colour`]: the colours of words on stdout

pub mod colour;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

/// Writes a line to stderr. If stderr cannot be written (a full disk, a closed pipe, a lost terminal), the line is dropped.
/// `eprintln!` would panic instead.
///
/// [`printable`] escapes control characters in the line. Otherwise text from a file or a path could control the terminal.
pub fn tell(line: impl Display) {
    // The whole line is one write, so that lines of several threads and processes do not mix.
    let _ = io::stderr().write_all(printable(&format!("{line}\n")).as_bytes());
}

/// Returns `text` with Rust's escapes, such as `\u{1b}`, in place of the characters that control a terminal. New lines and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let controls_terminal = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !text.contains(controls_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for letter in text.chars() {
        match controls_terminal(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Joins words to a command line that can be pasted into a shell. A word that is not UTF-8 is written as `$'...'`, with escapes such as
/// `\xe9` for bytes that are not printable ASCII. Bash understands this form.
pub fn command_line<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| quote(word.as_ref())).collect();
    quoted.join(" ")
}

/// Quotes a path as one word of a command line, in the same way as [`command_line`] quotes its words. The path `-rf` becomes `./-rf`.
pub fn shell_word(path: &Path) -> String {
    // Programs treat a word that begins with a dash as an option. So `./` is put before such a path.
    let path = if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Cow::Owned(Path::new(".").join(path))
    } else {
        Cow::Borrowed(path)
    };
    quote(path.as_os_str())
}

/// Removes the option `name` (such as `--only`) and its value from the words of a command, if `is_meant(value)` is true. The option and its
/// value can be two words (`--only 3`) or one (`--only=3`). If the option occurs several times, each occurrence is judged by its own value.
/// Returns whether an option was removed.
pub fn remove_option(words: &mut Vec<String>, name: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    let count = words.len();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        // The value in a word such as `--only=3`.
        let value_in_word = word
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='));
        // The value after a word such as `--only`.
        let next_word = words.get(index + 1).filter(|_| word == name);
        let removed = if value_in_word.is_some_and(&is_meant) {
            1
        } else if next_word.is_some_and(|value| is_meant(value)) {
            2
        } else {
            index += 1;
            continue;
        };
        words.drain(index..index + removed);
    }
    words.len() < count
}

fn quote(word: &OsStr) -> String {
    match word.to_str() {
        Some(text) => match shell_words::quote(text) {
            // `Borrowed` means that `shell_words` has added no quotes. But in bash, braces can stand for several words, and an exclamation
            // mark for an earlier command.
            Cow::Borrowed(plain) if plain.contains(['{', '}', '!']) => format!("'{plain}'"),
            quoted => quoted.into_owned(),
        },
        None => format!(
            "$'{}'",
            word.as_encoded_bytes()
                .iter()
                .map(|&byte| escaped(byte))
                .collect::<String>()
        ),
    }
}

/// Returns the byte as it is written within `$'...'`.
fn escaped(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", byte as char),
        // The other printable characters of ASCII.
        b' '..=b'~' => (byte as char).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_if_a_shell_needs_it() {
        assert_eq!(shell_word(Path::new("data/quickstart")), "data/quickstart");
        assert_eq!(shell_word(Path::new("a b")), "'a b'");
        assert_eq!(shell_word(Path::new("x{a,b}")), "'x{a,b}'");
        assert_eq!(shell_word(Path::new("now!1")), "'now!1'");
        assert_eq!(shell_word(Path::new("d'{a}")), "'d'\\''{a}'");
        assert_eq!(shell_word(Path::new("-rf")), "./-rf");
    }

    #[test]
    fn options_are_removed_in_both_forms() {
        let mut words: Vec<String> = "sim run e.toml --only 3 --only=4 --onlyx=5 --set a=1 --only"
            .split(' ')
            .map(str::to_owned)
            .collect();
        // No `--only` has the value 5: `--onlyx` is another option.
        assert!(!remove_option(&mut words, "--only", |value| value == "5"));
        assert!(remove_option(&mut words, "--only", |_| true));
        // The last `--only` has no value, so it stays.
        assert_eq!(words.join(" "), "sim run e.toml --onlyx=5 --set a=1 --only");
    }

    #[test]
    fn control_characters_are_escaped() {
        let plain = "a\tb\nc é ─";
        assert!(matches!(printable(plain), Cow::Borrowed(text) if text == plain));
        assert_eq!(
            printable("\x1b[2Ja\0\u{9b}b\r\n"),
            "\\u{1b}[2Ja\\u{0}\\u{9b}b\\r\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf_8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9 d'or"));
        assert_eq!(shell_word(path), r"$'caf\xe9 d\'or'");
        assert_eq!(
            command_line([OsStr::new("--data"), path.as_os_str(), OsStr::new("a b")]),
            r"--data $'caf\xe9 d\'or' 'a b'"
        );
    }
}
