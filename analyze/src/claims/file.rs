//! Reads a file of claims (TOML, such as `experiments/claims.toml`), and reports every mistake with its line and key.
//!
//! Each function reads a part of the file, and notes the mistakes that it finds there. It returns `None` if the part cannot be read. A
//! function can also note a mistake and still return a value. But the file is refused if any mistake was noted.

use std::path::{Path, PathBuf};

use sim::input::read_text;
use sim::toml_reader::{self, Item, Mistake, MistakeList, Section};

use super::{Cell, Claim, Criterion, Machines, Quantity, Statistic, Subject, Test};
use crate::clocks::ClockSpec;
use crate::read::filter::Condition;

/// A file of claims that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read the claims {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// The file has mistakes.
    #[error("{}", MistakeList { path, mistakes })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// At least one mistake, in the order of lines.
        mistakes: Vec<Mistake>,
    },
}

/// The maximum size of a file of claims, in bytes: 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// The longest warm-up that a test can have, in seconds. It is longer than any run.
const MAX_WARM_UP_S: f64 = 1e9;

/// The keys of a claim.
const CLAIM_KEYS: [&str; 8] = [
    "id",
    "says",
    "source",
    "experiment",
    "expected",
    "depends_on",
    "audit",
    "test",
];

/// The keys of a test.
const TEST_KEYS: [&str; 10] = [
    "experiment",
    "where",
    "machine",
    "clock",
    "measure",
    "statistic",
    "from",
    "to",
    "warm_up_s",
    "expect",
];

/// Reads the claims in the file at `path`.
///
/// # Errors
///
/// [`FileError`] if the file cannot be read or has mistakes.
pub fn read(path: &Path) -> Result<Vec<Claim>, FileError> {
    let text = read_text(path, MAX_BYTES).map_err(|cause| FileError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    toml_reader::read(&text, claims).map_err(|mistakes| FileError::Mistakes {
        path: path.to_owned(),
        mistakes,
    })
}

fn claims(root: &Section<'_>) -> Option<Vec<Claim>> {
    root.allow_only(&["claim"]);
    let sections = root
        .require("claim", "a claim begins with [[claim]]")?
        .sections()?;
    let mut ids: Vec<&str> = vec![];
    // All claims are read before the function returns, so that every mistake is reported.
    let claims: Vec<Option<Claim>> = sections
        .iter()
        .map(|section| claim(section, &mut ids))
        .collect();
    claims.into_iter().collect()
}

/// Reads a claim. `ids` has the ids of the claims that were read before. The function adds the id of this claim to `ids`.
fn claim<'d>(section: &Section<'d>, ids: &mut Vec<&'d str>) -> Option<Claim> {
    section.allow_only(&CLAIM_KEYS);
    let text = |key: &str, hint: &str| Some(section.require(key, hint)?.text()?.to_owned());
    let id = section
        .require("id", "the claim's name, such as id = \"slow-queues-grow\"")
        .and_then(|item| {
            let id = item.text()?;
            if ids.contains(&id) {
                item.note("another claim has the same id; each claim needs its own".to_owned());
            }
            ids.push(id);
            Some(id.to_owned())
        });
    let says = text("says", "the claim in its author's words");
    let source = text("source", "who claims it, and where");
    let experiment = text(
        "experiment",
        "the name of the dataset with which the claim is tested",
    );
    let expected = text("expected", "what theory predicts, and why");
    let depends_on = section.get("depends_on");
    let audit = section.get("audit");
    let sections = match section.get("test") {
        Some(item) => item.sections()?,
        None => vec![],
    };
    // The key `audit` has only one possible value, `clean`: the audit of the claim's dataset must find no violation. For any other value,
    // `named` notes a mistake.
    if let Some(audit) = &audit {
        audit.named(&["clean"], |word| (word == "clean").then_some(()));
    }
    // The audit counts as a test.
    let test_count = sections.len() + usize::from(audit.is_some());
    if test_count == 0 {
        let message = "the claim has no test; a test begins with [[claim.test]]";
        section.note("test", message.to_owned());
    }
    if test_count > 1 && depends_on.is_none() {
        let message =
            "missing; name what the outcome depends on when some tests hold and others fail";
        section.note("depends_on", message.to_owned());
    }
    let depends_on = depends_on.map_or(Some(""), |item| item.text());
    // Even if the key `experiment` is missing, the tests are read, so that their mistakes are reported too.
    let experiment_of_claim = experiment.clone().unwrap_or_default();
    let tests: Vec<Option<Test>> = sections
        .iter()
        .map(|section| test(section, &experiment_of_claim))
        .collect();
    Some(Claim {
        id: id?,
        says: says?,
        source: source?,
        expected: expected?,
        depends_on: depends_on?.to_owned(),
        // The dataset that the audit checks: `experiment` if the claim has the key `audit`, otherwise none.
        audited: audit.and(experiment),
        tests: tests.into_iter().collect::<Option<_>>()?,
    })
}

