//! A table for people to read, and the format of its numbers.

use std::cmp::Ordering;

use sim::sweep::words::grouped;

use super::tones::ColouredColumn;

/// Begins a new line within a cell.
pub(crate) const LINE_BREAK: &str = "\n";

/// A table to be read by people.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The title above the table.
    pub title: &'static str,
    /// The heading of each column.
    pub headings: Vec<String>,
    /// For each column, whether it contains numbers.
    pub numeric: Vec<bool>,
    /// The rows. Each row has one cell for each column. A cell may have several lines. No-break spaces join words that must stay on
    /// one line.
    pub rows: Vec<Vec<String>>,
    /// The indices of columns that a narrow terminal may leave out, in the order in which they are left out.
    pub optional: Vec<usize>,
    /// Columns that have a shorter form. A narrow terminal shows these shorter forms before it leaves out any column.
    pub short: Vec<ShortColumn>,
    /// The indices of columns whose cells are prose. A narrow terminal breaks their lines between words before it leaves out any column.
    pub prose: Vec<usize>,
    /// The column in which some words have colours on a terminal: its index, and a function that returns the tone of a word (good,
    /// doubtful or bad).
    pub coloured: Option<ColouredColumn>,
    /// The paragraphs below the table, which explain its numbers.
    pub caption: Vec<String>,
}

/// The shorter form of a column.
#[derive(Clone, Debug, Default)]
pub struct ShortColumn {
    /// The index of the column.
    pub index: usize,
    /// Its shorter heading.
    pub heading: String,
    /// Its shorter cells, one for each row.
    pub cells: Vec<String>,
}

impl Table {
    /// Makes sure that the columns with these headings are shown on narrow terminals too.
    pub fn keep(&mut self, headings: &[String]) {
        let is_kept = |&index: &usize| headings.contains(&self.headings[index]);
        self.optional.retain(|index| !is_kept(index));
    }

    /// The same table, in which each column that has a shorter form is in its shorter form.
    pub(crate) fn with_short_columns(&self) -> Self {
        let mut table = self.clone();
        for ShortColumn {
            index,
            heading,
            cells,
        } in std::mem::take(&mut table.short)
        {
            table.headings[index] = heading;
            for (row, cell) in std::iter::zip(&mut table.rows, cells) {
                row[index] = cell;
            }
        }
        table
    }

    /// The table without the column at `index`. Call [`Self::with_short_columns`] before: the indices in `short` are not adapted here.
    pub(crate) fn without_column(&self, index: usize) -> Self {
        let mut table = self.clone();
        table.headings.remove(index);
        table.numeric.remove(index);
        for row in &mut table.rows {
            row.remove(index);
        }
        // The index that a column of this table has in the new table; `None` for the column that is removed.
        let new_index = |column: usize| match column.cmp(&index) {
            Ordering::Less => Some(column),
            Ordering::Equal => None,
            Ordering::Greater => Some(column - 1),
        };
        let new_indices =
            |columns: &[usize]| columns.iter().copied().filter_map(new_index).collect();
        table.optional = new_indices(&self.optional);
        table.prose = new_indices(&self.prose);
        table.coloured = self
            .coloured
            .and_then(|(column, tone_of)| Some((new_index(column)?, tone_of)));
        table
    }
}

/// Rounds to `decimals` decimal places. A value that is rounded to zero has no minus sign.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|digit| "0.".contains(digit)) => digits.to_owned(),
        _ => text,
    }
}

/// How the values of a column are rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    /// At least this many digits are shown after the decimal point.
    pub decimals: usize,
    /// Whether the value of every run is a whole number, such as a count. Then the value of one run is shown without decimals: `3`. A mean
    /// and its half-width are shown without decimals if both are whole: `33 ± 14`. Otherwise both have decimals: `33.50 ± 14.00`.
    pub is_whole: bool,
}

/// Separates thousands by commas: `-1,234.5`.
pub(crate) fn with_groups(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    // Numbers that do not fit 64 bits are not grouped.
    let whole = whole.parse().map_or(whole.to_owned(), grouped);
    format!("{sign}{whole}{rest}")
}

/// Rounds to `decimals` decimal places for people, and separates thousands. Only a value of exactly 0 is shown as `0`. Another value
/// that would be rounded to 0 is shown as a bound. With two decimals, the bound is half of 0.01: `< 0.005` or `> -0.005`.
pub(crate) fn rounded(value: f64, decimals: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = number(value, decimals);
    let is_rounded_to_zero = text.chars().all(|digit| "0.".contains(digit));
    if !is_rounded_to_zero {
        return with_groups(&text);
    }
    // With two decimals: half of 0.01.
    let half_unit = 0.5 * 0.1f64.powi(decimals as i32);
    // `number` rounds a value of exactly half a unit to the even digit: `number(0.5, 0)` gives 0. Such a value is shown with one more digit.
    if value.abs() >= half_unit {
        return number(value, decimals + 1);
    }
    match value < 0.0 {
        true => format!("> {}", number(-half_unit, decimals + 1)),
        false => format!("< {}", number(half_unit, decimals + 1)),
    }
}

