//! Tests of shell completions: what the shell offers when a user types the start of a word and presses the tab key.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command_line::analyze;

/// The completions that bash offers for the last word in `words`.
fn offered(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (code, script, _) = analyze(&["completions", "bash"], folder.path());
    assert_eq!(code, 0);
    let path = folder.path().join("analyze.bash");
    fs::write(&path, script).unwrap();
    let index = words.len() - 1;
    let (current, previous) = (words[index], words[index - 1]);
    // The script defines the completion function `_analyze`. Bash calls such a function with the program's name, the word to complete and
    // the word before it. The variables COMP_WORDS (all words) and COMP_CWORD (the index of the word to complete) are further input, and
    // COMPREPLY is the output.
    let commands = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={index}; _analyze analyze '{current}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        path.display(),
        words
            .iter()
            .map(|word| format!("'{word}' "))
            .collect::<String>(),
    );
    let output = Command::new("bash")
        .args(["-c", &commands])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn shells_offer_columns_measures_and_keys() {
    for (words, wanted) in [
        ("drift --sort lag_f", "lag_final"),
        ("theory --sort reg", "regime"),
        ("backlog --by ro", "role"),
        ("contrast --measure jump_m", "jump_mean"),
        ("precision --measure lag_f", "lag_final"),
        ("precision --sort rat", "rates"),
        ("claims --sort ver", "verdict"),
        ("theory --set inter", "internal="),
    ] {
        let words: Vec<&str> = ["analyze"].into_iter().chain(words.split(' ')).collect();
        assert!(
            offered(&words).iter().any(|word| word == wanted),
            "{words:?}: {:?}",
            offered(&words)
        );
    }
}

/// Users can give other values than those that the shell offers. For example, the shell offers `lag_final` for `--sort`, but
/// `final lag asc` works too.
#[test]
fn offered_values_do_not_restrict_what_can_be_given() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = here.join("../data/sample");
    let sample = sample.to_str().unwrap();
    // `final lag` is the heading of the column `lag_final`, and `asc` means ascending.
    let (code, out, err) = analyze(
        &["drift", sample, "--no-cache", "--sort", "final lag asc"],
        here,
    );
    assert!(code == 0 && out.contains("Drift"), "{err}");
    // A column that does not exist is still an error.
    let (code, _, err) = analyze(&["drift", sample, "--no-cache", "--sort", "lag_finl"], here);
    assert!(
        code == 2 && err.contains("did you mean `lag_final`?"),
        "{err}"
    );
    // The help must not list the offered values of `--by` as "possible values", because other values are allowed too. Such a list would
    // begin with `rates`.
    let (_, help, _) = analyze(&["drift", "--help"], here);
    assert!(!help.contains("possible values: rates"), "{help}");
}
