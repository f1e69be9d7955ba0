//! The colours of pictures. People with any colour vision can tell them apart, on a light and on a dark background.
//!
//! The hues are those of Okabe and Ito (*Color Universal Design*, 2008) without yellow, which is too pale for lines. On a dark
//! background the same hues are lighter.

use std::fmt::Write;

/// Which colours a picture has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light or dark on a screen, as the reader's system prefers. Always light on paper.
    #[default]
    Auto,
    /// A light background.
    Light,
    /// A dark background.
    Dark,
    /// The theme of the page that contains the picture. The page has one style sheet for all its pictures, so the picture has none.
    Page,
}

/// The number of hues for series, such as the lines of a plot. Series are counted from 0, so series `HUES` has the first hue again.
pub const HUES: usize = 6;

/// The colours of one theme.
#[derive(Clone, Copy, Debug)]
pub struct Colours {
    /// The background.
    pub ground: &'static str,
    /// Text.
    pub ink: &'static str,
    /// Less important text, and axes.
    pub muted: &'static str,
    /// Lines of the grid.
    pub grid: &'static str,
    /// What the reader must see first, such as a mistake in a log.
    pub alarm: &'static str,
    /// The colours of the series 0, 1, 2 and so on.
    pub hues: [&'static str; HUES],
}

/// The colours on a light background.
pub const LIGHT: Colours = Colours {
    ground: "#ffffff",
    ink: "#1b1d21",
    muted: "#5b626b",
    grid: "#e4e6ea",
    alarm: "#b3001b",
    hues: [
        "#0072b2", "#d55e00", "#009e73", "#b0568a", "#c98500", "#3f97c9",
    ],
};

/// The colours on a dark background.
pub const DARK: Colours = Colours {
    ground: "#15171b",
    ink: "#eceef1",
    muted: "#a6adb7",
    grid: "#2c3037",
    alarm: "#ff6b7a",
    hues: [
        "#4aa8e0", "#ff8a3c", "#2cc79a", "#e29bc4", "#f0b93a", "#9ad6f7",
    ],
};

/// The CSS class that gives series `index` its hue.
pub fn hue_class(index: usize) -> String {
    format!("h{}", index % HUES)
}

/// The style sheet for `theme`: the CSS rules that all pictures share, and those that `rules` returns for the colours of the theme.
pub fn style_sheet(theme: Theme, rules: impl Fn(&Colours) -> String) -> String {
    let all = |colours: &Colours| shared_rules(colours) + &rules(colours);
    match theme {
        Theme::Light => all(&LIGHT),
        Theme::Dark => all(&DARK),
        Theme::Page => String::new(),
        Theme::Auto => format!(
            "{}@media screen and (prefers-color-scheme:dark){{{}}}",
            all(&LIGHT),
            all(&DARK)
        ),
    }
}

/// The CSS rules that all pictures share. The class `halo` is for text over lines: the text has an edge in the colour of the background.
fn shared_rules(colours: &Colours) -> String {
    let mut css = format!(
        ".ground{{fill:{ground}}}.ink{{fill:{ink}}}.muted{{fill:{muted}}}.halo{{fill:{ink};stroke:{ground};stroke-width:3;paint-order:stroke;\
         stroke-linejoin:round}}.grid{{stroke:{grid};stroke-width:1;fill:none}}.axis{{stroke:{muted};stroke-width:1;fill:none}}",
        ground = colours.ground,
        ink = colours.ink,
        muted = colours.muted,
        grid = colours.grid,
    );
    for (index, hue) in colours.hues.iter().enumerate() {
        let _ = write!(css, ".h{index}{{stroke:{hue};fill:{hue}}}");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast ratio of two colours (`#rrggbb`) as the Web Content Accessibility Guidelines (WCAG) 2.1 define it.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            // The brightness of the colour channel whose two hexadecimal digits begin at `at`.
            let channel = |at: usize| {
                let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("two hex digits");
                let value = f64::from(value) / 255.0;
                match value <= 0.03928 {
                    true => value / 12.92,
                    false => ((value + 0.055) / 1.055).powf(2.4),
                }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// WCAG asks for a contrast ratio of 4.5 for text and of 3 for graphics.
    #[test]
    fn text_and_lines_stand_out_from_the_background() {
        for colours in [LIGHT, DARK] {
            for text in [colours.ink, colours.muted, colours.alarm] {
                assert!(contrast(text, colours.ground) >= 4.5, "{text}");
            }
            for hue in colours.hues {
                let ratio = contrast(hue, colours.ground);
                assert!(ratio >= 3.0, "{hue}: {ratio}");
            }
        }
    }

    #[test]
    fn paper_is_light_and_screens_follow_the_system() {
        let rules = |colours: &Colours| format!(".x{{fill:{}}}", colours.alarm);
        let auto = style_sheet(Theme::Auto, rules);
        // The rules before `@media screen` hold on paper too. The rules inside `@media screen` hold only on a screen.
        let (light, dark) = auto
            .split_once("@media screen")
            .expect("rules for light and for dark");
        assert!(light.contains(LIGHT.alarm) && !light.contains(DARK.alarm));
        assert!(dark.contains(DARK.alarm) && dark.contains("prefers-color-scheme:dark"));
        assert!(!style_sheet(Theme::Dark, rules).contains(LIGHT.alarm));
    }
}
