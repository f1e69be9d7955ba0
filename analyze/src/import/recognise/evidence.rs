//! The table of evidence: each word has a weight for each field. The words directly before or after a value (its label) show which
//! field the value is. In `queue length: 3`, the words have the weights 5 and 2 for the queue's length. Their sum 7 is at least
//! [`ENOUGH_WEIGHT`], so 3 is a queue length.

/// A field: the meaning of a value in a line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    /// The system time.
    Time,
    /// The machine's logical clock.
    Clock,
    /// The length of the machine's queue.
    Queue,
    /// The timestamp of a message.
    Stamp,
    /// The name of the machine.
    Machine,
}

/// If the weights of a label's words for a field add up to this number or more, the label is enough evidence that its value is this field.
/// For a machine's name, the sum must be greater than this number.
pub(super) const ENOUGH_WEIGHT: i32 = 3;
/// The labels of two values in a line can both be evidence for the clock, for example with the weights 5 and 4. If the two weights
/// differ by less than this number, the labels do not decide which value is the clock. Then the values themselves decide.
pub(super) const CLEAR_DIFFERENCE: i32 = 2;

/// Words in lower case with their weights: English, Spanish, Portuguese, French and German. A word with a weight of 3 or more is
/// enough by itself (for a machine's name, 4 or more). A word with less weight needs another word beside it. A negative weight is evidence
/// against the field; a weight of -9 outweighs any word of the table.
const WORDS: [(Field, &[(&str, i32)]); 5] = [
    (
        Field::Time,
        &[
            ("time", 2),
            ("system", 3),
            ("sys", 3),
            ("systime", 5),
            ("global", 3),
            ("wall", 3),
            ("real", 3),
            ("physical", 3),
            ("utc", 3),
            ("timestamp", 4),
            ("date", 4),
            ("datetime", 5),
            ("true", 2),
            ("at", 1),
            ("elapsed", 3),
            ("hora", 4),
            ("tiempo", 3),
            ("tempo", 3),
            ("heure", 4),
            ("temps", 3),
            ("zeit", 3),
            ("uhrzeit", 5),
            ("systemzeit", 5),
            ("sistema", 3),
            ("systeme", 3),
            ("when", 4),
            ("t", 3),
            ("logical", -9),
            ("lamport", -9),
            ("logic", -9),
            ("lc", -9),
            ("local", -3),
            ("queue", -9),
            ("rate", -9),
            ("message", -2),
            ("msg", -2),
            ("lógico", -9),
            ("logico", -9),
            ("logique", -9),
            ("logische", -9),
            ("logischer", -9),
        ],
    ),
    (
        Field::Clock,
        &[
            ("logical", 5),
            ("lamport", 5),
            ("logic", 5),
            ("lc", 5),
            ("lclock", 5),
            ("clock", 3),
            ("clk", 4),
            ("l", 4),
            ("c", 4),
            ("counter", 3),
            ("value", 1),
            ("now", 1),
            ("new", 1),
            ("reloj", 4),
            ("relógio", 4),
            ("relogio", 4),
            ("horloge", 4),
            ("uhr", 4),
            ("lógico", 5),
            ("logico", 5),
            ("logique", 5),
            ("logische", 5),
            ("logischer", 5),
            ("old", -9),
            ("previous", -9),
            ("prev", -9),
            ("before", -6),
            ("rate", -9),
            ("speed", -9),
            ("ticks", -9),
            ("cycle", -3),
            ("system", -9),
            ("global", -9),
            ("wall", -9),
            ("physical", -9),
            ("sender", -6),
            ("message", -2),
            ("msg", -2),
            ("received", -2),
            ("remote", -6),
            ("sent", -2),
            ("queue", -9),
            ("vector", -9),
        ],
    ),
    (
        Field::Queue,
        &[
            ("queue", 5),
            ("queued", 4),
            ("remaining", 4),
            ("backlog", 6),
            ("pending", 4),
            ("mailbox", 4),
            ("inbox", 4),
            ("buffer", 4),
            ("waiting", 3),
            ("length", 2),
            ("len", 2),
            ("size", 2),
            ("left", 2),
            ("mq", 4),
            ("q", 4),
            ("qlen", 6),
            ("qsize", 6),
            ("cola", 5),
            ("pendientes", 4),
            ("fila", 5),
            ("longueur", 2),
            ("attente", 4),
            ("warteschlange", 6),
            ("länge", 2),
            ("rate", -9),
            ("clock", -4),
            ("time", -4),
            ("before", -1),
            ("old", -9),
        ],
    ),
    (
        Field::Stamp,
        &[
            ("stamp", 6),
            ("timestamp", 4),
            ("sender", 2),
            ("message", 2),
            ("msg", 2),
            ("received", 2),
            ("remote", 4),
            ("carried", 3),
            ("their", 3),
            ("clock", 1),
            ("time", 1),
            ("lamport", 1),
            ("queue", -9),
            ("length", -9),
            ("size", -9),
            ("system", -9),
            ("global", -9),
            ("old", -9),
            ("new", -3),
            ("own", -9),
            ("id", -9),
            ("sello", 6),
            ("marca", 4),
            ("local", -4),
            ("estampille", 6),
            ("stempel", 6),
            ("zeitstempel", 6),
        ],
    ),
    (
        Field::Machine,
        &[
            ("machine", 4),
            ("vm", 4),
            ("process", 4),
            ("proc", 4),
            ("node", 4),
            ("port", 3),
            ("client", 4),
            ("server", 4),
            ("rank", 4),
            ("host", 3),
            ("id", 2),
            ("pid", -9),
            ("máquina", 4),
            ("maquina", 4),
            ("nodo", 4),
            ("knoten", 4),
            ("maschine", 4),
            ("to", -9),
            ("from", -9),
            ("queue", -9),
        ],
    ),
];
/// Words that come before the names of recipients. `an` is the German word for `to`.
const TO: [&str; 12] = [
    "to",
    "recipient",
    "recipients",
    "receiver",
    "receivers",
    "destination",
    "destinations",
    "dest",
    "target",
    "targets",
    "an",
    "para",
];
/// Words that come before the name of a sender.
const FROM: [&str; 7] = ["from", "sender", "source", "src", "von", "desde", BY];
/// A name after this word is a sender only if a word for sending comes before this word: `sent by vm2`.
pub(super) const BY: &str = "by";
/// Words of summary lines, such as `average queue length: 2`. Such a line is about many events, so it is not an event.
const SUMMARY_WORDS: [&str; 10] = [
    "summary",
    "total",
    "totals",
    "final",
    "overall",
    "average",
    "avg",
    "mean",
    "statistics",
    "stats",
];

