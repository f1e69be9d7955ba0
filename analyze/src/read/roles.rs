//! The roles of a run's machines: which is the slowest, and which is the fastest.

/// All roles, from the lowest rate to the highest. The last role is for runs in which all machines have the same rate.
pub const ROLES: [&str; 4] = ["slowest", "between", "fastest", "equal"];

/// The role of each machine of a run with these rates. Machines that share the lowest rate are all `slowest`, and machines that share
/// the highest rate are all `fastest`. If all rates are equal, every machine is `equal`.
pub fn roles(rates: &[f64]) -> impl Iterator<Item = &'static str> {
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    rates.iter().map(move |&rate| {
        if lowest == highest {
            "equal"
        } else if rate == lowest {
            "slowest"
        } else if rate == highest {
            "fastest"
        } else {
            "between"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::roles;

    #[test]
    fn machines_with_the_same_rate_have_the_same_role() {
        let of = |rates: &[f64]| roles(rates).collect::<Vec<_>>();
        assert_eq!(of(&[1.0, 3.0, 6.0]), ["slowest", "between", "fastest"]);
        assert_eq!(of(&[6.0, 1.0, 1.0]), ["fastest", "slowest", "slowest"]);
        assert_eq!(of(&[2.0, 2.0]), ["equal", "equal"]);
        assert_eq!(of(&[2.0]), ["equal"]);
    }
}
