//! Parses the names of peers (the other machines of a run) as programs write them: in lists, with words between them, or within
//! the text of an event.

use super::kinds::{Kind, says_all};
use super::machines::Machines;

/// Words that may come before the name of a machine or a list of names. They are not part of the name.
pub(super) const MACHINE_WORDS: [&str; 21] = [
    "machine",
    "machines",
    "vm",
    "vms",
    "process",
    "processes",
    "proc",
    "node",
    "nodes",
    "port",
    "ports",
    "client",
    "clients",
    "server",
    "servers",
    "rank",
    "host",
    "peer",
    "peers",
    "m",
    "p",
];
/// In a column of recipients, a cell with one of these texts means all peers. (Phrases such as `all others` are recognised by their words.)
const ALL: [&str; 3] = ["*", "everyone", "all"];

/// The recipients that a cell names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named<'c> {
    /// All other machines.
    All,
    /// These names.
    Names(Vec<&'c str>),
}

/// Parses a cell with recipients, such as `1 and 2`, `[vm1, vm2]`, `2;3`, `both` or `all other machines`.
pub(super) fn parse_recipients(cell: &str) -> Named<'_> {
    let words = super::kinds::words(cell);
    // A phrase such as `both machines`. A cell with a digit, such as `others: 2, 3`, does not mean all machines.
    let is_phrase_for_all = !has_digit(cell)
        && words.iter().any(|word| says_all(word))
        && words.iter().all(|word| can_be_in_phrase_for_all(word));
    if is_phrase_for_all || ALL.contains(&cell.trim().to_lowercase().as_str()) {
        return Named::All;
    }
    let inner = cell.trim().trim_matches(['[', ']', '(', ')', '{', '}']);
    // `and` can be between two names, with or without a comma before it: `1 and 2`, `1, and 2`.
    let names = inner
        .split([';', ',', '+', '&', '/'])
        .map(str::trim)
        .flat_map(|part| part.strip_prefix("and ").unwrap_or(part).split(" and "))
        .map(|name| name.trim().trim_matches(['\'', '"']));
    let mut names: Vec<&str> = names.collect();
    // A tuple with one name, such as `(0,)`, has an empty part after the comma.
    if names.len() > 1 && names.last().is_some_and(|name| name.is_empty()) {
        names.pop();
    }
    match names[..] {
        // Blanks separate names only if there is no other separator and every word has a digit: `vm2 vm3` is two names, `VM 2` is one.
        [one] if one.split_whitespace().count() > 1 && one.split_whitespace().all(has_digit) => {
            Named::Names(one.split_whitespace().collect())
        }
        _ => Named::Names(names),
    }
}

/// Whether a text has a digit.
fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a word can be part of a phrase for all machines, such as `all other machines`.
fn can_be_in_phrase_for_all(word: &str) -> bool {
    says_all(word)
        || MACHINE_WORDS.contains(&word)
        || ["the", "other", "of", "them"].contains(&word)
}

/// Finds the names within the text of an event, such as `1 and 3` in `Send to 1 and 3`, or `VM 3` in `Receive from VM 3`. The names
/// are the whole text after the word `to` (in a send) or `from` (in a receive). None if the text does not have this word, if nothing follows
/// it, or if the event is neither a send nor a receive.
pub(super) fn find_names_in_text(cell: &str, kind: Kind) -> Option<&str> {
    let preposition = match kind {
        Kind::Send | Kind::SendAll => "to",
        Kind::Receive => "from",
        Kind::Internal | Kind::Ignore => return None,
    };
    let mut rest = cell;
    // Each pass looks at the next word, until the preposition is found.
    loop {
        let end = rest
            .find(|letter: char| !letter.is_alphabetic())
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.eq_ignore_ascii_case(preposition) {
            let names = behind
                .trim_matches(|letter: char| letter.is_whitespace() || ":#=".contains(letter));
            return (!names.is_empty()).then_some(names);
        }
        let next = behind.find(char::is_alphabetic)?;
        rest = &behind[next..];
    }
}

/// Whether `cell` can name the recipients of a send or the sender of a received message. `own` is the machine whose log has this cell, or
/// `None` if that machine is not known. The result is true if the cell means all machines. It is also true if every name in the cell is a
/// machine of the run, and at least one of these machines is not `own`.
pub(super) fn names_other_machines(cell: &str, machines: &Machines, own: Option<u32>) -> bool {
    match parse_recipients(cell) {
        Named::All => true,
        Named::Names(names) => {
            let numbers: Option<Vec<u32>> =
                names.iter().map(|name| machines.number(name)).collect();
            numbers.is_some_and(|numbers| numbers.iter().any(|&number| Some(number) != own))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_lists_of_names() {
        for cell in [
            "1 and 2",
            "1, 2",
            "[1, 2]",
            "1;2",
            "(1,2)",
            "1+2",
            "1 & 2",
            "1/2",
            "1 2",
            "['1', '2']",
            "1, and 2",
        ] {
            assert_eq!(
                parse_recipients(cell),
                Named::Names(vec!["1", "2"]),
                "{cell}"
            );
        }
        assert_eq!(parse_recipients("(0,)"), Named::Names(vec!["0"]));
        for cell in [
            "*",
            "all",
            "BOTH",
            "both machines",
            "all others",
            "broadcast",
        ] {
            assert_eq!(parse_recipients(cell), Named::All, "{cell}");
        }
        // None of these means all machines. `small` only contains the letters of `all`.
        for cell in ["VM 2", "vm2", "small", "all but 2"] {
            assert_eq!(parse_recipients(cell), Named::Names(vec![cell]), "{cell}");
        }
    }

    #[test]
    fn finds_names_in_the_text_of_events() {
        assert_eq!(
            find_names_in_text("Send to 1 and 3", Kind::Send),
            Some("1 and 3")
        );
        assert_eq!(
            find_names_in_text("Receive from VM 3", Kind::Receive),
            Some("VM 3")
        );
        assert_eq!(find_names_in_text("SEND TO: 1", Kind::Send), Some("1"));
        assert_eq!(
            find_names_in_text("Sent to both", Kind::SendAll),
            Some("both")
        );
        // `total` begins with `to`, but is another word. The last event is a receive, so its text would need the word `from`.
        for (cell, kind) in [
            ("total 5", Kind::Send),
            ("Send", Kind::Send),
            ("Send to", Kind::Send),
            ("Send to 2", Kind::Receive),
        ] {
            assert_eq!(find_names_in_text(cell, kind), None, "{cell}");
        }
    }
}
