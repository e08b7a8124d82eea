//! JSON → one request.

use crate::limits::WS_PARAMS_MAX;
use crate::types::{Refusal, Reject, Text};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

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
    slots: &'a [Slot],
    sources: Sources<'a>,
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
pub struct Reader {
    draft: Draft,
}

impl Reader {
    /// One that has room for every request that it will read.
    pub fn new() -> Self {
        let slots = Vec::with_capacity(WS_PARAMS_MAX);
        Self { draft: Draft { slots, ..Draft::default() } }
    }

    /// Reads one request.
    pub fn read<'a>(&'a mut self, text: &'a str) -> Result<Message<'a>, Fault> {
        let draft = &mut self.draft;
        draft.clear();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_map(TopLevel { text, draft }).and_then(|()| json.end());
        let checked = match read {
            Ok(()) => draft.check(text),
            Err(_) => Err(draft.refusal.unwrap_or(Reject::JsonMalformed.into())),
        };
        let draft = &self.draft;
        let fault = |refusal| Fault { id: draft.id.unwrap_or_default(), refusal };
        checked.map_err(fault)?;
        let sources = Sources { text, unescaped: &draft.unescaped };
        match (draft.id, draft.method) {
            (None, _) => Err(fault(Reject::RequestIdInvalid.into())),
            (_, None) => Err(fault(Refusal::field(Reject::FieldMissing, "method"))),
            (Some(id), Some(method)) => {
                let params = Params { slots: &draft.slots, sources };
                Ok(Message { id, method: sources.get(method), params })
            }
        }
    }
}

impl<'a> Params<'a> {
    /// The value of a parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let mark = mark(name);
        let is_it = |slot: &&Slot| slot.mark == mark && self.sources.get(slot.name) == name;
        self.slots.iter().find(is_it).map(|slot| self.sources.value(slot))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let Self { slots, sources } = *self;
        slots.iter().map(move |slot| (sources.get(slot.name), sources.value(slot)))
    }
}

impl<'a> Value<'a> {
    /// The value as it stands in the signed form.
    pub fn as_written(&self) -> &'a str {
        match *self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }
}

/// Where a string stands: in the request as it was received, or, if it had escapes, unescaped beside it. Offsets
/// instead of slices, so that the table can stay in the reader from one request to the next.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
    unescaped: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    Bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Of its name.
    mark: u32,
    name: Place,
    value: Place,
    kind: Kind,
}

/// The length of a name, and its first, middle and last byte: a dozen of them is looked through faster than searched,
/// as nearly no other name has the same.
#[inline]
fn mark(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let [first, .., last] = bytes else { return bytes.len() as u32 };
    u32::from_le_bytes([bytes.len() as u8, *first, bytes[bytes.len() / 2], *last])
}

#[derive(Clone, Copy, Debug)]
struct Sources<'a> {
    text: &'a str,
    unescaped: &'a str,
}

impl<'a> Sources<'a> {
    fn get(&self, place: Place) -> &'a str {
        let source = if place.unescaped { self.unescaped } else { self.text };
        &source[place.start..place.end]
    }

    fn value(&self, slot: &Slot) -> Value<'a> {
        let written = self.get(slot.value);
        match slot.kind {
            Kind::Text => Value::Text(written),
            Kind::Number => Value::Number(written),
            Kind::Bool => Value::Bool(written == "true"),
        }
    }
}

/// What is known of the request so far.
#[derive(Debug, Default)]
struct Draft {
    id: Option<RequestId>,
    method: Option<Place>,
    has_params: bool,
    slots: Vec<Slot>,
    unescaped: String,
    /// Why we stopped reading; `None` where it was the JSON itself.
    refusal: Option<Refusal>,
}

impl Draft {
    fn clear(&mut self) {
        let Self { id, method, has_params, slots, unescaped, refusal } = self;
        (*id, *method, *has_params, *refusal) = (None, None, false, None);
        slots.clear();
        unescaped.clear();
    }

    /// Sorts the parameters, so that a name that is there twice stands beside itself.
    fn check(&mut self, text: &str) -> Result<(), Refusal> {
        let sources = Sources { text, unescaped: &self.unescaped };
        self.slots.sort_unstable_by(|a, b| sources.get(a.name).cmp(sources.get(b.name)));
        let names = |pair: &&[Slot]| sources.get(pair[0].name) == sources.get(pair[1].name);
        match self.slots.windows(2).find(names) {
            Some(pair) => Err(Refusal::field(Reject::FieldRepeated, sources.get(pair[0].name))),
            None => Ok(()),
        }
    }

    /// Ends the reading with this refusal.
    fn stop<E: serde::de::Error>(&mut self, refusal: Refusal) -> E {
        self.refusal = Some(refusal);
        E::custom("refused")
    }

