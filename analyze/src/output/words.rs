//! Words that several answers share.

use sim::sweep::words::grouped;

/// So many of something: "1 run", "2,000 runs".
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count as u64))
}
