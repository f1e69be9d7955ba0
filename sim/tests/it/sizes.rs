//! Tests of large experiments: the time to read one grows in proportion to its size, too many runs are refused, and runs that do not fit
//! into memory are refused before anything is created.

use std::path::Path;
use std::time::{Duration, Instant};

use sim::experiment::{Experiment, Overrides, RunName};

#[cfg(unix)]
use crate::support::bash;

const HEAD: &str = "seed = 1\nengine = \"virtual\"\nduration_s = 1\n";

fn parse(text: &str) -> Result<Experiment, String> {
    Experiment::parse(text, Path::new("e.toml"), Overrides::default())
        .map_err(|error| error.to_string())
}

/// Returns a rate set in TOML, such as `[1, 1, 1]` for the number 0. Different numbers give different sets. A rate is at most 1000, but
/// `number` can be larger. So the three rates count up like digits: the first rate goes from 1 to 97 and begins again, the second from 1
/// to 89, and the third grows by 1 after 97 * 89 = 8633 sets.
fn rates(number: usize) -> String {
    format!(
        "[{}, {}, {}]",
        number % 97 + 1,
        number / 97 % 89 + 1,
        number / 8633 + 1
    )
}

/// Returns `count` different rate sets in TOML.
fn rate_sets(count: usize) -> String {
    (0..count).map(rates).collect::<Vec<_>>().join(",\n")
}

/// Returns how many times longer `work` takes with size 16,000 than with size 2,000. Each time is the shortest of four, so that the test
/// also works on a busy computer.
fn growth(work: impl Fn(usize)) -> f64 {
    let shortest_s = |count| {
        let times = (0..4).map(|_| {
            let start = Instant::now();
            work(count);
            start.elapsed()
        });
        times.min().unwrap_or(Duration::ZERO).as_secs_f64()
    };
    shortest_s(16_000) / shortest_s(2_000)
}

/// The largest [`growth`] that a test accepts, for eight times the size. If the time grows in proportion to the size, the growth is about
/// 8. If the time grew with the square of the size, the growth would be about 64.
const MAX_GROWTH: f64 = 32.0;

#[test]
fn time_to_read_an_experiment_grows_with_its_size() {
    let grid = |count| {
        format!(
            "{HEAD}[parameters]\ninternal = [0.5, 0.6]\nrates = [\n{}]\n",
            rate_sets(count)
        )
    };
    // In the first 8633 sets, the third rate is 1. Here it becomes 0, which is a mistake.
    let mistakes = |count| grid(count).replace(", 1]", ", 0]");
    // The next two experiments exclude half of their configurations. `excluded_values` has one section `[[exclude]]` with all rate sets,
    // `exclusions` has one such section for each rate set.
    let excluded_values = |count| {
        let sets = rate_sets(count);
        grid(count) + &format!("[[exclude]]\ninternal = 0.5\nrates = [\n{sets}]\n")
    };
    let exclusions = |count| {
        let sections = (0..count)
            .map(|number| format!("[[exclude]]\ninternal = 0.5\nrates = {}\n", rates(number)));
        grid(count) + &sections.collect::<String>()
    };
    let cases = |count| {
        let sections = (0..count).map(|number| format!("[[cases]]\nrates = {}\n", rates(number)));
        format!("{HEAD}[parameters]\ninternal = [0.5, 0.6]\n") + &sections.collect::<String>()
    };
    let experiments: [(&str, &dyn Fn(usize) -> String); 5] = [
        ("values", &grid),
        ("mistakes", &mistakes),
        ("excluded values", &excluded_values),
        ("exclusions", &exclusions),
        ("cases", &cases),
    ];
    for (name, text) in experiments {
        let is_valid = name != "mistakes";
        let growth = growth(|count| assert_eq!(parse(&text(count)).is_ok(), is_valid));
        assert!(growth < MAX_GROWTH, "{name}: {growth} times");
    }
}

#[test]
fn only_100_of_5000_mistakes_are_shown() {
    let keys: String = (0..5000).map(|number| format!("k{number} = 1\n")).collect();
    let error = parse(&format!(
        "{keys}{HEAD}[parameters]\nrates = [1, 3]\ninternal = 0.5"
    ));
    let error = error.expect_err("no such keys");
    // A hundred of the 5000 mistakes, and the number of the others.
    assert_eq!(error.lines().count(), 101);
    assert!(error.ends_with("\nmistakes not shown: 4900"), "{error}");
}

#[test]
fn time_to_find_runs_by_their_keys_grows_with_their_number() {
    let growth = growth(|count| {
        let sets = rate_sets(count);
        let text = format!("{HEAD}[parameters]\ninternal = 0.5\nrates = [\n{sets}]\n");
        let experiment = parse(&text).expect("an experiment");
        let names = experiment.runs().map(|run| RunName::Key(run.key()));
        let names: Vec<RunName> = names.collect();
        let found = RunName::find_all(&names, &experiment).expect("all are planned");
        assert!(found.iter().map(|run| run.index).eq(0..count as u64));
    });
    assert!(growth < MAX_GROWTH, "{growth} times");
}

