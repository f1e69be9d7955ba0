//! Tests of `analyze plot`: the values in a picture are those of the tables, and every kind of plot can be drawn as SVG and as text for a
//! terminal. The elements of an SVG picture have their values as attributes, such as `data-x`.

use std::collections::BTreeMap;
use std::path::Path;

use analyze::Dataset;
use analyze::draw::palette::Theme;
use analyze::measures;
use analyze::plot::{self, Kind, Options};
use analyze::stats::repetitions;
use resvg::usvg::roxmltree::{Document, Node};

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::without_events;

/// The SVG picture of the dataset in `root`.
pub fn draw(root: &Path, kind: Kind, options: &Options) -> String {
    let dataset = Dataset::open(root).unwrap();
    let plot = plot::plot(&dataset, kind, options).unwrap();
    plot.figure.svg(Theme::Auto)
}

/// A folder with the dataset `small`.
pub fn with_small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

/// The number in an attribute such as `data-x`.
pub fn number(node: &Node<'_, '_>, name: &str) -> f64 {
    let text = node.attribute(name).unwrap_or_else(|| panic!("no {name}"));
    text.parse().unwrap()
}

/// The numbers in an attribute that has one number for each point of a curve, separated by spaces.
pub fn numbers(node: &Node<'_, '_>, name: &str) -> Vec<f64> {
    let text = node.attribute(name).unwrap_or_else(|| panic!("no {name}"));
    text.split(' ')
        .map(|number| number.parse().unwrap())
        .collect()
}

/// The elements below `node` whose first class is `class`.
pub fn of_class<'d>(node: Node<'d, 'd>, class: &str) -> Vec<Node<'d, 'd>> {
    let has_class = |node: &Node<'_, '_>| {
        let classes = node.attribute("class").unwrap_or_default();
        classes.split(' ').next() == Some(class)
    };
    node.descendants().filter(has_class).collect()
}

/// Requires that the `shown` number is `value`. Numbers in pictures have six significant digits.
pub fn assert_close(shown: f64, value: f64) {
    assert!(
        (shown - value).abs() <= value.abs() * 1e-5 + 1e-9,
        "{shown} is shown for {value}"
    );
}

