//! Parses numbers as other programs write them: with an exponent (`3e2`), with zeros after the decimal point (`3.0`), or with a decimal
//! comma (`0,5`). Also recognises missing values.

/// Words for a missing value in R, pandas, Python, databases and handwritten tables.
const MISSING: [&str; 8] = ["NA", "N/A", "NaN", "None", "NULL", "nil", "-", "--"];
/// The greatest number that a dataset can hold: times, clocks and queue lengths have 63 bits.
const MAX_NUMBER: u64 = i64::MAX as u64;
/// A number with more digits than this before the decimal point (without leading zeros) is greater than `MAX_NUMBER`.
const MAX_DIGITS: i64 = 19;
/// Larger exponents are replaced by 2^40, and exponents below -2^40 are replaced by -2^40. This changes no result: only about 2^40 digits
/// (`0.00...01` or `100...0`) could cancel such an exponent, and no text is so long. So with the exponent 2^40, every number except 0 is too
/// large, and with -2^40, every number is below 1.
const LARGEST_EXPONENT: i64 = 1 << 40;

/// The character before the decimals of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecimalMark {
    /// A point.
    Point,
    /// A point or a comma. Only for files whose cells are not separated by commas.
    PointOrComma,
}

/// Why a text cannot be read as the expected number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotANumber {
    /// The text is not a decimal number, or the number is negative.
    Form,
    /// The number must be whole, but has decimals other than 0.
    NotWhole,
    /// The number has more than 63 bits.
    TooLarge,
}

/// Whether a cell has no value.
pub(super) fn is_missing(cell: &str) -> bool {
    cell.is_empty() || MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell))
}

/// Whether a cell has several whole numbers, such as the vector clocks `1 1 0` and `[1, 0, 4]`.
pub(super) fn is_vector(cell: &str) -> bool {
    let inner = cell.trim_matches(['[', ']', '(', ')', '{', '}', '<', '>']);
    let numbers = inner.split(|letter: char| letter.is_whitespace() || ",;|:".contains(letter));
    let numbers: Vec<&str> = numbers.filter(|number| !number.is_empty()).collect();
    let is_whole = |number: &&str| number.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() > 1 && numbers.iter().all(is_whole)
}

/// Parses a whole number, such as `3`, `3.0` or `3.000e+00`.
pub(super) fn parse_whole(text: &str, mark: DecimalMark) -> Result<u64, NotANumber> {
    let (number, is_whole) = parse_scaled(text, 0, mark)?;
    is_whole.then_some(number).ok_or(NotANumber::NotWhole)
}

/// Parses a number and multiplies it exactly by 10 to the power of `power`. For example, the power 9 converts seconds to
/// nanoseconds. The decimals of the product are cut off: 1.9 ns become 1 ns.
pub(super) fn parse_times_ten_to(
    text: &str,
    power: i64,
    mark: DecimalMark,
) -> Result<u64, NotANumber> {
    Ok(parse_scaled(text, power, mark)?.0)
}

