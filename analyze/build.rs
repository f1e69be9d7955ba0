//! Names the definitions that the program is built with: measures that another build has kept do not count.
//!
//! They depend on this crate and on the simulator's, which reads the logs and knows who is linked with whom.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for sources in ["src", "../sim/src"] {
        println!("cargo:rerun-if-changed={sources}");
        hash(Path::new(sources), &mut hasher)?;
    }
    println!("cargo:rustc-env=DEFINITIONS={:016x}", hasher.finish());
    Ok(())
}

/// Hashes the files of a folder and those below it, in the order of their names.
fn hash(folder: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        if entry.file_type()?.is_dir() {
            hash(&entry.path(), hasher)?;
        } else {
            entry.file_name().hash(hasher);
            fs::read(entry.path())?.hash(hasher);
        }
    }
    Ok(())
}
