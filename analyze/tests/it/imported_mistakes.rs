//! Tests of `analyze import`: logs that cannot be imported, and errors that name the mistake.

use std::fs;

use analyze::audit::Audit;
use analyze::import::{self, Mapping};
use proptest::prelude::*;

use crate::imported::{mapping, measured};

#[test]
fn errors_name_the_mistake_and_no_dataset_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let good = "time,event,clock,queue\n0.0,internal,1,0\n1.0,internal,2,0\n2.0,internal,3,0\n";
    // Imports a correct log of one machine and the log `text` of another machine, and returns the error.
    let problem = |text: &str, mapping_text: &str| {
        let (one, two, into) = (
            folder.path().join("vm1.csv"),
            folder.path().join("vm2.csv"),
            folder.path().join("into"),
        );
        fs::write(&one, good).unwrap();
        fs::write(&two, text).unwrap();
        let error = import::import(&[one, two], &mapping(mapping_text), &into).unwrap_err();
        let files = fs::read_dir(folder.path()).unwrap();
        assert_eq!(files.count(), 2, "the folder must have only the two logs");
        error
            .to_string()
            .replace(&folder.path().display().to_string(), "")
    };
    insta::assert_snapshot!(problem("", ""), @"/vm2.csv: the file is empty");
    insta::assert_snapshot!(problem("time,event,clock,queue\n", ""), @"/vm2.csv: the file has no event");
    insta::assert_snapshot!(problem("when,event,clock,queue\n1,internal,1,0\n", ""), @"/vm2.csv line 1: no column was recognised as system_time: the columns of the file are when, event, clock, queue; say which column it is, such as --columns system_time=TITLE (with --no-header, a number from 1 instead of the title)");
    insta::assert_snapshot!(problem(&good.replace("1.0,internal", "1.0,TICK"), ""), @"/vm2.csv line 3: event `TICK` is not known; say which kind it is (internal, send, send_all, receive, ignore), such as --events internal=TICK for an internal event");
    insta::assert_snapshot!(problem(&good.replace("1.0", "soon"), ""), @"/vm2.csv line 3: system_time `soon` is not a number of seconds from 0 to the Unix time of the year 2262; give the format of times with --time");
    insta::assert_snapshot!(problem(&good.replace(",2,", ",two,"), ""), @"/vm2.csv line 3: logical_clock `two` is not a whole number");
    insta::assert_snapshot!(problem(&good.replace(",2,0", ",2"), ""), @"/vm2.csv line 3: the line has 3 cells, but the header has 4");
    insta::assert_snapshot!(problem(good, "time = \"us\""), @"the files: according to its log, machine 0 ticks 1000000.000 times per second (3 events in 0.000 s); is the unit of times right (--time)? In s the rates would be 1, 1: --time s. Otherwise set the rates with --rates, such as --rates 1,3,6");
    insta::assert_snapshot!(problem(good, "line = '(?<clock>x)'"), @"the pattern of lines: a group has the name clock, but it must be one of run, machine, tick, event, system_time, logical_clock, queue_length, peers, recipients, sender, stamp, sent_tick");
    insta::assert_snapshot!(problem(good, "rates = [1, 2, 3]"), @"the files: 3 rates are given, but there are 2 machines");
    insta::assert_snapshot!(problem(&good.replace("queue\n", "queue,peer\n").replace(",0\n", ",0,vm9\n").replace("internal", "send"), ""), @"/vm2.csv line 2: recipients `vm9` is not a machine of the run; the machines are vm1, vm2; --columns peers=- leaves the column out");
}

