//! Tests of the messages of `analyze claims` about mistakes in a file of claims.

use std::fs;

use insta::assert_snapshot;

use crate::claims::CLAIMS;
use crate::command_line::analyze;

/// What `analyze claims` prints to stderr for a file of claims whose content is `text`.
fn mistakes(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), text).unwrap();
    let (code, out, err) = analyze(&["claims", "c.toml"], folder.path());
    assert_eq!((code, out.as_str()), (2, ""));
    err
}

#[test]
fn mistakes_are_named_with_line_and_key() {
    // `CLAIMS` has five claims and no mistake. Each replacement makes one mistake, except the one for `backlog_growth`. That one makes two:
    // an unknown measure, and a missing `expect`. The messages are in the order of the lines.
    let text = CLAIMS
        .replace("id = \"never\"", "id = \"varied\"")
        .replace("\"rates=1,3,6\", \"internal=0.4\"", "\"rate=1,3,6\"")
        .replace("machine = \"slowest\"", "machine = \"slowst\"")
        .replace(
            "\"backlog_growth\"\nexpect = { above = 0.5 }\n\n[[claim]]",
            "\"backlog_grow\"\n\n[[claim]]",
        )
        .replace(
            "measure = \"as_scheduled\"",
            "measure = \"as_scheduled\"\nmachine = 1",
        )
        .replace("\">= 1\"", "\"1\"")
        .replace("\"largest\"", "\"largst\"")
        .replace("\"clean\"", "\"green\"")
        .replace("[9, 15]", "[15, 9]")
        .replace("warm_up_s = 10", "warm_up_s = -10")
        .replace("depends_on = \"the rates\"\n", "")
        .replace("to = { machine = \"fastest\" }\n", "");
    assert_snapshot!(mistakes(&text), @r#"
    error: c.toml:2: `claim[1].depends_on`: missing; name what the outcome depends on when some tests hold and others fail
    c.toml:10: `claim[1].test[1].where[1]`: "rate=1,3,6": no column `rate`; the columns are run, repetition, engine, isolation, time_scale, machines, rates, internal, phase, stamp, delay_s, receive, topology, sends, connection, clock, duration_s, started_at_ns, margin_us, lateness_p50_us, lateness_p99_us, lateness_max_us, latency_p50_us, latency_p99_us, latency_max_us, punctual, as_scheduled, rejected_connections, tool_version, events
    c.toml:11: `claim[1].test[1].machine`: "slowst" is not known; did you mean "slowest"?
    c.toml:15: `claim[1].test[2].expect`: missing; where the value must lie, such as expect = { above = 0 }
    c.toml:18: `claim[1].test[2].measure`: "backlog_grow" is not known; did you mean "backlog_growth"?
    c.toml:46: `claim[2].test[3].from`: a test has both from and to, or neither of them
    c.toml:56: `claim[3].audit`: "green" is not known; use "clean"
    c.toml:60: `claim[3].test[1].statistic.share`: "1": write the condition that values must meet, such as ">= 2"; other signs are > <= < =
    c.toml:65: `claim[3].test[2].machine`: as_scheduled has one value for each run, not for each machine; leave this key out
    c.toml:70: `claim[3].test[3].statistic`: "largst" is not known; did you mean "largest"?
    c.toml:83: `claim[4].test[1].warm_up_s`: -10 is not a number of seconds from 0 to 1000000000
    c.toml:86: `claim[4].test[1].expect`: no value can be in this range; write { above = 0 }, { below = 2 }, { above = 0, below = 2 } (the first number is smaller), or { between = [1, 1.3] }
    c.toml:89: `claim[5].id`: another claim has the same id; each claim needs its own
    "#);
    // In `text`, the second test of the first claim has no `expect`. Now an `expect` is added to this test: only the message about line 15
    // disappears. The new line is line 19, so the numbers of all lines after it are larger by 1.
    let with_expect = text.replace(
        "\"backlog_grow\"\n",
        "\"backlog_grow\"\nexpect = { above = 0 }\n",
    );
    assert_snapshot!(mistakes(&with_expect), @r#"
    error: c.toml:2: `claim[1].depends_on`: missing; name what the outcome depends on when some tests hold and others fail
    c.toml:10: `claim[1].test[1].where[1]`: "rate=1,3,6": no column `rate`; the columns are run, repetition, engine, isolation, time_scale, machines, rates, internal, phase, stamp, delay_s, receive, topology, sends, connection, clock, duration_s, started_at_ns, margin_us, lateness_p50_us, lateness_p99_us, lateness_max_us, latency_p50_us, latency_p99_us, latency_max_us, punctual, as_scheduled, rejected_connections, tool_version, events
    c.toml:11: `claim[1].test[1].machine`: "slowst" is not known; did you mean "slowest"?
    c.toml:18: `claim[1].test[2].measure`: "backlog_grow" is not known; did you mean "backlog_growth"?
    c.toml:47: `claim[2].test[3].from`: a test has both from and to, or neither of them
    c.toml:57: `claim[3].audit`: "green" is not known; use "clean"
    c.toml:61: `claim[3].test[1].statistic.share`: "1": write the condition that values must meet, such as ">= 2"; other signs are > <= < =
    c.toml:66: `claim[3].test[2].machine`: as_scheduled has one value for each run, not for each machine; leave this key out
    c.toml:71: `claim[3].test[3].statistic`: "largst" is not known; did you mean "largest"?
    c.toml:84: `claim[4].test[1].warm_up_s`: -10 is not a number of seconds from 0 to 1000000000
    c.toml:87: `claim[4].test[1].expect`: no value can be in this range; write { above = 0 }, { below = 2 }, { above = 0, below = 2 } (the first number is smaller), or { between = [1, 1.3] }
    c.toml:90: `claim[5].id`: another claim has the same id; each claim needs its own
    "#);
}

#[test]
fn mistakes_in_the_structure_are_named_with_their_line() {
    assert_snapshot!(mistakes(""), @"error: c.toml:1: `claim`: missing; a claim begins with [[claim]]");
    assert_snapshot!(mistakes("[[claim]]\nid = 7"), @"
    error: c.toml:1: `claim[1].says`: missing; the claim in its author's words
    c.toml:1: `claim[1].source`: missing; who claims it, and where
    c.toml:1: `claim[1].experiment`: missing; the name of the dataset with which the claim is tested
    c.toml:1: `claim[1].expected`: missing; what theory predicts, and why
    c.toml:1: `claim[1].test`: the claim has no test; a test begins with [[claim.test]]
    c.toml:2: `claim[1].id`: wanted a text in quotes, found an integer 7
    ");
    assert_snapshot!(mistakes("[[claim]]\nid = \"a\"\nsayss = \"b\""), @"
    error: c.toml:1: `claim[1].says`: missing; the claim in its author's words
    c.toml:1: `claim[1].source`: missing; who claims it, and where
    c.toml:1: `claim[1].experiment`: missing; the name of the dataset with which the claim is tested
    c.toml:1: `claim[1].expected`: missing; what theory predicts, and why
    c.toml:1: `claim[1].test`: the claim has no test; a test begins with [[claim.test]]
    c.toml:3: `claim[1].sayss`: no such key; did you mean `says`?
    ");
    assert_snapshot!(mistakes("[[claim]\nid = \"a\""), @"error: c.toml:1: this is not valid TOML: unclosed array table, expected `]`");
    // In the last test of `CLAIMS`, `expect = { below = 0.5 }` becomes `expect = RANGE`.
    let with_expect = |range: &str| mistakes(&CLAIMS.replace("{ below = 0.5 }", range));
    assert_snapshot!(with_expect("{ belw = 0.5 }"), @"error: c.toml:100: `claim[5].test[1].expect.belw`: no such key; did you mean `below`?");
    assert_snapshot!(with_expect("{ below = \"0.5\" }"), @r#"error: c.toml:100: `claim[5].test[1].expect.below`: wanted a number, found a string "0.5""#);
    assert_snapshot!(with_expect("{ below = 0.5, between = [0, 1] }"), @"error: c.toml:100: `claim[5].test[1].expect`: `between` cannot be combined with `above` or `below`; write { above = 0 }, { below = 2 }, { above = 0, below = 2 } (the first number is smaller), or { between = [1, 1.3] }");
    assert_snapshot!(with_expect("{}"), @"error: c.toml:100: `claim[5].test[1].expect`: there is no range; write { above = 0 }, { below = 2 }, { above = 0, below = 2 } (the first number is smaller), or { between = [1, 1.3] }");
    let machine = CLAIMS.replace("machine = \"slowest\"\n", "machine = 1.5\n");
    assert_snapshot!(mistakes(&machine), @r#"error: c.toml:12: `claim[1].test[1].machine`: wanted a machine's number, "slowest", "fastest" or "all", found a float 1.5"#);
    let without_test = CLAIMS.split("[[claim.test]]").next().unwrap();
    assert_snapshot!(mistakes(without_test), @"error: c.toml:2: `claim[1].test`: the claim has no test; a test begins with [[claim.test]]");
}
