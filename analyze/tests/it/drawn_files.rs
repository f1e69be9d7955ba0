//! Tests of the output of `analyze diagram`: files in the formats SVG, PNG and PDF, and pictures made of characters for a terminal.

use std::fs;

use analyze::diagram::{Diagram, Options};
use analyze::execution::window::Choice;

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::{by_hand, execution};

#[test]
fn the_extension_of_the_file_name_decides_the_format() {
    // This folder has the dataset `by-hand`: one run of two machines. `fixture::by_hand` lists its events.
    let folder = by_hand();
    // Writes a picture with this file name, and returns its bytes.
    let draw = |name: &str| {
        let (code, out, err) = analyze(
            &["diagram", "by-hand", "--run", "0", "--out", name],
            folder.path(),
        );
        assert_eq!(
            (code, out, err),
            (0, String::new(), format!("{name} is written\n"))
        );
        fs::read(folder.path().join(name)).unwrap()
    };
    assert!(draw("a.svg").starts_with(b"<svg xmlns"));
    assert!(draw("a.PDF").starts_with(b"%PDF-"));
    let png = draw("a.png");
    assert!(png.starts_with(b"\x89PNG"));
    // In a PNG file, bytes 16 to 19 are the width in pixels. An SVG is 1,200 units wide by default, and each unit becomes two pixels.
    let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
    assert_eq!(width, 2_400);
    assert_eq!(
        png,
        draw("b.png"),
        "a second picture of the same run has other bytes"
    );
    let (code, _, err) = analyze(&["diagram", "by-hand", "--out", "a.jpg"], folder.path());
    assert_eq!(
        (code, err.as_str()),
        (
            2,
            "error: --out a.jpg: the name must end in .svg, .png or .pdf\n"
        )
    );
    let (code, _, err) = analyze(
        &["diagram", "by-hand", "--out", "none/a.svg"],
        folder.path(),
    );
    assert!(
        code == 2 && err.contains("cannot write none/a.svg"),
        "{err}"
    );
}

#[test]
fn stdout_gets_svg_and_with_option_terminal_it_gets_characters() {
    let folder = by_hand();
    let (_, svg, _) = analyze(&["diagram", "by-hand", "--run", "0"], folder.path());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    let (_, text, _) = analyze(
        &["diagram", "by-hand", "--run", "0", "--terminal"],
        folder.path(),
    );
    assert_eq!(
        text,
        "Run 0 of by-hand

time (s)  machine 0, 1/s                     machine 1, 2/s
   0.000  ●1────────────────────────────────▶│
   0.250  │                                  ◆2 ←0 0.2s
   0.750  │◀─────────────────────────────────●3
   1.000  ◆4 ←1 0.2s                         │
   1.250  │◀─────────────────────────────────●4
   1.750  │◀─────────────────────────────────●5
   2.000  ◆5 ←1 0.8s                         │
   2.250  │                                  ○6
   2.750  │                                  ○7
   3.000  ◆6 ←1 1.2s                         │
   3.250  │                                  ○8
   3.750  │                                  ○9

each row is an event: ● send  ◆ receive  ○ internal, then the clock's value
─▶ message that is received later  ─▷ not received before the end
←2 1.5s: received from machine 2, 1.5 s after it was sent
"
    );
}

#[test]
fn characters_fit_in_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let rates: Vec<u32> = (0..30).map(|machine| 1 + machine % 6).collect();
    for count in [2, 3, 7, 16, 30] {
        let name = format!("with-{count}");
        let text = fixture::SMALL.replace("[[1, 3, 6]]", &format!("[{:?}]", &rates[..count]));
        fixture::simulated(&folder.path().join(&name), &text);
        // `--cut` separates event 0:1 (the second tick of machine 0) and its causal past from all other events. It adds a line
        // to the legend, and this line must fit in 80 columns too.
        let arguments = [
            "diagram",
            &name,
            "--run",
            "0",
            "--to",
            "3",
            "--terminal",
            "--cut",
            "0:1",
        ];
        let (code, text, err) = analyze(&arguments, folder.path());
        assert_eq!((code, err.as_str()), (0, ""));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{count}: {line}");
        }
        // At most 23 machines fit in 80 columns.
        let left_out = text.contains("machines do not fit in 80 columns; choose with --machines");
        assert_eq!(left_out, count > 23, "{count}");
    }
}

/// A picture of three machines and one minute must be small enough to be sent by mail or kept in a repository.
#[test]
fn a_minute_of_three_machines_is_less_than_300_kilobytes() {
    let folder = tempfile::tempdir().unwrap();
    let text = fixture::SMALL.replace("duration_s = 20", "duration_s = 60");
    fixture::simulated(&folder.path().join("minute"), &text);
    let execution = execution(&folder.path().join("minute"));
    let window = Choice::default().window(&execution).unwrap();
    // Together the machines have 10 ticks per second, and each tick is an event.
    assert_eq!(window.events.len(), 600);
    let diagram = Diagram::new(&execution, window, Options::default()).unwrap();
    // `left_out` returns a sentence if there are too many events to draw all of them. Here all events are drawn, so there is no sentence.
    // `has_strip` only changes the words of the sentence.
    let has_strip = true;
    assert_eq!(diagram.left_out(has_strip), None);
    let bytes = diagram.svg().len();
    // The lower limit is there to notice a picture in which most of the events are missing.
    assert!((100_000..300_000).contains(&bytes), "{bytes}");
}

/// An existing file is replaced by the picture. But if the file is a link to a device such as `/dev/null`, the picture is written to the
/// device, and the link stays. No temporary file remains.
#[cfg(unix)]
#[test]
fn an_existing_file_is_replaced_but_a_link_to_a_device_stays() {
    let folder = by_hand();
    fs::write(folder.path().join("a.svg"), "old").unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.path().join("null.svg")).unwrap();
    for name in ["a.svg", "null.svg"] {
        let arguments = ["diagram", "by-hand", "--run", "0", "--out", name];
        assert_eq!(analyze(&arguments, folder.path()).0, 0);
    }
    let written = fs::read_to_string(folder.path().join("a.svg")).unwrap();
    assert!(written.starts_with("<svg "));
    assert!(folder.path().join("null.svg").is_symlink());
    let names = fs::read_dir(folder.path()).unwrap();
    // The name of a temporary file ends in `.partial`.
    let partial = names.filter(|name| {
        let name = name.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("partial")
    });
    assert_eq!(partial.count(), 0);
}
