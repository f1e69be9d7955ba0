//! Collects what a report shows of a dataset.

use super::data::Data;
use super::numbers::Numbers;
use super::{Extras, findings};
use crate::diagram::{Diagram, Options as DiagramOptions};
use crate::draw::palette::Theme;
use crate::draw::svg::{Form, Labels};
use crate::error::Error;
use crate::execution::window::Choice;
use crate::execution::{Execution, pick};
use crate::measures::{self, Measure};
use crate::methods::Methods;
use crate::plot::{self, Kind, Options, PlotError};
use crate::read::dataset::Dataset;
use crate::stats::repetitions;
use crate::stats::tables::SUMMARY;
use crate::theory;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The dataset cannot be read.
    #[error(transparent)]
    Data(#[from] Error),
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The tables cannot be written as JSON.
    #[error("cannot write the tables as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What the page shows of a dataset.
pub(super) struct Contents {
    /// The dataset's name.
    pub(super) label: String,
    /// The purpose of the experiment, in its author's words.
    pub(super) description: String,
    /// What was run: pairs of a name and a value, such as (`runs`, `100 finished runs`).
    pub(super) facts: Vec<(String, String)>,
    /// What stands out, as sentences.
    pub(super) findings: Vec<String>,
    /// The tables.
    pub(super) data: Data,
    /// The plots, one of each kind.
    pub(super) plots: Vec<DrawnPlot>,
    /// Space-time diagrams of single runs.
    pub(super) diagrams: Vec<DrawnRun>,
    /// How the dataset was made: pairs of a name and a value.
    pub(super) provenance: Vec<(String, String)>,
    /// How the dataset was made and evaluated, as a paragraph for a paper.
    pub(super) methods: Methods,
}

/// A plot on the page.
pub(super) struct DrawnPlot {
    pub(super) kind: Kind,
    /// The SVG and a table of the numbers that it shows. If the plot is not drawn, the reason.
    pub(super) drawn: Result<(String, Numbers), String>,
    /// A sentence about what the plot leaves out. `None` if it shows everything.
    pub(super) left_out: Option<String>,
}

/// A space-time diagram on the page.
pub(super) struct DrawnRun {
    pub(super) title: String,
    pub(super) svg: String,
    /// A paragraph that says what the diagram shows.
    pub(super) words: String,
}

/// The options of the plots on a page. The plots are smaller than those of `analyze plot`, so that pages stay small.
const OPTIONS: Options = Options {
    by: vec![],
    run: None,
    width: 1100.0,
    max_panels: 6,
    max_rows: 20,
};

/// The model seconds that a diagram shows, from the start of its run.
const DIAGRAM_S: f64 = 12.0;

/// The pictures take their colours from the style sheet of the page.
const FORM: Form = Form {
    labels: Labels::Text,
    theme: Theme::Page,
};

impl Contents {
    /// Reads what the page shows of `dataset`, and draws its plots and diagrams.
    pub(super) fn read(dataset: &Dataset, extras: &Extras) -> Result<Self, ReportError> {
        let measured = measured();
        let groups = repetitions::groups_with(std::slice::from_ref(dataset), &measured)?;
        let compared = theory::compare(&groups);
        let plots = Kind::ALL.into_iter().map(|kind| draw(dataset, kind));
        Ok(Self {
            label: dataset.label().to_owned(),
            description: dataset.manifest().description.clone(),
            facts: findings::facts(dataset, &groups),
            findings: findings::findings(&compared),
            data: Data::new(&compared)?,
            plots: plots.collect::<Result<_, _>>()?,
            diagrams: diagrams(dataset, extras)?,
            provenance: findings::provenance(dataset),
            methods: Methods::new(dataset, &extras.conditions),
        })
    }
}

/// The measures that the tables show or that theory predicts, each once.
fn measured() -> Vec<&'static Measure> {
    let of_tables = SUMMARY.iter().flat_map(|spec| spec.measures());
    let wanted: Vec<&str> = of_tables
        .chain(theory::measures())
        .map(|measure| measure.name)
        .collect();
    measures::all()
        .filter(|measure| wanted.contains(&measure.name))
        .collect()
}

/// Draws the plot of this kind. If the dataset has nothing that such a plot can show, `DrawnPlot::drawn` says why.
fn draw(dataset: &Dataset, kind: Kind) -> Result<DrawnPlot, ReportError> {
    let plot = match plot::plot(dataset, kind, &OPTIONS) {
        Ok(plot) => plot,
        Err(PlotError::Nothing(reason)) => {
            return Ok(DrawnPlot {
                kind,
                drawn: Err(reason),
                left_out: None,
            });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(DrawnPlot {
        kind,
        drawn: Ok((plot.figure.draw(FORM), Numbers::new(&plot.figure))),
        left_out: plot.left_out,
    })
}

/// Draws the runs that the user asked for. If the user asked for none, draws one run that [`pick::pick`] chooses.
fn diagrams(dataset: &Dataset, extras: &Extras) -> Result<Vec<DrawnRun>, ReportError> {
    let mut chosen = vec![];
    for name in &extras.runs {
        chosen.push((pick::find(dataset, name)?, "it was asked for".to_owned()));
    }
    if chosen.is_empty() {
        chosen.extend(pick::pick(dataset));
    }
    let mut drawn = vec![];
    for (row, reason) in chosen {
        let execution = Execution::read(dataset, row)?;
        let choice = Choice {
            from_s: Some(0.0),
            to_s: Some(DIAGRAM_S.min(row.duration_s())),
            ..Choice::default()
        };
        let window = choice.window(&execution)?;
        let options = DiagramOptions {
            width: OPTIONS.width,
            ..DiagramOptions::default()
        };
        let diagram = Diagram::new(&execution, window, options)?;
        // A part of these seconds may have too many events to be drawn.
        let left_out = diagram
            .left_out(true)
            .map_or(String::new(), |words| format!(" {words}."));
        drawn.push(DrawnRun {
            title: format!("Run {} of {}", row.run, dataset.label()),
            svg: diagram.draw(FORM),
            words: format!(
                "The first {} s of run {}, because {reason}. Each line is a machine, each arrow a message. `analyze diagram` draws other \
                 runs and other parts.{left_out}",
                DIAGRAM_S.min(row.duration_s()),
                row.run
            ),
        });
    }
    Ok(drawn)
}
