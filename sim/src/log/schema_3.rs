//! What was different in schema 3, an earlier version of the format of datasets: the names of some columns, and the calculation of the
//! checksum (field `identity`) of the manifest `dataset.json`. Datasets of schema 3 can still be read and extended.

use super::checksum::checksum;
use super::manifest::Manifest;

/// The value of the field `schema` in a manifest of schema 3.
pub(super) const SCHEMA: u32 = 3;

/// Calculates the correct `identity` of a manifest of schema 3. If the manifest's field `identity` has a different value, the manifest was
/// changed after it was written.
///
/// In schema 3 the identity was a checksum of a text: the values of the manifest as `{:?}` printed them. Today `{:?}` would print
/// `ResolvedExperiment` and `Imported` differently: they have new fields, and `missing_fields` was called `lacks`. So this function writes
/// the old field names itself, and uses `{:?}` only for the values.
pub(super) fn identity(manifest: &Manifest) -> String {
    let experiment = &manifest.experiment;
    let mut contents = format!(
        "{} {:?} ResolvedExperiment {{ seed: {:?}, repetitions: {:?}, engine: {:?}, isolation: {:?}, time_scale: {:?}, runs: {:?}, \
         numbering: {:?}, configurations: {:?} }}",
        manifest.name,
        manifest.shard,
        experiment.seed,
        experiment.repetitions,
        experiment.engine,
        experiment.isolation,
        experiment.time_scale,
        experiment.runs,
        experiment.numbering,
        experiment.configurations,
    );
    if let Some(imported) = &manifest.imported {
        let (missing, assumed) = (imported.missing_fields, imported.assumed);
        contents += &format!(
            " Imported {{ files: {:?}, lacks: Lacks {{ recipients: {:?}, senders: {:?}, stamps: {:?}, sent_ticks: {:?} }}, assumed: \
             Assumed {{ ticks: {:?}, rates: {:?}, internal: {:?}, send_stamps: {:?}, sent_ticks: {:?} }} }}",
            imported.files,
            missing.recipients,
            missing.senders,
            missing.stamps,
            missing.sent_ticks,
            assumed.ticks,
            assumed.rates,
            assumed.internal,
            assumed.send_stamps,
            assumed.sent_ticks,
        );
    }
    checksum(contents.as_bytes())
}

/// Returns the current name of a column that had another name in schema 3. `None` for all other columns.
pub fn current_name(column: &str) -> Option<&'static str> {
    match column {
        "in_order" => Some("as_scheduled"),
        "strangers" => Some("rejected_connections"),
        _ => None,
    }
}
