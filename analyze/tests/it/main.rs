//! Tests of the crate through its public interface and its program.

#![allow(clippy::unwrap_used)]

mod asked;
mod audit;
mod audit_mutations;
mod audit_variants;
mod cache;
mod chosen;
mod claims;
mod class;
mod closed_form;
mod command_line;
mod compare;
mod coverage;
mod damaged;
mod dictionary;
mod end_to_end;
mod exported;
mod fixture;
mod foreign;
mod foreign_logs;
mod hostile;
mod import_doubts;
mod import_files;
mod import_own_clocks;
mod import_rules;
mod imported;

mod mesh;
mod notebooks;
mod only;
mod oracle;
mod pager;
mod paired;
mod parameters;
mod parts;
mod printed;
mod readback;
mod readme;
mod recognised;
mod recognised_files;
mod recognised_lines;
mod recognised_properties;
mod reproducible;
mod sample;
mod schema_3;
mod shards;
mod sides;
mod streams;
mod summary;
mod tables;
mod theory;
mod theory_study;
mod theory_table;
mod threads;
