//! Parameters by their types.

use crate::types::{Nanos, Refusal, Reject};
use crate::wire::json::{Message, Params, Value};

/// What requests of an account may have beside their own parameters.
const ASKER_FIELDS: &[&str] = &["apiKey", "recvWindow", "signature", "timestamp"];

/// What every request may have.
const EVERY_FIELDS: &[&str] = &["returnRateLimits", "timing"];

/// The parameters of one message.
pub(super) struct Fields<'m, 'a> {
    params: &'m Params<'a>,
}

impl<'m, 'a> Fields<'m, 'a> {
    pub(super) fn new(message: &'m Message<'a>) -> Self {
        Self { params: &message.params }
    }

    /// Refuses a parameter that is neither one of these nor says who asks.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Refusal> {
        self.only_of(&[names])
    }

    /// The same of several lists.
    pub(super) fn only_of(&self, lists: &[&[&str]]) -> Result<(), Refusal> {
        let of_all = [ASKER_FIELDS, EVERY_FIELDS];
        self.only_if(|name| lists.iter().chain(&of_all).any(|names| names.contains(&name)))
    }

    /// Refuses a parameter that is none of these.
    pub(super) fn only_public(&self, names: &[&str]) -> Result<(), Refusal> {
        self.only_if(|name| names.contains(&name) || EVERY_FIELDS.contains(&name))
    }

    fn only_if(&self, known: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        match self.params.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(Refusal::field(Reject::FieldNotForMessage, name)),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.params.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::field(Reject::FieldFormat, name)),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::field(Reject::FieldMissing, name))
    }

    /// A decimal number as text, in quotes or without.
    pub(super) fn decimal(&self, name: &str) -> Result<Option<&'a [u8]>, Refusal> {
        match self.params.get(name) {
            None => Ok(None),
            Some(Value::Text(text) | Value::Number(text)) => Ok(Some(text.as_bytes())),
            Some(Value::Bool(_)) => Err(Refusal::field(Reject::FieldFormat, name)),
        }
    }

    /// A whole number without sign, in quotes or without: its signed form is the same.
    pub(super) fn integer<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Refusal> {
        let Some(digits) = self.decimal(name)? else { return Ok(None) };
        let is_whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits).ok().filter(|_| is_whole).map(str::parse);
        match number {
            None => Err(Refusal::field(Reject::FieldFormat, name)),
            Some(Err(_)) => Err(Refusal::field(Reject::FieldValue, name)),
            Some(Ok(number)) => Ok(Some(number)),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.params.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Refusal::field(Reject::FieldFormat, name)),
        }
    }

    pub(super) fn timestamp(&self) -> Result<Option<Nanos>, Refusal> {
        self.millis("timestamp")
    }

    /// Milliseconds since 1970.
    pub(super) fn millis(&self, name: &str) -> Result<Option<Nanos>, Refusal> {
        let Some(millis) = self.integer(name)? else { return Ok(None) };
        let at = Nanos::from_millis(millis);
        at.map(Some).ok_or_else(|| Refusal::field(Reject::FieldValue, name))
    }

    pub(super) fn signature(&self) -> Result<Option<[u8; 64]>, Refusal> {
        let Some(text) = self.text("signature")? else { return Ok(None) };
        let signature = crate::decode::signature(text.as_bytes());
        signature.map(Some).ok_or_else(|| Refusal::field(Reject::FieldFormat, "signature"))
    }
}