/// Reads a test. `experiment` is the experiment of the claim, which the test uses if it does not name another one.
fn test(section: &Section<'_>, experiment: &str) -> Option<Test> {
    section.allow_only(&TEST_KEYS);
    let quantity = quantity(section);
    let defaults = Cell {
        experiment: experiment.to_owned(),
        conditions: vec![],
        own_condition_count: 0,
        machines: Machines::All,
        clock: None,
    };
    // `shared` is the cell (runs and machines) that the keys of the test itself describe. Without `from` and `to`, the test measures
    // `shared`. With `from` and `to`, the test compares two other cells. If a key is missing in `from` or `to`, its value is taken from
    // `shared`.
    let mut shared = cell(section, &defaults, quantity);
    if let Some(cell) = &mut shared {
        // `own_condition_count` is the number of conditions that only one side (`from` or `to`) has. The conditions of `shared` hold for
        // both sides, so the number is 0.
        cell.own_condition_count = 0;
    }
    let warm_up_s = section.get("warm_up_s").map_or(Some(0.0), |item| {
        item.number(0.0..=MAX_WARM_UP_S, "a number of seconds")
    });
    let subject = subject(section, shared, quantity);
    require_clock(section, subject.as_ref(), quantity);
    let expect = section.require(
        "expect",
        "where the value must lie, such as expect = { above = 0 }",
    );
    let criterion = expect.and_then(|item| criterion(&item));
    Some(Test {
        quantity: quantity?,
        warm_up_s: warm_up_s?,
        subject: subject?,
        criterion: criterion?,
    })
}

/// Notes a mistake if the quantity is a figure of a clock (a number that `analyze clocks` prints for a clock, such as the bytes of a
/// timestamp), and no clock is given.
fn require_clock(section: &Section<'_>, subject: Option<&Subject>, quantity: Option<Quantity>) {
    let has_no_clock = |cell: &Cell| cell.clock.is_none();
    let is_missing = match subject {
        // The subject has a mistake that was noted before. No second mistake is noted here.
        None => false,
        Some(Subject::Cell(cell, _)) => has_no_clock(cell),
        Some(Subject::Difference { from, to }) => has_no_clock(from) || has_no_clock(to),
    };
    if let Some(Quantity::Clock(figure)) = quantity
        && is_missing
        && let Some(item) = section.get("measure")
    {
        item.note(format!(
            "{} is a figure of a clock; say of which clock, such as clock = \"lamport\"",
            figure.name
        ));
    }
}

/// Reads the quantity that a test is about (key `measure`): a measure of a machine, a column of the runs, or a figure of a clock.
fn quantity(section: &Section<'_>) -> Option<Quantity> {
    let item = section.require("measure", "`analyze dictionary` lists the measures")?;
    item.named(&Quantity::names(), Quantity::named)
}

/// Reads the subject of a test: one cell, or the comparison of the two cells `from` and `to`. `shared` is the cell that the keys of the test
/// itself describe.
fn subject(
    section: &Section<'_>,
    shared: Option<Cell>,
    quantity: Option<Quantity>,
) -> Option<Subject> {
    let statistic_item = section.get("statistic");
    match (section.get("from"), section.get("to")) {
        (None, None) => {
            let statistic = statistic_item.map_or(Some(Statistic::Mean), |item| statistic(&item));
            Some(Subject::Cell(shared?, statistic?))
        }
        (Some(from), Some(to)) => {
            if let Some(item) = statistic_item {
                let message = "a test with from and to compares means; leave this key out";
                item.note(message.to_owned());
            }
            let (from, to) = (
                side(&from, shared.as_ref(), quantity),
                side(&to, shared.as_ref(), quantity),
            );
            Some(Subject::Difference {
                from: from?,
                to: to?,
            })
        }
        (Some(one), None) | (None, Some(one)) => {
            one.note("a test has both from and to, or neither of them".to_owned());
            None
        }
    }
}

/// Reads a side of a comparison (`from` or `to`). Values that the side does not give are taken from `shared`.
fn side(item: &Item<'_>, shared: Option<&Cell>, quantity: Option<Quantity>) -> Option<Cell> {
    let section = item.section()?;
    section.allow_only(&["experiment", "where", "machine", "clock"]);
    cell(&section, shared?, quantity)
}

/// Reads a cell from the keys of `section`. If a key is missing, its value is taken from `shared`. The conditions of `section` (key `where`)
/// are added to the conditions of `shared`.
fn cell(section: &Section<'_>, shared: &Cell, quantity: Option<Quantity>) -> Option<Cell> {
    let experiment = match section.get("experiment") {
        Some(item) => item.text().map(str::to_owned),
        None => Some(shared.experiment.clone()),
    };
    let own_conditions = match section.get("where") {
        Some(item) => conditions(&item),
        None => Some(vec![]),
    };
    let machine = section.get("machine");
    if let (Some(item), Some(Quantity::Run(name))) = (&machine, quantity) {
        item.note(format!(
            "{name} has one value for each run, not for each machine; leave this key out"
        ));
    }
    if let (Some(item), Some(Quantity::Clock(figure))) = (&machine, quantity) {
        item.note(format!(
            "{} has one value for each run, not for each machine; leave this key out",
            figure.name
        ));
    }
    let machines = machine.map_or(Some(shared.machines), |item| machines(&item));
    let clock = match section.get("clock") {
        Some(item) => clock(&item, quantity).map(Some),
        None => Some(shared.clock.clone()),
    };
    let own_conditions = own_conditions?;
    let own_condition_count = own_conditions.len();
    let shared_conditions = shared.conditions.iter().cloned();
    Some(Cell {
        experiment: experiment?,
        conditions: shared_conditions.chain(own_conditions).collect(),
        own_condition_count,
        machines: machines?,
        clock: clock?,
    })
}

