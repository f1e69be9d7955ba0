//! Datasets in, answers out: the crate as its users see it.

#![allow(clippy::unwrap_used)]

mod audit;
mod audit_mutations;
mod audit_variants;
mod chosen;
mod claims;
mod closed_form;
mod command_line;
mod compare;
mod damaged;
mod dictionary;
mod end_to_end;
mod exported;
mod fixture;
mod foreign_logs;
mod hostile;
mod import_files;
mod imported;
mod kept;
mod mesh;
mod notebooks;
mod only;
mod oracle;
mod paired;
mod parameters;
mod parts;
mod printed;
mod readback;
mod readme;
mod recognised;
mod recognised_files;
mod recognised_properties;
mod reproducible;
mod sample;
mod schema_3;
mod shards;
mod streams;
mod tables;
mod theory;
mod theory_table;
mod threads;
