//! Each version against what its standard says, in both forms.

mod xml;

use super::*;
use crate::wire::fix::{Index, frame};

/// `|` for SOH; BodyLength and CheckSum are made.
fn message(version: Version, fields: &str) -> Vec<u8> {
    let body = fields.replace('|', "\x01");
    let head = format!("8={}\x019={}\x01{body}", version.begin_string(), body.len());
    let sum = head.bytes().fold(0u8, u8::wrapping_add);
    format!("{head}10={sum:03}\x01").into_bytes()
}

/// What the standard's dictionary says of a message: its name, or the code and tag of a Reject.
fn verdict_of(
    dictionary: &Dictionary,
    fields: &str,
    parts: Validation,
) -> Result<&'static str, (u16, Option<u32>)> {
    let bytes = message(dictionary.version, fields);
    assert!(matches!(frame(&bytes), crate::wire::fix::Framed::Message(_)));
    let mut index = Index::new();
    match dictionary.validate(&Message::parse(&bytes, &mut index).unwrap(), parts) {
        Verdict::Good(def) => Ok(def.name),
        Verdict::Unsupported => Ok("unsupported"),
        Verdict::Fault(fault) => Err((fault.reason as u16, fault.tag)),
    }
}

fn verdict(version: Version, fields: &str) -> Result<&'static str, (u16, Option<u32>)> {
    verdict_of(Dictionary::standard(version), fields, Validation::FULL)
}

const HEADER: &str = "34=2|49=TW|52=20240627-11:17:05|56=ISLD|";

fn order(more: &str) -> String {
    format!("35=D|{HEADER}11=ID|21=1|40=1|54=1|38=200.00|55=INTC|60=20240627-11:17:05|{more}")
}

#[test]
fn every_version_takes_the_same_simple_order() {
    for version in Version::ALL {
        assert_eq!(verdict(version, &order("")), Ok("NewOrderSingle"), "{version}");
        assert_eq!(verdict(version, &order("167=CS|")), Ok("NewOrderSingle"), "{version}");
        assert_eq!(verdict(version, &order("126=20240415|")), Err((6, Some(126))), "{version}");
        assert_eq!(verdict(version, &order("167=BOO|")), Err((5, Some(167))), "{version}");
        assert_eq!(verdict(version, &order("40=2|")), Err((13, Some(40))), "{version}");
        assert_eq!(verdict(version, &order("50=x|")), Err((14, Some(50))), "{version}");
        assert_eq!(verdict(version, &order("5000=x|")), Err((0, Some(5000))), "{version}");
        assert_eq!(verdict(version, &order("4999=x|")), Err((0, Some(4999))), "{version}");
    }
}

#[test]
fn each_version_requires_its_own_fields() {
    let missing = |version, tag: &str| verdict(version, &order("").replace(tag, ""));
    for version in Version::ALL {
        let handling = if version <= Version::Fix43 { Err((1, Some(21))) } else { Ok("NewOrderSingle") };
        assert_eq!(missing(version, "21=1|"), handling, "{version}");
        let symbol = if version == Version::Fix42 { Err((1, Some(55))) } else { Ok("NewOrderSingle") };
        assert_eq!(missing(version, "55=INTC|"), symbol, "{version}");
        assert_eq!(missing(version, "54=1|"), Err((1, Some(54))), "{version}");
        assert_eq!(missing(version, "56=ISLD|"), Err((1, Some(56))), "{version}");
    }
}

#[test]
fn a_session_message_knows_the_tags_of_its_transport_only() {
    for version in Version::ALL {
        let heartbeat = |more: &str| verdict(version, &format!("35=0|{HEADER}{more}"));
        assert_eq!(heartbeat("112=x|"), Ok("Heartbeat"));
        assert_eq!(heartbeat("58=x|"), Err((2, Some(58))), "{version}");
        let symbol = if version.is_fixt() { 0 } else { 2 };
        assert_eq!(heartbeat("55=x|"), Err((symbol, Some(55))), "{version}");
        assert_eq!(heartbeat("999=x|"), Err((0, Some(999))), "{version}");
        assert_eq!(heartbeat("0=x|"), Err((0, Some(0))), "{version}");
    }
}

#[test]
fn a_group_has_as_many_entries_as_it_says_in_the_order_of_the_standard() {
    for version in Version::ALL {
        let sessions = |group: &str| verdict(version, &order(group));
        assert_eq!(sessions("386=2|336=1|336=2|"), Ok("NewOrderSingle"), "{version}");
        assert_eq!(sessions("386=3|336=PRE-OPEN|336=AFTER-HOURS|"), Err((16, Some(386))), "{version}");
        assert_eq!(sessions("386=1|336=1|336=2|"), Err((16, Some(386))), "{version}");
        assert_eq!(sessions("386=0|"), Ok("NewOrderSingle"), "{version}");
        assert_eq!(sessions("386=x|336=1|"), Err((6, Some(386))), "{version}");
        assert_eq!(sessions("336=1|"), Err((2, Some(336))), "{version}");
        if version > Version::Fix42 {
            assert_eq!(sessions("386=2|336=1|625=2|336=2|"), Ok("NewOrderSingle"), "{version}");
            assert_eq!(sessions("386=1|625=2|336=1|"), Err((15, Some(625))), "{version}");
            assert_eq!(sessions("386=1|336=1|625=2|625=2|"), Err((13, Some(625))), "{version}");
            assert_eq!(sessions("453=1|448=a|447=D|452=1|"), Ok("NewOrderSingle"), "{version}");
        }
    }
}