/// Parses a number and multiplies it by 10 to the power of `power`. Returns the whole part of the product, and whether all
/// decimals of the product are 0. All steps work on the digits, because floating-point numbers would round.
fn parse_scaled(text: &str, power: i64, mark: DecimalMark) -> Result<(u64, bool), NotANumber> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    // The texts before and after the decimal mark, which should be digits.
    let (before, after) = match mark {
        DecimalMark::Point => mantissa.split_once('.'),
        DecimalMark::PointOrComma => mantissa.split_once(['.', ',']),
    }
    .unwrap_or((mantissa, ""));
    let bytes = || before.bytes().chain(after.bytes());
    if bytes().next().is_none() || !bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotANumber::Form);
    }
    let leading_zeros = bytes().take_while(|&digit| digit == b'0').count();
    // The digits from the first one that is not 0.
    let digits = bytes().skip(leading_zeros);
    // The number of digits before the decimal point of the product, without leading zeros: 2 for 12.5, 3 for 3e2 (300), and 0 for 0.5.
    // Negative if there are zeros directly after the point: -1 for 0.05.
    let whole_digits = before.len() as i64 + exponent + power - leading_zeros as i64;
    let mut decimals = digits.clone().skip(whole_digits.max(0) as usize);
    let is_whole = decimals.all(|digit| digit == b'0');
    if digits.clone().next().is_none() {
        // All digits are 0, so the number is 0, even if its exponent is large.
        return Ok((0, true));
    }
    if whole_digits > MAX_DIGITS {
        return Err(NotANumber::TooLarge);
    }
    // If the product has more digits than the text, zeros follow: `3e2` is 300.
    let digits_then_zeros = digits.chain(std::iter::repeat(b'0'));
    let number = digits_then_zeros
        .take(whole_digits.max(0) as usize)
        .try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
    match number {
        Some(number) if number <= MAX_NUMBER => Ok((number, is_whole)),
        _ => Err(NotANumber::TooLarge),
    }
}

/// Parses the exponent of a number. The result is between `-LARGEST_EXPONENT` and [`LARGEST_EXPONENT`].
fn parse_exponent(text: &str) -> Result<i64, NotANumber> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotANumber::Form);
    }
    // `parse` fails only if the number is too large for an `i64`.
    let size = digits
        .parse()
        .unwrap_or(LARGEST_EXPONENT)
        .min(LARGEST_EXPONENT);
    Ok(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_whole_numbers_in_all_common_forms() {
        let read = |text: &str| parse_whole(text, DecimalMark::Point);
        for three in [
            "3",
            "3.0",
            "3.000000000000000000e+00",
            "0.3e1",
            "+3",
            "300e-2",
            "03",
            "3.",
        ] {
            assert_eq!(read(three), Ok(3), "{three}");
        }
        for zero in ["0", "0.000e+00", "0e99", ".0", "0e-99", "0e3000000000"] {
            assert_eq!(read(zero), Ok(0), "{zero}");
        }
        assert_eq!(read("9223372036854775807"), Ok(MAX_NUMBER));
        for large in [
            "9223372036854775808",
            "18446744073709551616",
            "1e19",
            "1e2000000000",
            "1e3000000000",
            "1e99999999999999999999",
        ] {
            assert_eq!(read(large), Err(NotANumber::TooLarge), "{large}");
        }
        for fraction in ["3.5", "1e-1", "5e-2000000000", "5e-3000000000", "30e-2"] {
            assert_eq!(read(fraction), Err(NotANumber::NotWhole), "{fraction}");
        }
        // `١` is the Arabic digit 1.
        for wrong in [
            "", "-1", ".", "e3", "1e", "1e+", "1e+-1", "1.2.3", "1,5", "0x3", "3 ", "١", "inf",
        ] {
            assert_eq!(read(wrong), Err(NotANumber::Form), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        let ns = |text: &str| parse_times_ten_to(text, 9, DecimalMark::PointOrComma);
        assert_eq!(
            ns("1.700000000123456789e+09"),
            Ok(1_700_000_000_123_456_789)
        );
        assert_eq!(ns("1700000000.1234567899"), Ok(1_700_000_000_123_456_789));
        assert_eq!(ns("0,5"), Ok(500_000_000));
        assert_eq!(ns("1e-9"), Ok(1));
        assert_eq!(ns("1e-10"), Ok(0));
        assert_eq!(ns("9223372036.854775807"), Ok(MAX_NUMBER));
        assert_eq!(ns("9223372036.854775808"), Err(NotANumber::TooLarge));
        assert_eq!(ns("1.234,5"), Err(NotANumber::Form));
    }

    #[test]
    fn recognises_missing_values() {
        for cell in ["", "NA", "nan", "None", "NULL", "null", "-"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["0", "vm1", "-1", "*", "n"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