    /// One field of the request itself.
    fn top_level<E: serde::de::Error>(&mut self, name: &str, raw: &str, text: &str) -> Result<(), E> {
        match name {
            "id" if self.id.is_none() => match self.request_id(raw, text) {
                Some(id) => self.id = Some(id),
                None => return Err(self.stop(Reject::RequestIdInvalid.into())),
            },
            "method" if self.method.is_none() => {
                if !raw.starts_with('"') {
                    return Err(self.stop(Refusal::field(Reject::FieldFormat, name)));
                }
                self.method = Some(self.string(raw, text)?);
            }
            "id" | "method" => return Err(self.stop(Refusal::field(Reject::FieldRepeated, name))),
            _ => return Err(self.stop(Refusal::field(Reject::FieldNotForMessage, name))),
        }
        Ok(())
    }

    fn request_id(&mut self, raw: &str, text: &str) -> Option<RequestId> {
        match raw.as_bytes()[0] {
            b'n' => Some(RequestId::Null),
            b'"' => {
                let place = self.string::<serde_json::Error>(raw, text).ok()?;
                let id = Sources { text, unescaped: &self.unescaped }.get(place);
                Text::new(id).ok().filter(|id| !id.is_empty()).map(RequestId::Text)
            }
            _ => raw.parse().ok().map(RequestId::Integer),
        }
    }

    /// One parameter.
    fn parameter<E: serde::de::Error>(&mut self, name: Place, raw: &str, text: &str) -> Result<(), E> {
        if self.slots.len() == WS_PARAMS_MAX {
            return Err(self.stop(Reject::MessageTooLong.into()));
        }
        let (value, kind) = match raw.as_bytes()[0] {
            b'"' => (self.string(raw, text)?, Kind::Text),
            b'-' | b'0'..=b'9' if !raw.contains(['e', 'E']) => (place_in(raw, text), Kind::Number),
            b't' | b'f' => (place_in(raw, text), Kind::Bool),
            _ => {
                let name = Text::truncated(Sources { text, unescaped: &self.unescaped }.get(name));
                let refusal = Refusal::with(Reject::FieldFormat, crate::types::Detail::Field(name));
                return Err(self.stop(refusal));
            }
        };
        let mark = mark(Sources { text, unescaped: &self.unescaped }.get(name));
        self.slots.push(Slot { mark, name, value, kind });
        Ok(())
    }

    /// The content of a string whose JSON is `raw`.
    fn string<E: serde::de::Error>(&mut self, raw: &str, text: &str) -> Result<Place, E> {
        if !raw.contains('\\') {
            return Ok(place_in(&raw[1..raw.len() - 1], text));
        }
        // Rare (some libraries write base64's `/` as `\/`), so it may allocate.
        let unescaped: String = serde_json::from_str(raw).map_err(|_| E::custom("bad escape"))?;
        Ok(self.keep(&unescaped))
    }

    fn keep(&mut self, unescaped: &str) -> Place {
        let start = self.unescaped.len();
        self.unescaped.push_str(unescaped);
        Place { start, end: self.unescaped.len(), unescaped: true }
    }
}

/// Where `part` stands in `text`, of which it is a slice.
fn place_in(part: &str, text: &str) -> Place {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    Place { start, end: start + part.len(), unescaped: false }
}

/// The object around it all.
struct TopLevel<'r, 't> {
    text: &'t str,
    draft: &'r mut Draft,
}

impl<'t> Visitor<'t> for TopLevel<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object {id, method, params}")
    }

    fn visit_map<M: MapAccess<'t>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { text, draft } = self;
        while let Some(name) = map.next_key_seed(Name { text, draft: &mut *draft })? {
            // Names of three known fields; a short copy parts it from the draft.
            let name = Text::<24>::truncated(Sources { text, unescaped: &draft.unescaped }.get(name));
            match name.as_str() {
                "params" if draft.has_params => {
                    return Err(draft.stop(Refusal::field(Reject::FieldRepeated, "params")));
                }
                "params" => {
                    draft.has_params = true;
                    map.next_value_seed(Parameters { text, draft: &mut *draft })?;
                }
                other => {
                    let raw: &RawValue = map.next_value()?;
                    draft.top_level::<M::Error>(other, raw.get(), text)?;
                }
            }
        }
        Ok(())
    }
}

/// The object `params`.
struct Parameters<'r, 't> {
    text: &'t str,
    draft: &'r mut Draft,
}

impl<'t> DeserializeSeed<'t> for Parameters<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Parameters<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of parameters")
    }

    fn visit_map<M: MapAccess<'t>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { text, draft } = self;
        while let Some(name) = map.next_key_seed(Name { text, draft: &mut *draft })? {
            let raw: &RawValue = map.next_value()?;
            draft.parameter::<M::Error>(name, raw.get(), text)?;
        }
        Ok(())
    }
}

/// A key.
struct Name<'r, 't> {
    text: &'t str,
    draft: &'r mut Draft,
}

impl<'t> DeserializeSeed<'t> for Name<'_, 't> {
    type Value = Place;

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<Place, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'t> Visitor<'t> for Name<'_, 't> {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'t str) -> Result<Place, E> {
        Ok(place_in(name, self.text))
    }

    fn visit_str<E>(self, name: &str) -> Result<Place, E> {
        Ok(self.draft.keep(name))
    }
}
