//! Values that completions offer for an argument which takes others, too.

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};

/// A parser that offers some values and takes whatever `P` takes.
#[derive(Debug, Clone)]
pub(crate) struct Offering<P> {
    parser: P,
    values: Vec<String>,
}

/// [`Offering`] these values.
pub(crate) fn offering<P>(
    parser: P,
    values: impl IntoIterator<Item = impl Into<String>>,
) -> Offering<P> {
    Offering { parser, values: values.into_iter().map(Into::into).collect() }
}

impl<P: TypedValueParser> TypedValueParser for Offering<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<P::Value, Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match self.values.is_empty() {
            true => None,
            false => Some(Box::new(self.values.iter().map(PossibleValue::new))),
        }
    }
}
