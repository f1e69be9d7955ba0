//! Words that several answers share.

/// So many of something: "1 run", "2 runs".
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
