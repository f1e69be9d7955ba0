//! Prints how datasets were made and evaluated (the text for the methods section of a paper) as plain text, Markdown, LaTeX or JSON.

use serde_json::json;

use super::Methods;
use super::citations::Citation;
use crate::output;

/// Methods as plain text in lines of at most `width` columns, followed by the commands and the BibTeX entries. The lines of commands
/// and entries are not broken.
pub fn text(all: &[Methods], width: u16) -> String {
    let mut text = String::new();
    for methods in all {
        let paragraph = format!("{}. {}", methods.dataset, methods.paragraph);
        text += &output::prose(&[paragraph], width);
        for (title, commands) in methods.titled_commands() {
            text += &format!("\n{title}:\n\n");
            commands
                .iter()
                .for_each(|command| text += &format!("  {command}\n"));
        }
        text += "\n";
    }
    text + &Citation::bibtex()
}

/// Methods as Markdown.
pub fn markdown(all: &[Methods]) -> String {
    let mut text = String::new();
    for methods in all {
        text += &format!("## {}\n\n{}\n", methods.dataset, methods.paragraph);
        for (title, commands) in methods.titled_commands() {
            text += &format!("\n{title}:\n\n```sh\n{}\n```\n", commands.join("\n"));
        }
        text += "\n";
    }
    format!("{text}```bibtex\n{}```\n", Citation::bibtex())
}

/// Methods as LaTeX, with `\cite` in place of references such as `(Lamport 1978)`. The BibTeX entries follow as LaTeX comments; the author
/// of the paper moves them into a BibTeX file.
pub fn latex(all: &[Methods]) -> String {
    let mut text = String::new();
    for methods in all {
        let mut paragraph = escaped(&methods.paragraph);
        for citation in Citation::all() {
            let reference = format!("~\\cite{{{}}}", citation.key);
            paragraph = paragraph.replace(&format!(" {}", citation.words), &reference);
        }
        text += &format!("\\paragraph{{{}}} {paragraph}\n", escaped(&methods.dataset));
        for (title, commands) in methods.titled_commands() {
            text += &format!(
                "{title}:\n\\begin{{verbatim}}\n{}\n\\end{{verbatim}}\n",
                commands.join("\n")
            );
        }
        text += "\n";
    }
    let entries = Citation::bibtex();
    entries
        .lines()
        .for_each(|line| text += &format!("{}\n", format!("% {line}").trim_end()));
    text
}

/// A text as LaTeX. The text between two backticks is set as code.
fn escaped(text: &str) -> String {
    // Parts with an odd index are between backticks.
    let parts = text.split('`').enumerate();
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => part.chars().map(escaped_letter).collect(),
        _ => format!(
            "\\texttt{{{}}}",
            part.chars().map(escaped_code_letter).collect::<String>()
        ),
    };
    parts.map(part).collect()
}

/// A letter of a text as LaTeX.
fn escaped_letter(letter: char) -> String {
    match letter {
        '\\' => "\\textbackslash{}".to_owned(),
        '~' => "\\textasciitilde{}".to_owned(),
        '^' => "\\textasciicircum{}".to_owned(),
        '<' => "\\textless{}".to_owned(),
        '>' => "\\textgreater{}".to_owned(),
        'µ' => "\\textmu{}".to_owned(),
        '&' | '%' | '$' | '#' | '_' | '{' | '}' => format!("\\{letter}"),
        other => other.to_string(),
    }
}

/// A letter of code as LaTeX. Quotes stay straight, and two hyphens do not become a dash.
fn escaped_code_letter(letter: char) -> String {
    match letter {
        '\'' => "\\textquotesingle{}".to_owned(),
        '-' => "{-}".to_owned(),
        other => escaped_letter(other),
    }
}

/// Methods as a JSON object. It has the list `datasets`, and the object `bibtex` with the BibTeX entries by their keys. Each dataset has the
/// list `commands`: the commands that made the dataset. It also has `again`: a command that makes new runs with the same random draws. If
/// there is no such command, for example for imported logs, `again` is null.
pub fn json(all: &[Methods]) -> String {
    let datasets = all.iter().map(|methods| {
        json!({
            "dataset": methods.dataset,
            "paragraph": methods.paragraph,
            "commands": methods.commands,
            "again": methods.again,
        })
    });
    let bibtex = Citation::all().map(|citation| (citation.key.to_owned(), citation.entry.into()));
    let all = json!({
        "datasets": datasets.collect::<Vec<_>>(),
        "bibtex": serde_json::Map::from_iter(bibtex),
    });
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_with_a_meaning_in_latex_are_escaped() {
        assert_eq!(escaped("50 % of `a_b`"), "50 \\% of \\texttt{a\\_b}");
        assert_eq!(
            escaped("a-b's ~^\\{"),
            "a-b's \\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\{"
        );
        assert_eq!(
            escaped("`--x='a'`"),
            "\\texttt{{-}{-}x=\\textquotesingle{}a\\textquotesingle{}}"
        );
    }
}