/// Whether names in a line are the recipients of a message or its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    To,
    From,
}

impl Field {
    pub(super) const ALL: [Self; 5] = [
        Self::Time,
        Self::Clock,
        Self::Queue,
        Self::Stamp,
        Self::Machine,
    ];

    /// The weight of a word, in lower case, for the field. It is 0 for a word that is not in the table.
    pub(super) fn weight_of_word(self, word: &str) -> i32 {
        let words = WORDS
            .iter()
            .filter(|(field, _)| *field == self)
            .flat_map(|(_, words)| words.iter());
        let mut found = words.filter(|(other, _)| *other == word);
        found.next().map_or(0, |(_, weight)| *weight)
    }

    /// The sum of the weights of a label's words for the field. A word that occurs several times counts once.
    pub(super) fn weight_of_label(self, label: &[String]) -> i32 {
        let is_first_occurrence = |index: &usize| !label[..*index].contains(&label[*index]);
        (0..label.len())
            .filter(is_first_occurrence)
            .map(|index| self.weight_of_word(&label[index]))
            .sum()
    }
}

/// Whether a word, in lower case, is typical of summary lines.
pub(super) fn is_summary_word(word: &str) -> bool {
    SUMMARY_WORDS.contains(&word)
}

/// What `word`, which is in lower case, says about the names after it: that they are recipients, or that they are a sender. None if
/// `word` says neither.
pub(super) fn direction(word: &str) -> Option<Direction> {
    if TO.contains(&word) {
        Some(Direction::To)
    } else if FROM.contains(&word) {
        Some(Direction::From)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each label comes with all fields for which its weight is enough. Each of these labels has one such field or none.
    #[test]
    fn labels_of_public_logs_show_their_fields() {
        use Field::{Clock, Machine, Queue, Stamp, Time};
        for (label, fields) in [
            ("Logical Clock", &[Clock][..]),
            ("local logical clock time", &[Clock]),
            ("LAMPORT_TIME", &[Clock]),
            ("LC", &[Clock]),
            ("System Time", &[Time]),
            ("global time", &[Time]),
            ("message queue length", &[Queue]),
            ("QueueSizeAfter", &[Queue]),
            ("messages remaining", &[Queue]),
            ("SenderClock", &[Stamp]),
            ("with stamp", &[Stamp]),
            ("old_clock", &[]),
            ("clock rate", &[]),
            ("Machine", &[Machine]),
            ("reloj lógico", &[Clock]),
        ] {
            let words = crate::import::kinds::words(label);
            let mut found: Vec<(i32, Field)> = Field::ALL
                .into_iter()
                .map(|field| (field.weight_of_label(&words), field))
                .collect();
            found.retain(|(weight, _)| *weight >= ENOUGH_WEIGHT);
            found.sort();
            let found: Vec<Field> = found.into_iter().rev().map(|(_, field)| field).collect();
            assert_eq!(found, fields, "{label}");
        }
    }
}
