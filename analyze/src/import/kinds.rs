//! Kinds of events in imported logs, and the words that programs use for these kinds. A mapping (a TOML file that says how the logs are
//! read) can name further words.

use serde::Serialize;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The machine neither sent nor received.
    Internal,
    /// A message was sent to the machines that the row names.
    Send,
    /// A message was sent to all other machines.
    SendAll,
    /// A message was received.
    Receive,
    /// No event: the row is left out.
    Ignore,
}

impl Kind {
    /// The names of the kinds in a mapping.
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("internal", Self::Internal),
        ("send", Self::Send),
        ("send_all", Self::SendAll),
        ("receive", Self::Receive),
        ("ignore", Self::Ignore),
    ];

    /// The kind that is called `name` in a mapping.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(other, _)| *other == name)
            .map(|(_, kind)| kind)
    }

    /// The name of the kind in a mapping.
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }
}

/// Beginnings of words that stand for an event, in lower case: English (also misspelt), Spanish, Portuguese, French and German. `local` is
/// not among them, because words such as `localhost` begin with it; see [`kind_of_word`].
const STEMS: [(Kind, &[&str]); 3] = [
    (
        Kind::Receive,
        &[
            "receiv",
            "reciev",
            "recv",
            "rcv",
            "recib",
            "receb",
            "reçu",
            "recu",
            "récep",
            "recepc",
            "empf",
            "pop",
            "dequeue",
            "processed",
            "processing",
            "consumed",
            "delivered",
            "delivering",
        ],
    ),
    (
        Kind::Send,
        &[
            "send",
            "sent",
            "broadcast",
            "multicast",
            "multisend",
            "doublesend",
            "transmit",
            "envia",
            "envio",
            "envío",
            "envoy",
            "envoi",
            "gesendet",
            "sende",
        ],
    ),
    (Kind::Internal, &["intern", "idle", "lokal", "localevent"]),
];
/// Abbreviations that stand for an event if they are the whole text.
const ABBREVIATIONS: [(Kind, &str); 9] = [
    (Kind::Receive, "r"),
    (Kind::Receive, "rx"),
    (Kind::Send, "s"),
    (Kind::Send, "tx"),
    (Kind::Send, "snd"),
    // `sb` is short for `send to both`. If there are three machines, a send to both others is a send to all.
    (Kind::SendAll, "sb"),
    (Kind::Internal, "i"),
    (Kind::Internal, "int"),
    // `ie` is short for `internal event`.
    (Kind::Internal, "ie"),
];
/// Beginnings of words that mean that a send goes to all machines.
const ALL_STEMS: [&str; 4] = ["broadcast", "multi", "sendall", "sendboth"];
/// Complete words that mean that a send goes to all machines.
const ALL_WORDS: [&str; 9] = [
    "all",
    "both",
    "everyone",
    "everybody",
    "others",
    "double",
    "doublesend",
    "todos",
    "alle",
];
/// Beginnings of words that name a machine, not an event. Without this list, `sender` would count as a send, because it begins with `send`.
const PEER_STEMS: [&str; 2] = ["sender", "receiver"];
/// Before one of these words, `local` describes a clock or a queue (`local clock`), and does not mean an internal event.
const CLOCK_WORDS: [&str; 6] = ["clock", "logical", "lamport", "time", "queue", "lc"];
/// If the first word of a text begins with one of these, the event did not happen, or has not happened yet.
const FAILURE_STEMS: [&str; 8] = [
    "fail", "error", "warn", "unable", "could", "cannot", "waiting", "trying",
];
/// Words that deny the event after them, such as `no`. `didn` and `wasn` come from `didn't` and `wasn't`, which are split at the apostrophe.
const NEGATIONS: [&str; 14] = [
    "no", "not", "without", "nothing", "never", "none", "neither", "nor", "didn", "wasn", "kein",
    "keine", "nicht", "sin",
];
/// A negation denies an event that is at most this number of words after the negation.
const MAX_NEGATION_DISTANCE: usize = 3;
/// If the first word of a text begins with one of these, and no word stands for an event, the text is about the program.
const PROGRAM_STEMS: [&str; 13] = [
    "start", "init", "creat", "connect", "launch", "stop", "end", "exit", "finish", "shutdown",
    "terminat", "listen", "ready",
];

/// Levels of log messages.
const LOG_LEVELS: [&str; 11] = [
    "trace",
    "debug",
    "info",
    "information",
    "notice",
    "warn",
    "warning",
    "error",
    "critical",
    "fatal",
    "severe",
];

/// Whether a word is the level of a log message, such as `INFO`.
pub(super) fn is_log_level(word: &str) -> bool {
    LOG_LEVELS.contains(&word.to_lowercase().as_str())
}

/// Splits a text into words in lower case: `SEND_ALL`, `sendAll` and `Send all` give the same two words.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    let mut before = ' ';
    for letter in text.chars() {
        let begins_word =
            !before.is_alphabetic() || (before.is_lowercase() && letter.is_uppercase());
        if letter.is_alphabetic() {
            if begins_word {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(letter.to_lowercase());
            }
        }
        before = letter;
    }
    words
}

/// The kind of event that a word, in lower case, stands for: a receive, a send or an internal event. `None` for other words.
pub(super) fn kind_of_word(word: &str) -> Option<Kind> {
    if PEER_STEMS.iter().any(|stem| word.starts_with(stem)) {
        return None;
    }
    match word {
        "local" => return Some(Kind::Internal),
        // Not a stem, because nouns such as `delivery` begin with it.
        "deliver" => return Some(Kind::Receive),
        _ => {}
    }
    let stem = STEMS
        .iter()
        .find(|(_, stems)| stems.iter().any(|stem| word.starts_with(stem)));
    stem.map(|(kind, _)| *kind)
}

