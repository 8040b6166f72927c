//! The command as its users run it: arguments in, text and exit codes out.

mod hostile;
mod interrupted;
mod run;
mod trained;
mod usage;
