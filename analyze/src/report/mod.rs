//! A report: one HTML page about some datasets, which needs no other file and no network.
//!
//! # Layout
//!
//! - [`contents`]: collects what the page shows of a dataset
//! - [`findings`]: what was run, and what stands out
//! - [`data`]: the tables that can be sorted and filtered, as data for the page's script
//! - [`numbers`]: the numbers of a plot as a table
//! - [`page`]: writes the page
//! - `style.css`, `script.js`: the style sheet and the script of the page

mod contents;
mod data;
mod findings;
mod numbers;
mod page;

use std::path::Path;

use crate::audit::Audit;
use crate::output::table::Table;
use crate::read::dataset::Dataset;
use crate::submissions::{self, Submissions};

use contents::Contents;
pub use contents::ReportError;

/// What a report shows besides measures and plots.
#[derive(Debug, Default)]
pub struct Extras {
    /// The runs that are drawn as space-time diagrams: their numbers, or their keys, such as `rates=1,3,6 internal=0.7`. If the list is
    /// empty, one run of each dataset is drawn.
    pub runs: Vec<String>,
    /// The conditions of --where by which the runs of the datasets were chosen.
    pub conditions: Vec<String>,
    /// The audit of the datasets, if it was made.
    pub audit: Option<Audit>,
    /// A table with a row for each claim, and a table with a row for each test of a claim. Empty if no claims were evaluated.
    pub claims: Vec<Table>,
}

/// Makes the page about `datasets`.
///
/// # Errors
///
/// [`ReportError`] if a dataset cannot be read, or if it does not have one of the runs in `extras`.
pub fn html(datasets: &[Dataset], extras: &Extras) -> Result<String, ReportError> {
    let contents = datasets
        .iter()
        .map(|dataset| Contents::read(dataset, extras));
    let contents: Vec<Contents> = contents.collect::<Result<_, _>>()?;
    Ok(page::page(&contents, extras))
}

/// Makes the pages about the submissions of a class (logs of students' programs, one folder for each submission). `datasets` is the
/// folder of the datasets that were imported from these logs. The pages are `index.html` with the table of all submissions, and a page
/// for each submission that was imported. Returns the names of the files and their contents.
///
/// # Errors
///
/// [`ReportError`] if a dataset cannot be read.
pub fn pages_of_submissions(
    submissions: &Submissions,
    datasets: &Path,
) -> Result<Vec<(String, String)>, ReportError> {
    // For each page: the name of its file, and the contents.
    let mut files = vec![];
    // For each submission: its name, and the name of its page's file.
    let mut links = vec![];
    for (index, submission) in submissions.evaluated.iter().enumerate() {
        // Stays `None` if the submission could not be imported.
        let mut file = None;
        if submission.results.is_ok() {
            let root = datasets.join(submission.folder.file_name().unwrap_or_default());
            let dataset = Dataset::open(&root)?;
            let extras = Extras {
                audit: Some(Audit::run(&[root])?),
                ..Extras::default()
            };
            // The page is not named after the submission's folder, whose name can have characters that links cannot have.
            let name = format!("submission-{}.html", index + 1);
            files.push((name.clone(), html(&[dataset], &extras)?));
            file = Some(name);
        }
        links.push((submission.name.clone(), file));
    }
    let overview = page::overview(
        &links,
        &submissions::words(submissions),
        &submissions::table(submissions),
    );
    files.push(("index.html".to_owned(), overview));
    Ok(files)
}