/// The kind of event for which a text stands, if the text is a single abbreviation.
fn kind_of_abbreviation(words: &[String]) -> Option<Kind> {
    let [word] = words else { return None };
    let mut abbreviations = ABBREVIATIONS.iter();
    abbreviations
        .find(|(_, abbreviation)| abbreviation == word)
        .map(|(kind, _)| *kind)
}

/// Whether a word, in lower case, means that a send goes to all machines.
pub(super) fn says_all(word: &str) -> bool {
    ALL_WORDS.contains(&word) || ALL_STEMS.iter().any(|stem| word.starts_with(stem))
}

/// Whether a word, in lower case, denies the event after it.
pub(super) fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word)
}

/// The kind of event for which the text of a cell stands. The first of these rules that fits decides:
///
/// 1. The whole text is an abbreviation, such as `r`: the kind that it stands for.
/// 2. The first word means that the event did not happen (see [`FAILURE_STEMS`]): [`Kind::Ignore`].
/// 3. The first word stands for an event: its kind.
/// 4. Later words stand for events: their kind, or `None` if they stand for different kinds.
/// 5. No word stands for an event, and the text is about the program (see [`PROGRAM_STEMS`]): [`Kind::Ignore`].
///
/// If no rule fits, the result is `None`. In rules 3 to 5, a word that is denied (see [`NEGATIONS`]) or describes a clock (see
/// [`CLOCK_WORDS`]) does not stand for an event. In rules 3 and 4, a send is a [`Kind::SendAll`] if some word says so (see [`says_all`]).
pub(super) fn recognise(cell: &str) -> Option<Kind> {
    let words = words(cell);
    if let Some(kind) = kind_of_abbreviation(&words) {
        return Some(kind);
    }
    let is_failure = |word: &String| FAILURE_STEMS.iter().any(|stem| word.starts_with(stem));
    if words.first().is_some_and(is_failure) {
        return Some(Kind::Ignore);
    }
    let describes_clock = |index: usize| {
        let next = words.get(index + 1).map_or("", String::as_str);
        words[index] == "local" && CLOCK_WORDS.contains(&next)
    };
    let is_negated = |index: usize| {
        let before = &words[index.saturating_sub(MAX_NEGATION_DISTANCE)..index];
        let negation = before.iter().rposition(|word| negates(word));
        // A negation denies only the first event after it. So this word is denied only if none of the words between the negation and this
        // word stands for an event.
        negation.is_some_and(|at| {
            before[at + 1..]
                .iter()
                .all(|word| kind_of_word(word).is_none())
        })
    };
    let kind = |index: usize| {
        kind_of_word(&words[index]).filter(|_| !describes_clock(index) && !is_negated(index))
    };
    let mut found = (0..words.len()).filter_map(kind);
    let Some(first) = found.next() else {
        let is_about_program =
            |word: &String| PROGRAM_STEMS.iter().any(|stem| word.starts_with(stem));
        return words
            .first()
            .filter(|word| is_about_program(word))
            .map(|_| Kind::Ignore);
    };
    // A text that begins with a word for an event is about this event, even if it names other kinds later. If the text begins with another
    // word and names different kinds, it is not clear which kind is meant.
    let begins_with_event = kind(0).is_some();
    if !begins_with_event && found.any(|other| other != first) {
        return None;
    }
    match first {
        Kind::Send if words.iter().any(|word| says_all(word)) => Some(Kind::SendAll),
        kind => Some(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_for_events_are_recognised() {
        for (cell, kind) in [
            ("INTERNAL_EVENT", Some(Kind::Internal)),
            ("An internal event", Some(Kind::Internal)),
            ("local", Some(Kind::Internal)),
            ("Msg received", Some(Kind::Receive)),
            ("POP FROM QUEUE", Some(Kind::Receive)),
            ("received broadcast", Some(Kind::Receive)),
            ("Message sent", Some(Kind::Send)),
            ("Send to 2", Some(Kind::Send)),
            ("SEND_ALL", Some(Kind::SendAll)),
            ("sendAll", Some(Kind::SendAll)),
            ("sendall", Some(Kind::SendAll)),
            ("sent to both", Some(Kind::SendAll)),
            ("MULTI_SEND", Some(Kind::SendAll)),
            ("DOUBLE SEND", Some(Kind::SendAll)),
            ("multicast", Some(Kind::SendAll)),
            ("deliver <- 2", Some(Kind::Receive)),
            ("[delivery] send", Some(Kind::Send)),
            ("SND", Some(Kind::Send)),
            ("snd_loop: receive", Some(Kind::Receive)),
            ("gesendet", Some(Kind::Send)),
            ("recibido", Some(Kind::Receive)),
            ("start", Some(Kind::Ignore)),
            ("Initialized on 12345", Some(Kind::Ignore)),
            ("message: sent or received", None),
            ("R", Some(Kind::Receive)),
            // The words are `it` and `s`. The abbreviation `s` means a send only if it is the whole text.
            ("it's", None),
            ("Failed to receive message", Some(Kind::Ignore)),
            ("the local clock time is", None),
            ("Sender", None),
            ("No message received", None),
            ("nothing received, so internal", Some(Kind::Internal)),
            ("No message received, sending message", Some(Kind::Send)),
            ("TICK", None),
            ("", None),
        ] {
            assert_eq!(recognise(cell), kind, "{cell}");
        }
    }
}
