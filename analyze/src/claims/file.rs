//! A file of claims read, every mistake with its line and key.
//!
//! What is not a claim's form stops at the first such place; what is, but means nothing, is told all at once.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sim::input::read_text;
use toml::Spanned;

use super::{Cell, Claim, Criterion, Machines, Quantity, Statistic, Subject, Test};
use crate::read::filter::Condition;

/// A file of claims that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read at all.
    #[error("cannot read the claims {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// What is wrong in it, in the order of its lines.
    #[error("{}", MistakeList { path, mistakes })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// At least one: line, key, and what is wrong.
        mistakes: Vec<(usize, String, String)>,
    },
}

struct MistakeList<'a> {
    path: &'a Path,
    mistakes: &'a [(usize, String, String)],
}

impl fmt::Display for MistakeList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (line, key, message)) in self.mistakes.iter().enumerate() {
            let new_line = if place == 0 { "" } else { "\n" };
            let path = self.path.display();
            write!(f, "{new_line}{path}:{line}: `{key}`: {message}")?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    #[serde(default)]
    claim: Vec<ClaimRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimRow {
    id: Spanned<String>,
    says: String,
    source: String,
    experiment: String,
    expected: String,
    depends_on: Option<String>,
    audit: Option<Spanned<String>>,
    #[serde(default)]
    test: Vec<TestRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRow {
    experiment: Option<String>,
    #[serde(default, rename = "where")]
    conditions: Vec<Spanned<String>>,
    machine: Option<Spanned<MachineRow>>,
    measure: Spanned<String>,
    statistic: Option<Spanned<StatisticRow>>,
    from: Option<Spanned<CellRow>>,
    to: Option<Spanned<CellRow>>,
    warm_up_s: Option<Spanned<f64>>,
    expect: Spanned<ExpectRow>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CellRow {
    experiment: Option<String>,
    #[serde(default, rename = "where")]
    conditions: Vec<Spanned<String>>,
    machine: Option<Spanned<MachineRow>>,
}

#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "wanted a machine's number, \"slowest\", \"fastest\" or \"all\""
)]
enum MachineRow {
    Number(u16),
    Word(String),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "wanted \"mean\", \"sd\", \"largest\" or { share = \">= 2\" }"
)]
enum StatisticRow {
    Word(String),
    Share(ShareRow),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareRow {
    share: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectRow {
    above: Option<f64>,
    below: Option<f64>,
    between: Option<[f64; 2]>,
}

/// No run has more model seconds.
const LONGEST_S: f64 = 604_800.0;
/// No file of claims has so many bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The claims in the file at `path`.
///
/// # Errors
///
/// [`FileError`].
pub fn read(path: &Path) -> Result<Vec<Claim>, FileError> {
    let text = read_text(path, MOST_BYTES).map_err(|cause| FileError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    parse(&text).map_err(|mistakes| FileError::Mistakes {
        path: path.to_owned(),
        mistakes,
    })
}

fn parse(text: &str) -> Result<Vec<Claim>, Vec<(usize, String, String)>> {
    let mut reader = Reader {
        text,
        mistakes: vec![],
    };
    let file: FileRow = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', " ");
        vec![(reader.line(at), reader.key(at), message)]
    })?;
    if file.claim.is_empty() {
        return Err(vec![(
            1,
            "claim".to_owned(),
            "missing; a claim begins with [[claim]]".to_owned(),
        )]);
    }
    let mut claims: Vec<Claim> = vec![];
    for row in file.claim {
        if claims.iter().any(|claim| claim.id == *row.id.get_ref()) {
            reader.note(&row.id, "id", "another claim is called so".to_owned());
        }
        claims.push(reader.claim(row));
    }
    if reader.mistakes.is_empty() {
        return Ok(claims);
    }
    reader.mistakes.sort_by_key(|(line, ..)| *line);
    Err(reader.mistakes)
}

struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<(usize, String, String)>,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// The key, or the header, on the line of what cannot be read.
    fn key(&self, offset: usize) -> String {
        let line = self.text.lines().nth(self.line(offset) - 1).unwrap_or("");
        line.split('=').next().unwrap_or(line).trim().to_owned()
    }

    fn note<T>(&mut self, at: &Spanned<T>, key: &str, message: String) {
        let line = self.line(at.span().start);
        self.mistakes.push((line, key.to_owned(), message));
    }

    /// With something in the place of what is wrong: it is noted, and the claims are not used then.
    fn claim(&mut self, row: ClaimRow) -> Claim {
        let audited = row.audit.as_ref().map(|audit| {
            if audit.get_ref() != "clean" {
                let message = format!("\"{}\" is not known; \"clean\"", audit.get_ref());
                self.note(audit, "audit", message);
            }
            row.experiment.clone()
        });
        let decided_by = row.test.len() + usize::from(audited.is_some());
        if decided_by == 0 {
            let message = "decided by nothing; a test begins with [[claim.test]]".to_owned();
            self.note(&row.id, "test", message);
        }
        if decided_by > 1 && row.depends_on.is_none() {
            let message = "missing; tests may disagree: say what the outcome depends on";
            self.note(&row.id, "depends_on", message.to_owned());
        }
        let tests = row.test.into_iter();
        Claim {
            id: row.id.into_inner(),
            says: row.says,
            source: row.source,
            expected: row.expected,
            depends_on: row.depends_on.unwrap_or_default(),
            audited,
            tests: tests.map(|test| self.test(test, &row.experiment)).collect(),
        }
    }