/// The rows of the table that `analyze` prints as CSV. Each row is a map from the names of columns to cells.
fn table(folder: &Path, arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    let (code, out, err) = analyze(&[arguments, &["--format", "csv"]].concat(), folder);
    assert_eq!(code, 0, "{err}");
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Each bar has the mean and the interval of the table, in the colour of its machine.
#[test]
fn bars_have_the_values_of_the_tables() {
    let folder = with_small();
    let mut rows = table(folder.path(), &["drift", "small"]);
    rows.extend(table(folder.path(), &["backlog", "small"]));
    rows.extend(table(folder.path(), &["jumps", "small"]));
    rows.extend(table(folder.path(), &["causality", "small"]));
    let mut compared = 0;
    for (kind, names) in [
        (Kind::Drift, &["own_drift", "lag_final"][..]),
        (Kind::Bars, &["jump_mean", "lag_final", "backlog_mean"]),
        (Kind::Maxima, &["jump_max", "backlog_max"]),
    ] {
        let svg = draw(&folder.path().join("small"), kind, &Options::default());
        let document = Document::parse(&svg).unwrap();
        let panels = of_class(document.root(), "panel");
        // Each panel has the bars of one measure.
        for (panel, name) in panels.into_iter().zip(names) {
            for bar in of_class(panel, "bar") {
                // The class of a bar ends with the number of its machine, for example `bar h2`. The bar's `data-y` is the number of its
                // configuration: 0 for `internal` = 0.4, and 1 for 0.7.
                let class = bar.attribute("class").unwrap();
                let machine = class.strip_prefix("bar h").unwrap();
                let internal = ["0.4", "0.7"][number(&bar, "data-y") as usize];
                // The rows are from four tables. Only one of these tables has the columns of this measure.
                let belongs_to_bar = |row: &&BTreeMap<String, String>| {
                    row["machine"] == machine
                        && row["internal"] == internal
                        && row.contains_key(&format!("{name}_mean"))
                };
                let row = rows.iter().find(belongs_to_bar).unwrap();
                let cell = |suffix: &str| row[&format!("{name}_{suffix}")].parse::<f64>();
                assert_close(number(&bar, "data-x"), cell("mean").unwrap());
                // The cells `low` and `high` are empty if there is no interval.
                assert_eq!(bar.has_attribute("data-low"), cell("low").is_ok(), "{name}");
                if let (Ok(low), Ok(high)) = (cell("low"), cell("high")) {
                    assert_close(number(&bar, "data-low"), low);
                    assert_close(number(&bar, "data-high"), high);
                }
                compared += 1;
            }
        }
    }
    // The three kinds of plots have 2, 3 and 2 measures. Each measure has bars for two configurations with three machines.
    assert_eq!(compared, (2 + 3 + 2) * 2 * 3);
}

/// `--by rates` combines the configurations with equal rates. A bar then has the values of the table's row for these configurations.
#[test]
fn combined_bars_have_the_values_of_combined_rows() {
    let folder = with_small();
    // Plots always have a bar for each machine. A table with `--by` has a row for each machine only if `--by` names `machine`.
    let rows = table(folder.path(), &["drift", "small", "--by", "rates,machine"]);
    let options = Options {
        by: vec!["rates"],
        ..Options::default()
    };
    let svg = draw(&folder.path().join("small"), Kind::Drift, &options);
    let document = Document::parse(&svg).unwrap();
    let panels = of_class(document.root(), "panel");
    // The first panel shows the measure `own_drift`. It has one bar for each machine.
    let bars = of_class(panels[0], "bar");
    assert_eq!((rows.len(), bars.len()), (3, 3));
    for (row, bar) in rows.iter().zip(bars) {
        assert_close(
            number(&bar, "data-x"),
            row["own_drift_mean"].parse().unwrap(),
        );
        assert_close(
            number(&bar, "data-high"),
            row["own_drift_high"].parse().unwrap(),
        );
    }
}

/// With `--by internal`, bars and histograms combine configurations with the same mean probability of internal events. Here one
/// configuration has the probability 0.6 for both machines. The other has 0.4 and 0.8.
#[test]
fn bars_and_histograms_combine_the_same_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let text = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3]]");
    let text = text.replace("[0.4, 0.7]", "[0.6, [0.4, 0.8]]");
    fixture::simulated(folder.path(), &text);
    let options = Options {
        by: vec!["internal"],
        ..Options::default()
    };
    let elements = |kind: Kind, class: &str| {
        let svg = draw(folder.path(), kind, &options);
        let document = Document::parse(&svg).unwrap();
        let titles = of_class(document.root(), class).into_iter();
        titles
            .map(|element| element.attribute("data-title").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let histograms = elements(Kind::Jumps, "panel");
    assert_eq!(histograms, [Some("internal 0.6".to_owned())]);
    // A bar for each of the two machines, for each of the three measures of drift.
    assert_eq!(elements(Kind::Drift, "bar").len(), 2 * 3);
}

/// Each bar of a histogram stands for one size of jumps, for example 3. It shows the share of the machine's jumps that have this size. The
/// shares of a machine add up to 100 %. The sum of share times size is the machine's mean jump, as in the measure `jump_mean`.
#[test]
fn a_histogram_has_every_jump() {
    let folder = tempfile::tempdir().unwrap();
    // With equal rates all jumps are small, so there are few sizes and no bar combines several of them.
    let text = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3, 3]]");
    let root = folder.path().join("equal");
    fixture::simulated(&root, &text);
    let dataset = Dataset::open(&root).unwrap();
    let measure = measures::named("jump_mean");
    let groups = repetitions::groups_with(std::slice::from_ref(&dataset), &[measure]).unwrap();
    let svg = draw(&root, Kind::Jumps, &Options::default());
    let document = Document::parse(&svg).unwrap();
    let series = of_class(document.root(), "series");
    // One series for each of the three machines, in each of the two configurations.
    assert_eq!(series.len(), 6);
    for (series, group) in series.into_iter().zip(&groups) {
        let bars = of_class(series, "bar");
        let shares = bars.iter().map(|bar| number(bar, "data-y") / 100.0);
        assert_close(shares.clone().sum(), 1.0);
        // The bars are counted from 0 in `data-x`: bar 0 is for jumps of 1, bar 1 for jumps of 2, and so on.
        let jumps = bars.iter().map(|bar| number(bar, "data-x") + 1.0);
        let mean: f64 = shares.zip(jumps).map(|(share, jump)| share * jump).sum();
        let expected = group.estimate(measure).unwrap().mean;
        assert!(
            (mean - expected).abs() < 1e-4,
            "{mean}, but jump_mean is {expected}"
        );
    }
}

