//! Finds the number of a machine (0, 1, 2, ...) from the names that logs give to machines, such as `vm2.csv` or `node_1_log`.

use super::peers::MACHINE_WORDS;

/// A piece of a name: a number or a text. In the order of pieces, numbers come first, sorted by value. Texts follow, sorted by their letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Number(u128),
    Text(String),
}

/// Splits a name into pieces, so that names are sorted in natural order: numbers by value, and capitals like small letters.
pub(super) fn natural_order(name: &str) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != is_digit);
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        // Digits that are too many for a `u128` stay a text.
        let number = piece.parse().ok().filter(|_| is_digit);
        pieces.push(number.map_or_else(|| Piece::Text(piece.to_lowercase()), Piece::Number));
        rest = after;
    }
    pieces
}

/// The words and numbers of a name, without the characters between them. `node_1_log` has three parts: node, 1 and log. (Its pieces in
/// [`natural_order`] are `node_`, 1 and `_log`.)
pub(super) fn parts(name: &str) -> Vec<Piece> {
    let pieces = natural_order(name)
        .into_iter()
        .flat_map(|piece| match piece {
            Piece::Number(_) => vec![piece],
            Piece::Text(text) => {
                let words = text.split(|letter: char| !letter.is_alphanumeric());
                let words = words.filter(|word| !word.is_empty());
                words.map(|word| Piece::Text(word.to_owned())).collect()
            }
        });
    pieces.collect()
}

/// The names of a run's machines (machine 0 has the first name, and so on), and the [`Keys`], which find a machine by a part of its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machines(pub(super) Vec<String>, Keys);

/// How a machine is found by a text that is not its full name. A machine's *key* is the part of its name that distinguishes the machine
/// from the other machines of the run, such as 2 in `node_2_log`. In the lists of keys, the first key is that of machine 0.
#[derive(Clone, Debug, PartialEq)]
enum Keys {
    /// Only by the key. In each name, the key is directly after a word for machines, such as `vm`. At least one name does not end with a
    /// number that equals its key. For example, the key in `vm1_rate3` is 1, and the number 3 at the end does not find the machine.
    KeyOnly(Vec<Piece>),
    /// By the key, or by the number at the end of the name. There are two cases:
    ///
    /// - In each name, the key is directly after a word for machines, and the name ends with a number that equals the key, as in `vm1`.
    /// - The parts after words for machines cannot be keys, because they are missing in some names or equal in several names. Then the key
    ///   is the only part in which the names differ, such as A in `log_A_new` and B in `log_B_new`.
    KeyOrEnd(Vec<Piece>),
    /// Only by the number at the end of the name. No part can be a key, for example because the names differ in several parts, or in their
    /// number of parts.
    EndOnly,
}

impl Machines {
    /// Sorts `names` and removes duplicates.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_by_key(|name| (natural_order(name), name.clone()));
        names.dedup();
        let keys = Keys::from_names(&names);
        Self(names, keys)
    }

    /// Finds the number of the machine that a log calls `name`. `name` can be the machine's full name, such as `vm3`. Otherwise the last
    /// part of `name` must be the machine's key, as in `process B`, or `name` must end with the same number as the full name, as in `VM 3`.
    /// [`Keys`] says whether one of these two ways is tried, or both. `None` if no machine or several machines fit. `None` too if `name`
    /// has several numbers separated by blanks or commas: then it is probably a list of machines.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        if let Some(index) = self.0.iter().position(|other| other == name) {
            return Some(index as u32);
        }
        let words = name.split(|letter: char| letter.is_whitespace() || letter == ',');
        let numbers = words.filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
        if numbers.count() > 1 {
            return None;
        }
        let found = match &self.1 {
            Keys::KeyOnly(keys) => key_in(keys, name),
            Keys::KeyOrEnd(keys) => self.by_end(name).or_else(|| key_in(keys, name)),
            Keys::EndOnly => self.by_end(name),
        };
        found.map(|index| index as u32)
    }

    /// The index of the only machine whose name ends with the same number as `name`.
    fn by_end(&self, name: &str) -> Option<usize> {
        let end = trailing_number(name)?;
        let mut ends = self.0.iter().map(|other| trailing_number(other));
        let found = ends.position(|other| other == Some(end))?;
        // `position` stopped at the first name that fits, so `any` looks only at the names after it.
        let is_only_one = !ends.any(|other| other == Some(end));
        is_only_one.then_some(found)
    }
}

