//! Writes the HTML page of a report. In the templates (`html!`), `(x)` inserts the text `x` and escapes it. Only a value of the type
//! [`PreEscaped`] is inserted as it is. [`Markup`] is another name for `PreEscaped<String>`.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sim::sweep::words::grouped;

use super::Extras;
use super::contents::{Contents, DrawnPlot};
use super::data::{Data, DataTable};
use super::numbers::Numbers;
use crate::audit::{self, Audit};
use crate::draw::palette::{Colours, Theme, style_sheet};
use crate::methods::Methods;
use crate::methods::citations::Citation;
use crate::output::table::Table;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The content security policy of a page. It forbids the browser to load anything from other files or servers. Everything that is shown is
/// in the page itself.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The page's colours as CSS variables, and the style rules of pictures.
fn rules(colours: &Colours) -> String {
    let Colours {
        ground,
        ink,
        muted,
        grid,
        alarm,
        hues: [accent, ..],
    } = colours;
    format!(
        ":root{{--ground:{ground};--ink:{ink};--muted:{muted};--grid:{grid};--alarm:{alarm};--accent:{accent}}}{}{}",
        crate::draw::chart::rules(colours),
        crate::diagram::rules(colours)
    )
}

/// The page about `datasets`.
pub(super) fn page(datasets: &[Contents], extras: &Extras) -> String {
    let labels: Vec<&str> = datasets
        .iter()
        .map(|dataset| dataset.label.as_str())
        .collect();
    let title = format!("Logical clocks: {}", labels.join(", "));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title))
            body {
                a.skip href="#main" { "Skip to the contents" }
                header {
                    h1 { (title) }
                    nav aria-label="Contents" { (contents_list(datasets, extras)) }
                }
                main #main {
                    noscript { p.note {
                        "Without JavaScript, long tables show only their first rows, tables cannot be sorted or filtered, and pictures \
                         cannot be moved or zoomed. The commands `analyze drift`, `analyze backlog` and so on print all rows."
                    } }
                    @for (index, dataset) in datasets.iter().enumerate() {
                        (section(index, dataset, datasets.len()))
                    }
                    @if let Some(found) = &extras.audit { (audit_section(found, !extras.conditions.is_empty())) }
                    @if !extras.claims.is_empty() {
                        section #claims aria-labelledby="claims-title" {
                            h2 #claims-title { "Claims" }
                            @for table in &extras.claims { (plain_table(table)) }
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// The head of a page: title, policy and style sheet.
fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            title { (title) }
            style { (PreEscaped(style_sheet(Theme::Auto, rules))) (PreEscaped(STYLE)) }
        }
    }
}

/// The page about the submissions of a class. A submission is a folder with the logs of one student's program. The page has the table of all
/// submissions, and links to the pages of the single submissions. `pages` has, for each submission, its name and the file of its page
/// (`None` if the submission was not imported). `words` are the paragraphs at the top of the page.
pub(super) fn overview(
    pages: &[(String, Option<String>)],
    words: &[String],
    table: &Table,
) -> String {
    let title = "Submissions";
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                header { h1 { (title) } }
                main {
                    @for paragraph in words.iter().filter(|paragraph| !paragraph.is_empty()) { p { (paragraph) } }
                    ul { @for (name, file) in pages { li {
                        @match file {
                            Some(file) => a href=(file) { (name) },
                            None => { (name) ": not imported" }
                        }
                    } } }
                    (plain_table(table))
                }
            }
        }
    };
    page.into_string()
}

/// The parts of a dataset's section, in the order of the page. Each entry is a pair: the word at the end of the part's HTML id, and the part's title. For example, the
/// part `summary` of the first dataset has the id `d0-summary` and the title "In short".
const PARTS: [(&str, &str); 6] = [
    ("summary", "In short"),
    ("tables", "Tables"),
    ("plots", "Plots"),
    ("runs", "Runs"),
    ("provenance", "Provenance"),
    ("methods", "Methods"),
];

