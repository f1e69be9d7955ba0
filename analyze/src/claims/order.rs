//! Sorts claims by columns, such as the verdict (`analyze claims --sort`). The columns have the same names as in CSV and JSON.

use super::{ClaimVerdict, EvaluatedClaim};
use crate::read::sql::{NotSql, nearest_in_words};
use crate::stats::row_query::SortKey;

/// The columns by which claims are sorted, the most important first. Each column has a flag that says whether the order is descending.
#[derive(Clone, Debug)]
pub struct ClaimOrder(Vec<(&'static str, bool)>);

impl ClaimOrder {
    /// The columns by which claims can be sorted.
    pub const COLUMNS: [&'static str; 6] = [
        "claim",
        "says",
        "source",
        "verdict",
        "depends_on",
        "expected",
    ];

    /// The order for these `keys`. A key without a direction is ascending.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] if the name of a key is not in [`Self::COLUMNS`]. (An unknown name in an SQL condition gives the same error.)
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
    pub fn sort(&self, evaluated_claims: &mut [EvaluatedClaim<'_>]) {
        // The claims are sorted once for each column, and by the most important column last. `sort_by` is stable: claims that are equal in
        // a column keep the order that the earlier sorts gave them.
        for &(column, is_descending) in self.0.iter().rev() {
            evaluated_claims.sort_by(|a, b| {
                let order = text_in_column(a, column).cmp(&text_in_column(b, column));
                if is_descending {
                    order.reverse()
                } else {
                    order
                }
            });
        }
    }
}

/// The text of a claim in a column.
fn text_in_column(evaluated: &EvaluatedClaim<'_>, column: &str) -> String {
    let claim = evaluated.claim;
    match column {
        "claim" => claim.id.clone(),
        "says" => claim.says.clone(),
        "source" => claim.source.clone(),
        "verdict" => evaluated.verdict.to_string(),
        "expected" => claim.expected.clone(),
        // Only claims with the verdict `depends` have a value in this column, as in CSV and JSON.
        "depends_on" if evaluated.verdict == ClaimVerdict::Depends => claim.depends_on.clone(),
        _ => String::new(),
    }
}
