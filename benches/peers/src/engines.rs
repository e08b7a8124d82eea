//! What each engine does for one message, in its own words.

use crate::quickfix;
use sealgate::types::{MsgSeqNum, Nanos, Span};
use sealgate::wire::fix::{
    FIX44, Index, Opening, Precision, PutFields, Taken, Template, Validation, Verdict, finish, tag, take,
};

/// One message; above zero if it went well.
pub type Task<'a> = Box<dyn FnMut() -> usize + 'a>;

/// An engine at work.
pub struct Engine<'a> {
    pub name: &'static str,
    pub does: &'static str,
    pub task: Task<'a>,
}

/// All that decode, Sealgate first.
pub fn decoders(order: &[u8]) -> Vec<Engine<'_>> {
    vec![
        Engine {
            name: "Sealgate",
            does: "framing, length, checksum, index, dictionary of the whole message",
            task: sealgate_decoder(order),
        },
        Engine {
            name: "fefix 0.7",
            does: "length, checksum, fields by tag; no dictionary check",
            task: fefix_decoder(order),
        },
        Engine {
            name: "rustyfix 0.7",
            does: "length, checksum, fields by tag, `AdvancedValidator`",
            task: rustyfix_decoder(order),
        },
        Engine {
            name: "QuickFIX C++ 1.15.1",
            does: "length, checksum, fields by tag, dictionary of the whole message",
            task: quickfix_decoder(order),
        },
        Engine {
            name: "Sealgate without the dictionary",
            does: "framing, length, checksum, index",
            task: sealgate_without_dictionary(order),
        },
    ]
}

/// All that encode, Sealgate first.
pub fn encoders() -> Vec<Engine<'static>> {
    vec![
        Engine {
            name: "Sealgate",
            does: "header, fields, length and checksum in place",
            task: sealgate_encoder(),
        },
        Engine { name: "fefix 0.7", does: "the same", task: fefix_encoder() },
        Engine { name: "rustyfix 0.7", does: "the same", task: rustyfix_encoder() },
        Engine {
            name: "QuickFIX C++ 1.15.1",
            does: "a message object, its fields sorted, then written",
            task: quickfix_encoder(),
        },
    ]
}

fn sealgate_decoder(order: &[u8]) -> Task<'_> {
    let mut index = Index::new();
    Box::new(move || {
        let Taken::Message(message) = take(order, true, &mut index) else { return 0 };
        match FIX44.validate(&message, Validation::FULL) {
            Verdict::Good(_) => length_of(message.get(tag::CL_ORD_ID)) + length_of(message.get(tag::PRICE)),
            _ => 0,
        }
    })
}

/// What `fefix` does, too.
fn sealgate_without_dictionary(order: &[u8]) -> Task<'_> {
    let mut index = Index::new();
    Box::new(move || {
        let Taken::Message(message) = take(order, true, &mut index) else { return 0 };
        length_of(message.get(tag::CL_ORD_ID)) + length_of(message.get(tag::PRICE))
    })
}

fn fefix_decoder(order: &[u8]) -> Task<'_> {
    use fefix::tagvalue::{Config, Decoder, FieldAccess as _};
    let mut decoder = Decoder::<Config>::new(fefix::Dictionary::fix44());
    Box::new(move || {
        let Ok(message) = decoder.decode(order) else { return 0 };
        length_of(message.fv_raw(&11)) + length_of(message.fv_raw(&44))
    })
}

fn rustyfix_decoder(order: &[u8]) -> Task<'_> {
    use rustyfix::validation::{AdvancedValidator, Validator as _};
    let dictionary = rustyfix::Dictionary::fix44().expect("a dictionary");
    let mut decoder = rustyfix::tagvalue::Decoder::new(dictionary.clone());
    let validator = AdvancedValidator::new();
    Box::new(move || {
        let Ok(message) = decoder.decode(order) else { return 0 };
        if validator.validate(&message, &dictionary).is_err() {
            return 0;
        }
        length_of(message.get_raw(11)) + length_of(message.get_raw(44))
    })
}

fn quickfix_decoder(order: &[u8]) -> Task<'_> {
    let dictionary = quickfix::Dictionary::new(include_str!("fix44.xml"));
    Box::new(move || dictionary.decode(order))
}

fn length_of(value: Option<&[u8]>) -> usize {
    value.map_or(0, <[u8]>::len)
}

/// 2026-11-24 09:30:00.
const NOW: Nanos = Nanos(1_795_512_600_000_000_000);
const TIME: &str = "20261124-09:30:00.000";

/// The body of an ExecutionReport, ascending.
const BODY: [(u32, &str); 17] = [
    (1, "ALICE-1"),
    (6, "0.00"),
    (11, "mm-0000000000000001"),
    (14, "0.0000"),
    (17, "0-1204-1"),
    (37, "1204"),
    (38, "0.5000"),
    (39, "0"),
    (40, "2"),
    (44, "60000.10"),
    (54, "1"),
    (55, "BTC-USD"),
    (59, "1"),
    (60, TIME),
    (150, "0"),
    (151, "0.5000"),
    (851, "1"),
];

/// The fields of its header that an application sets, for engines that take them like any other.
const HEADER: [(u32, &str); 4] = [(34, "216"), (49, "SEALGATE"), (52, TIME), (56, "ALICE")];

/// As a session does it: the parts of the header that stay the same are made once, time goes on.
fn sealgate_encoder() -> Task<'static> {
    let mut out = Vec::with_capacity(512);
    let mut template = Template::new(b"FIX.4.4", b"SEALGATE", b"ALICE", Precision::Millis);
    let mut sent = NOW;
    Box::new(move || {
        out.clear();
        sent = sent + Span::from_micros(25);
        let opening =
            Opening { msg_type: b"8", number: MsgSeqNum(216), sent, poss_dup: None, poss_resend: false };
        let begun = template.begin(&mut out, &opening);
        for (tag, value) in BODY {
            out.put(tag, value.as_bytes());
        }
        finish(&mut out, begun);
        out.len()
    })
}

fn fefix_encoder() -> Task<'static> {
    use fefix::tagvalue::{Config, Encoder, FvWrite as _};
    let mut encoder = Encoder::<Config>::default();
    let mut out = Vec::with_capacity(512);
    Box::new(move || {
        out.clear();
        let mut message = encoder.start_message(b"FIX.4.4", &mut out, b"8");
        for (tag, value) in HEADER.iter().chain(&BODY) {
            message.set_fv(tag, *value);
        }
        message.wrap().len()
    })
}

fn rustyfix_encoder() -> Task<'static> {
    use rustyfix::SetField as _;
    let mut encoder = rustyfix::tagvalue::Encoder::new();
    let mut out = Vec::with_capacity(512);
    Box::new(move || {
        out.clear();
        let mut message = encoder.start_message(b"FIX.4.4", &mut out, b"8");
        for (tag, value) in HEADER.iter().chain(&BODY) {
            message.set(*tag, *value);
        }
        message.done().0.len()
    })
}

fn quickfix_encoder() -> Task<'static> {
    let fields: Vec<_> = HEADER.into_iter().chain(BODY).collect();
    let (fields, mut out) = (quickfix::Fields::new(&fields), [0; 512]);
    Box::new(move || fields.encode(&mut out))
}