#[test]
fn experiments_with_too_many_runs_or_machines_are_refused() {
    // 200 rules. Each makes 6 to the power of 8 = 1679616 sets of 8 machines: about 13 million machines. Only 20 million are allowed, so the
    // second rule is refused. The message calls it `rates[2]`.
    let many_rules = "{ every = \"ordered\", machines = 8, to = 6 },".repeat(200);
    let many_cases = "[[cases]]\ntopology = \"ring\"\n".repeat(20_000);
    let many_values = rate_sets(20_000);
    for (text, said) in [
        (
            "repetitions = 4294967295\n[parameters]\nrates = [1, 3]\ninternal = 0.5".to_owned(),
            "4294967295 runs (4294967295 repetitions of each configuration) are too many: one experiment may have 2000000",
        ),
        // Without `from` and `to`, rates go from 1 to 6. So there are 6 to the power of 1000 sets. This number does not fit
        // into 64 bits: they can hold numbers up to about 18 quintillion.
        (
            "[parameters]\nrates = { every = \"ordered\", machines = 1000 }\ninternal = 0.5".to_owned(),
            "more than 18 quintillion runs",
        ),
        (
            "repetitions = 1000\n[parameters]\nrates = { every = \"ordered\", machines = 8 }\ninternal = { from = 0, to = 1, step = 0.001 }".to_owned(),
            "runs (1000 repetitions of each configuration) are too many: one experiment may have 2000000",
        ),
        (
            "[parameters]\nrates = { random = 2000000, machines = 1000 }\ninternal = 0.5".to_owned(),
            "`parameters.rates`: 2000000 sets of 1000 machines; all configurations of an experiment together may have 20000000 machines",
        ),
        (
            format!("[parameters]\nrates = [{many_rules}]\ninternal = 0.5"),
            "`parameters.rates[2]`: 1679616 sets of 8 machines",
        ),
        // The 15 million machines of the rate sets are allowed. But with two values of `internal`, the configurations have twice as many.
        (
            "[parameters]\nrates = { random = 15000, machines = 1000 }\ninternal = [0.1, 0.2]\nphase = \"uniform\"".to_owned(),
            "`parameters`: all configurations of an experiment together may have 20000000 machines",
        ),
        // There are 20,000 rate sets. Each of them is combined with each of the 20,000 cases.
        (
            format!("[parameters]\ninternal = 0.5\nrates = [{many_values}]\n{many_cases}"),
            "400000000 runs are too many: one experiment may have 2000000",
        ),
    ] {
        let error = parse(&format!("{HEAD}{text}")).expect_err("too large");
        assert!(error.contains(said), "{said} not in\n{:.500}", error);
        assert!(error.contains("split it into several files"), "{error:.500}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_does_not_fit_into_memory_is_refused_before_anything_is_created() {
    let work = tempfile::tempdir().expect("a folder");
    // A thousand ticks a second for a week: about 604,800,000 events, which need more than 8 GB.
    let parameters = "duration_s = 604800\n[parameters]\nrates = [0.001, 1000]\ninternal = 0.5\n";
    for engine in ["virtual", "tcp"] {
        let text = format!("seed = 1\nengine = \"{engine}\"\n{parameters}");
        std::fs::write(work.path().join("e.toml"), text).expect("written");
        for verb in ["plan", "run"] {
            // `$SIM` is the program `sim`. `ulimit -v` limits its memory to 8 GB. `ulimit -c 0` means: no core dump if it crashes.
            let line = format!("ulimit -c 0; ulimit -v 8000000; $SIM {verb} e.toml");
            let output = bash(work.path(), &line);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(
                stderr.starts_with("error: a run of 2 machines for 604800 s has about 604,80")
                    && stderr.contains("use a shorter duration_s, lower rates"),
                "{stderr}"
            );
            assert!(!work.path().join("data").exists());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn jobs_1000000_means_one_thread_for_each_core_and_the_plan_shows_the_memory() {
    let work = tempfile::tempdir().expect("a folder");
    let text = format!("{HEAD}repetitions = 5000\n[parameters]\nrates = [1, 3]\ninternal = 0.5\n");
    std::fs::write(work.path().join("e.toml"), text).expect("written");
    let plan = bash(work.path(), "$SIM plan e.toml --jobs 1000000");
    let plan = String::from_utf8_lossy(&plan.stdout);
    assert!(plan.contains("(one for each core)"), "{plan}");
    let memory = plan.lines().find(|line| line.starts_with("memory "));
    let memory = memory.expect("a line on memory");
    assert!(
        memory.contains(" about ") && memory.contains(" available"),
        "{memory}"
    );
    // `ulimit -v` limits `sim run` to 4 GB of memory. 5000 threads, one for each run, would need more.
    let run = "ulimit -c 0; ulimit -v 4000000; $SIM run e.toml --jobs 1000000 -q";
    assert_eq!(bash(work.path(), run).status.code(), Some(0));
}

/// The longest possible plan ends later than the last date that can be shown, which is at the end of the year 9999. So
/// this last date is shown.
#[cfg(unix)]
#[test]
fn a_plan_of_many_millennia_is_shown() {
    let work = tempfile::tempdir().expect("a folder");
    let text = "seed = 1\nduration_s = 604800\ntime_scale = 0.001\nrepetitions = 2000000\n[parameters]\nrates = [1, 6]\ninternal = 0.5\n";
    std::fs::write(work.path().join("e.toml"), text).expect("written");
    let output = bash(work.path(), "$SIM plan e.toml --jobs 1");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let plan = String::from_utf8_lossy(&output.stdout);
    // The day is the 30th or the 31st, depending on the time zone.
    assert!(plan.contains("9999-12-3"), "{plan}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_not_an_experiment_is_refused_at_once() {
    let work = tempfile::tempdir().expect("a folder");
    std::fs::write(work.path().join("latin.toml"), b"seed = 1\n# caf\xe9\n").expect("written");
    for (path, said) in [
        // An experiment file may have up to 64 MiB, which is 64 * 1024 * 1024 = 67108864 bytes. `/dev/zero` never ends.
        ("/dev/zero", "/dev/zero: has more than 67108864 bytes"),
        (".", "experiment file .: Is a directory"),
        ("latin.toml", "latin.toml: line 2 is not UTF-8 text"),
    ] {
        let output = bash(work.path(), &format!("$SIM run {path}"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
