//! The output of `sim --help`: the commands in groups, with one line for each command.

use std::fmt::Write;

use clap::Command;

/// The titles of the groups and the names of their commands, in the order of the help.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Run an experiment", &["plan", "run", "status"]),
    ("Run one machine alone", &["machine"]),
    ("Set up the shell", &["completions", "man", "help"]),
];

/// Returns `program` with a help that lists the commands in groups.
pub fn in_groups(mut program: Command) -> Command {
    // `build` makes Clap add the command `help` at once. Without `build`, this function would not find that command.
    program.build();
    let mut template = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    let width = program
        .get_subcommands()
        .map(|command| command.get_name().len())
        .max();
    for (title, names) in GROUPS {
        // Writing to a text cannot fail.
        let _ = writeln!(template, "\n{title}:");
        for command in names
            .iter()
            .filter_map(|name| program.find_subcommand(name))
        {
            let about = command
                .get_about()
                .map_or(String::new(), ToString::to_string);
            // A line has no room for the details after a colon. So "Show what would run: configurations, ..." becomes "Show what would run".
            let about = about.split_terminator(':').next().unwrap_or_default();
            let name = command.get_name();
            let _ = writeln!(
                template,
                "  {name:width$}  {about}",
                width = width.unwrap_or(0)
            );
        }
    }
    template += "\nOptions:\n{options}{after-help}";
    program.help_template(template)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn each_command_is_in_one_group() {
        let mut program = crate::Cli::command();
        program.build();
        let commands: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        // If a command were in two groups, there would be more names than commands.
        assert_eq!(grouped.len(), commands.len());
        assert_eq!(
            grouped.into_iter().collect::<BTreeSet<_>>(),
            commands.into_iter().collect::<BTreeSet<_>>()
        );
    }
}