impl Keys {
    fn from_names(names: &[String]) -> Self {
        let parts: Vec<Vec<Piece>> = names.iter().map(|name| parts(name)).collect();
        let keys_after_words: Option<Vec<Piece>> = parts
            .iter()
            .map(|parts| after_machine_word(parts))
            .collect();
        if let Some(keys) = keys_after_words.filter(|keys| are_different(keys)) {
            // Whether a name ends with its key, and the key is a number, as in `vm1`.
            let is_end = |(name, key): (&String, &Piece)| {
                trailing_number(name).map(Piece::Number).as_ref() == Some(key)
            };
            return match names.iter().zip(&keys).all(is_end) {
                true => Self::KeyOrEnd(keys),
                false => Self::KeyOnly(keys),
            };
        }
        // Names with different numbers of parts have no key.
        let Some(first) = parts
            .first()
            .filter(|first| parts.iter().all(|other| other.len() == first.len()))
        else {
            return Self::EndOnly;
        };
        // The part at `index` in each name.
        let column = |index: usize| {
            parts
                .iter()
                .map(|parts| parts[index].clone())
                .collect::<Vec<Piece>>()
        };
        let mut differing = (0..first.len())
            .map(column)
            .filter(|column| column.iter().any(|piece| *piece != column[0]));
        // There is a key only if the names differ in exactly one part.
        match (differing.next(), differing.next()) {
            (Some(only), None) if are_different(&only) => Self::KeyOrEnd(only),
            _ => Self::EndOnly,
        }
    }
}

/// The number or single letter directly after a word for machines, such as 2 in `vm2`. `None` if no word for machines has a number or letter
/// after it.
pub(super) fn after_machine_word(parts: &[Piece]) -> Option<Piece> {
    let mut pairs = parts.windows(2);
    let pair = pairs.find(|pair| is_machine_word(&pair[0]) && is_number_or_letter(&pair[1]));
    pair.map(|pair| pair[1].clone())
}

/// Whether a part is a word for machines. The single letters among [`MACHINE_WORDS`] do not count here, because a letter can be the name of
/// a machine, such as p in `node_p`.
pub(super) fn is_machine_word(piece: &Piece) -> bool {
    matches!(piece, Piece::Text(word) if word.len() > 1 && MACHINE_WORDS.contains(&word.as_str()))
}

/// Whether a part is a number or a single letter, like the 2 in `vm2` and the p in `node_p`.
pub(super) fn is_number_or_letter(piece: &Piece) -> bool {
    match piece {
        Piece::Number(_) => true,
        Piece::Text(text) => text.chars().count() == 1,
    }
}

/// Whether no two keys are equal.
fn are_different(keys: &[Piece]) -> bool {
    let mut sorted: Vec<&Piece> = keys.iter().collect();
    sorted.sort();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

/// The index of the key that equals the last part of `name`. This part is 2 in `VM 2` and b in `process B`. `None` if no key or several
/// keys equal the last part, or if there is a number before the last part, as in `1 and 2`.
fn key_in(keys: &[Piece], name: &str) -> Option<usize> {
    let parts = parts(name);
    let (last, before) = parts.split_last()?;
    let is_word = |piece: &Piece| matches!(piece, Piece::Text(_));
    if !before.iter().all(is_word) {
        return None;
    }
    let mut indices = (0..keys.len()).filter(|&index| keys[index] == *last);
    let found = indices.next()?;
    indices.next().is_none().then_some(found)
}

/// The number at the end of a name.
fn trailing_number(name: &str) -> Option<u128> {
    let first_digit = name
        .trim_end_matches(|letter: char| letter.is_ascii_digit())
        .len();
    name[first_digit..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_comes_after_nine() {
        let machines = Machines::new(["vm10", "vm9", "vm10", "vm1"].into_iter());
        assert_eq!(machines.0, ["vm1", "vm9", "vm10"]);
    }

    #[test]
    fn capitals_are_sorted_like_small_letters() {
        let machines = Machines::new(["VM3", "vm1", "Vm2"].into_iter());
        assert_eq!(machines.0, ["vm1", "Vm2", "VM3"]);
    }

    #[test]
    fn finds_machines_by_name_and_by_the_number_or_letter_in_the_name() {
        let machines = Machines::new(["vm1.csv", "vm2.csv", "vm3"].into_iter());
        assert_eq!(machines.number("vm2.csv"), Some(1));
        assert_eq!(machines.number("3"), Some(2));
        assert_eq!(machines.number("VM 3"), Some(2));
        assert_eq!(machines.number("4"), None);
        assert_eq!(machines.number("me"), None);
        // Both names end with 1, so 1 finds no machine. The names differ in their letters, so the letters are the keys.
        let same_end = Machines::new(["a1", "b1"].into_iter());
        assert_eq!(
            (same_end.number("1"), same_end.number("b1")),
            (None, Some(1))
        );
        assert_eq!(
            (same_end.number("B"), same_end.number("C")),
            (Some(1), None)
        );
    }

    #[test]
    fn finds_machines_by_the_part_in_which_names_differ() {
        let in_the_middle = Machines::new(["node_1_log", "node_2_log"].into_iter());
        assert_eq!(
            (in_the_middle.number("2"), in_the_middle.number("VM 2")),
            (Some(1), Some(1))
        );
        assert_eq!(
            (in_the_middle.number("1 and 2"), in_the_middle.number("3")),
            (None, None)
        );
        // The numbers 3 and 6 belong to rates and not to machines.
        let rates = Machines::new(["vm1_rate3", "vm2_rate6"].into_iter());
        assert_eq!((rates.number("2"), rates.number("6")), (Some(1), None));
        let letters = Machines::new(["machine_A_log", "machine_B_log"].into_iter());
        assert_eq!(letters.number("B"), Some(1));
    }
}
