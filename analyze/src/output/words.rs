//! Words that several outputs share.

use sim::sweep::words::grouped;

/// A number with a noun: "1 run", "2,000 runs". `what` is the noun in the singular; its plural ends in `s`.
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count as u64))
}
