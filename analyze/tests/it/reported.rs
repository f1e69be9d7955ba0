//! Tests of `analyze report`, which writes an HTML page about datasets: the page is complete, its values are those of the commands'
//! tables, and texts from datasets cannot add elements or scripts to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::{by_hand, without_events};

/// Runs `analyze report` with these arguments. Returns the page.
fn report(folder: &Path, arguments: &[&str]) -> String {
    let all = [&["report"], arguments, &["--out", "report.html"]].concat();
    let (code, out, err) = analyze(&all, folder);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.ends_with("report.html is written\n"), "{err}");
    fs::read_to_string(folder.join("report.html")).unwrap()
}

/// A folder with the dataset `small`.
fn with_small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

/// The values in the tables of the first dataset, as the page's script reads them.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"d0-data\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The values of one attribute, such as `href`, in all elements of the page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let opening = format!(" {name}=\"");
    // Each of these texts begins with a value. The value ends at the next quote.
    let texts = page.split(opening.as_str()).skip(1);
    let values = texts.filter_map(|text| text.split('"').next());
    values.collect()
}

/// With `--where`, the page's paragraph about methods and the output of `analyze methods` both say which runs were used.
#[test]
fn the_paragraph_about_methods_has_the_conditions_of_the_runs() {
    let folder = with_small();
    let arguments = ["small", "--where", "internal=0.7"];
    let page = report(folder.path(), &arguments);
    let (_, methods, _) = analyze(&[&["methods"], &arguments[..]].concat(), folder.path());
    let sentence = "Only runs with";
    // The terminal's text has line ends within sentences.
    let words: Vec<&str> = methods.split_whitespace().collect();
    assert!(words.join(" ").contains(sentence), "{methods}");
    assert!(page.contains(sentence));
    let page_of_all_runs = report(folder.path(), &["small"]);
    assert!(!page_of_all_runs.contains(sentence));
    // The conditions do not apply to the audit. A page with conditions says so.
    let about_the_audit = "The audit checks all runs";
    assert!(page.contains(about_the_audit) && !page_of_all_runs.contains(about_the_audit));
}

#[test]
fn a_page_loads_nothing_from_elsewhere() {
    let folder = with_small();
    let page = report(folder.path(), &["small"]);
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    // The page's Content Security Policy forbids browsers to load anything from other files or servers.
    assert!(page.contains("default-src 'none'"));
    for name in ["src", "href", "xlink:href"] {
        for target in attributes(&page, name) {
            assert!(target.starts_with('#'), "{name}={target}");
        }
    }
    // This address is only the name of the SVG format. Browsers do not load it.
    let without_namespace = page.replace("http://www.w3.org/2000/svg", "");
    // The page has the address of this software in a BibTeX entry. This address is text, not a link.
    let without_addresses = without_namespace.replace(env!("CARGO_PKG_REPOSITORY"), "");
    for words in ["http://", "https://", "@import", "url("] {
        assert!(!without_addresses.contains(words), "{words}");
    }
}

/// Every link leads to an element of the page, and no two elements have the same id, even if the page is about several datasets.
#[test]
fn links_lead_to_elements_and_ids_are_unique() {
    let folder = with_small();
    fixture::write_by_hand(&folder.path().join("by-hand"));
    let page = report(folder.path(), &["small", "by-hand", "--run", "0"]);
    let mut ids = attributes(&page, "id");
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for target in attributes(&page, "href") {
        // A link is a `#`, followed by the id of the target.
        assert!(ids.contains(&&target[1..]), "{target}");
    }
    for names in attributes(&page, "aria-labelledby") {
        for name in names.split(' ') {
            assert!(ids.contains(&name), "{name}");
        }
    }
    // Each dataset has all these parts.
    for part in [
        "In short",
        "Tables",
        "Plots",
        "Runs",
        "Provenance",
        "Methods",
    ] {
        assert_eq!(
            page.matches(&format!("\">{part}</h3>")).count(),
            2,
            "{part}"
        );
    }
    assert!(page.contains("id=\"audit\""));
    // Twelve kinds of plots for each of the two datasets.
    assert_eq!(page.matches("data-kind=").count(), 24);
}