#[test]
fn groups_nest() {
    let parties = |version, group: &str| verdict(version, &order(group));
    let good = "453=2|448=a|447=D|452=1|802=2|523=x|803=1|523=y|803=2|448=b|447=D|452=3|";
    for version in [Version::Fix44, Version::Fix50, Version::Fix50Sp1, Version::Fix50Sp2] {
        assert_eq!(parties(version, good), Ok("NewOrderSingle"), "{version}");
        assert_eq!(parties(version, &good.replace("802=2", "802=1")), Err((16, Some(802))), "{version}");
        assert_eq!(parties(version, &good.replace("453=2", "453=3")), Err((16, Some(453))), "{version}");
        assert_eq!(
            parties(version, &good.replace("447=D|452=3", "452=3|447=D")),
            Err((15, Some(447))),
            "{version}"
        );
    }
}

#[test]
fn appl_ver_id_chooses_the_application_version_of_a_message() {
    // DisplayMethod came with 5.0, OrderCategory=A with SP1.
    let with = |id: &str, more: &str| order(more).replace("34=2|", &format!("1128={id}|34=2|"));
    assert_eq!(verdict(Version::Fix50Sp2, &with("7", "1084=1|")), Ok("NewOrderSingle"));
    assert_eq!(verdict(Version::Fix50Sp2, &with("7", "59=8|")), Err((5, Some(59))));
    assert_eq!(verdict(Version::Fix50Sp2, &with("9", "59=8|")), Ok("NewOrderSingle"));
    assert_eq!(verdict(Version::Fix50Sp2, &with("x", "")), Err((5, Some(1128))));
    assert_eq!(verdict(Version::Fix44, &order("1128=7|")), Err((0, Some(1128))));
}

#[test]
fn a_version_knows_its_reasons() {
    for version in Version::ALL {
        let dictionary = Dictionary::standard(version);
        for reason in RejectReason::ALL {
            let code = reason as u16;
            let known = code <= 11 || version > Version::Fix42 && code <= 17 || version > Version::Fix43;
            assert_eq!(dictionary.reason_code(code), known.then_some(code), "{version} {code}");
        }
    }
}

#[test]
fn versions_have_their_names() {
    for version in Version::ALL {
        assert_eq!(Version::named(version.name()), Some(version));
        let id = version.is_fixt().then(|| version.appl_ver_id());
        assert_eq!(Version::of_session(version.begin_string().as_bytes(), id), Some(version));
        for dictionary in [Dictionary::of(version), Dictionary::standard(version)] {
            assert_eq!(dictionary.version, version);
            assert_eq!(dictionary.begin_string, version.begin_string().as_bytes());
        }
    }
    assert_eq!(Version::of_session(b"FIXT.1.1", None), None);
    assert_eq!(Version::of_session(b"FIX.4.1", None), None);
    assert_eq!(Version::of_appl_ver_id(b"10"), None);
}

#[test]
fn parts_of_the_check_can_be_left_out() {
    let dictionary = Dictionary::standard(Version::Fix44);
    let check = |parts, fields: &str| verdict_of(dictionary, fields, parts);
    let empty = Validation { fields_have_values: false, ..Validation::FULL };
    assert_eq!(check(empty, &order("58=|")), Ok("NewOrderSingle"));
    let own = Validation { user_defined_fields: false, ..Validation::FULL };
    assert_eq!(check(own, &order("5001=x|386=1|336=1|5002=y|625=2|")), Ok("NewOrderSingle"));
    assert_eq!(check(own, &order("4999=x|")), Err((0, Some(4999))));
    let mixed = Validation { fields_out_of_order: false, ..Validation::FULL };
    assert_eq!(
        check(mixed, &format!("35=D|11=ID|{}", &order("386=1|336=1|")[5..].replace("11=ID|", ""))),
        Ok("NewOrderSingle")
    );
    let off = Validation { on: false, ..Validation::FULL };
    assert_eq!(check(off, &format!("35=D|{HEADER}999=x|")), Ok("NewOrderSingle"));
    assert_eq!(check(off, &format!("35=*|{HEADER}")), Ok("unsupported"));
}

#[test]
fn the_text_compiles_to_the_tables() {
    let source = source::read(
        include_str!("../fields.fix"),
        include_str!("../messages.fix"),
        include_str!("../dialect.fix"),
    );
    let made = compile::compile(&source);
    assert!(made.code.contains("pub static FIX44: Dictionary"));
    assert_eq!(made.members.len() % 8 + made.slots.len() % 2, 0);
}
