//! The command as its users run it: arguments in, text and exit codes out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod changed;
mod checked;
mod configured;
mod crappify;
mod enhanced;
mod examples;
mod fetched;
mod folders;
mod formats;
mod hints;
mod hostile;
mod interrupted;
mod mask_kinds;
mod masks;
mod messy_tables;
mod names;
mod overwritten;
mod own_task;
mod pretrained;
mod run;
mod tables;
mod texts;
mod trained;
mod usage;
mod weights;