/// The page's tables have the values that the commands print as CSV. Each cell has the rounded mean and half the width of its interval,
/// rounded up: `4.0±1.2`, or `4.0±~1.2` for a rough interval. If all runs have the same value, the cell has no interval: `4=`.
#[test]
fn tables_have_the_values_of_the_commands() {
    let folder = with_small();
    let page = report(folder.path(), &["small", "--no-audit"]);
    assert!(!page.contains("id=\"audit\""));
    let data = data(&page);
    // The cells of the column with this heading. A column whose cells are all equal has its value only once.
    let column = |heading: &str| -> Vec<String> {
        let columns = data["columns"].as_array().unwrap().iter();
        let mut found = columns.filter(|column| column["heading"] == heading);
        let column = found.next().unwrap_or_else(|| panic!("{heading}"));
        let cells = column["cells"].as_str().unwrap().split('|');
        let cells: Vec<String> = cells.map(str::to_owned).collect();
        let rows = data["rows"].as_u64().unwrap() as usize;
        match cells.len() {
            1 => vec![cells[0].clone(); rows],
            _ => cells,
        }
    };
    for (verb, heading, name) in [
        ("drift", "logical rate (1/s)", "logical_rate"),
        ("jumps", "mean jump", "jump_mean"),
        ("backlog", "mean backlog", "backlog_mean"),
        ("theory", "final lag", "lag_final"),
    ] {
        let (_, csv, _) = analyze(&[verb, "small", "--format", "csv"], folder.path());
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<BTreeMap<String, String>> =
            reader.deserialize().map(Result::unwrap).collect();
        let cells = column(heading);
        // Two configurations with three machines each.
        assert_eq!(
            (rows.len(), cells.len(), column("machine").len()),
            (6, 6, 6)
        );
        for (row, (cell, internal)) in rows.iter().zip(cells.iter().zip(column("internal"))) {
            assert_eq!(row["internal"], internal);
            let mean: f64 = row[&format!("{name}_mean")].parse().unwrap();
            let (shown, half) = match cell.split_once('±') {
                Some((shown, half)) => (shown, Some(half.trim_start_matches('~'))),
                None => (cell.trim_end_matches('='), None),
            };
            let digits = shown.split_once('.').map_or(0, |(_, digits)| digits.len());
            assert_eq!(format!("{mean:.digits$}"), shown);
            let high: Result<f64, _> = row[&format!("{name}_high")].parse();
            assert_eq!(half.is_some(), high.is_ok(), "{cell}");
            if let (Some(half), Ok(high)) = (half, high) {
                let half: f64 = half.parse().unwrap();
                let exact = high - mean;
                // The page makes the half-width larger in two steps. First it adds the rounding error of the mean, which is at most half
                // a unit of the last digit. Then it rounds up, which adds at most one unit. A half-width has at least two digits, so a
                // unit is at most 10 % of the half-width. Together both steps add at most 15 %. The limits here are a little wider.
                assert!(half >= exact * 0.999 && half <= exact * 1.2 + 1e-6);
            }
        }
    }
    let (_, csv, _) = analyze(&["theory", "small", "--format", "csv"], folder.path());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    for (row, cell) in rows.iter().zip(column("predicted final lag")) {
        let predicted: f64 = row["lag_final_predicted"].parse().unwrap();
        // A `*` marks a prediction with a caveat. Predicted lags are rounded to one digit after the point.
        assert_eq!(cell.contains('*'), !row["lag_final_caveats"].is_empty());
        let cell: f64 = cell.trim_end_matches(" *").parse().unwrap();
        assert!(
            (cell - predicted).abs() <= 0.05 + 1e-9,
            "{cell} for {predicted}"
        );
    }
}

