//! The names of datasets in tables and files: the names of their folders.

use std::path::Path;

use sim::experiment::Shard;

/// The name of the dataset in folder `root`: the folder's name. The name of a shard (a part of the runs of an
/// experiment, in a folder such as `shard-1-of-4`) has the folder above it too: `overnight/shard-1-of-4`.
pub(crate) fn folder_name(root: &Path) -> String {
    // The paths `.` and `data/..` do not end with a name, so the system is asked for the whole path. (`data/small/.` does end with a name:
    // `file_name` ignores the `/.`.)
    let whole = match root.file_name() {
        Some(_) => root.to_owned(),
        None => root.canonicalize().unwrap_or_else(|_| root.to_owned()),
    };
    let Some(name) = whole.file_name() else {
        return whole.display().to_string();
    };
    let name = name.to_string_lossy();
    match whole.parent().and_then(Path::file_name) {
        Some(above) if Shard::from_folder(&name).is_some() => {
            format!("{}/{name}", above.to_string_lossy())
        }
        _ => name.into_owned(),
    }
}

/// A label for each of the datasets in folders `roots`: its name, or its path if another dataset has the same name.
pub(crate) fn labels(roots: &[&Path]) -> Vec<String> {
    let names: Vec<String> = roots.iter().map(|root| folder_name(root)).collect();
    let label = |(root, name): (&&Path, &String)| {
        let with_this_name = names.iter().filter(|other| *other == name).count();
        match with_this_name {
            // Only the dataset itself.
            1 => name.clone(),
            _ => root.display().to_string(),
        }
    };
    std::iter::zip(roots, &names).map(label).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_dataset_has_the_name_of_its_folder() {
        for (path, name) in [
            ("data/small", "small"),
            ("data/small/", "small"),
            ("data/small/.", "small"),
            ("data/small/shard-1-of-4", "small/shard-1-of-4"),
            ("/", "/"),
        ] {
            assert_eq!(folder_name(path.as_ref()), name, "{path}");
        }
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        std::fs::create_dir_all(above.join("below")).unwrap();
        assert_eq!(folder_name(&above.join("below/..")), "above");
    }

    #[test]
    fn datasets_with_the_same_name_are_told_apart_by_their_paths() {
        let roots = ["a/x", "b/x", "b/y"].map(Path::new);
        assert_eq!(labels(&roots), ["a/x", "b/x", "y"]);
    }
}
