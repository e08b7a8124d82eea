//! JSON → one request.

use crate::types::{Refusal, Text};

/// The `id` of a request, told back in its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// `null`, or none could be read.
    #[default]
    Null,
    /// An integer.
    Integer(i64),
    /// 1 to 36 bytes of text.
    Text(Text<36>),
}

/// A request, borrowed from its frame and from the [`Reader`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its name.
    pub id: RequestId,
    /// What is asked.
    pub method: &'a str,
    /// With what.
    pub params: Params<'a>,
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, unescaped.
    Text(&'a str),
    /// A number, as it was written; without exponent.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
}

/// Parameters, ascending by the bytes of their names; no name twice.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    _todo: &'a str,
}

/// A request that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its id, if that much could be read.
    pub id: RequestId,
    /// Why.
    pub refusal: Refusal,
}

/// Reads requests; keeps the memory that it needs for the next one.
#[derive(Debug, Default)]
pub struct Reader {}

impl Reader {
    /// Reads one request.
    pub fn read<'a>(&'a mut self, _text: &'a str) -> Result<Message<'a>, Fault> {
        unimplemented!()
    }
}
