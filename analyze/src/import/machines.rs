//! Names of machines, and their numbers.

/// A part of a name: numbers are ordered as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Number(u128),
    Text(String),
}

/// The pieces of a name: what comes before what, as people would have it. Capitals are as good as small letters.
pub(super) fn natural(name: &str) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != is_digit);
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let number = piece.parse().ok().filter(|_| is_digit);
        pieces.push(number.map_or_else(|| Piece::Text(piece.to_lowercase()), Piece::Number));
        rest = behind;
    }
    pieces
}

/// The machines of a run by name, in the order of their numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machines(pub(super) Vec<String>);

impl Machines {
    /// Of the different ones of `names`.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_by_key(|name| (natural(name), name.clone()));
        names.dedup();
        Self(names)
    }

    /// The number of the machine called `name`: in full, or by the number that its name ends with.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let whole = self.0.iter().position(|other| other == name);
        let by_end = || {
            let end = trailing_number(name)?;
            let mut ends = self.0.iter().map(|other| trailing_number(other));
            let found = ends.position(|other| other == Some(end))?;
            (!ends.any(|other| other == Some(end))).then_some(found)
        };
        whole.or_else(by_end).map(|index| index as u32)
    }
}

fn trailing_number(name: &str) -> Option<u128> {
    let digits = name
        .trim_end_matches(|letter: char| letter.is_ascii_digit())
        .len();
    name[digits..].parse().ok()
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
    fn capitals_change_no_order() {
        let machines = Machines::new(["VM3", "vm1", "Vm2"].into_iter());
        assert_eq!(machines.0, ["vm1", "Vm2", "VM3"]);
    }

    #[test]
    fn found_by_name_and_by_number() {
        let machines = Machines::new(["vm1.csv", "vm2.csv", "vm3"].into_iter());
        assert_eq!(machines.number("vm2.csv"), Some(1));
        assert_eq!(machines.number("3"), Some(2));
        assert_eq!(machines.number("VM 3"), Some(2));
        assert_eq!(machines.number("4"), None);
        assert_eq!(machines.number("me"), None);
        let twins = Machines::new(["a1", "b1"].into_iter());
        assert_eq!((twins.number("1"), twins.number("b1")), (None, Some(1)));
    }
}
