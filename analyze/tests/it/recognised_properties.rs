//! Property tests of `analyze import`: logs in randomly generated formats give the original events, and damaged lines are never read
//! as other values. (`recognised.rs` has examples of formats.)

use analyze::import::Mapping;
use proptest::prelude::*;

use crate::foreign_logs::{self as logs, Imported, Row, lines};
use crate::recognised::{WORDS, imported, labelled};

/// Writes `row` as a line with six parts. Their indices are: time 0, kind of event 1, clock 2, queue length 3, peers (recipients or
/// sender) 4, stamp 5.
///
/// - `order`: the indices of the parts, in the order in which the parts are written
/// - `separator`: the text between two parts
/// - `sign`: the text between a label and its value
/// - `words`: the words for internal, send and receive events
/// - `labels`: the labels of clock, queue and time
/// - `peer_separator`: the text between the numbers of two peers; with `[]`, the peers are written as a list: `[1, 3]`
fn rendered(
    row: &Row,
    order: &[usize],
    separator: &str,
    sign: &str,
    words: [&str; 3],
    labels: [&str; 3],
    peer_separator: &str,
) -> String {
    let [clock, queue, time] = labels;
    let message = row.stamp.map(|stamp| {
        let names = match peer_separator {
            "[]" => format!("[{}]", row.names(", ")),
            _ => row.names(peer_separator),
        };
        // `row.word` chooses the word for the kind of event. An internal event has no message, so the word `""` is never used.
        [
            format!("{}{sign}{names}", row.word(["", "to", "from"])),
            format!("stamp{sign}{stamp}"),
        ]
    });
    // Internal events have no message. Then these two parts are empty, and left out below.
    let [peers, stamp] = message.unwrap_or_default();
    let parts = [
        format!("{time}{sign}{}", row.seconds()),
        row.word(words).to_owned(),
        format!("{clock}{sign}{}", row.clock),
        format!("{queue}{sign}{}", row.queue),
        peers,
        stamp,
    ];
    let parts = order.iter().map(|&index| parts[index].as_str());
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<&str>>()
        .join(separator)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The order of the parts, the text between them, the labels and the words make no difference: the import gives the same events.
    #[test]
    fn generated_formats_give_the_original_events(
        order in Just([0usize, 1, 2, 3, 4, 5]).prop_shuffle(),
        separator in prop::sample::select(vec![" | ", ", ", "; ", "\t", " - ", " "]),
        sign in prop::sample::select(vec![": ", "=", ":"]),
        words in prop::sample::select(vec![WORDS, ["internal event", "sent", "received"], ["interno", "enviado", "recibido"], ["INTERNAL_EVENT", "SEND_MSG", "RECV_MSG"]]),
        labels in prop::sample::select(vec![["logical clock", "queue", "time"], ["LC", "Queue Length", "System Time"], ["lamport", "queue_size", "global_time"], ["LogicalClock", "MsgQueue", "SysTime"]]),
        peer_separator in prop::sample::select(vec![" and ", ";", "[]"]),
        prefix in prop::sample::select(vec!["", "INFO:root:", "[vm] ", "> "]),
    ) {
        let line = |row: &Row| format!("{prefix}{}", rendered(row, &order, separator, sign, words, labels, peer_separator));
        // `imported` writes the first simulated run as such lines, one file for each machine (`vm1.log`, `vm2.log`, ...), and imports it.
        // `logs::plain` imports the same run from tables, so it has the expected events.
        let found = imported("vmN.log", &Mapping::default(), |rows| lines(rows, line));
        prop_assert_eq!(found.map(|(found, _)| found), Ok(logs::plain(&logs::runs()[..1])));
    }

    /// One character of a line is replaced by `damage` (or removed, if `damage` is empty), or `damage` is inserted before it. Then there
    /// are three possibilities: the import gives the same events; the import is refused; or the report says which lines were left out or
    /// which values the logs do not have. An event never gets another time or clock.
    #[test]
    fn damaged_lines_are_never_read_as_something_else(
        line_index in 0usize..20,
        byte_index in 0usize..90,
        damage in prop::sample::select(vec!["", "x", "|", " ", ":", "send"]),
        replaces in any::<bool>(),
    ) {
        let damaged = |rows: &[Row]| {
            let text = lines(rows, |row| labelled(row, " | ", ": "));
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let line_index = line_index % lines.len();
            let line = &mut lines[line_index];
            let byte_index = byte_index % line.len();
            // The label of the queue's length is not damaged, nor are the signs around it: `| queue: `. Without its label, the length can
            // count as missing. Then the import fills in a length, which may differ from the original one.
            let queue = line.find("queue").unwrap();
            let is_in_label = (queue - 2..queue + 7).contains(&byte_index);
            // Digits are not damaged either: nobody can see that a number has one digit too many or too few.
            let is_digit = line.as_bytes()[byte_index].is_ascii_digit();
            if !is_in_label && !is_digit {
                let end = byte_index + usize::from(replaces);
                line.replace_range(byte_index..end, damage);
            }
            lines.join("\n")
        };
        let wanted = logs::plain(&logs::runs()[..1]);
        if let Ok((found, report)) = imported("vmN.log", &Mapping::default(), damaged) {
            // Machine, time and clock of each event.
            let clocks = |runs: &Imported| -> Vec<(u32, u64, u64)> {
                let rows = runs[0].iter();
                rows.map(|(machine, at, event)| (*machine, *at, event.logical_clock)).collect()
            };
            let wanted_clocks = clocks(&wanted);
            let unchanged = clocks(&found).iter().filter(|row| wanted_clocks.contains(row)).count();
            // Times are counted from the first event of the run. If the import left out this event, it counts the times from a later event.
            // Then they differ from the wanted times and cannot be compared. In `wanted`, the first event has time 0. Several machines may
            // have an event at time 0; one of these events is enough. It is found by its machine and its clock.
            let has_first = found[0].iter().any(|(machine, _, event)| {
                let mut first_events = wanted[0].iter().filter(|(_, at, _)| *at == 0);
                first_events.any(|(other, _, first)| machine == other && event.logical_clock == first.logical_clock)
            });
            if has_first {
                prop_assert_eq!(unchanged, found[0].len(), "{}", report);
            }
            if found != wanted {
                prop_assert!(report.contains("Left out") || report.contains("do not have"), "{}", report);
            }
        }
    }
}