/// Every cell of these logs can be read. The first four imports are refused, because the logs cannot be the logs of one run. The last two
/// imports are allowed.
#[test]
fn files_that_cannot_be_one_run_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good =
        "Time (ms),event,clock,queue,peer\n0,internal,1,0,\n1000,send,2,0,*\n2000,internal,3,0,\n";
    // Imports a correct log of one machine and the log `text` of another machine, and returns the error or the report. If
    // `is_first_given_twice`, the correct log is given a second time.
    let outcome_with = |text: &str, mapping_text: &str, is_first_given_twice: bool| {
        let [one, two, into] = ["vm1.csv", "vm2.csv", "into"].map(|name| folder.path().join(name));
        fs::write(&one, good).unwrap();
        fs::write(&two, text).unwrap();
        let mut sources = vec![one.clone(), two];
        if is_first_given_twice {
            sources.push(one);
        }
        let report = import::import(&sources, &mapping(mapping_text), &into);
        let _ = fs::remove_dir_all(&into);
        report.map_or_else(
            |error| {
                error
                    .to_string()
                    .replace(&folder.path().display().to_string(), "")
            },
            |report| report.words().join("\n"),
        )
    };
    let outcome = |text: &str, mapping_text: &str| outcome_with(text, mapping_text, false);
    let is_first_given_twice = true;
    insta::assert_snapshot!(outcome_with(good, "", is_first_given_twice), @"/vm1.csv: is given twice, so its events would count twice; name it once");
    insta::assert_snapshot!(outcome(&good.replace("2000", "500"), ""), @"/vm2.csv line 4: its time is earlier than the time of the machine's previous row; put the rows of a machine into one file, in the order of time, and each run into its own folder");
    insta::assert_snapshot!(outcome(good, "duration_s = 1"), @"the files: its last event is 2 s after its first, but the given duration is 1 s");
    insta::assert_snapshot!(outcome(&good.replace(",*", ",vm2"), ""), @"/vm2.csv line 3: recipients is the machine itself, but a machine sends only to other machines; --columns peers=- leaves the column out");
    // The event `broadcast` is a send to all other machines, so its cell for recipients may be empty. In the report, 0.67 is 4 / 6: four of
    // the six events are internal. "duration_s=3": both logs end at 2 s, and the next ticks would be at 3 s. "2 of 2 rows": only the second
    // row of each log is checked, because the check needs the row before and the row after.
    let report = outcome(&good.replace("send,2,0,*", "broadcast,2,0,"), "");
    insta::assert_snapshot!(report, @"
    1 run, 6 events.
    Machines: 0 is vm1, 1 is vm2.
    1 run: rates=1,1 internal=0.67 phase=unknown stamp=after duration_s=3.
    Each row is counted as one tick.
    The probability of internal events was measured from the logs and rounded; set it with --internal.
    The rates were measured from the logs: 1.000, 1.000 per second, taken as 1, 1; set them with --rates.
    Logical clocks are logged after the event: 2 of 2 rows fit this, and 2 fit `before`. To choose this yourself, use --clock.
    The timestamps of sent messages were calculated from the senders' clocks; set the rule with --stamp.
    ");
    // The sender, vm2, is also among the recipients. The import removes vm2 from the recipients, so the report is the same.
    assert_eq!(outcome(&good.replace(",*", ",vm1+vm2"), ""), report);
}

/// The rows of one file say that they are of machine `vm1`. The other file has this name, but no names in its rows. The order of the files
/// does not matter.
#[test]
fn a_second_file_for_a_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let with_names = write(
        "a.csv",
        "machine,time,event,clock,queue\nvm1,0.0,internal,1,0\nvm1,1.0,internal,2,0\n",
    );
    let without = write(
        "vm1.csv",
        "time,event,clock,queue\n0.0,internal,1,0\n1.0,internal,2,0\n",
    );
    for files in [[&with_names, &without], [&without, &with_names]] {
        let into = folder.path().join("into");
        let error = import::import(&files.map(Clone::clone), &Mapping::default(), &into);
        let words = error.unwrap_err().to_string();
        assert!(
            words.contains("vm1.csv: this is a second file for machine vm1"),
            "{words}"
        );
    }
}

#[test]
fn a_single_machine_and_an_existing_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("vm1.csv");
    fs::write(
        &log,
        "time,event,clock,queue\n0.0,internal,1,0\n1.0,internal,2,0\n",
    )
    .unwrap();
    let error = import::import(
        std::slice::from_ref(&log),
        &Mapping::default(),
        &folder.path().join("into"),
    );
    let words = error.unwrap_err().to_string();
    assert!(words.contains("a single machine (vm1)"), "{words}");
    let two = folder.path().join("vm2.csv");
    fs::copy(&log, &two).unwrap();
    let error = import::import(&[log, two], &Mapping::default(), folder.path());
    let words = error.unwrap_err().to_string();
    assert!(words.contains("a folder that is not empty"), "{words}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The two logs have random cells and are cut off after a random number of bytes. They must be imported or refused without a
    /// panic. If they are imported, it must be possible to read the dataset.
    #[test]
    fn foreign_text_never_panics(
        cells in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
            "1", "0", "2.5", "-3", "send", "RECV", "internal", "vm1", "*", "", "\"", "x", "18446744073709551615", "9223372036854775807", "12:00:01", "é",
        ]), 4..8), 0..12),
        separator in prop::sample::select(vec![",", ";", "\t", " "]),
        length in 0usize..400,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = ["time", "event", "clock", "queue", "peer", "stamp", "tick"].join(separator);
        for row in &cells {
            text += "\n";
            text += &row.join(separator);
        }
        let bytes = &text.as_bytes()[..length.min(text.len())];
        let files = ["a.csv", "b.csv"].map(|name| folder.path().join(name));
        for file in &files {
            fs::write(file, bytes).unwrap();
        }
        let into = folder.path().join("into");
        if import::import(&files, &Mapping::default(), &into).is_ok() {
            Audit::run(std::slice::from_ref(&into)).unwrap();
            measured(&into);
        }
    }
}
