//! `analyze plot`: draws one of several kinds of plots of a dataset.

use std::path::PathBuf;

use analyze::plot::{self, Options};
use analyze::read::runs::parameters;
use anyhow::{Context, bail};
use clap::Args;
use sim::console::tell;

use super::picture::Picture;
use super::selection::Selection;

/// Plot a dataset: clocks and queues over time, measures of all configurations, and measurements beside theory
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze plot data/quickstart clock --where internal=0.7
  analyze plot data/quickstart clock --run 0 --out clock.svg
  analyze plot data/quickstart drift --out drift.png
  analyze plot data/quickstart bars --by rates --out bars.pdf
  analyze plot data/quickstart theory > theory.svg

Where the picture goes: with --out it is written to that file, and the end of its name (.svg, .png or .pdf) decides the format. Without \
--out, a terminal gets it as characters, and a pipe or a file (> clock.svg) gets SVG. With --terminal, stdout gets characters in every case.

A line, bar or point is the mean over the runs of one configuration. With --by, it is the mean over the runs of all configurations with \
the same values of the named parameters. (In trials, each point is a machine in a single run.) Bands and whiskers are 95 % intervals of the mean (Student's t), as in the tables. A machine has \
the same colour in all plots and diagrams. The elements of the SVG contain their values in attributes named data-..., with six \
significant digits.")]
pub struct PlotCommand {
    /// A dataset folder, made by `sim run` or `analyze import`
    #[arg(value_name = "DATASET")]
    root: PathBuf,
    /// What to plot
    #[arg(value_enum, value_name = "KIND")]
    kind: plot::Kind,
    /// Draw only this run, with a step at each event (only for the plots clock and queue). Give its number or its key, both from runs.csv
    #[arg(long, value_name = "RUN", conflicts_with = "by")]
    run: Option<String>,
    /// Combine all runs that have the same values of these parameters, such as rates,internal
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    by: Vec<String>,
    #[command(flatten)]
    picture: Picture,
    #[command(flatten)]
    selection: Selection,
}

impl PlotCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        self.picture.check()?;
        let options = Options {
            by: self.by()?,
            run: self.run.clone(),
            width: self.picture.width(),
            ..Options::default()
        };
        // A plot needs all machines of a run, so conditions of `--where` that choose single machines are refused.
        self.selection.refuse_conditions_on_machines("plot")?;
        let datasets = self.selection.open(std::slice::from_ref(&self.root))?;
        // One folder gives one dataset, so the `else` branch is never taken.
        let [dataset] = datasets.as_slice() else {
            bail!("{}: plot one dataset at a time", self.root.display());
        };
        let plot = plot::plot(dataset, self.kind, &options)?;
        if let Some(words) = &plot.left_out {
            tell(words);
        }
        // The first closure draws an SVG. `form` gives the SVG's colours, and says whether its labels are text or outlines. The second
        // closure draws with characters, at most `width` in a line.
        let figure = &plot.figure;
        self.picture
            .write(|form| figure.draw(form), |width| figure.terminal(width))
    }

    /// The parameters of --by. Each may be named once.
    fn by(&self) -> anyhow::Result<Vec<&'static str>> {
        let find_parameter = |name: &String| {
            plot::parameter(name.trim()).with_context(|| {
                let names = parameters().join(", ");
                format!("--by: there is no parameter `{name}`; the parameters are {names}")
            })
        };
        let names: Vec<&'static str> = self
            .by
            .iter()
            .map(find_parameter)
            .collect::<anyhow::Result<_>>()?;
        // The index of the first name that also occurs earlier in the list.
        let repeated = (1..names.len()).find(|&index| names[..index].contains(&names[index]));
        match repeated {
            Some(index) => bail!("--by: {} is named twice; name it once", names[index]),
            None => Ok(names),
        }
    }
}