/// The x of each point is a prediction of `analyze theory`, and its y is the measurement. Hollow circles stand for predictions with a
/// caveat (a reason to doubt them).
#[test]
fn theory_has_the_values_of_the_table() {
    let folder = with_small();
    let rows = table(folder.path(), &["theory", "small"]);
    let svg = draw(
        &folder.path().join("small"),
        Kind::Theory,
        &Options::default(),
    );
    let document = Document::parse(&svg).unwrap();
    let panels = of_class(document.root(), "panel");
    let names = [
        "backlog_growth",
        "backlog_final",
        "receive_share",
        "logical_rate",
        "lag_final",
        "jump_mean",
    ];
    assert_eq!(panels.len(), names.len());
    for (panel, name) in panels.into_iter().zip(names) {
        for (class, has_caveat) in [("dot", false), ("hollow", true)] {
            let points = of_class(panel, class);
            let cell = |row: &BTreeMap<String, String>, suffix: &str| {
                row[&format!("{name}_{suffix}")].clone()
            };
            let expected = rows.iter().filter(|row| {
                let is_predicted = !cell(row, "predicted").is_empty();
                let row_has_caveat = !cell(row, "caveats").is_empty();
                is_predicted && row_has_caveat == has_caveat
            });
            let mut expected: Vec<(f64, f64)> = expected
                .map(|row| {
                    (
                        cell(row, "predicted").parse().unwrap(),
                        cell(row, "mean").parse().unwrap(),
                    )
                })
                .collect();
            let mut shown: Vec<(f64, f64)> = points
                .iter()
                .map(|point| (number(point, "data-x"), number(point, "data-y")))
                .collect();
            let order =
                |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
            expected.sort_by(order);
            shown.sort_by(order);
            assert_eq!(shown.len(), expected.len(), "{name}");
            for (shown, expected) in shown.iter().zip(&expected) {
                assert_close(shown.0, expected.0);
                assert_close(shown.1, expected.1);
            }
        }
    }
}

/// A stability map has a row of cells for each set of rates and a column for each value of `internal`. A boundary separates two kinds of
/// configurations: those in which a machine is predicted to be overloaded, and the others. Here a machine is predicted to be overloaded
/// with the rates 1,3,6 but not with 3,3,3. So the boundary is a horizontal line between the two rows of cells.
#[test]
fn a_stability_map_has_the_growth_and_the_boundary() {
    let folder = tempfile::tempdir().unwrap();
    let text = fixture::SMALL
        .replace("[[1, 3, 6]]", "[[1, 3, 6], [3, 3, 3]]")
        // Here `internal` has its values in descending order. The map must have its columns in ascending order.
        .replace("[0.4, 0.7]", "[0.7, 0.4]");
    let root = folder.path().join("map");
    fixture::simulated(&root, &text);
    let rows = table(folder.path(), &["backlog", "map"]);
    let svg = draw(&root, Kind::Stability, &Options::default());
    let document = Document::parse(&svg).unwrap();
    let panels = of_class(document.root(), "panel");
    let cells = of_class(panels[0], "cell");
    assert_eq!(cells.len(), 4);
    for cell in cells {
        let rates = ["1,3,6", "3,3,3"][number(&cell, "data-y") as usize];
        let internal = ["0.4", "0.7"][number(&cell, "data-x") as usize];
        let rows_of_cell = rows
            .iter()
            .filter(|row| row["rates"] == rates && row["internal"] == internal);
        // The growth of a cell is that of the machine whose queue grows fastest.
        let growth = rows_of_cell.map(|row| row["backlog_growth_mean"].parse::<f64>().unwrap());
        assert_close(number(&cell, "data-value"), growth.fold(f64::MIN, f64::max));
        let title = cell.children().find_map(|child| child.text()).unwrap();
        let predicted = if rates == "1,3,6" {
            "predicted: overloaded"
        } else {
            "predicted: not overloaded"
        };
        assert!(
            title.starts_with(&format!("rates {rates}, internal {internal}: machine"))
                && title.ends_with(predicted),
            "{title}"
        );
    }
    let boundary = of_class(panels[0], "boundary");
    let path = boundary[0].attribute("d").unwrap();
    // The boundary has a piece of line for each of the two columns of cells. A piece has two points, each with x and y.
    let coordinates: Vec<f64> = path
        .split(['M', 'L', ' '])
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().unwrap())
        .collect();
    let heights: Vec<f64> = coordinates.chunks(2).map(|point| point[1]).collect();
    assert_eq!(heights.len(), 4);
    assert!(heights.iter().all(|height| *height == heights[0]), "{path}");
}

/// The plot `regression` has a panel of mean jumps against rates, and a panel of mean backlogs against the probability of a send
/// (1 - `internal`). A panel has a line only if its points differ in x. The equation of each line is a note below the picture.
#[test]
fn a_regression_has_a_line_only_if_the_points_differ_in_x() {
    let folder = tempfile::tempdir().unwrap();
    let one_rate = fixture::SMALL.replace("[[1, 3, 6]]", "[[3, 3, 3]]");
    let one_configuration = one_rate.replace("[0.4, 0.7]", "[0.7]");
    for (name, text, measures_with_line) in [
        ("both", fixture::SMALL, &["mean jump", "mean backlog"][..]),
        ("one-rate", &one_rate, &["mean backlog"]),
        ("one-configuration", &one_configuration, &[]),
    ] {
        let root = folder.path().join(name);
        fixture::simulated(&root, text);
        let dataset = Dataset::open(&root).unwrap();
        let figure = plot::plot(&dataset, Kind::Regression, &Options::default())
            .unwrap()
            .figure;
        let equations: Vec<&String> = figure
            .notes
            .iter()
            .filter(|note| note.contains(": y = "))
            .collect();
        let measures: Vec<&str> = equations
            .iter()
            .map(|equation| equation.split(':').next().unwrap())
            .collect();
        assert_eq!(measures, measures_with_line, "{name}: {:?}", figure.notes);
        // The figure's description contains the equations. It must not name any machine, because each line is fitted to the points of
        // all machines.
        assert!(!figure.description.contains("machine 2"), "{name}");
        let is_line_in_key = figure
            .key
            .iter()
            .any(|entry| entry.name == "least-squares line");
        assert_eq!(is_line_in_key, !measures_with_line.is_empty(), "{name}");
    }
}