    fn test(&mut self, row: TestRow, experiment: &str) -> Test {
        let quantity = self.quantity(&row);
        let experiment = row.experiment.as_deref().unwrap_or(experiment);
        let conditions = self.conditions(&row.conditions);
        let machines = self.machines(row.machine.as_ref());
        let cell = Cell {
            experiment: experiment.to_owned(),
            conditions,
            own: 0,
            machines: machines.unwrap_or(Machines::All),
        };
        let subject = match (row.from, row.to) {
            (None, None) => Subject::Cell(cell, self.statistic(row.statistic)),
            (Some(from), Some(to)) => {
                if let Some(statistic) = &row.statistic {
                    let message = "from and to are compared by their means; leave it out";
                    self.note(statistic, "statistic", message.to_owned());
                }
                Subject::Difference {
                    from: self.own_cell(from, &cell, quantity),
                    to: self.own_cell(to, &cell, quantity),
                }
            }
            (Some(one), None) | (None, Some(one)) => {
                let message = "from and to stand together, or neither".to_owned();
                self.note(&one, "from", message);
                Subject::Cell(cell, Statistic::Mean)
            }
        };
        let warm_up_s = row.warm_up_s.map_or(0.0, |seconds| {
            if !(0.0..=LONGEST_S).contains(seconds.get_ref()) {
                let message = format!("wanted seconds, from 0 to {LONGEST_S}");
                self.note(&seconds, "warm_up_s", message);
            }
            seconds.into_inner()
        });
        Test {
            quantity,
            warm_up_s,
            subject,
            criterion: self.criterion(&row.expect),
        }
    }

    fn quantity(&mut self, row: &TestRow) -> Quantity {
        let name = row.measure.get_ref();
        let quantity = Quantity::named(name).unwrap_or_else(|| {
            let names = Quantity::names();
            let message = unknown(name, &names);
            self.note(&row.measure, "measure", message);
            Quantity::Finished
        });
        if let (Some(machine), Quantity::Run(_)) = (&row.machine, quantity) {
            let message = format!("{name} is a run's, not a machine's; leave it out");
            self.note(machine, "machine", message);
        }
        quantity
    }

    fn conditions(&mut self, texts: &[Spanned<String>]) -> Vec<Condition> {
        let mut conditions = vec![];
        for text in texts {
            match text.get_ref().parse() {
                Ok(condition) => conditions.push(condition),
                Err(error) => self.note(text, "where", format!("\"{}\": {error}", text.get_ref())),
            }
        }
        conditions
    }

    fn machines(&mut self, row: Option<&Spanned<MachineRow>>) -> Option<Machines> {
        let row = row?;
        match row.get_ref() {
            MachineRow::Number(machine) => Some(Machines::One(usize::from(*machine))),
            MachineRow::Word(word) => {
                let known = Machines::WORDS.into_iter().find(|(name, _)| name == word);
                if known.is_none() {
                    let names = Machines::WORDS.map(|(name, _)| name);
                    self.note(row, "machine", unknown(word, &names));
                }
                known.map(|(_, machines)| machines)
            }
        }
    }

    fn statistic(&mut self, row: Option<Spanned<StatisticRow>>) -> Statistic {
        let Some(row) = row else {
            return Statistic::Mean;
        };
        let statistic = match row.get_ref() {
            StatisticRow::Word(word) => {
                let known = Statistic::WORDS.into_iter().find(|(name, _)| name == word);
                let names = Statistic::WORDS.map(|(name, _)| name);
                known
                    .map(|(_, statistic)| statistic)
                    .ok_or_else(|| unknown(word, &names))
            }
            StatisticRow::Share(ShareRow { share }) => share
                .parse()
                .map(Statistic::Share)
                .map_err(|error: &str| format!("\"{share}\": {error}")),
        };
        statistic.unwrap_or_else(|message| {
            self.note(&row, "statistic", message);
            Statistic::Mean
        })
    }

    /// A side of a comparison: what it says itself, and what the test says of both.
    fn own_cell(&mut self, row: Spanned<CellRow>, shared: &Cell, quantity: Quantity) -> Cell {
        let row = row.into_inner();
        let own = self.conditions(&row.conditions);
        let machines = self.machines(row.machine.as_ref());
        if let (Some(machine), Quantity::Run(name)) = (&row.machine, quantity) {
            let message = format!("{name} is a run's, not a machine's; leave it out");
            self.note(machine, "machine", message);
        }
        Cell {
            experiment: row.experiment.unwrap_or_else(|| shared.experiment.clone()),
            own: own.len(),
            conditions: shared.conditions.iter().cloned().chain(own).collect(),
            machines: machines.unwrap_or(shared.machines),
        }
    }

    fn criterion(&mut self, row: &Spanned<ExpectRow>) -> Criterion {
        let ExpectRow {
            above,
            below,
            between,
        } = row.get_ref();
        let criterion = match (between, above.or(*below)) {
            (Some([low, high]), None) => Criterion::between(*low, *high),
            (None, Some(_)) => Criterion::open(*above, *below),
            _ => None,
        };
        criterion.unwrap_or_else(|| {
            let message = "no value can lie there; wanted { above = 0 }, { below = 2 }, both with room between them, or \
                           { between = [1, 1.3] }";
            self.note(row, "expect", message.to_owned());
            Criterion::ANYWHERE
        })
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    const CLOSE_ENOUGH: f64 = 0.75;
    let similarity = |known: &str| strsim::jaro_winkler(name, known);
    let near = known
        .iter()
        .filter(|known| similarity(known) >= CLOSE_ENOUGH)
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match near {
        Some(near) => format!("\"{name}\" is not known; did you mean \"{near}\"?"),
        None => format!("\"{name}\" is not known; there are {}", known.join(", ")),
    }
}