/// The links at the top of the page: to each dataset, or to the parts of the dataset if there is only one.
fn contents_list(datasets: &[Contents], extras: &Extras) -> Markup {
    html! {
        ul {
            @for (index, dataset) in datasets.iter().enumerate() {
                @if datasets.len() > 1 {
                    li { a href={ "#d" (index) } { (dataset.label) } }
                } @else {
                    @for (id, title) in PARTS { li { a href={ "#d" (index) "-" (id) } { (title) } } }
                }
            }
            @if extras.audit.is_some() { li { a href="#audit" { "Audit" } } }
            @if !extras.claims.is_empty() { li { a href="#claims" { "Claims" } } }
        }
    }
}

/// The section of the dataset at `index`, one of `dataset_count` datasets on the page.
fn section(index: usize, dataset: &Contents, dataset_count: usize) -> Markup {
    // The headings of the parts.
    let [
        summary_title,
        tables_title,
        plots_title,
        runs_title,
        provenance_title,
        methods_title,
    ] = PARTS.map(|(id, title)| html! { h3 id={ "d" (index) "-" (id) } { (title) } });
    html! {
        section.dataset id={ "d" (index) } aria-labelledby={ "d" (index) "-title" } {
            h2 id={ "d" (index) "-title" } { (dataset.label) }
            @if dataset_count > 1 {
                nav aria-label={ "Contents of " (dataset.label) } {
                    ul { @for (id, title) in PARTS { li { a href={ "#d" (index) "-" (id) } { (title) } } } }
                }
            }
            (summary_title)
            @if !dataset.description.is_empty() { p.description { (dataset.description) } }
            (facts(&dataset.facts))
            ul.findings { @for sentence in &dataset.findings { li { (sentence) } } }
            (tables_title)
            p { "A row is a machine of a configuration. Press a heading to sort. Each cell is the mean over n runs ± half the width of its 95 % interval." }
            script.data type="application/json" id={ "d" (index) "-data" } { (PreEscaped(dataset.data.json())) }
            @for (table_index, table) in dataset.data.tables.iter().enumerate() {
                (data_table(index, table_index, table, &dataset.data))
            }
            (plots_title)
            @for plot in &dataset.plots { (figure(plot)) }
            (runs_title)
            @for run in &dataset.diagrams {
                figure.plot {
                    figcaption.hidden { (run.title) }
                    p { (run.words) }
                    div.zoom tabindex="0" role="group" aria-label={ (run.title) ": arrow keys move the picture, + and - zoom, 0 shows all" } {
                        (PreEscaped(&run.svg))
                    }
                }
            }
            (provenance_title)
            (facts(&dataset.provenance))
            (methods_title)
            (methods_part(&dataset.methods))
        }
    }
}

/// The part `methods`: a paragraph in words, lists of commands, and the works to cite.
fn methods_part(methods: &Methods) -> Markup {
    html! {
        // In the paragraph, code is between backticks. The page shows it without them.
        p { (methods.paragraph.replace('`', "")) }
        @for (title, commands) in methods.titled_commands() {
            p { (title) ":" }
            pre { (commands.join("\n")) }
        }
        details {
            summary { "Works to cite, as BibTeX" }
            pre { (Citation::bibtex()) }
        }
    }
}

