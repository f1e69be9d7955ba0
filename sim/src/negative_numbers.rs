//! Negative numbers as values of options.

use clap::Command;

/// Returns `command` with options that accept negative numbers as values. So `--warm-up -5` is refused with a message about the value.
/// Without this, Clap would take `-5` for an unknown option.
pub fn accept_negative_numbers(command: Command) -> Command {
    command
        .mut_args(|option| {
            let has_value = !option.is_positional() && option.get_action().takes_values();
            match has_value {
                true => option.allow_negative_numbers(true),
                false => option,
            }
        })
        .mut_subcommands(accept_negative_numbers)
}
