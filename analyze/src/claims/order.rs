//! Sorts claims by the columns that they have in CSV and JSON.

use super::{ClaimVerdict, EvaluatedClaim};
use crate::read::sql::{NotSql, nearest_in_words};
use crate::stats::row_query::SortKey;

/// The columns by which claims are sorted, the most important first.
#[derive(Clone, Debug)]
pub struct ClaimOrder(Vec<(&'static str, bool)>);

impl ClaimOrder {
    /// The columns of a claim.
    pub const COLUMNS: [&'static str; 6] = [
        "claim",
        "says",
        "source",
        "verdict",
        "depends_on",
        "expected",
    ];

    /// The order that `keys` say. Without a direction, texts are ascending.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] if a name is not a column of a claim.
    pub fn new(keys: &[SortKey]) -> Result<Self, NotSql> {
        let column = |key: &SortKey| {
            let mut known = Self::COLUMNS.into_iter();
            let column = known.find(|known| *known == key.name);
            let column = column.ok_or_else(|| NotSql::Name {
                name: key.name.clone(),
                nearest: nearest_in_words(&key.name, &Self::COLUMNS),
                names: Self::COLUMNS.join(", "),
            })?;
            Ok((column, key.descending.unwrap_or(false)))
        };
        keys.iter().map(column).collect::<Result<_, _>>().map(Self)
    }

    /// Sorts claims. Claims that are equal in all columns keep their order.
    pub fn sort(&self, answers: &mut [EvaluatedClaim<'_>]) {
        for &(column, descending) in self.0.iter().rev() {
            answers.sort_by(|a, b| {
                let order = cell(a, column).cmp(&cell(b, column));
                if descending { order.reverse() } else { order }
            });
        }
    }
}

/// The value of a claim in a column.
fn cell(answer: &EvaluatedClaim<'_>, column: &str) -> String {
    let claim = answer.claim;
    match column {
        "claim" => claim.id.clone(),
        "says" => claim.says.clone(),
        "source" => claim.source.clone(),
        "verdict" => answer.verdict.to_string(),
        "depends_on" if answer.verdict == ClaimVerdict::Depends => claim.depends_on.clone(),
        "expected" => claim.expected.clone(),
        _ => String::new(),
    }
}