fn clock(item: &Item<'_>, quantity: Option<Quantity>) -> Option<ClockSpec> {
    if let Some(quantity) = quantity
        && !matches!(quantity, Quantity::Clock(_))
    {
        item.note(format!(
            "{} is no figure of a clock; leave this key out",
            quantity.name()
        ));
        return None;
    }
    let text = item.text()?;
    let clock = text.parse();
    clock
        .map_err(|error: String| item.note(format!("\"{text}\": {error}")))
        .ok()
}

fn conditions(item: &Item<'_>) -> Option<Vec<Condition>> {
    item.each(
        "conditions in brackets, such as [\"internal=0.4\"]",
        |item| {
            let text = item.text()?;
            let condition = text.parse();
            condition
                .map_err(|error| item.note(format!("\"{text}\": {error}")))
                .ok()
        },
    )
}

fn machines(item: &Item<'_>) -> Option<Machines> {
    if item.is_integer() {
        // The limit is larger than any machine's number, because a run has at most 1000 machines.
        let number = item.integer(0..=u64::from(u16::MAX))?;
        return Some(Machines::One(number as usize));
    }
    if !item.is_text() {
        return item.wrong_type("a machine's number, \"slowest\", \"fastest\" or \"all\"");
    }
    word(item, Machines::WORDS)
}

fn statistic(item: &Item<'_>) -> Option<Statistic> {
    if let Some(section) = item.table() {
        section.allow_only(&["share"]);
        let share = section.require(
            "share",
            "the values to count for the share, such as share = \">= 2\" (values that are at least 2)",
        )?;
        let text = share.text()?;
        return text
            .parse()
            .map(Statistic::Share)
            .map_err(|error: &str| share.note(format!("\"{text}\": {error}")))
            .ok();
    }
    if !item.is_text() {
        return item.wrong_type("\"mean\", \"sd\", \"largest\" or { share = \">= 2\" }");
    }
    word(item, Statistic::WORDS)
}

/// Reads one of `words`, and returns the value for which the word stands.
fn word<T: Copy, const N: usize>(item: &Item<'_>, words: [(&'static str, T); N]) -> Option<T> {
    let find = |text: &str| {
        let found = words.iter().find(|(word, _)| *word == text)?;
        Some(found.1)
    };
    item.named(&words.map(|(word, _)| word), find)
}

fn criterion(item: &Item<'_>) -> Option<Criterion> {
    let section = item.section()?;
    section.allow_only(&["above", "below", "between"]);
    let bound = |key: &str| section.get(key).map(|item| number(&item));
    let (above, below) = (bound("above"), bound("below"));
    let between = section.get("between").map(|item| pair(&item));
    // The limits of `between` are in the range, those of `above` and `below` are not.
    let criterion = match (between, above, below) {
        (Some(between), None, None) => {
            let (low, high) = between?;
            Criterion::between(low, high)
        }
        (None, Some(above), None) => Criterion::with_strict_bounds(Some(above?), None),
        (None, None, Some(below)) => Criterion::with_strict_bounds(None, Some(below?)),
        (None, Some(above), Some(below)) => {
            Criterion::with_strict_bounds(Some(above?), Some(below?))
        }
        // There is no key, or there is `between` together with another key.
        _ => None,
    };
    // If the table has keys, but only unknown ones, `allow_only` has noted them, and no second mistake is noted.
    let keys = ["above", "below", "between"];
    let has_no_known_key = keys.iter().all(|key| section.get(key).is_none());
    let has_only_unknown_keys = has_no_known_key && !section.is_empty();
    if criterion.is_none() && !has_only_unknown_keys {
        let problem = if has_no_known_key {
            "there is no range"
        } else if section.get("between").is_some() && (above.is_some() || below.is_some()) {
            "`between` cannot be combined with `above` or `below`"
        } else {
            "no value can be in this range"
        };
        item.note(format!(
            "{problem}; write {{ above = 0 }}, {{ below = 2 }}, {{ above = 0, below = 2 }} (the first number is smaller), or {{ between = [1, 1.3] }}"
        ));
    }
    criterion
}

fn number(item: &Item<'_>) -> Option<f64> {
    item.number(f64::MIN..=f64::MAX, "a number")
}

fn pair(item: &Item<'_>) -> Option<(f64, f64)> {
    let wanted = "two numbers, such as [1, 1.3]";
    let items = item.items(wanted)?;
    let [low, high] = &items[..] else {
        return item.wrong_type(wanted);
    };
    let (low, high) = (number(low), number(high));
    Some((low?, high?))
}