#[test]
fn the_summary_says_what_was_run_and_what_stands_out() {
    let folder = with_small();
    let page = report(folder.path(), &["small"]);
    let (_, csv, _) = analyze(&["backlog", "small", "--format", "csv"], folder.path());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    // A queue grows if the lower end of the interval for its growth is above 0.
    let grows = |row: &&BTreeMap<String, String>| {
        row["backlog_growth_low"]
            .parse()
            .is_ok_and(|low: f64| low > 0.0)
    };
    // The configurations in which a queue grows, each as its value of `internal`. The dataset's two configurations differ only in this
    // value: 0.4 or 0.7.
    let growing: BTreeSet<&String> = rows
        .iter()
        .filter(grows)
        .map(|row| &row["internal"])
        .collect();
    assert!(!growing.is_empty());
    let growing = format!(
        "In {} of 2 configurations, the queue of at least one machine grows",
        growing.len()
    );
    for words in [
        "<dd>6 finished runs</dd>",
        "simulated time, so every run is punctual",
        "The queue that grows fastest grows by",
        "machine 0 at 1/s, with rates 1,3,6 and internal 0.4.",
        &growing,
        "without a caveat can be tested",
        "<dt>seed</dt><dd>262</dd>",
        "Check passed: in all",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

/// With `--claims`, the page has the verdict of `analyze claims` on each claim, and texts of the claims are escaped.
#[test]
fn verdicts_on_claims_are_those_of_the_command() {
    let folder = with_small();
    let claim = |id: &str, expect: &str| {
        format!(
            "[[claim]]\nid = \"{id}\"\nsays = \"clocks <i>jump</i>\"\nsource = \"a test\"\nexperiment = \"small\"\nexpected = \"jumps\"\n\
             [[claim.test]]\nmeasure = \"jump_mean\"\nexpect = {{ {expect} }}\n"
        )
    };
    let claims = claim("true", "above = 0") + &claim("false", "above = 1000");
    fs::write(folder.path().join("c.toml"), claims).unwrap();
    let (_, out, _) = analyze(
        &["claims", "c.toml", "--data", ".", "--format", "json"],
        folder.path(),
    );
    let records: Vec<Value> = serde_json::from_str(&out).unwrap();
    let verdicts: Vec<&str> = records
        .iter()
        .map(|record| record["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["confirmed", "refuted"]);
    let arguments = ["small", "--claims", "c.toml", "--claims-data", "."];
    let page = report(folder.path(), &arguments);
    for verdict in verdicts {
        assert!(page.contains(&format!(">{verdict}<")), "no {verdict}");
    }
    assert!(page.contains("clocks &lt;i&gt;jump&lt;/i&gt;"));
    assert!(!report(folder.path(), &["small"]).contains(">refuted<"));
}

/// Texts of a dataset cannot open or close an element, end the data of the page's script, or start another script.
#[test]
fn texts_of_datasets_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    // In TOML, `\"` stands for `"`.
    let hostile =
        "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\\\" ' & <!--";
    let text = fixture::SMALL.replace(
        "seed = 262",
        &format!("description = \"{hostile}\"\nseed = 262"),
    );
    let name = "a<script>alert(3)<b>&'";
    fixture::simulated(&folder.path().join(name), &text);
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let page = report(folder.path(), &[name, "small"]);
    // The page must have as many elements as a page about two datasets without such texts.
    let harmless = report(folder.path(), &["small", "small"]);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    for opening in [
        "<script", "</script", "<img", "<title", "</title", "<!--", "<b>",
    ] {
        assert_eq!(
            page.matches(opening).count(),
            harmless.matches(opening).count(),
            "{opening}"
        );
    }
}

#[test]
fn datasets_by_hand_and_without_events_have_pages() {
    // The events of the dataset `by-hand` are not simulated. They are listed in fixture.rs.
    let folder = by_hand();
    let page = report(folder.path(), &["by-hand"]);
    // The diagram has the event at tick 0 of machine 1.
    assert!(page.contains("data-event=\"1:0\""));
    let folder = without_events();
    let page = report(folder.path(), &["empty"]);
    // A plot without values is replaced by the reason why it is not drawn.
    assert!(page.contains("Not drawn.") && !page.contains("NaN"));
}

#[test]
fn a_wrong_command_line_is_refused() {
    let folder = with_small();
    for (arguments, words) in [
        (
            &["small", "--out", "report.pdf"][..],
            "--out report.pdf: the name must end in .html",
        ),
        (&["small"], "--out <FILE>"),
        (
            &["small", "--out", "a.html", "--run", "99"],
            "has no finished run with number 99",
        ),
        (&["none", "--out", "a.html"], "none does not exist"),
    ] {
        let (code, _, err) = analyze(&[&["report"], arguments].concat(), folder.path());
        assert!(code == 2 && err.contains(words), "{err}");
        assert!(!folder.path().join("a.html").exists());
    }
}
