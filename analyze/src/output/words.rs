//! Words that several outputs share.

use sim::sweep::words::grouped;

/// A number with its noun in the right form: "1 run", "2,000 runs".
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count as u64))
}