/// Every kind of plot is drawn as well-formed SVG, and as text in at most 80 columns (`--terminal`). One kind is also written
/// as PNG and PDF.
#[test]
fn every_kind_of_plot_can_be_drawn_in_every_form() {
    let folder = with_small();
    let text = fixture::SMALL.replace(
        "[[1, 3, 6]]",
        "[[1, 3, 6, 2, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1]]",
    );
    fixture::simulated(&folder.path().join("wide"), &text);
    fixture::write_by_hand(&folder.path().join("by-hand"));
    for kind in Kind::ALL.map(Kind::name) {
        for dataset in ["small", "by-hand", "wide"] {
            let (code, svg, err) = analyze(&["plot", dataset, kind], folder.path());
            assert_eq!(code, 0, "{dataset} {kind}: {err}");
            // Only the first 12 of the 14 machines of `wide` are drawn, and a message says so. A stability map draws no machines.
            assert_eq!(
                !err.is_empty(),
                dataset == "wide" && kind != "stability",
                "{err}"
            );
            let document = Document::parse(&svg).unwrap();
            let marks = ["curve", "bar", "dot", "hollow", "cell"];
            assert!(
                marks
                    .iter()
                    .any(|mark| !of_class(document.root(), mark).is_empty()),
                "{kind}"
            );
            assert!(
                !svg.contains("NaN") && !svg.contains("inf\""),
                "{dataset} {kind}"
            );
            let (code, text, _) = analyze(&["plot", dataset, kind, "--terminal"], folder.path());
            assert_eq!(code, 0);
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{kind}: {line}");
            }
        }
    }
    for name in ["a.png", "a.pdf"] {
        let (code, _, err) = analyze(
            &["plot", "small", "bars", "--width", "400", "--out", name],
            folder.path(),
        );
        assert_eq!((code, err), (0, format!("{name} is written\n")));
    }
}

/// For runs without events, some kinds of plots have nothing to draw. Then the error says so.
#[test]
fn runs_without_events_are_drawn_or_refused() {
    let folder = without_events();
    for kind in Kind::ALL.map(Kind::name) {
        let (code, svg, err) = analyze(&["plot", "empty", kind], folder.path());
        match code {
            0 => assert!(
                Document::parse(&svg).is_ok() && !svg.contains("NaN"),
                "{kind}"
            ),
            code => assert!(
                code == 2 && err.contains("nothing to draw"),
                "{kind}: {err}"
            ),
        }
    }
}

/// Texts of a dataset cannot add elements to a picture.
#[test]
fn texts_of_datasets_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let text = fixture::SMALL.replace(
        "seed = 262",
        "description = \"</desc><script>alert(1)</script> & \\\"quoted\\\"\"\nseed = 262",
    );
    let root = folder.path().join("hostile");
    fixture::simulated(&root, &text);
    let svg = draw(&root, Kind::Drift, &Options::default());
    let document = Document::parse(&svg).unwrap();
    assert!(svg.contains("&lt;script&gt;"));
    assert!(
        document
            .descendants()
            .all(|node| !node.has_tag_name("script"))
    );
}

#[test]
fn an_error_says_why_a_plot_cannot_be_drawn_and_what_is_possible() {
    let folder = with_small();
    for (arguments, words) in [
        (
            &["drift", "--run", "0"][..],
            "only clock and queue draw a single run",
        ),
        (&["theory", "--by", "rates"], "choose with --where"),
        (
            &["drift", "--by", "machine"],
            "there is no parameter `machine`; the parameters are rates",
        ),
        (&["drift", "--by", "rates,rates"], "rates is named twice"),
        (
            &["clock", "--run", "99"],
            "has no finished run with number 99",
        ),
        (
            &["clock", "--out", "a.jpg"],
            "must end in .svg, .png or .pdf",
        ),
        (&["tea"], "invalid value 'tea' for '<KIND>'"),
    ] {
        let (code, _, err) = analyze(&[&["plot", "small"], arguments].concat(), folder.path());
        assert!(code == 2 && err.contains(words), "{err}");
    }
}
