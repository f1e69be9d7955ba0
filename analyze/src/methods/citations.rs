//! The works that a paper should cite if it uses a dataset of this project, as BibTeX entries.

/// The title of this software, as in `CITATION.cff`.
const TITLE: &str = "Logical clock lab";
/// The authors of this software, as in `CITATION.cff`.
const AUTHORS: &str = "The logical clock lab authors";

/// A work to cite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The key of the work's BibTeX entry.
    pub key: &'static str,
    /// The reference in a text, with its brackets, such as `(Lamport 1978)`.
    pub words: String,
    /// The BibTeX entry.
    pub entry: String,
}

impl Citation {
    /// All works that are cited in the paragraph that `analyze methods` prints.
    pub fn all() -> [Self; 2] {
        [Self::software(), Self::lamport()]
    }

    /// This software in this version.
    pub fn software() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let url = env!("CARGO_PKG_REPOSITORY");
        Self {
            key: "logical_clock_lab",
            words: format!("({TITLE})"),
            // In the entry, the authors are between two pairs of braces: `{{The logical clock lab authors}}`. With one pair, BibTeX would
            // take the authors for a person with a first and a last name. `format!` needs each of these braces twice. The fifth brace
            // is part of the placeholder `{AUTHORS}`.
            entry: format!(
                "@misc{{logical_clock_lab,\n  author = {{{{{AUTHORS}}}}},\n  title = {{{TITLE}}},\n  note = {{Software, version {version}}},\n  \
                 url = {{{url}}}\n}}\n"
            ),
        }
    }

    /// The paper that defines logical clocks.
    pub fn lamport() -> Self {
        Self {
            key: "lamport1978time",
            words: "(Lamport 1978)".to_owned(),
            entry: "@article{lamport1978time,\n  author = {Lamport, Leslie},\n  title = {Time, Clocks, and the Ordering of Events in a Distributed \
                    System},\n  journal = {Communications of the ACM},\n  volume = {21},\n  number = {7},\n  pages = {558--565},\n  month = jul,\n  \
                    year = {1978},\n  doi = {10.1145/359545.359563}\n}\n"
                .to_owned(),
        }
    }

    /// All entries, one after the other.
    pub fn bibtex() -> String {
        Self::all().map(|citation| citation.entry).join("\n")
    }
}
