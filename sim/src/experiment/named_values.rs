//! A macro for parameters whose values have names, such as `mesh` or `ring`.

/// Defines an enum whose values have fixed names. The first value is the default. Values are parsed from their names and printed as
/// their names. An example:
///
/// ```text
/// named_values! { EngineKind, "an engine (tcp or virtual)" { Tcp = "tcp", Virtual = "virtual" } }
/// ```
///
/// The text after the enum's name is the end of the error message for an unknown name: "`udp` is not an engine (tcp or virtual)".
macro_rules! named_values {
    ($(#[$doc:meta])* $name:ident, $wanted:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0]
            }
        }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The names of all values, in the order of the enum's variants.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// Returns the value's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::experiment::NotAValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::experiment::NotAValue::new(text, $wanted)),
                }
            }
        }
    };
}

pub(super) use named_values;