/// Names and values as a list.
fn facts(facts: &[(String, String)]) -> Markup {
    html! {
        dl { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

/// A table whose rows come from the page's script. Without the script, the page shows only the first rows. `dataset_index` is the index of
/// the dataset on the page, `table_index` that of the table among the tables of the dataset.
fn data_table(dataset_index: usize, table_index: usize, table: &DataTable, data: &Data) -> Markup {
    let column = |column_index: usize| &data.columns[column_index];
    let rows = data.first_rows(table);
    html! {
        div.table data-source={ "d" (dataset_index) "-data" } data-table=(table_index) {
            div.scroll tabindex="0" role="region" aria-label={ "Table " (table.title) } {
                table {
                    caption { (table.title) }
                    thead { tr {
                        @for &column_index in &table.columns {
                            th scope="col" title=(column(column_index).meaning) { (column(column_index).heading) }
                        }
                    } }
                    tbody {
                        @for row in &rows { tr { @for cell in row { td { (spaced(cell)) } } } }
                    }
                }
            }
            @if rows.len() < data.rows() {
                p.count { "The first " (rows.len()) " of " (grouped(data.rows() as u64)) " rows. The others need JavaScript." }
            }
            details {
                summary { "What the columns mean" }
                dl { @for &column_index in &table.columns {
                    div { dt { (column(column_index).heading) } dd { (column(column_index).meaning) } }
                } }
            }
        }
    }
}

/// A cell as people read it: `4±1` becomes `4 ± 1`, `4±~1` becomes `4 ±~1`, and `3=` (the value is 3 in all runs) becomes
/// `3, all equal`. The page's script does the same.
fn spaced(cell: &str) -> String {
    match cell.strip_suffix('=') {
        Some(value) => format!("{value}, all equal"),
        None => cell.replacen('±', " ± ", 1).replace("± ~", "±~"),
    }
}

/// A plot with its numbers and with a note about what it leaves out, or the reason why it is not drawn.
fn figure(plot: &DrawnPlot) -> Markup {
    html! {
        figure.plot data-kind=(plot.kind.name()) {
            figcaption.hidden { (plot.kind.title()) }
            @match &plot.drawn {
                Ok((svg, numbers)) => {
                    div.scroll tabindex="0" role="region" aria-label={ "Plot " (plot.kind.title()) } { (PreEscaped(svg)) }
                    @if let Some(words) = &plot.left_out { p.note { (words) "." } }
                    (numbers_table(plot, numbers))
                }
                Err(reason) => p.note { "Not drawn. " (reason) "." }
            }
        }
    }
}

/// The numbers of a plot, hidden until the reader opens them.
fn numbers_table(plot: &DrawnPlot, numbers: &Numbers) -> Markup {
    html! {
        details {
            summary { "Numbers of this plot" }
            div.scroll tabindex="0" role="region" aria-label={ "Numbers of plot " (plot.kind.title()) } {
                table {
                    caption { (plot.kind.title()) }
                    thead { tr {
                        @for heading in ["panel", "series", "at", "value", "low", "high"] { th scope="col" { (heading) } }
                    } }
                    tbody {
                        @for row in &numbers.rows { tr { @for cell in row { td { (cell) } } } }
                    }
                }
            }
            @if numbers.is_thinned { p.note { "Of long lines, every twentieth point is listed." } }
            @if numbers.left_out > 0 {
                p.note { (grouped(numbers.left_out as u64)) " more rows are left out." }
            }
        }
    }
}

/// The section about the audit. `runs_are_chosen` says whether conditions leave out runs in the other sections.
fn audit_section(found: &Audit, runs_are_chosen: bool) -> Markup {
    html! {
        section #audit aria-labelledby="audit-title" {
            h2 #audit-title { "Audit" }
            @if runs_are_chosen { p { "The audit checks all runs, also those that the conditions of this page leave out." } }
            @for paragraph in audit::words(found).iter().filter(|paragraph| !paragraph.is_empty()) { p { (paragraph) } }
            (plain_table(&audit::table(found)))
        }
    }
}

/// A table with its caption. The lines of a cell's text are separate lines on the page too.
fn plain_table(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Table " (table.title) } {
            table.plain {
                caption { (table.title) }
                thead { tr {
                    @for heading in &table.headings { th scope="col" { (heading) } }
                } }
                tbody {
                    @for row in &table.rows {
                        // `td.number[is_number]` has the class `number` only if `is_number` is true.
                        tr { @for (cell, &is_number) in row.iter().zip(&table.numeric) {
                            td.number[is_number] { @for (index, line) in cell.lines().enumerate() { @if index > 0 { br; } (line) } }
                        } }
                    }
                }
            }
        }
        @for paragraph in &table.caption { p.note { (paragraph) } }
    }
}
