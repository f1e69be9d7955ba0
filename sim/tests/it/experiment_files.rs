//! Tests of experiment files: which configurations a file describes, and that each mistake in it is reported with its line and key.

use std::path::Path;

use insta::assert_snapshot;
use sim::experiment::{Experiment, Overrides};

use crate::support::experiment;

/// Returns the message about all mistakes in the experiment file `text`.
fn mistakes(text: &str) -> String {
    match Experiment::parse(text, Path::new("e.toml"), Overrides::default()) {
        Ok(experiment) => panic!("no mistake found; {} runs", experiment.run_count()),
        Err(error) => error.to_string(),
    }
}

/// Returns the configurations of an experiment as texts. `parameters` is the end of the experiment's file, from `[parameters]` on. Every
/// text has `rates`, `internal`, `phase`, `stamp` and `duration_s`. Any other parameter is left out if it has its default value, such as
/// `topology=mesh` or `sends=mix`.
fn configurations(parameters: &str) -> Vec<String> {
    experiment(parameters)
        .configurations()
        .iter()
        .map(|configuration| configuration.to_string())
        .collect()
}

#[test]
fn lists_of_values_give_all_combinations() {
    assert_snapshot!(configurations("[parameters]\nrates = [[1, 3, 6], [2, 3]]\ninternal = [0.4, 1]").join("\n"), @"
    rates=1,3,6 internal=0.4 phase=spread stamp=after duration_s=60
    rates=1,3,6 internal=1 phase=spread stamp=after duration_s=60
    rates=2,3 internal=0.4 phase=spread stamp=after duration_s=60
    rates=2,3 internal=1 phase=spread stamp=after duration_s=60
    ");
}

/// The value after 0.2 is 0.3. The floating-point sum 0.1 + 0.2 would be 0.30000000000000004.
#[test]
fn ranges_give_short_decimals() {
    let configurations = configurations(
        "[parameters]\nrates = [1, 2]\ninternal = { from = 0.1, to = 0.9, step = 0.1 }",
    );
    let internals: Vec<&str> = configurations
        .iter()
        .filter_map(|text| text.split(' ').nth(1))
        .collect();
    assert_snapshot!(internals.join(" "), @"internal=0.1 internal=0.2 internal=0.3 internal=0.4 internal=0.5 internal=0.6 internal=0.7 internal=0.8 internal=0.9");
}

#[test]
fn a_rule_for_rates_gives_every_ordered_or_unordered_rate_set() {
    let count = |every| {
        configurations(&format!(
            "[parameters]\nrates = {{ every = \"{every}\", machines = 3 }}\ninternal = 0.7"
        ))
        .len()
    };
    // By default, the rates are 1 to 6. So three machines have 6 * 6 * 6 = 216 ordered sets. If the order does not count, there are 6 sets of
    // three equal rates, 6 * 5 = 30 sets with exactly two equal rates, and 6 * 5 * 4 / 3! = 20 sets of different rates: 56 sets.
    assert_eq!((count("ordered"), count("unordered")), (216, 56));
}

#[test]
fn single_rate_sets_and_rules_for_rate_sets_can_be_mixed() {
    let parameters = "[parameters]\nrates = [[9, 9], { every = \"ordered\", machines = 2, to = 2 }]\ninternal = 0.7";
    assert_snapshot!(configurations(parameters).join("\n"), @"
    rates=9,9 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,1 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,2 internal=0.7 phase=spread stamp=after duration_s=60
    rates=2,1 internal=0.7 phase=spread stamp=after duration_s=60
    rates=2,2 internal=0.7 phase=spread stamp=after duration_s=60
    ");
}

/// All experiments of [`configurations`] have the same seed.
#[test]
fn the_same_seed_gives_the_same_random_rate_sets() {
    let parameters = "[parameters]\nrates = { random = 4, machines = 3 }\ninternal = 0.7";
    assert_eq!(configurations(parameters), configurations(parameters));
}

/// A table `[[cases]]` gives values that belong together.
#[test]
fn cases_are_combined_with_the_parameters() {
    let parameters = "[parameters]\nstamp = [\"after\", \"before\"]
[[cases]]\nrates = [3, 3]\ninternal = 0.6\n[[cases]]\nrates = [2, 4]\ninternal = 0.25";
    assert_snapshot!(configurations(parameters).join("\n"), @"
    rates=3,3 internal=0.6 phase=spread stamp=after duration_s=60
    rates=3,3 internal=0.6 phase=spread stamp=before duration_s=60
    rates=2,4 internal=0.25 phase=spread stamp=after duration_s=60
    rates=2,4 internal=0.25 phase=spread stamp=before duration_s=60
    ");
}

#[test]
fn exclusions_remove_configurations_that_match_in_every_key() {
    let parameters = "[parameters]\nrates = [[1, 2], [3, 4]]\ninternal = [0.1, 0.2, 0.3]
[[exclude]]\nrates = [1, 2]\ninternal = { from = 0.2, to = 0.3, step = 0.1 }";
    assert_snapshot!(configurations(parameters).join("\n"), @"
    rates=1,2 internal=0.1 phase=spread stamp=after duration_s=60
    rates=3,4 internal=0.1 phase=spread stamp=after duration_s=60
    rates=3,4 internal=0.2 phase=spread stamp=after duration_s=60
    rates=3,4 internal=0.3 phase=spread stamp=after duration_s=60
    ");
}

#[test]
fn runs_are_numbered_repetition_by_repetition() {
    let experiment =
        experiment("repetitions = 2\n[parameters]\nrates = [1, 2]\ninternal = [0.1, 0.2]");
    let runs: Vec<_> = experiment
        .runs()
        .map(|run| {
            (
                run.index,
                run.repetition,
                run.configuration.internal.to_string(),
            )
        })
        .collect();
    let expected = [(0, 0, "0.1"), (1, 0, "0.2"), (2, 1, "0.1"), (3, 1, "0.2")];
    let expected =
        expected.map(|(index, repetition, internal)| (index, repetition, internal.to_owned()));
    assert_eq!(runs, expected);
}

/// In messages, the entries of a list are counted from 1: in `[[1, 0, 6], [7]]`, the 0 is `rates[1][2]`.
#[test]
fn every_mistake_is_named_with_line_and_key() {
    let text = "sede = 1\nrepetitions = 0\nduration_s = \"long\"\nengine = \"tpc\"\ntime_scale = 0\n\n[parameters]
rates = [[1, 0, 6], [7]]\ninternal = [0.5, 1.2]\nphase = \"spred\"\nstamps = \"after\"";
    assert_snapshot!(mistakes(text), @r#"
    e.toml:1: `sede`: no such key; did you mean `seed`?
    e.toml:1: `seed`: missing; give a whole number, such as seed = 262; all random draws come from it
    e.toml:2: `repetitions`: 0 is out of range; it must be a whole number from 1 to 4294967295
    e.toml:3: `duration_s`: wanted a number of seconds, found a string "long"
    e.toml:4: `engine`: "tpc" is not known; use one of tcp, virtual
    e.toml:5: `time_scale`: 0 is not a factor from 0.001 to 10000
    e.toml:8: `parameters.rates[1][2]`: 0 is not a rate from 0.001 to 1000
    e.toml:8: `parameters.rates[2]`: a rate set has a rate for each machine, and a run has from 2 to 1000 machines; this set has 1
    e.toml:9: `parameters.internal[2]`: 1.2 is not a probability from 0 to 1
    e.toml:10: `parameters.phase`: "spred" is not known; did you mean "spread"?
    e.toml:11: `parameters.stamps`: no such key; did you mean `stamp`?
    "#);
}

/// The usual mistake: a key is added at the end of the file, below `[parameters]`.
#[test]
fn keys_of_the_experiment_below_parameters_are_explained() {
    let text = "seed = 1\n[parameters]\nrates = [1, 3]\ninternal = 0.5\nrepetitions = 20\n";
    assert_snapshot!(mistakes(text), @"e.toml:5: `parameters.repetitions`: this key must be above the first line in brackets, such as [parameters]");
}

#[test]
fn missing_keys_are_named() {
    assert_snapshot!(mistakes("repetitions = 2"), @"
    e.toml:1: `seed`: missing; give a whole number, such as seed = 262; all random draws come from it
    e.toml:1: `parameters.rates`: missing; give it under [parameters], such as rates = [[1, 3, 6], [2, 3, 4]]
    e.toml:1: `parameters.internal`: missing; give it under [parameters], such as internal = [0.4, 0.7]
    ");
}

#[test]
fn invalid_toml_is_reported_with_its_line() {
    assert_snapshot!(mistakes("seed = 1\n[parameters\nrates = 1"), @"e.toml:2: this is not valid TOML: unclosed table, expected `]`");
}

#[test]
fn experiments_without_runs_and_exclusions_without_effect_are_refused() {
    assert_snapshot!(mistakes("seed = 1\n[parameters]\nrates = []\ninternal = 0.7"), @"e.toml:3: `parameters.rates`: empty: there is nothing to run; give at least one value");
    let all_excluded =
        "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\n[[exclude]]\ninternal = 0.7";
    assert_snapshot!(mistakes(all_excluded), @"e.toml:5: `exclude`: everything is excluded: there is nothing to run");
    let nothing_excluded =
        "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\n[[exclude]]\ninternal = 0.8";
    assert_snapshot!(mistakes(nothing_excluded), @"e.toml:5: `exclude[1]`: excludes nothing: no configuration has these values, or earlier exclusions already exclude all that have them");
    // The first exclusion already removes every configuration with internal = 0.7, so none is left for the second exclusion.
    let excluded_twice = "seed = 1\n[parameters]\nrates = [[1, 2], [1, 3]]\ninternal = [0.5, 0.7]\n[[exclude]]\ninternal = 0.7\n[[exclude]]\ninternal = 0.7\nrates = [1, 2]";
    assert_snapshot!(mistakes(excluded_twice), @"e.toml:7: `exclude[2]`: excludes nothing: no configuration has these values, or earlier exclusions already exclude all that have them");
}

/// The mistakes in `[parameters]`, in all blocks `[[exclude]]` and in all blocks `[[repeat]]` are reported together.
#[test]
fn a_mistake_hides_no_mistake_in_another_block() {
    let with = |rates: &str, blocks: &str| {
        mistakes(&format!(
            "seed = 1\n[parameters]\nrates = {rates}\ninternal = [0.5, 0.7]\n{blocks}"
        ))
    };
    let exclude = "[[exclude]]\ninternal = 2\n[[exclude]]\n[[exclude]]\nstamp = 1\n";
    let repeat = "[[repeat]]\ninternal = 3\n[[repeat]]\nrepetitions = 0\n";
    assert_snapshot!(with("[0, 1]", &(exclude.to_owned() + repeat)), @"
    e.toml:3: `parameters.rates[1]`: 0 is not a rate from 0.001 to 1000
    e.toml:6: `exclude[1].internal`: 2 is not a probability from 0 to 1
    e.toml:7: `exclude[2]`: empty: it would exclude everything; name the parameters to exclude
    e.toml:9: `exclude[3].stamp`: wanted a text in quotes, found an integer 1
    e.toml:10: `repeat[1].repetitions`: missing; give the number of runs of each of these configurations, such as repetitions = 50
    e.toml:11: `repeat[1].internal`: 3 is not a probability from 0 to 1
    e.toml:13: `repeat[2].repetitions`: 0 is out of range; it must be a whole number from 1 to 4294967295
    ");
    // The first two exclusions fit no configuration, the third fits all of them.
    let exclusions = "[[exclude]]\ninternal = 0.8\n[[exclude]]\ninternal = 0.9\n[[exclude]]\ninternal = [0.5, 0.7]";
    assert_snapshot!(with("[1, 2]", exclusions), @"
    e.toml:5: `exclude[1]`: excludes nothing: no configuration has these values, or earlier exclusions already exclude all that have them
    e.toml:5: `exclude`: everything is excluded: there is nothing to run
    e.toml:7: `exclude[2]`: excludes nothing: no configuration has these values, or earlier exclusions already exclude all that have them
    ");
    assert_snapshot!(mistakes("seed = 1\nexclude = [1, 2]\nrepeat = [1, 2]\n[parameters]\nrates = [1, 2]\ninternal = 0.7"), @"
    e.toml:2: `exclude[1]`: wanted a table, found an integer 1
    e.toml:2: `exclude[2]`: wanted a table, found an integer 2
    e.toml:3: `repeat[1]`: wanted a table, found an integer 1
    e.toml:3: `repeat[2]`: wanted a table, found an integer 2
    ");
    // Four mistakes are reported: `sends` does not fit the topology, one configuration occurs twice, the ticks of the three rates would
    // be too close together, and there are only two probabilities for three machines.
    let rest = "topology = \"time-keeper\"\nsends = \"unicast\"\n[[cases]]\ninternal = [[0.5, 0.6], [0.5, 0.6]]";
    assert_snapshot!(mistakes(&format!("seed = 1\n[parameters]\nrates = [1.000001, 2.000003, 3.000017]\n{rest}")), @r#"
    e.toml:5: `parameters.sends`: unicast cannot be combined with topology = "time-keeper", whose machine 0 always sends to all: remove this value, or exclude the combination
    e.toml:6: `cases`: a configuration occurs twice: rates=1.000001,2.000003,3.000017 internal=0.5,0.6 phase=spread stamp=after topology=time-keeper sends=unicast duration_s=60; to run all configurations more often, use repetitions
    e.toml:6: `cases`: phase "spread" is not possible with rates 1.000001,2.000003,3.000017: their ticks would be less than 100 ns apart; use phase = "uniform"
    e.toml:7: `cases[1].internal`: there are 2 probabilities, but rates 1.000001,2.000003,3.000017 have 3 machines: give one probability for each machine, or one for all
    "#);
}

/// Both blocks have an unknown key. Without this key, the first block would be empty, and the second block would exclude everything. Both
/// would be mistakes, but only the unknown keys are reported.
#[test]
fn the_effect_of_an_exclusion_with_an_unknown_key_is_not_judged() {
    let exclude = "[[exclude]]\nintrenal = 0.4\n[[exclude]]\nrates = [1, 2]\nintrenal = 0.4";
    let text = format!("seed = 1\n[parameters]\nrates = [1, 2]\ninternal = [0.4, 0.7]\n{exclude}");
    assert_snapshot!(mistakes(&text), @"
    e.toml:6: `exclude[1].intrenal`: no such key; did you mean `internal`?
    e.toml:9: `exclude[2].intrenal`: no such key; did you mean `internal`?
    ");
}

#[test]
fn an_experiment_of_a_billion_runs_is_refused() {
    let text = "seed = 1\nrepetitions = 1000000\n[parameters]\nrates = { every = \"ordered\", machines = 3 }\ninternal = [0.1, 0.2, 0.3, 0.4, 0.5]";
    // 1,000,000 repetitions of 6 * 6 * 6 rate sets with 5 probabilities each: 1,080,000,000 runs.
    assert_snapshot!(mistakes(text), @"e.toml:3: `parameters`: 1080000000 runs (1000000 repetitions of each configuration) are too many: one experiment may have 2000000; use fewer values or repetitions, or split it into several files");
    // There are 6 to the power of 900 rate sets. A 64-bit number can count only to about 18 quintillion.
    let beyond_counting =
        "seed = 1\n[parameters]\nrates = { every = \"ordered\", machines = 900 }\ninternal = 0.7";
    assert_snapshot!(mistakes(beyond_counting), @"e.toml:3: `parameters.rates`: more than 18 quintillion runs are too many: one experiment may have 2000000; use fewer values or repetitions, or split it into several files");
}

#[test]
fn repeated_configurations_are_refused() {
    assert_snapshot!(mistakes("seed = 1\n[parameters]\nrates = [1, 2]\ninternal = [0.7, 0.70]"), @"e.toml:2: `parameters`: a configuration occurs twice: rates=1,2 internal=0.7 phase=spread stamp=after duration_s=60; to run all configurations more often, use repetitions");
}

/// A rule, such as `{ every = "ordered", machines = 3 }`, stands for many rate sets.
#[test]
fn rules_for_rate_sets_are_checked() {
    let rule = |rule: &str| {
        mistakes(&format!(
            "seed = 1\n[parameters]\nrates = {{ {rule} }}\ninternal = 0.7"
        ))
    };
    assert_snapshot!(rule("every = \"orderd\", machines = 3"), @r#"e.toml:3: `parameters.rates.every`: "orderd" is not known; use "ordered" or "unordered""#);
    assert_snapshot!(rule("machines = 3"), @r#"e.toml:3: `parameters.rates`: give either every = "ordered" (or "unordered"), or random = the number of sets"#);
    assert_snapshot!(rule("random = 5, machines = 2, to = 2"), @"e.toml:3: `parameters.rates`: there are only 4 different sets, not 5");
    assert_snapshot!(rule("every = \"ordered\", machines = 3, from = 4, to = 2"), @"e.toml:3: `parameters.rates`: from = 4 is larger than to = 2; there is no rate between them");
}

/// A phase is the time of a machine's first tick. The rule `spread` chooses the phases so that no two machines ever tick at nearly the
/// same time. The time between ticks of two machines is at least 1 / (L * N) seconds, where L is the least common multiple of the rates and
/// N the number of machines. The rates 997, 991 and 983 are prime numbers, so L is their product. Then 1 / (L * 3) seconds are less than
/// 1 ns.
#[test]
fn spread_phases_are_refused_if_ticks_would_be_too_close() {
    assert_snapshot!(mistakes("seed = 1\n[parameters]\nrates = [997, 991, 983]\ninternal = 0.7"), @r#"e.toml:2: `parameters`: phase "spread" is not possible with rates 997,991,983: their ticks would be less than 100 ns apart; use phase = "uniform""#);
}

#[test]
fn delays_may_be_constant_uniform_or_exponential() {
    let delays = |delay: &str| {
        format!("seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\ndelay_s = {delay}")
    };
    let grid = delays("[0, 0.05, { uniform = [0.01, 0.1] }, { exponential = 0.05 }]");
    let experiment = Experiment::parse(&grid, Path::new("e.toml"), Overrides::default());
    let configurations: Vec<String> = experiment
        .unwrap_or_else(|error| panic!("{error}"))
        .configurations()
        .iter()
        .map(|configuration| configuration.to_string())
        .collect();
    // The first delay, 0, is the default, so its line has no `delay_s`.
    assert_snapshot!(configurations.join("\n"), @"
    rates=1,2 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,2 internal=0.7 phase=spread stamp=after delay_s=0.05 duration_s=60
    rates=1,2 internal=0.7 phase=spread stamp=after delay_s=uniform(0.01,0.1) duration_s=60
    rates=1,2 internal=0.7 phase=spread stamp=after delay_s=exponential(0.05) duration_s=60
    ");
    assert_snapshot!(mistakes(&delays("-1")), @"e.toml:5: `parameters.delay_s`: -1 is not a delay in seconds from 0 to 3600");
    assert_snapshot!(mistakes(&delays("{ uniform = [2, 1] }")), @"e.toml:5: `parameters.delay_s.uniform`: wanted the shortest and the longest delay, such as [0.01, 0.1]");
    assert_snapshot!(mistakes(&delays("{ exponental = 1 }")), @"
    e.toml:5: `parameters.delay_s.exponental`: no such key; did you mean `exponential`?
    e.toml:5: `parameters.delay_s`: wanted seconds, { uniform = [0.01, 0.1] } or { exponential = 0.05 }
    ");
}

#[test]
fn the_parameters_receive_and_topology_and_sends_are_varied_and_checked() {
    let parameters = "[parameters]\nrates = [1, 2, 3]\ninternal = 0.7\nreceive = \"all\"\ntopology = [\"mesh\", \"ring\"]\nsends = [\"mix\", { multicast = 2 }]";
    assert_snapshot!(configurations(parameters).join("\n"), @"
    rates=1,2,3 internal=0.7 phase=spread stamp=after receive=all duration_s=60
    rates=1,2,3 internal=0.7 phase=spread stamp=after receive=all sends=multicast(2) duration_s=60
    rates=1,2,3 internal=0.7 phase=spread stamp=after receive=all topology=ring duration_s=60
    rates=1,2,3 internal=0.7 phase=spread stamp=after receive=all topology=ring sends=multicast(2) duration_s=60
    ");
    let with = |variant: &str| {
        mistakes(&format!(
            "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\n{variant}"
        ))
    };
    assert_snapshot!(with("receive = \"al\""), @r#"e.toml:5: `parameters.receive`: "al" is not known; did you mean "all"?"#);
    assert_snapshot!(with("topology = \"timekeeper\""), @r#"e.toml:5: `parameters.topology`: "timekeeper" is not known; did you mean "time-keeper"?"#);
    assert_snapshot!(with("sends = \"multicast\""), @r#"e.toml:5: `parameters.sends`: "multicast" is not known; did you mean "multicast(2)"?"#);
    assert_snapshot!(with("sends = { multicast = 0 }"), @"e.toml:5: `parameters.sends.multicast`: 0 is out of range; it must be a whole number from 1 to 1000");
    assert_snapshot!(with("sends = [\"mix\", { multicats = 2 }]"), @"
    e.toml:5: `parameters.sends[2].multicats`: no such key; did you mean `multicast`?
    e.toml:5: `parameters.sends[2].multicast`: missing; give the number of recipients, such as { multicast = 2 }
    ");
}

/// `unfit` has four combinations of `topology` and `sends`. One of them is not possible.
#[test]
fn a_time_keeper_cannot_be_combined_with_unicast_or_multicast() {
    let unfit = "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\ntopology = [\"mesh\", \"time-keeper\"]\nsends = [\"mix\", \"unicast\"]";
    assert_snapshot!(mistakes(unfit), @r#"e.toml:6: `parameters.sends`: unicast cannot be combined with topology = "time-keeper", whose machine 0 always sends to all: remove this value, or exclude the combination"#);
    let in_a_case = "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7\n[[cases]]\nsends = \"unicast\"\n[[cases]]\ntopology = \"time-keeper\"\nsends = { multicast = 2 }";
    assert_snapshot!(mistakes(in_a_case), @r#"e.toml:9: `cases[2].sends`: multicast(2) cannot be combined with topology = "time-keeper", whose machine 0 always sends to all: remove this value, or exclude the combination"#);
    // Only the second case has a mistake: `sends = "unicast"`. This case does not give `receive`, so it has the default value `one`. The
    // first case gives the same value. Even so, the message must not name the first case.
    let in_two_cases = "seed = 1\nduration_s = 5\n[parameters]\nrates = [[1, 3, 6]]\ninternal = 0.7\ntopology = \"time-keeper\"\n\
                        [[cases]]\nreceive = \"one\"\n[[cases]]\nsends = \"unicast\"\n";
    assert_snapshot!(mistakes(in_two_cases), @r#"e.toml:10: `cases[2].sends`: unicast cannot be combined with topology = "time-keeper", whose machine 0 always sends to all: remove this value, or exclude the combination"#);
    let excluded = format!("{unfit}\n[[exclude]]\ntopology = \"time-keeper\"\nsends = \"unicast\"");
    let experiment = Experiment::parse(&excluded, Path::new("e.toml"), Overrides::default());
    assert_eq!(
        experiment
            .unwrap_or_else(|error| panic!("{error}"))
            .run_count(),
        3
    );
}

#[test]
fn each_machine_may_have_its_own_probability() {
    let with = |internal: &str| {
        format!("seed = 1\n[parameters]\nrates = [1, 2, 3]\ninternal = {internal}")
    };
    // The outer list has the values of three configurations, an inner list has one probability for each machine. Equal probabilities, such
    // as `[1, 1, 1]`, are written as one number.
    assert_snapshot!(configurations("[parameters]\nrates = [1, 2, 3]\ninternal = [0.7, [0.9, 0.5, 0.2], [1, 1, 1]]").join("\n"), @"
    rates=1,2,3 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,2,3 internal=0.9,0.5,0.2 phase=spread stamp=after duration_s=60
    rates=1,2,3 internal=1 phase=spread stamp=after duration_s=60
    ");
    assert_snapshot!(mistakes(&with("[[0.9, 0.5]]")), @"e.toml:4: `parameters.internal`: there are 2 probabilities, but rates 1,2,3 have 3 machines: give one probability for each machine, or one for all");
    assert_snapshot!(mistakes(&with("[0.7, [0.5, 0.5]]")), @"e.toml:4: `parameters.internal`: there are 2 probabilities, but rates 1,2,3 have 3 machines: give one probability for each machine, or one for all");
    assert_snapshot!(mistakes(&with("[[0.9, 1.5, 0.2], []]")), @"
    e.toml:4: `parameters.internal[1][2]`: 1.5 is not a probability from 0 to 1
    e.toml:4: `parameters.internal[2]`: wanted a probability for each machine, such as [0.9, 0.5, 0.2]
    ");
    let in_a_case = "seed = 1\n[[cases]]\nrates = [1, 2, 3]\ninternal = [[0.1, 0.2, 0.3]]\n[[cases]]\nrates = [1, 2]\ninternal = [[0.1, 0.2, 0.3]]";
    assert_snapshot!(mistakes(in_a_case), @"e.toml:7: `cases[2].internal`: there are 3 probabilities, but rates 1,2 have 2 machines: give one probability for each machine, or one for all");
}

#[test]
fn rates_may_have_up_to_six_decimals() {
    let with = |rates: &str| format!("[parameters]\nrates = {rates}\ninternal = 0.7");
    assert_snapshot!(configurations(&with("[[1.5, 2.25, 6], [3.0, 0.1], { every = \"unordered\", machines = 2, from = 1, to = 2, step = 0.5 }]")).join("\n"), @"
    rates=1.5,2.25,6 internal=0.7 phase=spread stamp=after duration_s=60
    rates=3,0.1 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,1 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,1.5 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1,2 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1.5,1.5 internal=0.7 phase=spread stamp=after duration_s=60
    rates=1.5,2 internal=0.7 phase=spread stamp=after duration_s=60
    rates=2,2 internal=0.7 phase=spread stamp=after duration_s=60
    ");
    let wrong = |rates: &str| mistakes(&format!("seed = 1\n{}", with(rates)));
    assert_snapshot!(wrong("[1.2345678, 2]"), @"e.toml:3: `parameters.rates[1]`: 1.2345678 has more than six decimals");
    assert_snapshot!(wrong("[1.000001, 2.000003, 3.000017]"), @r#"e.toml:2: `parameters`: phase "spread" is not possible with rates 1.000001,2.000003,3.000017: their ticks would be less than 100 ns apart; use phase = "uniform""#);
    assert_snapshot!(wrong("{ random = 10, machines = 2, from = 1, to = 2, step = 0.5 }"), @"e.toml:3: `parameters.rates`: there are only 9 different sets, not 10");
}

#[test]
fn a_parameter_may_be_given_only_once() {
    let text = "seed = 1\n[parameters]\ninternal = 0.7\n[[cases]]\nrates = [1, 2]\ninternal = 0.5\n[[cases]]\ninternal = 0.6";
    assert_snapshot!(mistakes(text), @"
    e.toml:6: `cases[1].internal`: is also in [parameters]; keep only one of the two: [parameters] has the values that all cases share
    e.toml:7: `cases[2].rates`: missing; give it here or in [parameters], such as rates = [[1, 3, 6], [2, 3, 4]]
    e.toml:8: `cases[2].internal`: is also in [parameters]; keep only one of the two: [parameters] has the values that all cases share
    ");
}

#[test]
fn names_that_cannot_be_folder_names_are_refused() {
    assert_snapshot!(mistakes("name = \"../x\"\nseed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7"), @r#"e.toml:1: `name`: "../x" cannot be the name of a folder; use letters, digits, `-`, `_` and `.` (but not `.` first)"#);
}

/// Windows reserves the names of devices, and allows no dot at the end. Without a `name`, the dataset is named after the file.
#[test]
fn names_that_windows_does_not_allow_are_refused() {
    let rest = "seed = 1\n[parameters]\nrates = [1, 2]\ninternal = 0.7";
    let parse = |text: &str, path: &str| {
        let parsed = Experiment::parse(text, Path::new(path), Overrides::default());
        parsed.map_err(|error| error.to_string())
    };
    let named = |name: &str| parse(&format!("name = \"{name}\"\n{rest}"), "e.toml");
    for name in ["con", "NUL", "com1", "lpt9.x", "x."] {
        let message = named(name).expect_err(name);
        assert!(
            message.contains("`name`") && message.contains("Windows"),
            "{message}"
        );
        parse(rest, &format!("{name}.toml")).expect_err(name);
    }
    for name in ["console", "com", "com10", "x.con"] {
        named(name).expect(name);
        parse(rest, &format!("{name}.toml")).expect(name);
    }
    // The name of this file without its ending is `..`. That cannot be the name of a new folder, because it means the parent folder.
    assert_snapshot!(parse(rest, "...toml").expect_err("no name"), @r#"...toml:1: `name`: missing; the file's name ".." cannot be the name of a folder on Windows; give another one, such as name = "first""#);
}

/// No experiment of this project has a mistake, and every experiment has a description.
#[test]
fn the_experiments_of_this_project_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    let files = [folder.clone(), folder.join("claims"), folder.join("papers")]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("experiments/"))
        .map(|entry| entry.expect("an entry").path());
    // `claims.toml` and `papers.toml` are not experiments; `analyze claims` reads them.
    let files: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
                && !path.ends_with("claims.toml")
                && !path.ends_with("papers.toml")
        })
        .collect();
    // There are many more than 3 experiments. Without files, the loop below would check nothing.
    assert!(files.len() >= 3);
    for file in files {
        let experiment =
            Experiment::read(&file, Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(!experiment.description.is_empty(), "{}", file.display());
    }
}

/// A table `[[repeat]]` gives more repetitions to some of the configurations.
#[test]
fn mistakes_in_repeat_tables_are_named() {
    let text = |repeat: &str| {
        format!("seed = 1\n[parameters]\nrates = [1, 3]\ninternal = 0.5\n[[repeat]]\n{repeat}\n")
    };
    for (repeat, said) in [
        ("internal = 0.5", "`repeat[1].repetitions`: missing"),
        (
            "internal = 0.4\nrepetitions = 3",
            "e.toml:5: `repeat[1]`: repeats nothing",
        ),
        ("intern = 0.5\nrepetitions = 3", "did you mean `internal`?"),
        (
            "repetitions = 3000000",
            "3000000 runs (counted as if every configuration had 3000000 repetitions) are too many",
        ),
    ] {
        let mistakes = mistakes(&text(repeat));
        assert!(mistakes.contains(said), "{mistakes}");
    }
}
