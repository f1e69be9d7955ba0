//! The half-width that a user wants intervals to have: absolute, or relative to the mean. The half-width of the interval 16.4 ± 0.9 is
//! 0.9.

use std::fmt;
use std::str::FromStr;

/// A wanted half-width of an interval: `0.2`, or `5%` of the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HalfWidth {
    /// In the unit of the measure.
    Absolute(f64),
    /// As a share of the mean's absolute value: 0.05 for `5%`.
    Relative(f64),
}

/// The error for a text that is not a half-width.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a half-width; give a number above 0, such as 0.2 (in the unit of the measure) or 5% (of the mean)"
)]
pub struct NotAHalfWidth(String);

impl HalfWidth {
    /// The half-width of an interval around `mean`, in the unit of the measure.
    pub fn absolute(self, mean: f64) -> f64 {
        match self {
            Self::Absolute(half_width) => half_width,
            Self::Relative(share) => share * mean.abs(),
        }
    }

    /// Whether the half-width is relative to the mean.
    pub fn is_relative(self) -> bool {
        matches!(self, Self::Relative(_))
    }
}

impl FromStr for HalfWidth {
    type Err = NotAHalfWidth;

    fn from_str(text: &str) -> Result<Self, NotAHalfWidth> {
        let trimmed = text.trim();
        let percent = trimmed.strip_suffix('%');
        let parsed = percent.unwrap_or(trimmed).trim().parse();
        let is_usable = |number: &f64| number.is_finite() && *number > 0.0;
        let usable = parsed.ok().filter(is_usable);
        let number = usable.ok_or_else(|| NotAHalfWidth(text.to_owned()))?;
        Ok(match percent {
            Some(_) => Self::Relative(number / 100.0),
            None => Self::Absolute(number),
        })
    }
}

impl fmt::Display for HalfWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(half_width) => half_width.fmt(f),
            // In floating point, 0.07 * 100 is 7.000000000000001. So the percentage is rounded to nine decimals: `share * 1e11` is the
            // percentage times 1e9.
            Self::Relative(share) => write!(f, "{} %", (share * 1e11).round() / 1e9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_width_is_a_positive_number_or_a_share_of_the_mean() {
        let parsed = |text: &str| text.parse::<HalfWidth>();
        assert_eq!(parsed("0.2"), Ok(HalfWidth::Absolute(0.2)));
        assert_eq!(parsed(" 5 %"), Ok(HalfWidth::Relative(0.05)));
        assert_eq!(
            parsed("7%").map(|width| width.to_string()),
            Ok("7 %".to_owned())
        );
        assert_eq!(HalfWidth::Relative(0.05).absolute(-40.0), 2.0);
        for text in [
            "",
            "0",
            "0%",
            "-1",
            "-5%",
            "five",
            "nan",
            "inf",
            "%",
            "5%%",
            "5 percent",
        ] {
            let refused = parsed(text).expect_err(text).to_string();
            assert!(
                refused.starts_with(&format!(
                    "`{text}` is not a half-width; give a number above 0"
                )),
                "{refused}"
            );
        }
    }
}