/// Replaces spaces by no-break spaces, so that the words stay on one line.
pub(crate) fn keep_together(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Maximum number of digits after the decimal point, unless a column asks for more.
const MAX_DECIMALS: usize = 6;

/// How many digits after the decimal point are needed to show `value` with `significant` significant digits. Example: 0.0123 with two
/// significant digits is 0.012, so the result is 3. The result is at least `least`. It is at most [`MAX_DECIMALS`], or `least` if `least`
/// is larger.
pub(crate) fn decimals_for(value: f64, significant: u8, least: usize) -> usize {
    if value == 0.0 {
        return least;
    }
    // The place of the first significant digit: 0 for 1.5, -2 for 0.0123.
    let exponent = value.abs().log10().floor();
    let decimals = f64::from(significant) - 1.0 - exponent;
    decimals.clamp(least as f64, MAX_DECIMALS.max(least) as f64) as usize
}

/// A value and half the width of its interval as texts. Both have the same number of digits after the decimal point: as many as
/// [`decimals_for`] gives for two significant digits of the half-width (at least `least`). The rounding error of the value is added to the
/// half-width, and the sum is rounded up. So the printed interval contains the computed interval.
pub(crate) fn with_half_width(value: f64, half_width: f64, least: usize) -> [String; 2] {
    let decimals = decimals_for(half_width, 2, least);
    let shown = number(value, decimals);
    // The unit of the last digit.
    let unit = 0.1f64.powi(decimals as i32);
    let rounding_error = shown
        .parse()
        .map_or(0.0, |shown: f64| (shown - value).abs());
    // 1e-6 is subtracted, so that a tiny error of the floating-point division does not increase the last digit.
    let units = ((half_width + rounding_error) / unit - 1e-6).ceil();
    [shown, number(units * unit, decimals)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_widths_have_two_digits_and_are_rounded_up() {
        // One digit after the decimal point is the least.
        let shown = |value, half_width| with_half_width(value, half_width, 1).join(" ± ");
        assert_eq!(shown(12.34, 19.84), "12.3 ± 19.9");
        // 0.01234 is shown as 0.0123: an error of 0.00004. So the half-width is 0.0099 + 0.00004 = 0.00994, rounded up to 0.0100.
        assert_eq!(shown(0.012_34, 0.009_9), "0.0123 ± 0.0100");
        assert_eq!(shown(1.0, 0.2), "1.00 ± 0.20");
        assert_eq!(shown(1.0, 0.201), "1.00 ± 0.21");
        // Six digits after the decimal point are the most.
        assert_eq!(shown(-1e-9, 1e-8), "0.000000 ± 0.000001");
    }

    #[test]
    fn only_zero_is_shown_as_zero() {
        assert_eq!(
            [0.0, -0.0, 0.006, 0.004, -0.004, 1e-300].map(|value| rounded(value, 2)),
            ["0", "0", "0.01", "< 0.005", "> -0.005", "< 0.005"]
        );
        assert_eq!(
            [0.5, -0.5, 0.4, -0.4, 2.0].map(|value| rounded(value, 0)),
            ["0.5", "-0.5", "< 0.5", "> -0.5", "2"]
        );
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            [999.0, 1e3, -1_234_567.89, 1e300].map(|value| rounded(value, 1)),
            [
                "999.0".to_owned(),
                "1,000.0".to_owned(),
                "-1,234,567.9".to_owned(),
                // Does not fit 64 bits, so it has no commas.
                format!("{:.1}", 1e300)
            ]
        );
    }

    proptest! {
        /// A value that is shown as `< 0.05` really is between 0 and 0.05, and one shown as `> -0.05` is between -0.05 and 0.
        #[test]
        fn a_value_that_is_shown_as_a_bound_is_within_the_bound(value in -0.1f64..0.1, decimals in 0usize..4) {
            let text = rounded(value, decimals);
            let parsed = |text: &str| text.parse::<f64>().expect("a number");
            match text.split_once(' ') {
                Some(("<", above)) => prop_assert!((0.0..parsed(above)).contains(&value)),
                Some((_, below)) => prop_assert!(parsed(below) < value && value < 0.0),
                None => prop_assert!(parsed(&text) != 0.0 || value == 0.0, "{value} became {text}"),
            }
        }

        #[test]
        fn the_shown_interval_contains_the_computed_one(
            value in -1e4f64..1e4,
            half_width in 1e-5f64..1e4,
            least in 0usize..4,
        ) {
            let [shown, half] = with_half_width(value, half_width, least).map(|text| text.parse::<f64>().expect("a number"));
            prop_assert!(shown - half <= value - half_width + 1e-8);
            prop_assert!(value + half_width - 1e-8 <= shown + half);
            // The half-width has at least two significant digits, so one unit of its last digit is at most 10 % of the half-width. Rounding
            // up adds at most one unit, and the rounding error of the value adds at most half a unit: together at most 15 %. The limit is
            // 16 % because floating-point numbers have errors too.
            prop_assert!(half <= half_width * 1.16, "{half_width} became {half}");
        }
    }
}
